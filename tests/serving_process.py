"""Runs `offset serve` with other time-outs: `serving_process.py PORT serving.QUIET_S=0.5 ...`."""

import importlib
import sys

from offset.cli import main

port, *constants = sys.argv[1:]
for constant in constants:
    place, _, value = constant.partition("=")
    module, _, name = place.rpartition(".")
    found = importlib.import_module(f"offset.{module}")
    assert hasattr(found, name), f"{place}: there is no such constant"
    setattr(found, name, float(value))
sys.argv = ["offset", "serve", "--port", port]
main()
