"""Days as numbers, and the manners in which registries write them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Final

EPOCH: Final = date(1998, 1, 1)
_DAYS: Final = (date(2033, 1, 1) - EPOCH).days

_MANNERS: Final[Mapping[str, Callable[[date], str]]] = {
    "iso": date.isoformat,
    "dd/mm/yyyy": lambda day: f"{day.day:02}/{day.month:02}/{day.year}",
    "mm/dd/yyyy": lambda day: f"{day.month:02}/{day.day:02}/{day.year}",
    "m/d/yyyy": lambda day: f"{day.month}/{day.day}/{day.year}",
    "m/d/yy": lambda day: f"{day.month}/{day.day}/{day.year % 100:02}",
    "ddmmyyyy": lambda day: f"{day.day:02}{day.month:02}{day.year}",
}


def number(year: int, month: int, day: int) -> int:
    """Give a day's number, counted from `EPOCH`."""
    return (date(year, month, day) - EPOCH).days


def after_the_twelfth(day: int) -> int:
    """Give the day itself, or the last of the month before where it might be taken for a month."""
    of_month = (EPOCH + timedelta(days=day)).day
    return day if of_month > 12 else day - of_month


@cache
def written(manner: str) -> Sequence[str]:
    """List how each day is written, by its number."""
    write = _MANNERS[manner]
    return [write(EPOCH + timedelta(days=day)) for day in range(_DAYS)]


def _clock(second: int) -> tuple[int, int, int]:
    return second // 3600, second // 60 % 60, second % 60


# 512 times of day, so that one is a look-up
CLOCK: Final = [
    f"{hour:02}:{minute:02}:{second:02}"
    for hour, minute, second in (_clock(slot * 7919 % 86_400) for slot in range(512))
]
TWELVE_HOURS: Final = [
    f"{(hour + 11) % 12 + 1}:{minute:02}:{second:02} {'AM' if hour < 12 else 'PM'}"
    for hour, minute, second in (_clock(slot * 7919 % 86_400) for slot in range(512))
]
