"""The Climate Action Reserve's serial numbers.

    CAR-type-CC-project-protocol-developer-state-vintage-batch-start to end

The type is `1` for a Climate Reserve Tonne (CRT), `ROC` for a Registry Offset Credit, which a
compliance market takes. Both ends are included; the vintage is a year. Sources: the Reserve's own
serial number guide; 10,150 rows of public exports of 2021 and 2026 (all fit, start to end is the
quantity on each, and project, vintage and country are the row's).

The series is the batch alone. The text of a serial is not stable: when a project changes hands
the Reserve rewrites the developer in the serials of credits that were retired years before (87 rows
between July and December 2021), and what is left of the text says nothing more than the batch does,
each of which is of one project and one vintage. CRTs and ROCs share the line: their batches take
turns on one counter, and of 1,640 batches in those exports none holds both.

Every text here is canonical: upper case, every dash "-", no invisible characters, single spaces.
The registry writes "to" in lower case, and so does `Serial.text`.
"""

import re
from collections.abc import Mapping
from typing import Final

from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries.spellings import COUNTRY, DIGIT, TO, YEAR
from offset.registries.stated import Stated

REGISTRY: Final = "car"
UNITS: Final[Mapping[str, str]] = {"1": "CRT", "ROC": "ROC"}

# Linear: every repetition is bounded, and ends at a character that it cannot contain itself.
# Leading zeros are not read in a number nor in the batch: one range, one text.
_SERIAL: Final = re.compile(
    r"""
    (?P<head>
        CAR - (?P<type> 1 | ROC )
        - (?P<country> [A-Z]{2} )
        - (?P<project> [1-9][0-9]{0,8} )
        - [0-9]{1,6} - [0-9]{1,6} - [A-Z]{2}                            # protocol, developer, state
        - (?P<vintage> (?:19|20|21)[0-9]{2} )
        - (?P<batch> [1-9][0-9]{0,8} ) -
    )
    (?P<first> [1-9][0-9]{0,15} ) [ ]TO[ ] (?P<last> [1-9][0-9]{0,15} )
    """,
    re.ASCII | re.VERBOSE,
)

# Two anchors that share no character, the front up to the protocol and the back from the state
# on: one stray character breaks one of them at most. The front finds a serial that was cut off,
# too; the back must end in one number, or periods ("US-2020-01-01 to 2020-12-31") would be found.
# Linear: an attempt begins only where a word does, and reads at most seven words, each once (++).
_ANCHOR: Final = re.compile(
    r"""
    \b (?:
        CAR-(?:1|ROC)-[A-Z]{2} - [0-9]++-[0-9]
      | [A-Z]{2} - (?:19|20|21)[0-9]{2} - [0-9]++-[0-9]++ -TO- [0-9]++ (?!-[0-9])
    )
    """,
    re.ASCII | re.VERBOSE,
)

# A whole serial number in a text that `spellings.squeeze` folded.
SPELLED: Final = re.compile(
    rf"CAR0{{0,9}}(?:1|R0C){COUNTRY}[A-Z]?{DIGIT}{{3,40}}[A-Z01]{{2}}{YEAR}{DIGIT}{{2,40}}{TO}{DIGIT}"
)

_SEPARATORS: Final = re.compile(r"[^0-9A-Z]+")


def parse(text: str) -> Serial | None:
    """Read a canonical text that is one serial number and nothing else; None for any other."""
    read = _read(text)
    return read[0] if read else None


def stated(serial_text: str) -> Stated | None:
    """Tell what the serial number says of its credits; None for a text that `parse` refuses."""
    read = _read(serial_text)
    return read[1] if read else None


def finds(text: str) -> bool:
    """Tell whether a serial number is in the text, or was before one character went wrong.

    Whatever stands between words counts as one hyphen. True for every text that `parse` reads.
    """
    return _ANCHOR.search(_SEPARATORS.sub("-", text)) is not None


def _read(text: str) -> tuple[Serial, Stated] | None:
    match = _SERIAL.fullmatch(text)
    if match is None:
        return None
    first, last = int(match["first"]), int(match["last"])
    if not first <= last <= LARGEST_NUMBER:
        return None
    serial = Serial(
        registry=REGISTRY,
        series=match["batch"],
        first=first,
        last=last,
        unit=UNITS[match["type"]],
        head=match["head"],
        infix=" to ",
    )
    says = Stated(
        project=match["project"],
        country=match["country"],
        vintage=int(match["vintage"]),
        period=None,
    )
    return serial, says
