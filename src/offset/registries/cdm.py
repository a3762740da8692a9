"""The serial numbers of CERs, which the United Nations' CDM registry issues.

Gold Standard's files list some of them, in its own column: they are claimed in the CDM's series all
the same, whichever of the two registries a record names.

    CC-5-first-period-period-0-project - CC-5-last-period-period-0-project

CC is the host country, 5 the kind of unit (a CER), the periods are Kyoto's: the one of issue and
the one of use. 0 stands where forest credits have a code, and the project is the United Nations'
number, not Gold Standard's. Both ends are included. Source: 1,633 rows of public exports of 2021
and 2026, which were typed by hand, in 38 shapes. So there are two readers.

`read_cdm` takes all 1,633 after `clean`: with zeros (KE-05-00-90001-01-01-000-0009207), with "to"
or without spaces between the ends, with spaces beside hyphens, without a hyphen or the 5, and bare
numbers. It mends no number. On 48 rows the numbers are not the quantity. On 22 the two ends do not
say all of the same (10 bare, 6 with one period, 2 backwards, 2 of a country "N", 1 of two periods,
1 of two projects): such a range has no serial, and is for a report.

`parse` is for a ledger: one range, one text, the one above, as it stands on 1,498 rows.
`CdmRange.serial` writes the others like that.

The series is the country: "CDM-RW". The period is no part of it: in the 13 countries with CERs of
both, numbers run on from the first into the second, and a row with one at its start and the other
at its end shows how it gets mistyped. Of the 1,574 rows that have a serial and the quantity that it
counts, two pairs overlap, both of Gold Standard's project 3607: 132 credits stand there twice, and
352 and 352 that share 342. So they do with the period and the project in the key; without the
country 293 pairs would. Four more rows overlap others because a number is wrong, which their
quantity tells.

A bare pair of numbers is not found by `finds`: anybody may write one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from offset.core.canonical import canonical_serial
from offset.core.serials import LARGEST_NUMBER, Serial
from offset.registries.spellings import COUNTRY, DIGIT, TO
from offset.registries.stated import Stated

REGISTRY: Final = "cdm"
UNIT: Final = "CER"

# One end of a range. Linear: every repetition is bounded. Without the 5 a number has to be long:
# "KE-7-2-2-0-9207" may have lost its number, and 7 be another kind of unit.
_END: Final = re.compile(
    r"""
        (?P<country> [A-Z]{1,2} )
        - (?: 0?5 - (?:00-)? (?P<number> [0-9]{1,19} ) | (?P<untyped> [0-9]{6,19} ) )
        - 0?(?P<period> [12] ) (?P<both> -0?(?P=period) )?
        - 0{1,3} -? 0{0,6} (?P<project> [1-9][0-9]{0,6} (?:[ ][0-9]{1,6})? )
      | (?P<bare> [0-9]{1,19} )
    """,
    re.ASCII | re.VERBOSE,
)
_HYPHEN: Final = re.compile(" ?- ?")
_BETWEEN: Final = re.compile("-| TO ")

# A half is enough: one stray character leaves the other half whole. The last two are for rows of
# which both halves are spoilt, and ask for a long number: SN-5-2020-1-01 may be anybody's.
# Linear: an attempt begins only where a word does, and reads at most eight words, each once (++).
_ANCHOR: Final = re.compile(
    r"""
    \b [A-Z]{2} - (?:
        0?5 - (?:00-)? [0-9]++ - 0?[12] - 0?[12] - 0{1,3} - [0-9]
      | (?:0?5-)? [0-9]{6,}+ - [12]-[12] - 0
      | 5 - [0-9]{6,}+ - [12] - 0 - [0-9]
    )
    """,
    re.ASCII | re.VERBOSE,
)
# A whole serial number in a text that `spellings.squeeze` folded.
SPELLED: Final = re.compile(
    rf"(?P<country>{COUNTRY})0{{0,9}}[5S]{DIGIT}{{5,60}}?{TO}(?P=country)0{{0,9}}[5S]{DIGIT}{{5}}"
)

_SEPARATORS: Final = re.compile(r"[^0-9A-Z]+")


def _misread(text: str) -> str:
    """Spell a text as a reader that takes its UTF-8 for Windows-1252 shows it."""
    # What Windows-1252 leaves undefined, browsers show as the control character of that number.
    undefined = b"\x81\x8d\x8f\x90\x9d"
    return "".join(
        chr(byte) if byte in undefined else bytes([byte]).decode("cp1252") for byte in text.encode()
    )


# The dashes that text processors make, and the space that does not break, misread once and twice.
_MISREAD: Final[Mapping[str, str]] = {
    spelling: plain
    for characters, plain in (("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"), ("\xa0", " "))
    for character in characters
    for spelling in (_misread(_misread(character)), _misread(character))
}
_MOJIBAKE: Final = re.compile("|".join(sorted(_MISREAD, key=len, reverse=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CdmEnd:
    """What one end of a range says, as it is written; None where it says nothing or half of it.

    `period` is 1 or 2, and None unless it is there twice. `project` has no leading zeros.
    """

    number: int
    country: str | None = None
    period: int | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CdmRange:
    """The CERs from one end to the other, both included, as a file states them."""

    first: CdmEnd
    last: CdmEnd

    @property
    def count(self) -> int:
        """How many CERs the two numbers state; below 1 where they run backwards."""
        return self.last.number - self.first.number + 1

    @property
    def serial(self) -> Serial | None:
        """The range as a serial number; None unless both ends say all of the same."""
        country, period, project = self.first.country, self.first.period, self.first.project
        if (country, period, project) != (self.last.country, self.last.period, self.last.project):
            return None
        if country is None or len(country) != 2 or period is None or project is None:
            return None
        if not 1 <= self.first.number <= self.last.number <= LARGEST_NUMBER:
            return None
        head, tail = f"{country}-5-", f"-{period}-{period}-0-{project}"
        return Serial(
            registry=REGISTRY,
            series=f"CDM-{country}",
            first=self.first.number,
            last=self.last.number,
            unit=UNIT,
            head=head,
            infix=f"{tail} - {head}",
            tail=tail,
        )


def clean(text: str) -> str:
    """Make a canonical serial text of a file's: mended where it was misread, never in a number.

    Dashes that were read as Windows-1252, once or twice, become "-" and spaces that do not break a
    space. Keep the file's own text beside it.
    """
    return canonical_serial(_MOJIBAKE.sub(lambda misread: _MISREAD[misread[0]], text))


def read_cdm(text: str) -> CdmRange | None:
    """Read a canonical text that is a range of CERs in any shape that was met; None for any other.

    For files: a serial of the ledger is read by `parse`.
    """
    tight = _HYPHEN.sub("-", text)
    first = _END.match(tight)
    between = first and _BETWEEN.match(tight, first.end())
    last = between and _END.fullmatch(tight, between.end())
    return CdmRange(first=_end(first), last=_end(last)) if first and last else None


def parse(text: str) -> Serial | None:
    """Read a canonical text that is one serial number and nothing else; None for any other."""
    read = read_cdm(text)
    serial = read.serial if read else None
    return serial if serial is not None and serial.text == text else None


def stated(serial_text: str) -> Stated | None:
    """Tell what the serial number says of its credits; None for a text that `parse` refuses.

    Only the country: the project is the United Nations', and no column of the file has it.
    """
    serial = parse(serial_text)
    if serial is None:
        return None
    return Stated(project=None, country=serial.head[:2], vintage=None, period=None)


def finds(text: str) -> bool:
    """Tell whether a serial number is in the text, or was before one character went wrong.

    Whatever stands between words counts as one hyphen. True for every text that `parse` reads.
    """
    return _ANCHOR.search(_SEPARATORS.sub("-", text)) is not None


def _end(match: re.Match[str]) -> CdmEnd:
    if match["bare"]:
        return CdmEnd(number=int(match["bare"]))
    return CdmEnd(
        number=int(match["number"] or match["untyped"]),
        country=match["country"],
        period=int(match["period"]) if match["both"] else None,
        project=match["project"].replace(" ", ""),
    )
