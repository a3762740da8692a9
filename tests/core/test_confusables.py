"""Confusable characters: which ASCII character another one stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offset.core.confusables import CONFUSABLES, fold_confusables
from offset.core.unicode14 import first_unassigned

TABLE = {}
for entry in CONFUSABLES.split():
    if len(entry) == 1:
        looks_like = entry
    else:
        TABLE[chr(int(entry, 16))] = looks_like


@pytest.mark.parametrize(
    "text, folded",
    [
        ("V\u0421U", "VCU"),
        ("\u0669\u0660\u0660\u0661", "9001"),
        ("VC\u00da", "VCU"),
        ("\u00d8\u0131", "OI"),
        ("\uff19\uff10", "90"),
        ("\U0001d415\U0001d402\U0001d414", "VCU"),
        ("\u0432\u043a\u043c\u0442", "BKMT"),  # small letters, of which the capitals look like it
        ("A\u03f9R", "ACR"),  # compatibility decomposition would make it a sigma
        ("\u4e2d-9", "\u4e2d-9"),
        ("vcu", "VCU"),
    ],
)
def test_a_character_becomes_the_ascii_one_that_it_stands_for(text: str, folded: str) -> None:
    assert fold_confusables(text) == folded


def test_every_character_of_the_table_becomes_its_ascii_character() -> None:
    assert {character: fold_confusables(character) for character in TABLE} == TABLE


@given(st.text(st.characters(exclude_categories=["Cn", "Cs"]) | st.sampled_from([*TABLE])))
def test_folding_twice_is_folding_once(text: str) -> None:
    once = fold_confusables(text)
    assert fold_confusables(once) == once


@given(st.text(st.characters(max_codepoint=0x7F)))
def test_ascii_text_is_only_written_in_capitals(text: str) -> None:
    assert fold_confusables(text) == text.upper()


@given(st.text(st.characters(max_codepoint=0x7F)), st.data())
def test_a_confusable_character_in_a_text_makes_no_other_text(
    text: str, data: st.DataObject
) -> None:
    character = data.draw(st.sampled_from([*TABLE]))
    other = data.draw(st.text(st.characters(max_codepoint=0x7F)))
    assert fold_confusables(text + character + other) == (text + TABLE[character] + other).upper()


def test_the_table_has_each_character_once_all_of_unicode_14_and_none_of_ascii() -> None:
    points = [word for word in CONFUSABLES.split() if len(word) > 1]
    assert len(points) == len(TABLE) > 700
    assert min(TABLE) > "\x7f"
    assert first_unassigned("".join(TABLE)) is None
    assert set(TABLE.values()) == set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
