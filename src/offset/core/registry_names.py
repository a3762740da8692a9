"""Registry names: which known registry a name means, however it is written.

A registry is half of what double issuance is judged on, so "Verra Registry", "verra.org",
"Verified Carbon Standard (VCS)" and a "Verra" with a Cyrillic letter all mean one registry. A name
that means no known registry keeps its canonical form.

A name means a registry if it consists of names of that one registry and of generic words alone:
confusable characters, case and separators are folded first, and letters that stand for digits.
The rules belong to `offset-record/v1`, because the registry is part of a record's id.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from offset.core.confusables import fold_confusables

# Each code with the names that stand for it, alone or among generic words.
REGISTRY_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "verra": (
        "Verra",
        "VCS",
        "VCU",
        "VCUs",
        "Verified Carbon Standard",
        "Verified Carbon Standards",
        "Verified Carbon Unit",
        "Verified Carbon Units",
        "Voluntary Carbon Standard",
    ),
    "gold-standard": ("Gold Standard", "GS", "GLD", "GSF", "GS4GG"),
    # Its pages are at acr2.apx.com, those of the Climate Action Reserve at thereserve2.apx.com.
    "acr": ("ACR", "ACR2", "American Carbon Registry", "ACR Carbon"),
    "car": ("CAR", "Climate Action Reserve", "TheReserve2"),
    # Units of the Forest Carbon Partnership Facility live in the ART registry.
    "art": (
        "ART",
        "ART TREES",
        "ART REDD",
        "Architecture for REDD+ Transactions",
        "FCPF",
        "FCPF Carbon Fund",
        "Forest Carbon Partnership Facility",
    ),
    "puro": ("Puro", "Puro.earth", "CORC", "CORCs"),
    "cercarbono": ("Cercarbono", "Cercarbono Certified Carbon Standard", "CDC"),
    "isometric": ("Isometric",),
    "arb": (
        "ARB",
        "CARB",
        "Cal ARB",
        "California ARB",
        "California Air Resource Board",
        "California Air Resources Board",
        "Air Resources Board",
        "ARB CA GOV",
    ),
    # Gold Standard's files list CERs; the United Nations issue them.
    "cdm": (
        "CDM",
        "UNFCCC",
        "UN CDM",
        "United Nations CDM",
        "United Nations Framework Convention on Climate Change",
        "Clean Development Mechanism",
        "UN Clean Development Mechanism",
    ),
    "biocarbon": (
        "BioCarbon",
        "Bio Carbon",
        "BCR",
        "BioCarbon Cert",
        "BioCarbon Standard",
        "ProClima",
    ),
    "social-carbon": ("SocialCarbon", "Social Carbon"),
    "plan-vivo": ("Plan Vivo",),
    "ucr": ("UCR", "Universal Carbon Registry", "UCarbonRegistry"),
}

# Names that stand for a registry only where they are the whole text. Gold is an ordinary word. CCB
# is Cercarbono's code in OffsetsDB, and elsewhere a label of Verra's: "VCS + CCB" is Verra.
WHOLE_NAMES: Final[Mapping[str, str]] = {"GOLD": "gold-standard", "CCB": "cercarbono"}

# Words that say nothing about which registry is meant. Among them are companies that run several
# registries (APX, EcoRegistry, IHS Markit, S&P, Winrock) and the S of "Verra's".
GENERIC_WORDS: Final = """
    A AN AND APP APX ASSOCIATION AT BY CARBON CCB CH CO COM COMPLIANCE CREDIT CREDITS DATABASE
    ECOREGISTRY EU EUROPE FOR FORMERLY FOUNDATION GAS GHG GLOBAL GMBH GOALS GREENHOUSE HQ HTTP
    HTTPS IHS IMPACT INC INCORPORATED INT INTERNATIONAL IO LIMITED LLC LTD MARKET MARKETPLACE
    MARKETS MARKIT NET OF OFFICIAL OFFSET OFFSETS OFFSETTING ORG ORGANISATION ORGANIZATION OY
    PLATFORM PROGRAM PROGRAMA PROGRAMME PROGRAMS PROJECT PROJECTS REGISTER REGISTRIES REGISTRO
    REGISTRY RESERVE S SAS SECRETARIAT SP STANDARD STANDARDS SYSTEM THE UK UNIT UNITS US USA VER
    VERS WEBSITE WINROCK WW2 WWW
"""

_WORD: Final = re.compile("[0-9A-Z]+")
_MARKS: Final = re.compile("[\u00a9\u00ae\u2120\u2122]")  # (c), (R), SM, TM
_LONGEST_NAME: Final = 200  # characters; a longer text names no registry
# Letters that people write for digits and the other way round, both as the digit.
LIKE_DIGITS: Final = str.maketrans("OIL", "011")
_REGISTRY: Final = "REGISTRY".translate(LIKE_DIGITS)


def _words(text: str) -> list[str]:
    """Return the words of a name, folded; letters that stand alone are joined (V. C. S.)."""
    words: list[str] = []
    letters = ""
    for word in [*_WORD.findall(fold_confusables(text)), ""]:
        if len(word) == 1:
            letters += word
            continue
        words += [letters, word] if letters else [word]
        letters = ""
    return [word.translate(LIKE_DIGITS) for word in words if word]


def _phrases() -> Iterator[tuple[str, str]]:
    for code, names in REGISTRY_NAMES.items():
        for name in (code, *names):
            phrase = "".join(_words(name))
            yield phrase, code
            yield phrase + _REGISTRY, code  # VerraRegistry


_PHRASES: Final = dict(_phrases())
_BEGINNINGS: Final = frozenset(
    phrase[:length] for phrase in _PHRASES for length in range(1, len(phrase) + 1)
)
_GENERIC_WORDS: Final = frozenset(word.translate(LIKE_DIGITS) for word in GENERIC_WORDS.split())
_WHOLE: Final = {"".join(_words(name)): code for name, code in WHOLE_NAMES.items()}


@lru_cache(maxsize=1_024)
def known_registry(name: str) -> str | None:
    """Return the code of the registry that a name means; None where it means no known one."""
    if len(name) > _LONGEST_NAME:
        return None
    code = _find_code(_words(name))
    if code is None and _MARKS.search(name):  # a trade mark, and no R written as one
        code = _find_code(_words(_MARKS.sub(" ", name)))
    return code


def _find_code(words: Sequence[str]) -> str | None:
    """Return the one registry that all words but generic ones are of; None where there is none."""
    whole = _WHOLE.get("".join(words))
    if whole is not None:
        return whole
    codes: set[str] = set()
    place = 0
    while place < len(words):
        code, after = _longest_phrase(words, place)
        if code is not None:
            codes.add(code)
        elif words[place] not in _GENERIC_WORDS:
            return None
        place = after
    return codes.pop() if len(codes) == 1 else None


def _longest_phrase(words: Sequence[str], place: int) -> tuple[str | None, int]:
    """Return the code of the longest phrase at a place, and the place behind it.

    A phrase is compared without separators: "Ver-ra", "GoldStandard" and "Gold Stan dard" are one
    word, two or three. Where there is no phrase, the code is None and one word is passed over.
    """
    code, after, joined = None, place + 1, ""
    for end, word in enumerate(words[place:], start=place + 1):
        joined += word
        if joined not in _BEGINNINGS:
            break
        if joined in _PHRASES:
            code, after = _PHRASES[joined], end
    return code, after


def registry_key(name: str) -> str:
    """Return the form in which two spellings of a name that means no known registry are equal."""
    words = _words(_MARKS.sub(" ", name))
    specific = [word for word in words if word not in _GENERIC_WORDS]
    return "".join(specific or words) or name
