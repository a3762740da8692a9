"""Plan Vivo's serial numbers, as its registries (Markit, later S&P) write them.

    PV-fPVC-CC-project-DDMMYYYY-DDMMYYYY-first-last-SPG
    PV-fPVC-KE-900000000012345-01012020-31122020-1-250-SPG
    PV-PVC-BO-900000000012345-01012014-31122014-1001-1250-MER-0-A

The letter before PVC tells future, reported and verified certificates apart; the project is a
number of fifteen digits; the two dates are the vintage's. Both ends are included. Source: public
pages of 2026, on which last - first + 1 is the quantity.

The series is the project's number and the vintage's first year. A certificate keeps its number when
it is verified, so its letter is no part of it.

Every text here is canonical: upper case, every dash "-", no invisible characters, single spaces.
The registry writes the letter before PVC in lower case, and so does `Serial.text`.
"""

import re
from typing import Final

from offset.core.serials import Serial
from offset.registries.ranges import SEPARATORS, day_month_year, padded_range
from offset.registries.spellings import COUNTRY, DIGIT
from offset.registries.stated import Stated

REGISTRY: Final = "plan-vivo"
UNIT: Final = "PVC"  # Plan Vivo Certificate

_SERIAL: Final = re.compile(
    r"""
    PV - (?P<letter> [FRV]? ) PVC
    (?P<middle>
        - (?P<country> [A-Z]{2} )
        - (?P<project> [0-9]{15} )
        - (?P<start> [0-9]{8} ) - (?P<end> [0-9]{8} ) -
    )
    (?P<first> [1-9][0-9]{0,15} ) - (?P<last> [1-9][0-9]{0,15} )
    (?P<tail> -[A-Z]{3} (?: -[0-9]-[A-Z] )? )
    """,
    re.ASCII | re.VERBOSE,
)

# Two anchors that share no character: one stray character breaks one of them at most.
_ANCHOR: Final = re.compile(
    r"""
    \b (?:
        PV-[FRV]?PVC-[A-Z]
      | [0-9]{15} - [0-9]{8} - [0-9]{8}
      | [0-9]{8} - [0-9]{8} - [0-9]++ - [0-9]++ - (?: SPG | MER )
    )
    """,
    re.ASCII | re.VERBOSE,
)

# A whole serial number in a text that `spellings.squeeze` folded.
SPELLED: Final = re.compile(rf"PV[FRV]?PVC{COUNTRY}{DIGIT}{{29}}")


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
    serial = Serial(
        registry=REGISTRY,
        series=f"{match['project']}-{start.year}",
        first=numbers[0],
        last=numbers[1],
        unit=UNIT,
        head=f"PV-{match['letter'].lower()}PVC{match['middle']}",
        infix="-",
        tail=match["tail"],
    )
    says = Stated(
        project=match["project"],
        country=match["country"],
        vintage=start.year,
        period=(start, end),
    )
    return serial, says
