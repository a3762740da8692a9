"""How fast Offset is, as ratios measured side by side in one run. `make bench` runs everything."""
