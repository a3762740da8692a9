"""Puro.earth's serial numbers.

    PURO_PR_class_CC_facility_vintage_issuance_start-end

The class tells for how many years carbon is stored (`CORC100+`; `CORC_100` is an older spelling,
`CORC` the oldest, without a number); the issuance is a UUID; both ends are included; the vintage
is a year. Source: 68 bundles of Puro's public pages of 2026 (all fit, start to end is the quantity
on each), and the names of the fields in Puro's API documentation.

The series is the issuance: newer ranges begin at 1 in each. Older ones are numbers of 30 digits,
18 of an asset's GSRN and a counter of 12. The GSRN never varies inside an issuance, so it is no
part of the key: the range is of the counter, in the old form as in the new, and a record that gives
its issuance another GSRN than an earlier one is refused (`Serial.facts`).

Every text here is canonical: upper case, every dash "-", no invisible characters, single spaces.
Puro writes the UUID in lower case, and so do `Serial.text` and `Serial.series`. `NA` is Namibia.
"""

import re
from typing import Final

from offset.core.serials import LARGEST_NUMBER, Serial, SerialFact
from offset.registries.spellings import COUNTRY, DIGIT
from offset.registries.stated import Stated

REGISTRY: Final = "puro"
COUNTER_DIGITS: Final = 12  # of the 30 of an older number

# Linear: every repetition is bounded, and ends at a character that it cannot contain itself. The
# class may hold a "_" and is no country, so no split at "_" could do this.
_SERIAL: Final = re.compile(
    r"""
    (?P<front>
        PURO_PR
        _ (?P<unit> CORC (?: _?[0-9]{2,4}\+? )? )
        _ (?P<country> [A-Z]{2} )
        _ (?P<facility> [0-9]{1,9} )
        _ (?P<vintage> (?:19|20|21)[0-9]{2} ) _
    )
    (?P<issuance> [0-9A-F]{8} -[0-9A-F]{4} -[0-9A-F]{4} -[0-9A-F]{4} -[0-9A-F]{12} )
    _ (?:
        (?P<first> [1-9][0-9]{0,15} ) - (?P<last> [1-9][0-9]{0,15} )
      | (?P<gsrn> [0-9]{18} ) (?P<from> [0-9]{12} ) - (?P=gsrn) (?P<to> [0-9]{12} )
    )
    """,
    re.ASCII | re.VERBOSE,
)

# Two anchors that share no character: one stray character breaks one of them at most. A UUID
# alone is not found, because people number their own things with UUIDs.
# Linear: an attempt begins only where a word does, and reads at most seven words, each once (++).
_ANCHOR: Final = re.compile(
    r"""
    \b (?:
        PURO-PR-CORC
      | [0-9]++ - (?:19|20|21)[0-9]{2}
        - [0-9A-F]{8} -[0-9A-F]{4} -[0-9A-F]{4} -[0-9A-F]{4} -[0-9A-F]{12}
    )
    """,
    re.ASCII | re.VERBOSE,
)

# A whole serial number in a text that `spellings.squeeze` folded.
SPELLED: Final = re.compile(rf"PUR0PRC0RC[0-9]{{0,4}}{COUNTRY}{DIGIT}{{5,20}}[0-9A-F]{{32}}{DIGIT}")
_UUID: Final = re.compile(r"(?<![0-9A-F])(?:[0-9A-F]-?){31}[0-9A-F](?![0-9A-F])")

_SEPARATORS: Final = re.compile(r"[^0-9A-Z]+")


def parse(text: str) -> Serial | None:
    """Read a canonical text that is one serial number and nothing else; None for any other.

    Of the older numbers both ends must have the same GSRN.
    """
    read = _read(text)
    return read[0] if read else None


def stated(serial_text: str) -> Stated | None:
    """Tell what the serial number says of its credits; None for a text that `parse` refuses.

    The project is Puro's number of the production facility.
    """
    read = _read(serial_text)
    return read[1] if read else None


def has_issuance(text: str) -> bool:
    """Check whether the id of an issuance, a UUID, is in a text."""
    return _UUID.search(text) is not None


def finds(text: str) -> bool:
    """Tell whether a serial number is in the text, or was before one character went wrong.

    Whatever stands between words counts as one hyphen. True for every text that `parse` reads.
    """
    return _ANCHOR.search(_SEPARATORS.sub("-", text)) is not None


def _read(text: str) -> tuple[Serial, Stated] | None:
    match = _SERIAL.fullmatch(text)
    if match is None:
        return None
    gsrn = match["gsrn"] or ""
    first, last = int(match["first"] or match["from"]), int(match["last"] or match["to"])
    if not 1 <= first <= last <= LARGEST_NUMBER:
        return None
    issuance = match["issuance"].lower()
    serial = Serial(
        registry=REGISTRY,
        series=issuance,
        first=first,
        last=last,
        unit=match["unit"],
        head=f"{match['front']}{issuance}_{gsrn}",
        infix=f"-{gsrn}",
        width=COUNTER_DIGITS if gsrn else 1,
        facts=(SerialFact(REGISTRY, issuance, gsrn),) if gsrn else (),
    )
    says = Stated(
        project=match["facility"],
        country=match["country"],
        vintage=int(match["vintage"]),
        period=None,
    )
    return serial, says
