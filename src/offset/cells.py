"""What stands in a cell: headers, quantities, years, dates, countries. Pure functions.

A cell is text as a registry, a spreadsheet or a person left it. Each function reads the spellings
that were met in real exports and no other; what is in none of them is refused, never guessed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

from offset.core.canonical import FIRST_VINTAGE, LAST_VINTAGE, canonical_text
from offset.core.errors import InvalidQuantity
from offset.core.quantities import grams

# Said where a column of dates or numbers has nothing. In other columns NA is Namibia.
NOTHING: Final = frozenset({"", "n/a", "na", "-", "–", "—", "null", "none", "nan"})

# A longer text is no header and no word that is known, and is not folded: Unicode's rules sort
# marks above and below a letter, which takes a minute for a cell of 200,000 of them.
LONGEST_WORD: Final = 200  # characters; the longest that is known has 66

_NUMBER: Final = re.compile(r"[0-9]{1,40}(\.[0-9]{1,20})?", re.ASCII)
_GROUPED: Final = re.compile(r"[0-9]{1,3}(,[0-9]{3}){1,12}(\.[0-9]{1,20})?", re.ASCII)
_WHOLE: Final = re.compile(r"([0-9]{1,18})(\.0{1,6})?", re.ASCII)

_TIME: Final = r"(?:[T ] ?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)"
_ZONE: Final = r"(?: ?(?:Z|GMT|UTC|[+-][0-9]{2}:?[0-9]{2}))?"
_YEAR_FIRST: Final = re.compile(
    rf"([0-9]{{4}})[-/]([0-9]{{1,2}})[-/]([0-9]{{1,2}})(?:{_TIME}{_ZONE})?", re.ASCII
)
# Either order: 8/2/06, 03/27/2026, 4/10/19 18:14, 3/9/2026 4:16:10 PM
_SLASHED: Final = re.compile(
    rf"([0-9]{{1,2}})/([0-9]{{1,2}})/([0-9]{{4}}|[0-9]{{2}})(?:{_TIME}(?: ?[AP]M)?{_ZONE})?",
    re.ASCII | re.IGNORECASE,
)
_NAMED_MONTH: Final = re.compile(r"([0-9]{1,2})[ -]([A-Za-z]{3,9})[ -]([0-9]{4})", re.ASCII)
# Days since the end of 1899, the time of day as a fraction: 42367, 43565.7598842593. From 1982 to
# 2064, because a number in a column of dates may also be anything else.
_SPREADSHEET: Final = re.compile(r"([3-5][0-9]{4})(?:\.[0-9]{1,12})?", re.ASCII)
_SPREADSHEET_EPOCH: Final = date(1899, 12, 30)

_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)

# 01/07/2014-31/12/2014, 2010-01-01 / 2018-09-30, 2003 - 2004
_PERIOD: Final = re.compile(
    r"(?P<start>.{8,10}?|[0-9]{4}) ?(?P<between>[-/–]) ?(?P<end>.{8,10}|[0-9]{4})"
)
_YEAR: Final = re.compile(r"([0-9]{4})(?:\.0)?", re.ASCII)


class Unreadable(Exception):
    """A cell says nothing that can be taken: a stable code, and a sentence that names the fact."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def folded_word(text: str) -> str:
    """Fold a cell that may hold a word that is known; a text that is too long stays as it is."""
    text = text.strip()
    return _folded(text) if len(text) <= LONGEST_WORD else text


_folded: Final = lru_cache(maxsize=4_096)(canonical_text)  # words repeat


def folded_header(text: str) -> str:
    """Fold a column's name, so that editions which differ in case and spacing are alike.

    A byte order mark before the first name is dropped, also one that was misread as Windows-1252.
    """
    return folded_word(text.removeprefix("\ufeff").removeprefix("ï»¿"))


def is_unnamed(header: str) -> bool:
    """Tell whether a folded header is no name: empty, or what pandas writes for an empty one."""
    return header == "" or re.fullmatch("unnamed: [0-9]+", header) is not None


@lru_cache(maxsize=20_000)
def read_grams(text: str) -> int:
    """Read a number of tonnes: `5000`, `1,454,054`, `1234.0`, `0.019`, with space around it.

    Raises:
        Unreadable: `no-quantity` where nothing stands there, else `invalid-quantity`.
    """
    return _grams(_decimal(text), text)


def read_grams_of_kilograms(text: str) -> int:
    """Read a number of kilograms, as Isometric counts.

    Raises:
        Unreadable: `no-quantity` where nothing stands there, else `invalid-quantity`.
    """
    return _grams(_decimal(text).scaleb(-3), text)


def read_total_grams(text: str) -> int:
    """Read how many tonnes were cancelled or retired so far; nothing is none.

    Raises:
        Unreadable: `invalid-quantity`.
    """
    if folded_word(text) in NOTHING:
        return 0
    number = _decimal(text)
    return _grams(number, text) if number else 0


def _decimal(text: str) -> Decimal:
    number = text.strip()
    if folded_word(number) in NOTHING:
        raise Unreadable("no-quantity", "the row states no quantity")
    if _GROUPED.fullmatch(number):
        number = number.replace(",", "")
    if not _NUMBER.fullmatch(number):
        raise Unreadable("invalid-quantity", f"quantity {short(text)!r}: not a number of credits")
    return Decimal(number)


def _grams(tonnes: Decimal, text: str) -> int:
    try:
        return grams(tonnes)
    except InvalidQuantity as refusal:
        raise Unreadable(refusal.code, f"{refusal.detail} (the row says {short(text)!r})") from None


def read_whole(text: str, *, what: str) -> int:
    """Read a whole number, also as spreadsheets write it: `4426`, `4426.0`.

    Raises:
        Unreadable: `serial-malformed`; `what` names the column in its sentence.
    """
    number = _WHOLE.fullmatch(text.strip())
    if number is None:
        raise Unreadable("serial-malformed", f"{what} {short(text)!r}: not a whole number")
    return int(number[1])


def without_fraction(text: str) -> str:
    """Write an id as the registry does, which a spreadsheet may have made a number: `11603.0`."""
    number = _WHOLE.fullmatch(text)
    return number[1] if number else text


class Order(StrEnum):
    """In which order the numbers of a date with slashes stand.

    A date that begins with four digits has its year there, whatever the others of its column do.
    """

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"
    YEAR_FIRST = "year first"  # 24/03/02; no column's own dates tell it


@dataclass(slots=True)
class DateColumn:
    """What the dates of one column say of their order, as (line, date); None where none says it.

    A date with a number above 12 decides for the whole column.
    """

    day_first: tuple[int, str] | None = None
    month_first: tuple[int, str] | None = None
    either: tuple[int, str] | None = None
    long_year: tuple[int, str] | None = None  # its last number has four digits, so is the year
    _seen: set[str] = field(default_factory=set)

    def note(self, line: int, text: str) -> None:
        """Take in the cell of one line, which may hold one date, a period, or anything else."""
        if "/" not in text or text in self._seen:
            return
        if len(self._seen) < 10_000:  # days since 1990 and some; enough to be quick, and bounded
            self._seen.add(text)
        for part in _parts(text):
            found = _SLASHED.fullmatch(part)
            if found is None:
                continue
            first, second = int(found[1]), int(found[2])
            if len(found[3]) == 4:
                self.long_year = self.long_year or (line, part)
            if first > 12 >= second:
                self.day_first = self.day_first or (line, part)
            elif second > 12 >= first:
                self.month_first = self.month_first or (line, part)
            elif first != second:
                self.either = self.either or (line, part)

    @property
    def order(self) -> Order | None:
        """The order that the column's own dates tell; None where they tell none, or two."""
        if bool(self.day_first) == bool(self.month_first):
            return None
        return Order.DAY_FIRST if self.day_first else Order.MONTH_FIRST

    @property
    def undecided(self) -> bool:
        """Whether the column has dates that are two days, and none that tells which."""
        return bool(self.either) and not self.day_first and not self.month_first

    @property
    def fault(self) -> str | None:
        """Why the column's own dates cannot be read, in a sentence; None where they can."""
        if self.day_first and self.month_first:
            (one, day_first), (other, month_first) = self.day_first, self.month_first
            return (
                f"line {one} has {day_first} and line {other} has {month_first}: "
                "no one order of day and month reads both"
            )
        if self.either and self.undecided:
            line, text = self.either
            return (
                f"line {line} has {text}, and no date has a number above 12 "
                "that would tell the day from the month"
            )
        return None


def _parts(text: str) -> Iterable[str]:
    text = text.strip()
    period = _PERIOD.fullmatch(text)
    return (period["start"], period["end"]) if period else (text,)


@lru_cache(maxsize=20_000)
def read_date(text: str, order: Order | None) -> str | None:
    """Read the day of a date, as written and whatever its zone; None where nothing stands there.

    Met: ISO days and times; slashed dates with two or four digits of the year, with and without a
    time, in the column's order; days as spreadsheets count them; `01 Jun 2026`.

    Returns:
        The day as YYYY-MM-DD.

    Raises:
        Unreadable: `invalid-date`.
    """
    text = text.strip()
    if folded_word(text) in NOTHING:
        return None
    try:
        day = _day(text, order)
    except (ValueError, OverflowError):
        raise Unreadable("invalid-date", f"date {short(text)!r}: no calendar has it") from None
    if day is None:
        raise Unreadable("invalid-date", f"date {short(text)!r}: not a date that can be read")
    if not FIRST_VINTAGE <= day.year <= LAST_VINTAGE:
        raise Unreadable(
            "invalid-date",
            f"date {short(text)!r}: has to be from {FIRST_VINTAGE} to {LAST_VINTAGE}",
        )
    return day.isoformat()


def _day(text: str, order: Order | None) -> date | None:
    """Read a date; None if it is none, ValueError if no calendar has it."""
    if found := _YEAR_FIRST.fullmatch(text):
        return date(int(found[1]), int(found[2]), int(found[3]))
    if found := _SLASHED.fullmatch(text):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        if order is Order.YEAR_FIRST:
            if len(found[3]) == 4 or len(found[1]) == 1:
                return None
            return date(_century(first), second, year)
        if len(found[3]) == 2:
            year = _century(year)
        if order is None and first != second:
            return None
        month, day = (second, first) if order is Order.DAY_FIRST else (first, second)
        return date(year, month, day)
    if found := _SPREADSHEET.fullmatch(text):
        return _SPREADSHEET_EPOCH + timedelta(days=int(found[1]))
    if found := _NAMED_MONTH.fullmatch(text):
        named = [number for number, name in enumerate(_MONTHS, 1) if _names(found[2], name)]
        return date(int(found[3]), named[0], int(found[1])) if named else None
    return None


def _century(year: int) -> int:
    return year + (2000 if year < 70 else 1900)


def _names(text: str, month: str) -> bool:
    return text.lower() in {month, month[:3]}


@lru_cache(maxsize=10_000)
def read_vintage(text: str, order: Order | None) -> tuple[int, str | None, str | None]:
    """Read a vintage: a year (`2019`, `2019.0`), a period, or a day, which counts as its year.

    Returns:
        The year in which it begins; the first and the last day of a period that states days.

    Raises:
        Unreadable: `invalid-vintage`.
    """
    text = text.strip()
    if found := _YEAR.fullmatch(text):
        return _checked_year(int(found[1]), text), None, None
    start, end = read_period(text, order) if text else (None, None)
    if start is None:
        raise Unreadable("invalid-vintage", f"vintage {short(text)!r}: no year and no period")
    return _checked_year(int(start[:4]), text), start if end else None, end


@lru_cache(maxsize=10_000)
def read_period(text: str, order: Order | None) -> tuple[str | None, str | None]:
    """Read a period of days or of whole years, or a single day, which has no end.

    Raises:
        Unreadable: `invalid-vintage`.
    """
    text = text.strip()
    if folded_word(text) in NOTHING:
        return None, None
    if found := re.fullmatch(r"([0-9]{4}) ?[-/–] ?([0-9]{4})", text, re.ASCII):
        start, end = f"{found[1]}-01-01", f"{found[2]}-12-31"
    elif found := _PERIOD.fullmatch(text):
        start, end = (_vintage_day(found[side], text, order) for side in ("start", "end"))
    elif _YEAR_FIRST.fullmatch(text):
        return _vintage_day(text, text, order), None
    else:
        raise Unreadable("invalid-vintage", f"vintage {short(text)!r}: no year and no period")
    if end < start:
        raise Unreadable("invalid-vintage", f"vintage {short(text)!r}: ends before it starts")
    return start, end


def _vintage_day(part: str, text: str, order: Order | None) -> str:
    try:
        day = read_date(part, order)
    except Unreadable:
        day = None
    if day is None:
        raise Unreadable("invalid-vintage", f"vintage {short(text)!r}: no year and no period")
    return day


def _checked_year(year: int, text: str) -> int:
    if not FIRST_VINTAGE <= year <= LAST_VINTAGE:
        raise Unreadable(
            "invalid-vintage",
            f"vintage {short(text)!r}: has to be from {FIRST_VINTAGE} to {LAST_VINTAGE}",
        )
    return year


def listed_words(text: str) -> str:
    """Write the words of a list that a program printed: `['one', 'other']` as `one, other`."""
    if text.startswith("[") and text.endswith("]"):
        return ", ".join(re.findall("'([^']*)'", text))
    return text


def short(text: str) -> str:
    """Cut a text so that it can be named in a sentence."""
    text = text.strip()
    return text if len(text) <= 40 else f"{text[:40]}..."
