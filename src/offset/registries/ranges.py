"""Numbers of a serial number that are padded with zeros, and the days that surround them."""

import re
from calendar import monthrange
from datetime import date
from typing import Final

from offset.core.canonical import FIRST_VINTAGE, LAST_VINTAGE
from offset.core.serials import LARGEST_NUMBER

SEPARATORS: Final = re.compile(r"[^0-9A-Z]+")


def padded_range(first: str, last: str) -> tuple[int, int, int] | None:
    """Read two padded numbers as (first, last, width); None unless they are a range from 1 up.

    `0000001` to `0299564` has width 7. Numbers that no one width writes like this are no range.
    """
    numbers = int(first), int(last)
    width = min(len(first), len(last))
    if not 1 <= numbers[0] <= numbers[1] <= LARGEST_NUMBER:
        return None
    if (first, last) != tuple(f"{number:0{width}}" for number in numbers):
        return None
    return (*numbers, width)


def day_month_year(digits: str) -> date | None:
    """Read DDMMYYYY; None where the calendar has no such day, or the year is not of our time.

    So YYYYMMDD is not read as a day of another millennium: 20120601 is no 20 December 601.
    """
    if not FIRST_VINTAGE <= int(digits[4:]) <= LAST_VINTAGE:
        return None
    try:
        return date(int(digits[4:]), int(digits[2:4]), int(digits[:2]))
    except ValueError:
        return None


def months(start: str, end: str) -> tuple[date, date] | None:
    """Read two months YYMM of this century as their first and last day; None if they are none."""
    try:
        first = date(2000 + int(start[:2]), int(start[2:]), 1)
        year, month = 2000 + int(end[:2]), int(end[2:])
        last = date(year, month, monthrange(year, month)[1])
    except ValueError:  # monthrange raises one of its own, which is a ValueError
        return None
    return (first, last) if first <= last else None
