"""What the tests of the registries' grammars share: edits of a text, rows of a file, overlaps."""

import csv
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from offset.core.serials import Serial

STRAYS = ("", *"012579ACGHKORSTUVWXZ- ,./_\n\0\u0421\u0661\u2212")


def one_edit_away(text: str) -> Iterator[str]:
    """Delete, insert and replace one character, everywhere."""
    for at in range(len(text) + 1):
        for stray in STRAYS:
            yield text[:at] + stray + text[at:]
            yield text[:at] + stray + text[at + 1 :]


def rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file in UTF-8, each record by its header."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def overlaps(serials: Iterable[Serial]) -> list[tuple[Serial, Serial]]:
    """Find neighbours of one series that have a number in common; a serial twice is one too."""
    ordered = sorted(serials, key=lambda serial: (serial.series, serial.first, serial.last))
    return [
        (one, other)
        for one, other in pairwise(ordered)
        if one.series == other.series and other.first <= one.last
    ]
