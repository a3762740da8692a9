"""Registry names in the spellings that people write, and names that mean no known registry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offset.core.canonical import canonical_registry
from offset.core.confusables import CONFUSABLES, fold_confusables
from offset.core.registry_names import REGISTRY_NAMES, known_registry, registry_key

SPELLINGS = {
    "verra": [
        *("Verra Registry", "verra.org", "https://registry.verra.org/app", "VERRA - VCS", "V.C.S."),
        *("Verified Carbon Standard (VCS)", "Verra (VCS Program)", "V\u0435rra", "V\u00e9rra"),
        *("Ver\u200bra", "\uff36\uff43\uff53", "VCS / Verra", "Ver-ra"),
    ],
    "gold-standard": ["Gold", "GoldStandard", "Gold Standard Foundation", "G0ld Standard", "GS"],
    "acr": ["American Carbon Registry (ACR)", "ACR Registry", "acr_registry", "A C R"],
    "car": ["Climate Action Reserve \u2013 CAR", "climateactionreserve.org", "CAR"],
    "art": ["ART/TREES", "art-trees", "FCPF", "ART REDD+"],
    "puro": ["puro_earth", "Puro.earth Registry", "PURO"],
    "isometric": ["isometric.com", "Isometric Registry (UK)", "lsometric"],
    "arb": ["California Air Resources Board", "CARB", "arb.ca.gov"],
    "cdm": ["UNFCCC CDM Registry", "Clean Development Mechanism (CDM)"],
    "ucr": ["Universal Carbon Registry", "UCR Registry"],
}
UNKNOWN = (
    *("International Carbon Registry", "Global Carbon Council", "Woodland Carbon Code", "Riverse"),
    *("Climate Forward", "Own ledger", "The Carbon Registry", "Gold Carbon", "Verra and ACR", "A"),
    *("Carbon Standards International", "Scarborough", "Artisan Registry", "Verrazzano"),
)


@pytest.mark.parametrize("code", SPELLINGS)
def test_every_spelling_of_a_registrys_name_has_its_code(code: str) -> None:
    assert {name: canonical_registry(name) for name in SPELLINGS[code]} == dict.fromkeys(
        SPELLINGS[code], code
    )


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_name_that_means_no_known_registry_keeps_its_form(name: str) -> None:
    assert canonical_registry(name) == name.lower()


def test_each_code_and_each_name_means_its_registry() -> None:
    for code, names in REGISTRY_NAMES.items():
        assert {known_registry(name) for name in (code, *names)} == {code}


@given(
    st.sampled_from([(code, name) for code, names in REGISTRY_NAMES.items() for name in names]),
    st.sampled_from(["{}", "{} Registry", "The {}", "({})", "www.{}.org", "{} Foundation Ltd"]),
    st.sampled_from([" ", "-", "_", ".", " / ", ""]),
    st.booleans(),
)
def test_separators_case_and_generic_words_make_no_other_registry(
    known: tuple[str, str], pattern: str, separator: str, capitals: bool
) -> None:
    code, name = known
    spelled = pattern.format(separator.join(name.split()))
    assert canonical_registry(spelled.upper() if capitals else spelled) == code


def test_a_long_name_means_no_known_registry() -> None:
    assert known_registry("Verra " * 50) is None


def test_unknown_names_are_equal_without_separators_case_and_generic_words() -> None:
    assert (
        registry_key("own ledger") == registry_key("Own-Ledger Inc.") == registry_key("OWNLEDGER")
    )
    assert registry_key("own ledger") != registry_key("other ledger")
    assert registry_key("\u4e2d\u6587") == "\u4e2d\u6587"


# Confusable characters


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
