"""The tables of Unicode 14.0, against the interpreter's own where that is no newer."""

import unicodedata

from offset.core.unicode14 import (
    DASH,
    INVISIBLE,
    UNASSIGNED,
    WHITE_SPACE,
    characters,
    first_unassigned,
    ranges,
)

NOT_ASSIGNED = frozenset(characters(UNASSIGNED))
SURROGATES = frozenset(map(chr, range(0xD800, 0xE000)))
ASSIGNED = sorted(frozenset(map(chr, range(0x110000))) - NOT_ASSIGNED - SURROGATES)
SPACES = frozenset(characters(WHITE_SPACE))
DASHES = frozenset(characters(DASH))
INVISIBLES = frozenset(characters(INVISIBLE))


def test_as_many_code_points_are_assigned_as_unicode_14_says() -> None:
    # 144,697 graphic and format characters (Unicode 14.0.0, "Summary of the release"), 65
    # control and 137,468 private-use characters.
    assert len(ASSIGNED) == 144_697 + 65 + 137_468
    assert len(NOT_ASSIGNED) == 829_834
    assert len(list(ranges(UNASSIGNED))) == 698


def test_unassigned_is_what_unicode_14_does_not_assign() -> None:
    reserved = {c for c in map(chr, range(0x110000)) if unicodedata.category(c) == "Cn"}
    assert reserved <= NOT_ASSIGNED  # what is assigned stays assigned
    if unicodedata.unidata_version == "14.0.0":
        assert reserved == NOT_ASSIGNED


def test_first_unassigned_finds_each_unassigned_character_and_no_other() -> None:
    assert not [c for c in ASSIGNED if first_unassigned(c)]
    assert not [c for c in NOT_ASSIGNED if first_unassigned(f"é\U0001f333{c}\uffff") != c]


def test_white_space_is_what_python_strips_except_the_four_separators() -> None:
    stripped = {c for c in ASSIGNED if c.isspace()}
    assert stripped - SPACES == set("\x1c\x1d\x1e\x1f")
    assert stripped >= SPACES


def test_every_dash_punctuation_is_a_dash_and_few_others_are() -> None:
    punctuation = {c for c in ASSIGNED if unicodedata.category(c) == "Pd"}
    # swung dash, superscript and subscript minus, minus sign; hyphen bullet
    assert DASHES - punctuation == set("\u2053\u207b\u208b\u2212\u2043")
    assert punctuation <= DASHES


def test_every_format_character_is_invisible_and_few_others_are() -> None:
    formats = {c for c in ASSIGNED if unicodedata.category(c) == "Cf"}
    assert formats <= INVISIBLES
    others = "".join(sorted(INVISIBLES - formats - NOT_ASSIGNED))
    # grapheme joiner; Hangul fillers; Khmer inherent vowels; variation selectors
    assert others == characters(
        "34F 115F-1160 17B4-17B5 180B-180D 180F 3164 FE00-FE0F FFA0 E0100-E01EF"
    )


def test_no_other_character_decomposes_into_a_dash_or_an_invisible_one() -> None:
    # So it does not matter that they are removed before normalisation and not after it.
    listed = DASHES | INVISIBLES
    others = [c for c in ASSIGNED if c not in listed]
    assert not [c for c in others if not listed.isdisjoint(unicodedata.normalize("NFKD", c))]
