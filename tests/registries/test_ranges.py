"""Padded numbers, days and months as serial numbers write them."""

from datetime import date

import pytest

from offset.core.serials import LARGEST_NUMBER
from offset.registries.ranges import SEPARATORS, day_month_year, months, padded_range


@pytest.mark.parametrize(
    "first, last, read",
    [
        ("0000001", "0299564", (1, 299564, 7)),
        ("1", "299564", (1, 299564, 1)),
        ("0000001", "12345678", (1, 12345678, 7)),
        ("7", "7", (7, 7, 1)),
        ("12", "12", (12, 12, 2)),
        ("1", str(LARGEST_NUMBER), (1, LARGEST_NUMBER, 1)),
        ("1", str(LARGEST_NUMBER + 1), None),
        ("0", "5", None),
        ("5", "4", None),
        ("01", "5", None),
        ("1", "05", None),
        ("01", "005", None),
        ("001", "99999", (1, 99999, 3)),
    ],
)
def test_a_range_is_padded_to_one_width(
    first: str, last: str, read: tuple[int, int, int] | None
) -> None:
    assert padded_range(first, last) == read


@pytest.mark.parametrize(
    "digits, day",
    [
        ("31122020", date(2020, 12, 31)),
        ("29022024", date(2024, 2, 29)),
        ("29022023", None),
        ("00012020", None),
        ("01132020", None),
        ("20200101", None),  # the year first
        ("20121012", None),  # not 20 December 1012
        ("01011900", date(1900, 1, 1)),
        ("31121899", None),
        ("31122199", date(2199, 12, 31)),
        ("01012200", None),
    ],
)
def test_a_day_is_of_the_calendar_and_of_our_time(digits: str, day: date | None) -> None:
    assert day_month_year(digits) == day


@pytest.mark.parametrize(
    "start, end, period",
    [
        ("2101", "2112", (date(2021, 1, 1), date(2021, 12, 31))),
        ("2402", "2402", (date(2024, 2, 1), date(2024, 2, 29))),
        ("0801", "2312", (date(2008, 1, 1), date(2023, 12, 31))),
        ("2112", "2101", None),
        ("2100", "2112", None),
        ("2101", "2113", None),
    ],
)
def test_two_months_are_a_period(start: str, end: str, period: tuple[date, date] | None) -> None:
    assert months(start, end) == period


def test_whatever_is_no_letter_or_digit_separates() -> None:
    assert SEPARATORS.sub("-", "A - B__1.\u00e92") == "A-B-1-2"
