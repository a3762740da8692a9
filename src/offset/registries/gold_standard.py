"""Gold Standard's serial numbers: its own, and the United Nations' CERs in the same column.

    GS1-1-CC-[GS]project-type-vintage-batch-start-end

Both ends are included; the type is a code of the project type; the vintage is a year, which for
planned credits may lie ahead. Batches up to 364 write no GS before the project, those from 503 on
do. Source: 6,650 rows of public exports of 2021 and 2026: all fit, project and vintage are the
row's on each, and start to end is the quantity on all but one (9,039 against 3,150). CERs are
the United Nations' (`cdm`): a record of Gold Standard's claims them in their series.

The series is the batch: "GS1-20258". Numbers begin at 1 in each; of 6,591 batches in those exports
two stand in more than one row of a file of issuances, none overlaps, and none is of two projects or
vintages.

Planned credits have the same serial numbers as issued ones: a column of the file tells them apart.

Every text here is canonical: upper case, every dash "-", no invisible characters, single spaces.
"""

import re
from typing import Final

from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries import cdm
from offset.registries.spellings import COUNTRY, DIGIT
from offset.registries.stated import Stated

REGISTRY: Final = "gold-standard"
UNIT: Final = "VER"

# Linear: every repetition is bounded, and ends at a character that it cannot contain itself.
# Leading zeros are not read, neither in a number nor in the batch: one range, one text.
_SERIAL: Final = re.compile(
    r"""
    (?P<head>
        GS1-1
        - (?P<country> [A-Z]{2} )
        - (?:GS)? (?P<project> [1-9][0-9]{2,6} )
        - [1-9][0-9]?                                                   # type
        - (?P<vintage> (?:19|20|21)[0-9]{2} )
        - (?P<batch> [1-9][0-9]{0,8} ) -
    )
    (?P<first> [1-9][0-9]{0,15} ) - (?P<last> [1-9][0-9]{0,15} )
    """,
    re.ASCII | re.VERBOSE,
)

# Two anchors that share no character: the front up to the country's first letter, and the rest from
# its second (or from GS) on. One stray character breaks one of them at most. No project has fewer
# than three digits (the lowest is 337), or a period would be found: SN 1/7/2019-31/12/2020.
# Linear: all but the last two runs of digits is bounded, and each of those is read once (++).
_ANCHOR: Final = re.compile(
    r"""
      GS1-1-[A-Z]
    | (?: [A-Z]- | GS ) [1-9][0-9]{2,6} - [1-9][0-9]? - (?:19|20|21)[0-9]{2}
        - [1-9][0-9]*+ - [1-9][0-9]*+ - [1-9]
    """,
    re.ASCII | re.VERBOSE,
)

# A whole serial number in a text that `spellings.squeeze` folded.
SPELLED: Final = re.compile(rf"GS0{{0,9}}10{{0,9}}1{COUNTRY}(?:GS)?{DIGIT}{{11}}")

_SEPARATORS: Final = re.compile(r"[^0-9A-Z]+")


def parse(text: str) -> Serial | None:
    """Read a canonical text that is one serial number and nothing else; None for any other."""
    match = _SERIAL.fullmatch(text)
    if match is None:
        return cdm.parse(text)
    first, last = int(match["first"]), int(match["last"])
    if not first <= last <= LARGEST_NUMBER:
        return None
    return Serial(
        registry=REGISTRY,
        series=f"GS1-{match['batch']}",
        first=first,
        last=last,
        unit=UNIT,
        head=match["head"],
        infix="-",
    )


def stated(serial_text: str) -> Stated | None:
    """Tell what the serial number says of its credits; None for a text that `parse` refuses.

    On 3 of 6,453 rows of 2021 the country was another one than the export's: CG for the Democratic
    Republic of the Congo. A serial number of CERs states its country alone.
    """
    match = _SERIAL.fullmatch(serial_text)
    if match is None or parse(serial_text) is None:
        return cdm.stated(serial_text)
    return Stated(
        project=match["project"],
        country=match["country"],
        vintage=int(match["vintage"]),
        period=None,
    )


def finds(text: str) -> bool:
    """Tell whether a serial number is in the text, or was before one character went wrong.

    Whatever stands between words counts as one hyphen. True for every text that `parse` reads.
    """
    return _ANCHOR.search(_SEPARATORS.sub("-", text)) is not None or cdm.finds(text)
