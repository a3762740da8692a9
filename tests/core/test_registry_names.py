"""Registry names in the spellings that people write, and names that mean no known registry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offset.core.canonical import canonical_registry
from offset.core.confusables import CONFUSABLES
from offset.core.registry_names import (
    GENERIC_WORDS,
    REGISTRY_NAMES,
    WHOLE_NAMES,
    known_registry,
    registry_key,
)

SPELLINGS = {
    "verra": [
        *("Verra Registry", "verra.org", "https://registry.verra.org/app", "VERRA - VCS", "V.C.S."),
        *("Verified Carbon Standard (VCS)", "Verra (VCS Program)", "V\u0435rra", "V\u00e9rra"),
        *(
            "Ver\u200bra",
            "\uff36\uff43\uff53",
            "VCS / Verra",
            "Ver-ra",
            "Ver-ra.org",
            "VC-S Program",
        ),
        *("VCS by Verra", "Verra's VCS", "Verra\u2019s VCS Program", "Verra (formerly VCS)"),
        *(
            "Verra\u00ae",
            "VCS\u2122",
            "Ve\u00aera",
            "VerraRegistry",
            "VCS + CCB",
            "Verra/CCB Standards",
        ),
        *(
            "VCU",
            "Verified Carbon Units (VCUs)",
            "VCS (Markit)",
            "APX VCS Registry",
            "VCS Association",
        ),
    ],
    "gold-standard": [
        *("Gold", "GoldStandard", "Gold Standard Foundation", "G0ld Standard", "GS", "GS VER"),
        *(
            "Gold Standard\u00ae",
            "Gold Standard for the Global Goals (GS4GG)",
            "Gold Standard VERs",
        ),
        *("registry.goldstandard.org", "GoldStandardRegistry", "GO-LD"),
    ],
    "acr": [
        *(
            "American Carbon Registry (ACR)",
            "ACR Registry",
            "acr_registry",
            "A C R",
            "acr2.apx.com",
        ),
        *("American Carbon Registry (ACR) at Winrock", "ACR at Winrock International"),
    ],
    "car": [
        *("Climate Action Reserve \u2013 CAR", "climateactionreserve.org", "CAR"),
        *("CAR (Climate Action Reserve) ", "thereserve2.apx.com", "Climate Action Reserve\u00ae"),
    ],
    "art": ["ART/TREES", "art-trees", "FCPF", "ART REDD+", "ART Secretariat", "FCPF Carbon Fund"],
    "puro": ["puro_earth", "Puro.earth Registry", "PURO", "Puro.Earth Oy", "Puro.earth CORCs"],
    "cercarbono": [
        "Cercarbono S.A.S. (EcoRegistry)",
        "CCB",
        "Cercarbono (CCB)",
        "Registro Cercarbono",
    ],
    "isometric": ["isometric.com", "Isometric Registry (UK)", "lsometric", "Isometric HQ Limited"],
    "arb": [
        *("California Air Resources Board (CARB)", "CARB", "ww2.arb.ca.gov", "Cal ARB"),
        "ARB Compliance Offset Program",
    ],
    "cdm": [
        *("UNFCCC CDM Registry", "Clean Development Mechanism (CDM)", "cdm.unfccc.int"),
        "United Nations Framework Convention on Climate Change (UNFCCC)",
    ],
    "biocarbon": ["BioCarbon Registry", "Bio Carbon Registry", "BIOCARBON CERT S.A.S.", "ProClima"],
    "social-carbon": ["SOCIALCARBON\u00ae", "socialcarbon.org", "Social Carbon Credits Inc"],
    "plan-vivo": ["Plan Vivo Foundation", "planvivo.org", "Plan Vivo (S&P Global)", "PlanVivo"],
    "ucr": ["Universal Carbon Registry (UCR)", "UCR Registry", "ucarbonregistry.io"],
}
UNKNOWN = """
Other registries, standards and platforms
    International Carbon Registry | Global Carbon Council | Woodland Carbon Code | Peatland Code
    Riverse | Climate Forward | Nori | EcoRegistry | ColCX | J-Credit | T-VER | CCER | CDC Climat
    Carbon Standards International | Markit Registry | S&P Global | APX | The Climate Registry
    Climate Action Data Trust | California Climate Action Registry | BC Carbon Registry
    B.C. Carbon Registry | Asia Carbon Registry | African Carbon Registry | Article 6.4 Registry
    UN Carbon Offset Platform | EU Registry | Regen Registry | City Forest Credits | TREES
    Ecosystem Restoration Standard | BioCarbon Fund
Companies and labels of more than one registry
    Winrock International | CCB Standards | Climate, Community & Biodiversity Standards
Names of two registries
    Verra and ACR | ARB (via CAR) | Gold Standard, CDM | VCS or GS
Near a known name
    Own ledger | The Carbon Registry | Gold Carbon | Gold Carbon Standard | Golden Standard | GSA
    Scarborough | Artisan Registry | Verrazzano | Isometrics | American Carbon | A
    Gold Standard CER | Carbon Asset Registry (CAR) | Cadastro Ambiental Rural (CAR)
"""


@pytest.mark.parametrize("code", SPELLINGS)
def test_every_spelling_of_a_registrys_name_has_its_code(code: str) -> None:
    assert {name: canonical_registry(name) for name in SPELLINGS[code]} == dict.fromkeys(
        SPELLINGS[code], code
    )


@pytest.mark.parametrize(
    "name",
    [
        name
        for line in UNKNOWN.splitlines()
        if line.startswith(" ")
        for name in line.strip().split(" | ")
    ],
)
def test_a_name_that_means_no_known_registry_keeps_its_form(name: str) -> None:
    assert canonical_registry(name) == name.lower()


def test_each_code_and_each_name_means_its_registry() -> None:
    for code, names in REGISTRY_NAMES.items():
        assert {known_registry(name) for name in (code, *names)} == {code}


NAMES = [(code, name) for code, names in REGISTRY_NAMES.items() for name in (code, *names)]
LOOKALIKES: dict[str, list[str]] = {}
for entry in CONFUSABLES.split():
    if len(entry) == 1:
        looks = LOOKALIKES.setdefault(entry, [])
    elif entry not in ("A9", "AE"):  # a copyright sign is not always a C
        looks.append(chr(int(entry, 16)))


@st.composite
def spelled(draw: st.DrawFn, name: str) -> str:
    """Draw a spelling of a name: any case and separators, characters that look like it."""
    separator = draw(st.sampled_from([" ", "-", "_", ".", " / ", "", "\u2013", "\u00a0"]))
    plain = separator.join(name.split())
    letters = draw(st.sampled_from([plain, plain.upper(), plain.lower(), plain.title()]))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(letters) - 1))
        looks = LOOKALIKES.get(letters[place].upper(), []) or [letters[place]]
        letters = letters[:place] + draw(st.sampled_from(looks)) + letters[place + 1 :]
    return letters


@given(st.data(), st.sampled_from(NAMES))
def test_no_spelling_among_generic_words_makes_another_registry(
    data: st.DataObject, known: tuple[str, str]
) -> None:
    code, name = known
    generic = st.lists(st.sampled_from(GENERIC_WORDS.split()).filter(is_long), max_size=3)
    pattern = data.draw(st.sampled_from(["{}", "({})", "\u201c{}\u201d", "{}\u00ae", "{}\u2122"]))
    words = [
        *data.draw(generic),
        pattern.format(data.draw(spelled(name))),
        *data.draw(generic),
    ]
    assert canonical_registry(data.draw(st.sampled_from([" ", " - ", "/"])).join(words)) == code


def is_long(word: str) -> bool:
    # "V.C.S. A" would be one word, and "AC R" is one registry, "ACR B" none.
    return len(word) > 1


@given(st.lists(st.sampled_from(GENERIC_WORDS.split()), min_size=1, max_size=6))
def test_generic_words_alone_mean_no_registry(words: list[str]) -> None:
    text = " ".join(words)
    assert text == "CCB" or canonical_registry(text) == text.lower()


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_the_names_of_two_registries_mean_none(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    text = f"{one[1]} and {other[1]}"
    assert known_registry(text) == (one[0] if one[0] == other[0] else None)


def test_a_whole_name_means_its_registry_only_alone() -> None:
    assert {name: known_registry(name.lower()) for name in WHOLE_NAMES} == WHOLE_NAMES
    assert not [name for name in WHOLE_NAMES if known_registry(f"{name} Registry")]


def test_a_long_name_means_no_known_registry() -> None:
    assert known_registry("Verra " * 50) is None


def test_unknown_names_are_equal_without_separators_case_and_generic_words() -> None:
    assert (
        registry_key("own ledger") == registry_key("Own-Ledger Inc.") == registry_key("OWNLEDGER")
    )
    assert registry_key("own ledger\u00ae") == registry_key("own ledger")
    assert registry_key("own ledger") != registry_key("other ledger")
    assert registry_key("\u4e2d\u6587") == "\u4e2d\u6587"
