"""`python -m offset` is the command `offset`."""

from offset.cli import main

main()
