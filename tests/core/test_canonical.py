"""Canonical forms and ids: what they make equal, what they keep apart, what they refuse."""

import unicodedata
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from offset.core.canonical import (
    CanonicalRecord,
    canonical_json,
    canonical_record,
    canonical_registry,
    canonical_serial,
    canonical_text,
    canonical_vintage,
    details_sha256,
    display_text,
)
from offset.core.errors import InvalidText, InvalidVintage
from offset.core.unicode14 import (
    CONTROL,
    DASH,
    INVISIBLE,
    WHITE_SPACE,
    characters,
    first_unassigned,
)

DASHES, INVISIBLES = frozenset(characters(DASH)), frozenset(characters(INVISIBLE))
ASSIGNED = [
    c for c in map(chr, range(0x110000)) if not ("\ud800" <= c <= "\udfff" or first_unassigned(c))
]
NO_CAPITAL = "\u019b\u0264\ua7d3\ua7d5"  # in Unicode 14.0; later versions gave them one
# Text in which a rule is likely to matter: marks, case, compatibility forms, spaces, dashes.
TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cn", "Cs"]),
        st.sampled_from(
            "aAß\u1e9eıİΣςι\u0345\u0301\u0323\u0307\u030cﬁŉΐᾳ각\u1100\u1161\u11a8 \u00a0"
        ),
        st.sampled_from(characters(WHITE_SPACE + " " + DASH) + "\u00ad\u034f\u200b\u200d\u3164"),
    )
)
PLAIN = {
    "project_name": "Sample Peatland Project",
    "registry": "Verra",
    "vintage": 2020,
    "quantity_g": 10_000_000,
    "serial_number": "ABC-2020-0001",
}


def nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


# Names


@pytest.mark.parametrize(
    "spellings, canonical",
    [
        pytest.param(["Straße", "STRASSE", "STRA\u1e9eE", "strasse"], "strasse", id="sharp-s"),
        pytest.param(["\u0130zmir", "I\u0307zmir", "i\u0307ZMIR"], "i\u0307zmir", id="dotted-I"),
        pytest.param(["Δάσος", "ΔΆΣΟΣ", "ΔΑ\u0301ΣΟΣ", "δάσοσ"], "δάσοσ", id="final-sigma"),
        pytest.param(["\u1fb3", "\u1fbc", "α\u0345", "ΑΙ", "αι"], "αι", id="iota-subscript"),
        pytest.param(["한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"], "한국", id="hangul"),
        pytest.param(["１２ｋｔ", "12kt", "12\uff2b\uff34"], "12kt", id="full-width"),
        pytest.param(["e\ufb03cient", "EFFICIENT"], "efficient", id="ligature"),
        pytest.param(["São", "Sa\u0303o", "SÃO", "SA\u0303O"], "são", id="nfc-and-nfd"),
        pytest.param(["\u00a0a\u00a0\u2003b\u3000", "A B", "\ta\u2028b\n"], "a b", id="spaces"),
        pytest.param(
            ["\u212bngstr\u00f6m", "\u00c5NGSTRO\u0308M"], "\u00e5ngstr\u00f6m", id="unit"
        ),
    ],
)
def test_spellings_of_one_name_are_equal(spellings: list[str], canonical: str) -> None:
    assert {canonical_text(spelling) for spelling in spellings} == {canonical}


@pytest.mark.parametrize(
    "one, other",
    [
        ("Cote", "Côte"),
        ("Peatland", "Peat\u00adland"),
        ("\u0646\u0645", "\u0646\u200c\u0645"),
        ("\u0915\u094d\u0937", "\u0915\u094d\u200d\u0937"),
        ("A-B", "A\u2013B"),
        ("A B", "A\x1cB"),
        ("A\x1cB", "A\x1dB"),
        ("A B", "AB"),
        ("Yalin", "Yal\u0131n"),
    ],
)
def test_names_that_differ_in_more_than_form_stay_apart(one: str, other: str) -> None:
    assert canonical_text(one) != canonical_text(other)


@given(TEXTS)
def test_a_name_is_the_same_in_every_normalisation_form(text: str) -> None:
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    assert {canonical_text(form) for form in forms} == {canonical_text(text)}


def test_a_letter_of_a_name_is_the_same_as_capital_and_small_except_dotless_i() -> None:
    apart = [
        c
        for c in ASSIGNED
        if c.upper() != c.lower()
        and not first_unassigned(c.upper())
        and not canonical_text(c) == canonical_text(c.upper()) == canonical_text(c.lower())
    ]
    assert apart == ["\u0131"]


# Serial numbers


@pytest.mark.parametrize("dash", sorted(DASHES), ids=lambda dash: f"U+{ord(dash):04X}")
def test_a_dash_of_any_kind_is_a_hyphen_in_a_serial(dash: str) -> None:
    assert canonical_serial(f"abc{dash}1") == "ABC-1"


@given(st.text(st.sampled_from("AB-1é ßﬁ각α\u0345\u0301\u0323"), min_size=1), st.data())
def test_invisible_characters_anywhere_leave_a_serial_as_it_is(
    text: str, data: st.DataObject
) -> None:
    invisible = st.text(st.sampled_from(sorted(INVISIBLES.intersection(ASSIGNED))), max_size=2)
    sprinkled = "".join(data.draw(invisible) + c for c in text) + data.draw(invisible)
    assert canonical_serial(sprinkled) == canonical_serial(text)


def test_a_serial_does_not_depend_on_the_case_of_any_letter() -> None:
    cased = [c for c in ASSIGNED if not c == c.upper() == c.lower() == c.casefold()]
    assert len(cased) > 2_700
    for c in cased:
        spellings = [s for s in (c, c.upper(), c.lower(), c.casefold()) if not first_unassigned(s)]
        assert {canonical_serial(s) for s in spellings} == {canonical_serial(c)}


def test_a_letter_without_a_capital_in_unicode_14_stays_as_it_is() -> None:
    assert canonical_serial(f"a{NO_CAPITAL}") == f"A{NO_CAPITAL}"
    # A code point of a later version takes the same path: its neighbours are still raised.
    assert canonical_serial("\u0378aß") == "\u0378ASS"


def test_no_serial_has_a_character_that_unicode_14_does_not_assign() -> None:
    assert not [c for c in ASSIGNED if first_unassigned(canonical_serial(c))]


def test_a_serial_keeps_what_is_neither_case_nor_form() -> None:
    assert (
        canonical_serial(" gs1-1-KE-GS11603\u00a0 110 – 5463/a_b ")
        == "GS1-1-KE-GS11603 110 - 5463/A_B"
    )


# Once is enough


@pytest.mark.parametrize("canonical", [canonical_text, canonical_serial, canonical_registry])
def test_canonical_form_of_every_character_is_its_own(canonical: Callable[[str], str]) -> None:
    for c in ASSIGNED:
        folded = canonical(c)
        assert canonical(folded) == folded


@pytest.mark.parametrize("canonical", [canonical_text, canonical_serial, canonical_registry])
@given(text=TEXTS)
def test_canonical_form_of_a_text_is_its_own(canonical: Callable[[str], str], text: str) -> None:
    folded = canonical(text)
    assert canonical(folded) == folded


@pytest.mark.parametrize("folded", [str.casefold, lambda text: text.casefold().upper()])
def test_one_pass_is_enough_for_any_text(folded: Callable[[str], str]) -> None:
    """Why canonical forms of whole texts, and not only of characters, are their own.

    Folding works character by character. If (1) what it makes of a normalised character stays
    under folding when decomposed, and (2) it makes equivalent texts of a character and of its
    decomposition, then folding the normalised result of folding changes nothing but its
    normalisation form. U+0345 is the exception to (2), and (1) says that no result has it.
    """
    for c in ASSIGNED:
        made = unicodedata.normalize("NFKD", folded(nfkc(c)))
        assert folded(made) == made
        decomposed = unicodedata.normalize("NFD", c)
        if "\u0345" not in decomposed:
            apart = unicodedata.normalize("NFD", folded(decomposed))
            assert unicodedata.normalize("NFD", folded(c)) == apart


# Registries


def test_a_registry_known_by_any_name_has_one_code() -> None:
    assert {
        canonical_registry(name) for name in ("Verra", " vcs ", "Verified\u00a0Carbon Standard")
    } == {"verra"}
    assert canonical_registry("Gold\u2011Standard") == canonical_registry("GOLD") == "gold-standard"
    assert canonical_registry("Puro.Earth") == "puro"
    assert canonical_registry("FCPF") == "art"


def test_an_unknown_registry_keeps_its_folded_name() -> None:
    assert canonical_registry("  Registro  NACIONAL ") == "registro nacional"


def test_an_invisible_character_does_not_make_another_registry() -> None:
    assert canonical_registry("Ver\u00adra\u200b") == "verra"


# Vintages


@pytest.mark.parametrize(
    "vintage, year",
    [
        (1900, 1900),
        (2199, 2199),
        ("2020", 2020),
        ("2020.0", 2020),
        ("0" * 60 + "2020." + "0" * 64, 2020),
        ("2003 - 2004", 2003),
        ("2003-2004", 2003),
        (" 2003\u00a0\u2014 2004", 2003),
        ("2003-2003", 2003),
        ("1900-2199", 1900),
        ("01/07/2014-31/12/2014", 2014),
        ("01/07/2014 - 30/06/2016", 2014),
        ("2014-07-01/2014-12-31", 2014),
        ("2014-07-01 / 2016-02-29", 2014),
        ("2014-07-01 - 2014-12-31", 2014),
        ("2014-07-01-2014-07-01", 2014),
        ("2014-07-01 - 2014-12-31".center(64), 2014),
    ],
)
def test_a_vintage_is_a_year_or_the_year_its_period_starts(vintage: int | str, year: int) -> None:
    assert canonical_vintage(vintage) == year


@pytest.mark.parametrize(
    "vintage",
    [
        1899,
        2200,
        0,
        -2020,
        2**63,
        pytest.param(10**5_000, id="5001-digits"),
        True,
        2020.0,
        None,
        " 2020",
        "2020 ",
        "2020.5",
        "2020.",
        ".2020",
        "+2020",
        pytest.param("-2020", id="text--2020"),
        "2e3",
        "2,020",
        "\uff12\uff10\uff12\uff10",
        "\u0662\u0660\u0662\u0660",
        "0" * 61 + "2020",
        "9" * 64,
        "1899.0",
        pytest.param("2200", id="text-2200"),
        "",
        "2003-04",
        "2003/2004",
        "2003 to 2004",
        "2003-2004-2005",
        "2004-2003",
        "1899-1901",
        "2199-2200",
        "0000-2020",
        "2014-07-01",
        "2014-12-31/2014-07-01",
        "2014-07-02/2014-07-01",
        "31/02/2014-31/12/2014",
        "07/31/2014-12/31/2014",
        "01-07-2014 - 31-12-2014",
        "01/07/2014/31/12/2014",
        "\u0662\u0660\u0662\u0660-\u0662\u0660\u0662\u0661",
        "2003\ud8002004",
        "x2003-2004",
        "2003-2004\x00",
        "2014-07-01 - 2014-12-31".center(65),
    ],
)
def test_what_is_no_year_and_no_period_is_refused(vintage: Any) -> None:
    with pytest.raises(InvalidVintage) as refusal:
        canonical_vintage(vintage)
    assert len(refusal.value.detail.encode()) < 600


def test_a_boolean_is_not_the_year_one() -> None:
    with pytest.raises(InvalidVintage, match=r"^vintage: has to be a year or a period$"):
        canonical_vintage(True)


def test_a_vintage_out_of_range_is_told_the_range() -> None:
    with pytest.raises(
        InvalidVintage, match=r"^vintage 1850: has to be from 1900 to 2199$"
    ) as told:
        canonical_vintage(1850)
    assert told.value.facts == {"first": 1900, "last": 2199}
    with pytest.raises(InvalidVintage, match=r"^vintage of many digits: has to be"):
        canonical_vintage(2**63)
    with pytest.raises(InvalidVintage, match=r"^vintage '2004-2003': ends before it starts$"):
        canonical_vintage("2004-2003")


# Texts for display


def test_a_text_for_display_loses_its_outer_white_space_and_nothing_else() -> None:
    assert (
        display_text("\u00a0 Peat\u00adland \u2003 São\t\r\n", largest=20)
        == "Peat\u00adland \u2003 São"
    )


@pytest.mark.parametrize(
    "text", ["\ue000", "\U0010fffd", "\u200b", "\u200d", "\u00ad", "\U0001f333"]
)
def test_private_use_and_invisible_characters_are_accepted(text: str) -> None:
    assert display_text(text, largest=1) == text


def test_control_characters_are_refused_by_their_number() -> None:
    for character in characters(CONTROL):
        for text in (f"a{character}b", f"é{character}b"):
            with pytest.raises(InvalidText, match=f"^U\\+{ord(character):04X} ") as refusal:
                display_text(text, largest=9)
            assert refusal.value.facts == {"character": f"U+{ord(character):04X}"}


def test_the_control_characters_are_those_that_break_lines_or_change_how_text_is_shown() -> None:
    expected = {
        c
        for c in map(chr, range(0x110000))
        if unicodedata.category(c) in {"Cc", "Zl", "Zp"}
        or unicodedata.bidirectional(c) in {"LRE", "RLE", "LRO", "RLO", "PDF"}
        or unicodedata.bidirectional(c) in {"LRI", "RLI", "FSI", "PDI"}
    }
    marks = set("\u061c\u200e\u200f\u206a\u206b\u206c\u206d\u206e\u206f\ufff9\ufffa\ufffb")
    assert set(characters(CONTROL)) == expected | marks


def test_a_text_of_several_lines_has_line_feeds_and_no_other_line_break() -> None:
    assert display_text("\na\n\nb é\n", largest=9, multiline=True) == "a\n\nb é"
    for text in ("a\r\nb", "a\rb", "a\tb", "a\x0bb", "a\u2028b", "a\x85b", "a\n\x1bb"):
        with pytest.raises(InvalidText):
            display_text(text, largest=9, multiline=True)


def test_the_canonical_form_still_reads_records_with_control_characters() -> None:
    record = canonical_record(**{**PLAIN, "project_name": "a\x1b\u202e\tb"})  # type: ignore[arg-type]
    assert record.project_name == "a\x1b\u202e b"


@pytest.mark.parametrize(
    "text, name, why",
    [
        ("a\0", "U+0000", "cannot be part of a text"),
        ("é\0", "U+0000", "cannot be part of a text"),
        ("a\ud800", "U+D800", "is a lone surrogate"),
        ("\udfff", "U+DFFF", "is a lone surrogate"),
        ("a\u0378", "U+0378", "is not assigned in Unicode 14.0"),
        ("\ufffe", "U+FFFE", "is not assigned in Unicode 14.0"),
        ("\U00011f00\u0378", "U+11F00", "is not assigned in Unicode 14.0"),
        ("\U0010ffff", "U+10FFFF", "is not assigned in Unicode 14.0"),
    ],
)
def test_a_forbidden_character_is_refused_by_its_number(text: str, name: str, why: str) -> None:
    with pytest.raises(InvalidText) as refusal:
        display_text(text, largest=9)
    assert (refusal.value.detail, refusal.value.facts) == (f"{name} {why}", {"character": name})
    with pytest.raises(InvalidText):
        canonical_record(**{**PLAIN, "project_name": text})  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", " ", "\u00a0\u3000\t\n"])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidText, match=r"^the text is empty$"):
        display_text(text, largest=9)


def test_a_text_is_measured_without_its_outer_space_and_with_its_forms_written_out() -> None:
    assert display_text(" abcde ", largest=5) == "abcde"
    assert display_text("\ufdfa", largest=18) == "\ufdfa"  # NFKC makes 18 characters of it
    for text, largest, length in (("abcdef", 5, 6), ("\ufdfa", 17, 18), ("\u0378" * 3, 2, 3)):
        with pytest.raises(InvalidText) as refusal:
            display_text(text, largest=largest)
        assert refusal.value.facts == {"length": length, "largest": largest}


# Canonical JSON, ids, details

INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
SCALARS = st.none() | st.booleans() | INTEGERS | st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=0x7F))
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@given(VALUES)
def test_canonical_json_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)


def test_canonical_json_escapes_what_rfc_8785_escapes() -> None:
    every = "".join(map(chr, range(0x80))) + "\u2028é\U0001f333"
    assert canonical_json({"b": every, "a": [2**53 - 1, None, True]}) == rfc8785.dumps(
        {"b": every, "a": [2**53 - 1, None, True]}
    )


def test_a_record_id_is_the_hash_of_the_five_canonical_fields() -> None:
    record = canonical_record(
        project_name=" Café  VERDE",
        registry="VCS",
        vintage="2020 - 2021",
        quantity_g=10_000_000,
        serial_number="abc\u20131",
    )
    assert record == CanonicalRecord(
        project_name="café verde",
        registry="verra",
        vintage=2020,
        quantity_g=10_000_000,
        serial_number="ABC-1",
    )
    body = (
        '{"project_name":"café verde","quantity_g":10000000,"registry":"verra",'
        '"serial_number":"ABC-1","vintage":2020}'
    )
    assert record.record_id == sha256(b"offset-record/v1\n" + body.encode()).digest()


@pytest.mark.parametrize(
    "field, other",
    [
        ("project_name", "Another Project"),
        ("registry", "acr"),
        ("vintage", 2021),
        ("quantity_g", 10_000_001),
        ("serial_number", "ABC-2020-0002"),
    ],
)
def test_each_field_is_part_of_the_id(field: str, other: str | int) -> None:
    changed: dict[str, Any] = {**PLAIN, field: other}
    plain: dict[str, Any] = PLAIN
    assert canonical_record(**changed).record_id != canonical_record(**plain).record_id


@pytest.mark.parametrize(
    "field, text",
    [
        ("project_name", " "),
        ("registry", "\u200b"),
        ("serial_number", "\u00ad\ufeff"),
        ("serial_number", "\u3164"),
    ],
)
def test_a_text_of_which_nothing_is_left_is_refused(field: str, text: str) -> None:
    changed: dict[str, Any] = {**PLAIN, field: text}
    with pytest.raises(InvalidText) as refusal:
        canonical_record(**changed)
    assert refusal.value.detail == f"{field}: nothing is left of it in canonical form"
    assert refusal.value.facts == {"field": field}


def test_details_are_bound_by_their_salt_and_their_canonical_json() -> None:
    salt = bytes(range(16))
    details = {"note": "für São Tomé", "beneficiary": "Sample AG"}
    expected = sha256(salt + '{"beneficiary":"Sample AG","note":"für São Tomé"}'.encode()).digest()
    assert details_sha256(salt, details) == expected
    assert details_sha256(bytes(16), details) != expected


def test_a_salt_of_another_size_is_a_fault_of_the_caller() -> None:
    with pytest.raises(AssertionError):
        details_sha256(bytes(15), {})
