"""The Universal Carbon Registry's serial numbers.

    batch-first-last-UCR-CoU-CC-project-DDMMYYYY-DDMMYYYY
    0001-015001-016186-UCR-CoU-IN-957-01012021-31122021

Both ends are included, and padded to six digits; the two dates are the vintage's. Source: public
pages, on which last - first + 1 is the quantity beside them.

The series is the project: the numbers of its vintages run on from one to the next, and the batch
is 0001 in all texts that were seen.

Every text here is canonical: upper case, every dash "-", no invisible characters, single spaces.
The registry writes the unit CoU, and so does `Serial.text`.
"""

import re
from typing import Final

from offset.core.serials import Serial
from offset.registries.ranges import SEPARATORS, day_month_year, padded_range
from offset.registries.spellings import COUNTRY, DIGIT, TO
from offset.registries.stated import Stated

REGISTRY: Final = "ucr"
UNIT: Final = "CoU"  # Carbon Offset Unit

_SERIAL: Final = re.compile(
    r"""
    (?P<head> [0-9]{1,6} - )                                                # batch
    (?P<first> [0-9]{1,16} ) - (?P<last> [0-9]{1,16} )
    -UCR-COU
    (?P<tail>
        - (?P<country> [A-Z]{2} )
        - (?P<project> [0-9]{1,6} )
        - (?P<start> [0-9]{8} ) - (?P<end> [0-9]{8} )
    )
    """,
    re.ASCII | re.VERBOSE,
)

# Two anchors that share no character: one stray character breaks one of them at most.
_ANCHOR: Final = re.compile(
    r"""
      \b [0-9]++ - [0-9]++ -UCR\b
    | COU-[A-Z]{2} - [0-9]++ - [0-9]{8} - [0-9]{8}
    | \b UCR-COU-[A-Z]{2} - [0-9]
    """,
    re.ASCII | re.VERBOSE,
)

# A whole serial number in a text that `spellings.squeeze` folded.
SPELLED: Final = re.compile(rf"{DIGIT}{{2}}{TO}{DIGIT}{{1,20}}?UCRC0U{COUNTRY}{DIGIT}{{13}}")


def parse(text: str) -> Serial | None:
    """Read a canonical text that is one serial number and nothing else; None for any other."""
    read = _read(text)
    return read[0] if read else None


def stated(serial_text: str) -> Stated | None:
    """Return what the serial number says of its credits; None for a text that `parse` refuses."""
    read = _read(serial_text)
    return read[1] if read else None


def finds(text: str) -> bool:
    """Check whether a serial number is in the text, or was before one character went wrong."""
    return _ANCHOR.search(SEPARATORS.sub("-", text)) is not None


def _read(text: str) -> tuple[Serial, Stated] | None:
    match = _SERIAL.fullmatch(text)
    if match is None:
        return None
    start, end = day_month_year(match["start"]), day_month_year(match["end"])
    numbers = padded_range(match["first"], match["last"])
    if start is None or end is None or end < start or numbers is None:
        return None
    first, last, width = numbers
    serial = Serial(
        registry=REGISTRY,
        series=f"CoU-{int(match['project'])}",
        first=first,
        last=last,
        unit=UNIT,
        head=match["head"],
        infix="-",
        tail=f"-UCR-CoU{match['tail']}",
        width=width,
    )
    says = Stated(
        project=match["project"],
        country=match["country"],
        vintage=start.year,
        period=(start, end),
    )
    return serial, says
