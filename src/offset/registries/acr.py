"""ACR's serial numbers, and the form that ACR and ART have in common.

    ACR-CC-project-vintage-batch-start to end

Both ends are included; the vintage is a year. Source: 2,787 rows of public exports of 2021 and
2026, in 437 batches in 2021 (all fit, start to end is the quantity on each, and project, vintage
and country are the row's).

The series is the program, the project, the vintage and the batch: "ACR-901-2019-9001". Up to batch
298 numbers run on across the registry, from batch 306 on they begin at 1 in each; and since the
registry moved to another system in 2026 batch numbers begin anew in each project, so that neither
the number nor the batch alone is given once. The country is no part of the key: the project has it.

Every text here is canonical: upper case, every dash "-", no invisible characters, single spaces.
The registry writes "to" in lower case, and so does `Serial.text`.
"""

import re
from collections.abc import Mapping
from typing import Final

from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries.spellings import COUNTRY, DIGIT, TO, YEAR
from offset.registries.stated import Stated

REGISTRY: Final = "acr"
UNITS: Final[Mapping[str, str]] = {"ACR": "ERT"}  # Emission Reduction Tonne

# Linear: every repetition is bounded, and ends at a character that it cannot contain itself.
# Leading zeros are not read, neither in a number nor in what the key is made of: one range, one
# text. Other systems write ACR0901 for a project; the serial never does.
_SERIAL: Final = re.compile(
    r"""
    (?P<head>
        (?P<program> [A-Z]{3,4} )
        - (?P<country> [A-Z]{2} )
        - (?P<project> [1-9][0-9]{0,8} )
        - (?P<vintage> (?:19|20|21)[0-9]{2} )
        - (?P<batch> [1-9][0-9]{0,8} ) -
    )
    (?P<first> [1-9][0-9]{0,15} ) [ ]TO[ ] (?P<last> [1-9][0-9]{0,15} )
    """,
    re.ASCII | re.VERBOSE,
)

_DAY: Final = re.compile(
    r"\b(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])\b", re.ASCII
)
_SEPARATORS: Final = re.compile(r"[^0-9A-Z]+")


def anchor(programs: str) -> re.Pattern[str]:
    """Make the pattern that finds a serial number of these programs among hyphenated words.

    Three anchors of which no character is in all: one stray character leaves one of them whole.
    The first finds a serial that was cut off, too. The second names no program, so that it finds
    serials whose program is spoilt; a period ("2020-01-01 to 2020-12-31") goes on where it ends.
    Linear: an attempt begins only where a word does, and reads at most nine words, each once (++).

    Args:
        programs: the programs, with bars between them: `ART|FCPF`.
    """
    word = "[0-9A-Z]++-"
    return re.compile(
        rf"""
        \b (?:
            (?:{programs})-[A-Z]{{2}} - [0-9]++ - (?:19|20|21)[0-9]{{2}} - [0-9]
          | [A-Z]*+[0-9]++ - (?:19|20|21)[0-9]{{2}} - [0-9]++-[0-9]++ -TO- [0-9]++ (?!-[0-9])
          | (?:{programs})-[A-Z]{{2}} - {word}{word}{word} (?:{word})? (?:{word})?
            TO-[0-9]++ (?!-[0-9])
        )
        """,
        re.ASCII | re.VERBOSE,
    )


def hyphenated(text: str) -> str:
    """Write one hyphen for whatever stands between words."""
    return _SEPARATORS.sub("-", text)


def without_periods(text: str) -> str:
    """Remove days such as 2020-12-31, of which no serial number of ACR's form has one."""
    return _DAY.sub(" ", text)


def spelled(programs: str) -> re.Pattern[str]:
    """Make the pattern of a whole serial number in a text that `spellings.squeeze` folded.

    Args:
        programs: as for `anchor`.
    """
    return re.compile(
        rf"(?:{programs}){COUNTRY}[A-Z]?{DIGIT}{{1,16}}?{YEAR}{DIGIT}{{2,40}}{TO}{DIGIT}"
    )


_ANCHOR: Final = anchor("ACR")
SPELLED: Final = spelled("ACR")


def parse(text: str) -> Serial | None:
    """Read a canonical text that is one serial number and nothing else; None for any other."""
    read = read_batch(text, registry=REGISTRY, units=UNITS)
    return read[0] if read else None


def stated(serial_text: str) -> Stated | None:
    """Tell what the serial number says of its credits; None for a text that `parse` refuses."""
    read = read_batch(serial_text, registry=REGISTRY, units=UNITS)
    return read[1] if read else None


def finds(text: str) -> bool:
    """Tell whether a serial number is in the text, or was before one character went wrong.

    Whatever stands between words counts as one hyphen. True for every text that `parse` reads.
    """
    return _ANCHOR.search(hyphenated(text)) is not None


def read_batch(
    text: str, *, registry: str, units: Mapping[str, str]
) -> tuple[Serial, Stated] | None:
    """Read a serial number of ACR's form; None if it is none, or of a program without a unit.

    Args:
        text: canonical.
        registry: the code that the serial is given.
        units: what each program of the registry calls a credit.
    """
    match = _SERIAL.fullmatch(text)
    if match is None or match["program"] not in units:
        return None
    first, last = int(match["first"]), int(match["last"])
    if not first <= last <= LARGEST_NUMBER:
        return None
    serial = Serial(
        registry=registry,
        series="-".join(match.group("program", "project", "vintage", "batch")),
        first=first,
        last=last,
        unit=units[match["program"]],
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
