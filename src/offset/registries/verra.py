"""Verra's serial numbers: VCUs, and the credits of its plastic programme.

    batch-start-end-[VCS-]VCU-account-operator-CC-[scope-]project-DDMMYYYY-DDMMYYYY-flag
    batch-start-end-PWRP-WRC-account-operator-CC-project-DDMMYYYY-DDMMYYYY-materials-pathways-flag

Both ends are included. The two dates are the vintage's; some serials of 2026 have no scope;
materials and pathways are lists with commas; the flag is 1 where a second standard certifies the
credits. Source: 3,426 VCU rows and 110 plastic rows of public exports of 2020 to 2026 (all fit).

The series is the prefix with the unit: "VCU", "VCS-VCU", "PWRP-WRC", "PWRP-WCC". VCUs up to early
2020 and VCS-VCUs since then both count from low numbers: without the prefix, 253 pairs of rows in
those exports would overlap; with it, none. Recycling (WRC) and collection credits (WCC) are taken
as counted apart too, under which none of the 110 rows overlap: were they counted together, nothing
would be lost, as no credit is both; the other way round, real rows would be refused. Both have one
prefix only, so the unit alone would collide nowhere; the prefix keeps one rule for all four. A
plastic credit is a tonne of plastic, not of CO2e, which its unit tells. Inside a series a number is
given once, whatever the batch and the project, so neither is part of the key.

No batch has both prefixes (22,601 public texts: VCU up to batch 8161, VCS-VCU from 8164 on), so a
VCU also claims its numbers in its batch: a text that lost or gained `VCS-` overlaps the right one.
The operator is three letters, or TZ1 in the first years (406 rows of active VCUs of 2024).

Every text here is canonical: upper case, every dash "-", no invisible characters, single spaces.
"""

import re
from functools import lru_cache
from typing import Final

from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries.ranges import SEPARATORS, day_month_year
from offset.registries.spellings import COUNTRY, DIGIT, TO
from offset.registries.stated import Stated

REGISTRY: Final = "verra"

# Linear: every repetition is bounded, and ends at a character that it cannot contain itself, so
# there is one way to read a text. Leading zeros in start and end are not read: one range, one text.
_SERIAL: Final = re.compile(
    r"""
    (?P<head> (?P<batch> [0-9]{1,9} ) - )
    (?P<first> [1-9][0-9]{0,18} ) - (?P<last> [1-9][0-9]{0,18} )
    (?P<tail>
        - (?P<series> (?:VCS-)?VCU | (?P<plastic>PWRP)-W[RC]C )
        - [0-9]{1,6} - [A-Z][0-9A-Z]{2}                                 # account, operator
        - (?P<country> [A-Z]{2} )
        (?: -[0-9]{1,2} )?                                              # scope
        - (?P<project> [0-9]{1,6} )
        - (?P<vintage_start> [0-9]{8} ) - (?P<vintage_end> [0-9]{8} )
        (?(plastic)
            - [0-9A-Z]{1,20} (?: ,[0-9A-Z]{1,20} ){0,19}                # materials: LDPE,PET
            - [0-9A-Z]{1,20} (?: ,[0-9A-Z]{1,20} ){0,19}                # pathways: EOL2,EOL6
        )
        - (?P<flag> [01] )
    )
    """,
    re.ASCII | re.VERBOSE,
)

# Two anchors that share no character, the front up to the account and the back from the operator
# on: one stray character breaks one of them at most. The other two find a serial that was cut off.
# Linear: an attempt begins only where a word does, and reads at most six words, each once (++).
_ANCHOR: Final = re.compile(
    r"""
    \b (?:
        [0-9]++-[0-9]++ - (?: (?:VCS-)?VCU | PWRP-W[RC]C ) - [0-9A-Z]
      | [0-9]++-[0-9]++-[0-9]++ - (?: (?:VCS-)?VCU | PWRP-W[RC]C ) \b
      | (?: VCU | PWRP-W[RC]C ) - [0-9]++ - [A-Z][0-9A-Z]{2}-[A-Z]{2} - [0-9]
      | [A-Z][0-9A-Z]{2}-[A-Z]{2} - (?: [0-9]{1,2}- )? [0-9]{1,6} - [0-9]{8} - [0-9]{8}
    )
    """,
    re.ASCII | re.VERBOSE,
)

# A whole serial number in a text that `spellings.squeeze` folded.
SPELLED: Final = re.compile(
    rf"{DIGIT}{{2}}{TO}{DIGIT}{{1,20}}?(?:(?:VCS)?VCUS?|PWRPW[RC]C){DIGIT}{{1,6}}[A-Z][0-9A-Z]{{2}}{COUNTRY}{DIGIT}{{13}}"
)


def parse(text: str) -> Serial | None:
    """Read a canonical text that is one serial number and nothing else; None for any other.

    The numbers are 1 to `LARGEST_NUMBER`, the dates are days of the calendar, and neither pair
    runs backwards. The text of the answer is the text that was read.
    """
    read = _read(text)
    return read[0] if read else None


def stated(serial_text: str) -> Stated | None:
    """Tell what the serial number says of its credits; None for a text that `parse` refuses.

    On 8 of 3,265 rows the country was another one than the export's: a project in several
    countries has one there.
    """
    read = _read(serial_text)
    return read[1] if read else None


def finds(text: str) -> bool:
    """Tell whether a serial number is in the text, or was before one character went wrong.

    Whatever stands between words counts as one hyphen. True for every text that `parse` reads.
    """
    return _ANCHOR.search(SEPARATORS.sub("-", text)) is not None


@lru_cache(maxsize=64)  # a text is parsed and asked what it states
def _read(text: str) -> tuple[Serial, Stated] | None:
    match = _SERIAL.fullmatch(text)
    if match is None:
        return None
    first, last = int(match["first"]), int(match["last"])
    start = day_month_year(match["vintage_start"])
    end = day_month_year(match["vintage_end"])
    if not first <= last <= LARGEST_NUMBER or start is None or end is None or end < start:
        return None
    serial = Serial(
        registry=REGISTRY,
        series=match["series"],
        first=first,
        last=last,
        unit=match["series"].rpartition("-")[2],
        head=match["head"],
        infix="-",
        tail=match["tail"],
        also=() if match["plastic"] else (f"BATCH-{int(match['batch'])}",),
    )
    says = Stated(
        project=match["project"],
        country=match["country"],
        vintage=start.year,
        period=(start, end),
        certified=match["flag"] == "1",
    )
    return serial, says
