"""BioCarbon's serial numbers.

    BCR-CC-holder-sector-project-verification-YYMM-YYMM-first-last
    BCR-CO-905-14-002-2-2101-2112-0000001-0299564
    PCR-CO-ABC-14-001-1-1301-1312-0000001-0001000

PCR is the registry's older name, whose holders are letters. Both ends are included, and padded to
seven digits; the months are those of the vintage. Source: the 144 issuances and 60 retirements of
the registry's public pages of August 2026, on which the last two numbers are the quantity, and
project ids such as BCR-CO-905-14-002, of which each is one project.

The series is the project's numbers, the verification and the months: numbers begin at 1 in each.
The program and the country are no part of it: a project has one of each. Leading zeros before the
project and the verification do not count.

Every text here is canonical: upper case, every dash "-", no invisible characters, single spaces.
"""

import re
from typing import Final

from offset.core.serials import Serial
from offset.registries.ranges import SEPARATORS, months, padded_range
from offset.registries.spellings import COUNTRY, DIGIT
from offset.registries.stated import Stated

REGISTRY: Final = "biocarbon"
UNIT: Final = "VCC"  # Verified Carbon Credit

_SERIAL: Final = re.compile(
    r"""
    (?P<head>
        (?P<project>
            [BP]CR - (?P<country> [A-Z]{2} )
            - (?P<number> [0-9A-Z]{1,6} - [0-9]{1,3} - [0-9]{1,4} )      # holder, sector, project
        )
        - (?P<verification> [0-9]{1,3} )
        - (?P<start> [0-9]{4} ) - (?P<end> [0-9]{4} ) -
    )
    (?P<first> [0-9]{1,16} ) - (?P<last> [0-9]{1,16} )
    """,
    re.ASCII | re.VERBOSE,
)

# Two anchors that share no character, the front up to the sector and the back from the
# verification on: one stray character breaks one of them at most. The front finds a serial number
# that was cut off, too.
_ANCHOR: Final = re.compile(
    r"""
    \b (?:
        [BP]CR-[A-Z]{2} - [0-9A-Z]{1,6}+ - [0-9]{1,3}+ -
      | [0-9]{1,3}+ - [0-9]{4}-[0-9]{4} - [0-9]{4,16}+ - [0-9]{4}
    )
    """,
    re.ASCII | re.VERBOSE,
)

# A whole serial number in a text that `spellings.squeeze` folded.
SPELLED: Final = re.compile(rf"[BP]CR{COUNTRY}[0-9A-Z]{{1,6}}?{DIGIT}{{14}}")

_LIKE_DIGITS: Final = str.maketrans("OQIL", "0011")


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
    numbers = padded_range(match["first"], match["last"])
    period = months(match["start"], match["end"])
    if numbers is None or period is None:
        return None
    first, last, width = numbers
    months_key = f"{match['start']}-{match['end']}"
    serial = Serial(
        registry=REGISTRY,
        series=f"{_project_key(match['number'])}-{int(match['verification'])}-{months_key}",
        first=first,
        last=last,
        unit=UNIT,
        head=match["head"],
        infix="-",
        width=width,
    )
    says = Stated(
        project=match["project"],
        country=match["country"],
        vintage=period[0].year,
        period=period,
    )
    return serial, says


def _project_key(number: str) -> str:
    """Return the numbers of a project without leading zeros, O and Q as 0, I and L as 1."""
    words = number.translate(_LIKE_DIGITS).split("-")
    return "-".join(word.lstrip("0") or "0" for word in words)
