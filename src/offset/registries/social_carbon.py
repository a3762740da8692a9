"""SocialCarbon's serial numbers.

    SCU-SOCIALCARBON-project-country-year-DDMMYYYYhhmmss-first-last
    SCU-SOCIALCARBON-907-BRA-2020-14052025145100-1-10121

The country is three letters or a name; the year is the vintage's; the fourteen digits are the time
of the issuance. Both ends are included. Source: the registry's public issuances and retirements of
August 2026, on which last - first + 1 is the quantity.

The series is the project, the vintage and the time of the issuance: numbers begin at 1 in each.

Every text here is canonical: upper case, every dash "-", no invisible characters, single spaces.
"""

import re
from typing import Final

from offset.core.serials import Serial
from offset.registries.ranges import SEPARATORS, day_month_year, padded_range
from offset.registries.spellings import DIGIT
from offset.registries.stated import Stated

REGISTRY: Final = "social-carbon"
UNIT: Final = "SCU"

_SERIAL: Final = re.compile(
    r"""
    (?P<head>
        SCU-SOCIALCARBON
        - (?P<project> [1-9][0-9]{0,5} )
        - [A-Z][A-Z.,' ]{1,60}                                              # country
        - (?P<vintage> (?:19|20|21)[0-9]{2} )
        - (?P<time> [0-9]{14} ) -
    )
    (?P<first> [1-9][0-9]{0,15} ) - (?P<last> [1-9][0-9]{0,15} )
    """,
    re.ASCII | re.VERBOSE,
)

# Two anchors that share no character: one stray character breaks one of them at most.
_ANCHOR: Final = re.compile(
    r"""
    \b (?:
        SCU-SOCIALCARBON
      | (?:19|20|21)[0-9]{2} - [0-9]{14} - [0-9]++ - [0-9]
    )
    """,
    re.ASCII | re.VERBOSE,
)

# A whole serial number in a text that `spellings.squeeze` folded.
SPELLED: Final = re.compile(rf"SCUS0C1A1CARB0N{DIGIT}{{1,6}}[A-Z0-9]{{2,60}}?{DIGIT}{{18}}")


def parse(text: str) -> Serial | None:
    """Read a canonical text that is one serial number and nothing else; None for any other."""
    match = _SERIAL.fullmatch(text)
    if match is None or day_month_year(match["time"][:8]) is None:
        return None
    numbers = padded_range(match["first"], match["last"])
    if numbers is None:
        return None
    return Serial(
        registry=REGISTRY,
        series="-".join(match.group("project", "vintage", "time")),
        first=numbers[0],
        last=numbers[1],
        unit=UNIT,
        head=match["head"],
        infix="-",
    )


def stated(serial_text: str) -> Stated | None:
    """Return what the serial number says of its credits; None for a text that `parse` refuses.

    The country is written in several ways, so it is not taken from here.
    """
    match = _SERIAL.fullmatch(serial_text)
    if match is None or parse(serial_text) is None:
        return None
    return Stated(
        project=match["project"], country=None, vintage=int(match["vintage"]), period=None
    )


def finds(text: str) -> bool:
    """Check whether a serial number is in the text, or was before one character went wrong."""
    return _ANCHOR.search(SEPARATORS.sub("-", text)) is not None
