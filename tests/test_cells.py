"""What stands in a cell: every spelling that real exports have, and those that are refused."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offset.cells import (
    NOTHING,
    DateColumn,
    Order,
    Unreadable,
    folded_header,
    folded_word,
    is_unnamed,
    listed_words,
    read_date,
    read_grams,
    read_grams_of_kilograms,
    read_period,
    read_total_grams,
    read_vintage,
    read_whole,
    without_fraction,
)

TONNE = 1_000_000  # grams


def refusal(read: Callable[[], object]) -> str:
    """The code with which a cell is refused."""
    with pytest.raises(Unreadable) as refused:
        read()
    assert str(refused.value) == refused.value.detail
    return refused.value.code


@pytest.mark.parametrize(
    "text, folded",
    [
        ("Issuance \nYear", "issuance year"),
        ("Status Effective  (GMT)", "status effective (gmt)"),
        ("Program  Country", "program country"),
        (" Type", "type"),
        ("Total Number of Offset Credits Registered ", "total number of offset credits registered"),
        ("Credit\u00a0Status", "credit status"),
        ("\ufeffdate", "date"),
        ("ï»¿date", "date"),
        ("", ""),
    ],
)
def test_a_header_is_folded(text: str, folded: str) -> None:
    assert folded_header(text) == folded


def test_a_column_without_a_name_is_known() -> None:
    names = ["", " ", "Unnamed: 0", "Unnamed: 31", "Unnamed", "unnamed: x", "Vintage"]
    unnamed = [is_unnamed(folded_header(name)) for name in names]
    assert unnamed == [True, True, True, True, False, False, False]


@pytest.mark.parametrize(
    "text, quantity_g",
    [
        ("5000", 5_000 * TONNE),
        ("1,454,054", 1_454_054 * TONNE),
        ("99,999.00", 99_999 * TONNE),
        (" \t853 ", 853 * TONNE),
        ("853\u00a0", 853 * TONNE),
        ("1234.0", 1_234 * TONNE),
        ("0.019", 19_000),
        ("0.000001", 1),
        ("4000000000", 4_000_000_000 * TONNE),
        ("0007", 7 * TONNE),
    ],
)
def test_a_number_of_tonnes_is_read_exactly(text: str, quantity_g: int) -> None:
    assert read_grams(text) == quantity_g


@pytest.mark.parametrize(
    "text",
    [
        *("0", "0.00", "-5", "+5", "1e3", "1_000", "reforest defer", "5 t", "1 234", "0x10"),
        *("1,45,054", "1,4540", ",454", "1454,054", "1.454.054", "1,5", "0.0000001", "4000000001"),
        *("٣", "inf", "1.", ".5", "1" * 41, "1.2.3"),
    ],
)
def test_what_is_no_number_of_credits_is_refused(text: str) -> None:
    assert refusal(lambda: read_grams(text)) == "invalid-quantity"


@pytest.mark.parametrize("text", sorted(NOTHING | {"N/A", " ", "None", "NaN", "\u00a0"}))
def test_no_quantity_is_refused_as_such(text: str) -> None:
    assert refusal(lambda: read_grams(text)) == "no-quantity"
    assert refusal(lambda: read_grams_of_kilograms(text)) == "no-quantity"


def test_kilograms_are_thousandths_of_a_tonne() -> None:
    assert read_grams_of_kilograms("19") == 19_000
    assert read_grams_of_kilograms("2,765,370") == 2_765_370_000
    assert read_grams_of_kilograms("0.001") == 1
    assert refusal(lambda: read_grams_of_kilograms("0.0001")) == "invalid-quantity"


def test_a_total_may_be_nothing_and_is_never_below() -> None:
    assert [read_total_grams(text) for text in ("", " ", "n/a", "–", "0", "0.0")] == [0] * 6
    assert read_total_grams("87,000.0") == 87_000 * TONNE
    assert refusal(lambda: read_total_grams("-27150.0")) == "invalid-quantity"
    assert refusal(lambda: read_total_grams("some")) == "invalid-quantity"


def test_a_refused_quantity_names_what_stood_there() -> None:
    with pytest.raises(Unreadable, match="'reforest defer': not a number of credits"):
        read_grams("reforest defer")
    with pytest.raises(Unreadable, match=r"above 0 .* \(the row says '0.0'\)"):
        read_grams("0.0")
    with pytest.raises(Unreadable, match=r"'9{40}\.\.\.'"):
        read_grams("9" * 200)


def test_a_whole_number_may_look_like_a_fraction() -> None:
    assert [read_whole(text, what="from") for text in ("0", " 4426 ", "4426.0")] == [0, 4426, 4426]


@pytest.mark.parametrize("text", ["", "4426.5", "-1", "1,000", "1" * 19])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    assert refusal(lambda: read_whole(text, what="from")) == "serial-malformed"


def test_an_id_that_became_a_number_is_an_id_again() -> None:
    assert [without_fraction(text) for text in ("11603.0", "11603", "ACR9102", "1.5")] == [
        *("11603", "11603", "ACR9102", "1.5")
    ]


DATES = [
    ("2026-04-03", None, "2026-04-03"),
    ("2024/4/3", None, "2024-04-03"),
    ("2026-04-13T12:35:58.842275", None, "2026-04-13"),
    ("2020-11-17T08:30", None, "2020-11-17"),
    ("2019-03-07T18:33:46.000Z", None, "2019-03-07"),
    ("2022-02-24 20:20:59", None, "2022-02-24"),
    ("2026-04-10 00:00:00+00:00", None, "2026-04-10"),
    ("03/27/2026", Order.MONTH_FIRST, "2026-03-27"),
    ("27/03/2026", Order.DAY_FIRST, "2026-03-27"),
    ("8/2/06", Order.MONTH_FIRST, "2006-08-02"),
    ("8/2/06", Order.DAY_FIRST, "2006-02-08"),
    ("8/2/96", Order.DAY_FIRST, "1996-02-08"),
    ("4/10/19 18:14", Order.MONTH_FIRST, "2019-04-10"),
    ("3/9/2026 4:16:10 PM", Order.MONTH_FIRST, "2026-03-09"),
    ("12/1/2025 11:09:19 am", Order.MONTH_FIRST, "2025-12-01"),
    ("05/05/2026", None, "2026-05-05"),
    ("42367", None, "2015-12-29"),
    ("43565.7598842593", None, "2019-04-10"),
    ("01 Jun 2026", None, "2026-06-01"),
    ("1-June-2026", None, "2026-06-01"),
    (" 2026-04-03\n", None, "2026-04-03"),
    ("29/02/2024", Order.DAY_FIRST, "2024-02-29"),
]


@pytest.mark.parametrize("text, order, day", DATES)
def test_a_date_is_read(text: str, order: Order | None, day: str) -> None:
    assert read_date(text, order) == day


@pytest.mark.parametrize(
    "text, day",
    [
        ("24/03/02", "2024-03-02"),
        ("99/12/31 18:14", "1999-12-31"),
        ("2024/03/02", "2024-03-02"),
        ("24/13/02", None),
        ("02/03/2024", None),
        ("2/3/24", None),
    ],
)
def test_a_date_may_begin_with_its_year(text: str, day: str | None) -> None:
    if day is None:
        assert refusal(lambda: read_date(text, Order.YEAR_FIRST)) == "invalid-date"
    else:
        assert read_date(text, Order.YEAR_FIRST) == day


@pytest.mark.parametrize("text", sorted(NOTHING | {"N/A", "\t"}))
def test_no_date_is_none(text: str) -> None:
    assert read_date(text, None) is None


@pytest.mark.parametrize(
    "text, order",
    [
        ("02/03/2026", None),  # two days, and no order to tell which
        ("13/01/2026", Order.MONTH_FIRST),
        ("01/13/2026", Order.DAY_FIRST),
        ("29/02/2023", Order.DAY_FIRST),
        ("2026-02-30", None),
        ("2026-13-01", None),
        ("1899-12-31", None),
        ("2200-01-01", None),
        ("29999", None),  # of 1982: too early for a day that a spreadsheet counted
        ("60000.5", None),
        ("4236", None),
        ("423671", None),
        ("June 2026", None),
        ("01 Foo 2026", None),
        ("01 Junk 2026", None),
        ("01.06.2026", None),
        ("2026", None),
        ("yesterday", None),
        ("2026-04-03 and later", None),
        ("٠١/٠٦/٢٠٢٦", Order.DAY_FIRST),
    ],
)
def test_a_date_that_is_none_is_refused(text: str, order: Order | None) -> None:
    assert refusal(lambda: read_date(text, order)) == "invalid-date"


def noted(*texts: str) -> DateColumn:
    column = DateColumn()
    for line, text in enumerate(texts, start=2):
        column.note(line, text)
    return column


def test_one_date_above_12_decides_for_its_whole_column() -> None:
    assert noted("01/02/2026", "", "2026-13-01", "13/02/2026").order is Order.DAY_FIRST
    assert noted("1/2/26", "12/31/25 18:14", "n/a").order is Order.MONTH_FIRST
    assert noted("01/07/2014-31/12/2014").order is Order.DAY_FIRST


def test_a_column_that_nothing_decides_is_not_guessed() -> None:
    column = noted("42367", "05/05/2026", "01/02/2026", "03/04/2026")
    assert (column.order, column.undecided) == (None, True)
    assert column.fault == (
        "line 4 has 01/02/2026, and no date has a number above 12 that would tell the day from "
        "the month"
    )


def test_a_column_of_two_orders_cannot_be_read() -> None:
    column = noted("13/02/2026", "01/01/2026", "02/13/2026")
    assert (column.order, column.undecided) == (None, False)
    assert column.fault == (
        "line 2 has 13/02/2026 and line 4 has 02/13/2026: no one order of day and month reads both"
    )


def test_a_column_with_nothing_to_decide_has_no_fault() -> None:
    for column in (noted(), noted("2026-01-02", "42367", "05/05/2026", "13/13/2026", "a/b")):
        assert (column.order, column.undecided, column.fault) == (None, False, None)


days = st.dates(min_value=date(1990, 1, 1), max_value=date(2060, 12, 31))


@given(
    days=st.lists(days, min_size=1),
    order=st.sampled_from([Order.DAY_FIRST, Order.MONTH_FIRST]),
    wide=st.booleans(),
)
def test_a_column_is_read_as_it_was_written_or_not_at_all(
    days: list[date], order: Order, wide: bool
) -> None:
    first, second = ("%d", "%m") if order is Order.DAY_FIRST else ("%m", "%d")
    texts = [day.strftime(f"{first}/{second}/" + ("%Y" if wide else "%y")) for day in days]
    column = noted(*texts)
    told = any(day.day > 12 for day in days)
    assert column.undecided == (not told and any(day.day != day.month for day in days))
    assert column.order == (order if told else None)
    if not column.undecided:
        assert [read_date(text, column.order) for text in texts] == [str(day) for day in days]


@given(days=days)
def test_a_day_as_spreadsheets_count_it_is_that_day(days: date) -> None:
    serial = (days - date(1899, 12, 30)) // timedelta(days=1)
    assert read_date(f"{serial}.25", None) == str(days)


@pytest.mark.parametrize(
    "text, order, vintage",
    [
        ("2019", None, (2019, None, None)),
        ("2019.0", None, (2019, None, None)),
        (" 2019 ", None, (2019, None, None)),
        ("2003 - 2004", None, (2003, "2003-01-01", "2004-12-31")),
        ("01/07/2014-31/12/2014", Order.DAY_FIRST, (2014, "2014-07-01", "2014-12-31")),
        ("7/1/2014 - 12/31/2014", Order.MONTH_FIRST, (2014, "2014-07-01", "2014-12-31")),
        ("2010-01-01 / 2018-09-30", None, (2010, "2010-01-01", "2018-09-30")),
        ("2014-07-01–2014-12-31", None, (2014, "2014-07-01", "2014-12-31")),
        ("2025-11-30", None, (2025, None, None)),
    ],
)
def test_a_vintage_is_a_year_a_period_or_a_day(
    text: str, order: Order | None, vintage: tuple[int, str | None, str | None]
) -> None:
    assert read_vintage(text, order) == vintage


@pytest.mark.parametrize(
    "text",
    [
        *("", "n/a", "19", "20191", "1899", "2200", "2019.5", "soon", "2004 - 2003"),
        *(
            "42367",
            "13/01/2014",
            "31/12/2014-01/07/2014",
            "30/02/2014-31/12/2014",
            "2010-01-01 / soon",
        ),
    ],
)
def test_what_is_no_vintage_is_refused(text: str) -> None:
    assert refusal(lambda: read_vintage(text, Order.DAY_FIRST)) == "invalid-vintage"


def test_a_period_may_be_missing() -> None:
    assert read_period(" ", None) == (None, None)
    assert read_period("2010-01-01 / 2018-09-30", None) == ("2010-01-01", "2018-09-30")


def test_a_list_that_a_program_printed_is_written_as_words() -> None:
    texts = ["['one_goal', 'other']", "['one_goal']", "[]", "Environmental Benefit", ""]
    assert [listed_words(text) for text in texts] == [
        *("one_goal, other", "one_goal", "", "Environmental Benefit", "")
    ]


def test_a_text_longer_than_any_word_is_not_folded() -> None:
    assert folded_word("A" * 200) == "a" * 200
    assert folded_word(" " * 201 + "A\n") == "a"
    assert folded_word("A" * 201) == "A" * 201


@given(text=st.text() | st.text(alphabet="0123456789/-: ,.TZAPMn–[]'", max_size=60))
def test_whatever_stands_in_a_cell_is_read_or_refused(text: str) -> None:
    for read in (
        read_grams,
        read_grams_of_kilograms,
        read_total_grams,
        lambda text: read_date(text, Order.DAY_FIRST),
        lambda text: read_date(text, None),
        lambda text: read_vintage(text, Order.MONTH_FIRST),
        lambda text: read_period(text, None),
        lambda text: read_whole(text, what="from"),
    ):
        with suppress(Unreadable):
            read(text)
    listed_words(text)
    DateColumn().note(2, text)
    folded_header(text)
