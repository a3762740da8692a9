"""Tonnes outside, whole grams inside: exact both ways, or refused."""

import decimal
import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from offset.core.errors import InvalidQuantity
from offset.core.quantities import (
    GRAMS_PER_CREDIT,
    LARGEST_QUANTITY_G,
    grams,
    tonnes,
    tonnes_text,
)

# All scales: a uniform draw up to 4e15 would hardly ever be below a tonne.
GRAMS = st.integers(1, LARGEST_QUANTITY_G) | st.integers(0, 51).flatmap(
    lambda bits: st.integers(1 << bits, min(2 << bits, LARGEST_QUANTITY_G))
)


@given(GRAMS)
@example(1)
@example(LARGEST_QUANTITY_G - 1)
@example(LARGEST_QUANTITY_G)
def test_every_number_of_grams_comes_back_from_tonnes(quantity_g: int) -> None:
    assert grams(tonnes_text(quantity_g).removesuffix(" t")) == quantity_g
    assert grams(Decimal(quantity_g) / GRAMS_PER_CREDIT) == quantity_g
    number = json.loads(json.dumps(tonnes(quantity_g)), parse_float=Decimal)
    assert grams(number) == quantity_g


@given(GRAMS)
@example(1)
@example(LARGEST_QUANTITY_G - 1)
def test_a_json_number_of_tonnes_is_exact(quantity_g: int) -> None:
    written = Decimal(json.dumps(tonnes(quantity_g)))
    assert Fraction(written) == Fraction(quantity_g, GRAMS_PER_CREDIT)


@given(st.integers(1, LARGEST_QUANTITY_G // GRAMS_PER_CREDIT))
def test_whole_tonnes_are_a_json_integer(whole: int) -> None:
    assert json.dumps(tonnes(whole * GRAMS_PER_CREDIT)) == str(whole)
    assert grams(whole) == whole * GRAMS_PER_CREDIT


@pytest.mark.parametrize(
    "quantity_g, number, text",
    [
        (1, "1e-06", "0.000001 t"),
        (250_000, "0.25", "0.25 t"),
        (1_000_000, "1", "1 t"),
        (1_500_000, "1.5", "1.5 t"),
        (10_000_000, "10", "10 t"),
        (1_000_000_001, "1000.000001", "1000.000001 t"),
        (4_000_000_000_000_000, "4000000000", "4000000000 t"),
    ],
)
def test_a_quantity_is_written_like_this(quantity_g: int, number: str, text: str) -> None:
    assert json.dumps(tonnes(quantity_g)) == number
    assert tonnes_text(quantity_g) == text


@given(
    st.decimals(allow_nan=False, allow_infinity=False)
    | st.decimals(min_value=0, max_value=5_000_000_000, places=7)
    | st.builds(Decimal, st.tuples(st.just(0), st.tuples(st.integers(0, 9)), st.integers(-9, 12)))
)
@example(Decimal("1e-999999"))
@example(Decimal("1e999999"))
@example(Decimal("0e999999"))
@example(Decimal("0.0000010"))
@example(Decimal("0.00000100000000000000000000001"))
@example(Decimal("4000000000.000001"))
@example(Decimal("4E+9"))
def test_a_decimal_is_exact_or_refused(number: Decimal) -> None:
    small = abs(number.adjusted()) < 100  # as a fraction 1e-999999 would be a megabyte
    exact = Fraction(number) * GRAMS_PER_CREDIT if small else Fraction(0)
    if exact.denominator == 1 and 0 < exact <= LARGEST_QUANTITY_G:
        assert grams(number) == exact
    else:
        with pytest.raises(InvalidQuantity):
            grams(number)


@given(st.from_regex(r"[0-9]{1,12}(\.[0-9]{1,8})?", fullmatch=True, alphabet="0123456789."))
def test_a_decimal_text_is_exact_or_refused(text: str) -> None:
    exact = Fraction(text) * GRAMS_PER_CREDIT
    if exact.denominator == 1 and 0 < exact <= LARGEST_QUANTITY_G:
        assert grams(text) == exact
    else:
        with pytest.raises(InvalidQuantity):
            grams(text)


@pytest.mark.parametrize(
    "quantity, detail",
    [
        ("", "quantity '': not a decimal number of tonnes"),
        ("-1", "quantity '-1': not a decimal number of tonnes"),
        ("+1", "quantity '+1': not a decimal number of tonnes"),
        ("1e3", "quantity '1e3': not a decimal number of tonnes"),
        ("1_000", "quantity '1_000': not a decimal number of tonnes"),
        ("1,000", "quantity '1,000': not a decimal number of tonnes"),
        (" 1", "quantity ' 1': not a decimal number of tonnes"),
        ("1\n", "quantity '1\\n': not a decimal number of tonnes"),
        (".5", "quantity '.5': not a decimal number of tonnes"),
        ("5.", "quantity '5.': not a decimal number of tonnes"),
        ("NaN", "quantity 'NaN': not a decimal number of tonnes"),
        ("٣", "quantity '٣': not a decimal number of tonnes"),
        ("\ud800", "quantity '\\ud800': not a decimal number of tonnes"),
        ("x" * 40, f"quantity '{'x' * 40}': not a decimal number of tonnes"),
        ("x" * 41, f"quantity '{'x' * 40}...': not a decimal number of tonnes"),
        ("1" * 65, f"quantity '{'1' * 40}...': not a decimal number of tonnes"),
        (True, "quantity True: not a number of tonnes"),
        (1.5, "quantity 1.5: not a number of tonnes"),
        (None, "quantity None: not a number of tonnes"),
        ([1], "quantity [1]: not a number of tonnes"),
        (Decimal("NaN"), "quantity NaN: not a number of tonnes"),
        (Decimal("sNaN"), "quantity sNaN: not a number of tonnes"),
        (Decimal("-Infinity"), "quantity -Infinity: not a number of tonnes"),
        ("0.0000001", "quantity 1E-7 t: finer than a gram"),
        (
            Decimal("0.1000000000000000000001"),
            "quantity 0.1000000000000000000001 t: finer than a gram",
        ),
    ],
)
def test_what_is_no_quantity_is_refused_in_words(quantity: object, detail: str) -> None:
    with pytest.raises(InvalidQuantity) as refusal:
        grams(quantity)  # type: ignore[arg-type]
    assert refusal.value.detail == detail
    assert refusal.value.facts == {}


@pytest.mark.parametrize(
    "quantity, shown",
    [
        (0, "0"),
        (-1, "-1"),
        (4_000_000_001, "4000000001"),
        pytest.param(10**5000, "of many digits", id="5000-digits"),
        pytest.param("0", "0", id="zero-as-text"),
        ("0.000000", "0.000000"),
        ("4000000000.000001", "4000000000.000001"),
        ("99999999999", "99999999999"),
        ("9" * 64, "9" * 40 + "..."),
        (Decimal(-1), "-1"),
        (Decimal("-0.5"), "-0.5"),
        (Decimal("1E+99"), "1E+99"),
    ],
)
def test_a_quantity_out_of_range_is_refused_with_the_largest(
    quantity: str | int | Decimal, shown: str
) -> None:
    with pytest.raises(InvalidQuantity) as refusal:
        grams(quantity)
    assert refusal.value.detail == (f"quantity {shown}: has to be above 0 and at most 4000000000 t")
    assert refusal.value.facts == {"largest": 4_000_000_000}


def test_the_largest_quantity_survives_every_json_number() -> None:
    assert grams("4000000000") == grams(4_000_000_000) == LARGEST_QUANTITY_G < 2**53


def test_no_decimal_context_rounds_a_quantity() -> None:
    with decimal.localcontext() as context:
        context.prec = 3
        assert grams("1234.567891") == 1_234_567_891
        assert grams(Decimal("1234.567891")) == 1_234_567_891
