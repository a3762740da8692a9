"""Second spellings: how a text is folded, and that none is accepted beside the first."""

import os
from collections.abc import Callable
from random import Random
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn_serials import GRAMMARS
from offset.registries import REGISTRIES
from offset.registries.spellings import (
    fold_digits,
    fold_five_eight,
    fold_letters,
    hyphenate,
    readings,
    skeletons,
    spans,
    squeeze,
    unpadded,
)
from spellings import FIRST_SPELLINGS, WITHOUT_RANGE, accepted, accepted_elsewhere

EXAMPLES = int(os.environ.get("OFFSET_TEST_EXAMPLES", "100"))
randoms = st.integers(0, 2**64 - 1).map(Random)
with_a_range = sorted(FIRST_SPELLINGS.keys() - set(WITHOUT_RANGE))


def test_every_registry_has_second_spellings() -> None:
    assert sorted([*REGISTRIES, *WITHOUT_RANGE]) == sorted(FIRST_SPELLINGS)


@pytest.mark.parametrize("name", FIRST_SPELLINGS)
@settings(max_examples=EXAMPLES)
@given(random=randoms)
def test_no_second_spelling_is_accepted_beside_the_first(name: str, random: Random) -> None:
    assert accepted(random, name) is None


@pytest.mark.parametrize("name", with_a_range)
@settings(max_examples=EXAMPLES)
@given(random=randoms)
def test_no_second_spelling_is_accepted_under_a_registry_that_is_not_known(
    name: str, random: Random
) -> None:
    assert accepted_elsewhere(random, name) is None


@pytest.mark.parametrize(
    "text, folded",
    [
        ("V\u0421U", "VCU"),
        ("V\u0106U\u0301", "VCU"),
        ("\uff36\uff23\uff35", "VCU"),
        ("\ua7ac\u0392", "GB"),  # the capital of a letter that looks like a g
        ("\u0416", "\u0416"),
        ("vcu", "VCU"),
    ],
)
def test_letters_that_look_like_ascii_are_folded_in_either_case(text: str, folded: str) -> None:
    assert fold_letters(text) == folded


@pytest.mark.parametrize(
    "text, folded",
    [
        ("9OO1-I5QQL", "9001-15001"),
        ("IOOO", "1000"),
        ("LOT-1", "LOT-1"),
        ("LOT-L", "LOT-1"),  # a word of such letters
        ("VOL 1O", "VOL 10"),
        ("15|01", "15101"),
        ("\u0661\u0662-V\u0421U", "12-VCU"),
        ("\u0416-1", "\u0416-1"),  # looks like no ASCII letter
        ("", ""),
    ],
)
def test_letters_that_stand_for_digits_are_folded(text: str, folded: str) -> None:
    assert fold_digits(text) == folded


@pytest.mark.parametrize(
    "text, folded",
    [
        ("S0-B1", "50-81"),
        ("SB-SSB", "58-558"),
        ("2496IISI", "24961151"),
        ("BR-S", "BR-5"),
        ("VERS-1", "VERS-1"),
    ],
)
def test_s_and_b_are_folded_in_words_that_look_like_numbers(text: str, folded: str) -> None:
    assert fold_five_eight(text) == folded


@pytest.mark.parametrize(
    "text, without",
    [("007-0-00", "7-0-0"), ("A01-100", "A1-100"), ("01012020", "1012020"), ("1001", "1001")],
)
def test_leading_zeros_are_removed(text: str, without: str) -> None:
    assert unpadded(text) == without


@pytest.mark.parametrize(
    "text, forms",
    [
        ("LOT-1", {"LOT-1"}),
        ("LOT|1", {"LOT|1", "LOT 1"}),
        ("1 JUN 2020", {"1 JUN 2020", "01062020"}),
        ("31-DECEMBER-2O2O/7", {"31-DECEMBER-2O2O/7", "31122020/7"}),
        ("1OCT2020", {"1OCT2020", "01102020"}),
        ("1 JUL 20", {"1 JUL 20"}),
        ("JUN 2020", {"JUN 2020"}),
    ],
)
def test_bars_are_separators_too_and_months_are_numbers(text: str, forms: set[str]) -> None:
    assert readings(text)[0] == text
    assert set(readings(text)) == forms


def test_one_hyphen_stands_between_words() -> None:
    assert hyphenate("CDC_1 - 2//(3)") == "CDC-1-2-3"
    assert hyphenate("--") == ""


def test_letters_and_digits_are_squeezed_and_the_beginnings_of_words_known() -> None:
    assert squeeze("CORC_1 - LO|I") == ("C0RC11011", frozenset({0, 4, 5}))
    assert squeeze("\u0441\u0301-7.") == ("C7", frozenset({0, 1}))
    assert squeeze("") == ("", frozenset())


@pytest.mark.parametrize(
    "text, forms",
    [
        ("LOT-1-11", ("10T1-11",)),
        ("LOT 1", ("10T1",)),
        ("LOT1", ("10T1",)),
        ("A-01/2O", ("A1-20",)),
        ("A1O-5", ("A10-5", "A105")),
        ("55O-28", ("550-28", "55028")),
        ("L-OT-55O-28", ("1-0T550-28", "10T550-28", "10T55028")),
        ("iss\u00e9".upper(), ("1SSE",)),
        ("\u0416-7", ("\u04167",)),
        ("--", ("--",)),
    ],
)
def test_a_text_has_the_skeletons_of_its_spellings(text: str, forms: tuple[str, ...]) -> None:
    assert skeletons(text) == forms


GSRN = "643002409999000010"
GSRN_END = int(GSRN) * 10**12 + 1000


@pytest.mark.parametrize(
    "text, count, numbers",
    [
        ("15001-16000", 1000, (15001, 16000)),
        ("16000 down to 15001", 1000, (15001, 16000)),
        ("15,001 TO 16,000", 1000, (15001, 16000)),
        ("15 001 160 000", 145000, (15001, 160000)),
        ("1'015'001/1'016'000", 1000, (1015001, 1016000)),
        ("15X001-16000", 1000, (15001, 16000)),
        ("1SX00I-16O00", 1000, (15001, 16000)),
        ("1500116000", 1000, (15001, 16000)),
        ("BATCH 9001-1500116000", 1000, (15001, 16000)),
        ("ISOOI-I6OOO", 1000, (15001, 16000)),
        ("7-7", 1, (7, 7)),
        ("15001-A-16000", 1000, (15001, 16000)),
        (f"{GSRN}000000000001-{GSRN}000000001000", 1000, (int(GSRN) * 10**12 + 1, GSRN_END)),
        (f"{GSRN}000000000001-1000", 1000, (1, 1000)),
        ("1-100", 99, None),
        ("1-100", 101, None),
        ("100", 100, None),
        ("12345", 1, None),
        ("16000", 1000, None),
        ("", 1, None),
        ("9" * 5000, 1, None),
        (f"{'9' * 5000}-7-7", 1, (7, 7)),
    ],
)
def test_two_numbers_that_span_a_quantity_are_found(
    text: str, count: int, numbers: tuple[int, int] | None
) -> None:
    assert spans(text, count) == numbers


FUNCTIONS: list[Callable[[str], object]] = [
    fold_digits,
    fold_five_eight,
    fold_letters,
    hyphenate,
    readings,
    skeletons,
    squeeze,
    unpadded,
    lambda text: spans(text, 1),
    lambda text: spans(text, 10**6),
    *[registry.is_spelled_in for registry in REGISTRIES.values()],
]
RUNS = sorted(
    {
        *(grammar.texts[0] for grammar in GRAMMARS.values()),
        *(grammar.texts[0][: len(grammar.texts[0]) // 2] for grammar in GRAMMARS.values()),
        *(word for grammar in GRAMMARS.values() for word in grammar.words),
        *("0", "1", "5", "1-", "7 7 ", "O", "O-", "S", "|", "A-", " ", "-", "1 JUN 20", "\u0661"),
        *("1234567890" * 3, "AA5", "CDC1", "CDC3211", "19", "20"),
    }
)


@pytest.mark.parametrize("length", [500, 8_000])
def test_a_long_text_takes_time_in_proportion_to_its_length(length: int) -> None:
    for run in RUNS:
        text = (run * (length // len(run) + 1))[:length]
        for function in FUNCTIONS:
            squeeze.cache_clear()
            start = perf_counter()
            function(text)
            # Seconds; some 0.03.
            assert (run, function, perf_counter() - start < 2) == (run, function, True)


@given(st.text() | st.text(alphabet="019OQILSB|-_ /.,JUNOCT"))
def test_any_text_has_an_answer(text: str) -> None:
    for function in FUNCTIONS:
        function(text)
    assert 1 <= len(skeletons(text)) <= 3
    assert "" not in skeletons(text) or not text
