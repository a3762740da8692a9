"""Confusable characters: which ASCII character another one stands for."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offset.core.confusables import CONFUSABLES, fold_confusables
from offset.core.unicode14 import first_unassigned

ASSIGNED = st.text(st.characters(exclude_categories=["Cn", "Cs"]))


@pytest.mark.parametrize(
    "text, folded",
    [
        ("V\u0421U", "VCU"),
        ("\u0669\u0660\u0660\u0661", "9001"),
        ("VC\u00da", "VCU"),
        ("\u00d8\u0131", "OI"),
        ("\uff19\uff10", "90"),
        ("\U0001d415\U0001d402\U0001d414", "VCU"),
        ("\u4e2d-9", "\u4e2d-9"),
        ("vcu", "VCU"),
    ],
)
def test_a_character_becomes_the_ascii_one_that_it_stands_for(text: str, folded: str) -> None:
    assert fold_confusables(text) == folded


@given(st.text(st.characters(exclude_categories=["Cn", "Cs"])))
def test_folding_twice_is_folding_once_for_ascii(text: str) -> None:
    once = fold_confusables(text)
    assert not once.isascii() or fold_confusables(once) == once


def test_the_table_has_each_character_once_and_none_that_is_ascii() -> None:
    points = [int(word, 16) for word in CONFUSABLES.split() if len(word) > 1]
    assert len(points) == len(set(points)) > 700
    assert min(points) > 0x7F
