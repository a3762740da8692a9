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
    "verra": ("Verra", "VCS", "Verified Carbon Standard", "Voluntary Carbon Standard"),
    "gold-standard": ("Gold Standard", "GS", "GLD", "GSF", "GS4GG"),
    "acr": ("ACR", "American Carbon Registry", "ACR Carbon"),
    "car": ("CAR", "Climate Action Reserve"),
    # Units of the Forest Carbon Partnership Facility live in the ART registry.
    "art": (
        "ART",
        "ART TREES",
        "ART REDD",
        "Architecture for REDD+ Transactions",
        "FCPF",
        "Forest Carbon Partnership Facility",
    ),
    "puro": ("Puro", "Puro.earth"),
    "cercarbono": ("Cercarbono", "CDC", "CCB"),
    "isometric": ("Isometric",),
    "arb": (
        "ARB",
        "CARB",
        "California ARB",
        "California Air Resources Board",
        "Air Resources Board",
        "ARB CA GOV",
    ),
    # Gold Standard's files list CERs; the United Nations issue them.
    "cdm": ("CDM", "UNFCCC", "UN CDM", "Clean Development Mechanism"),
    "biocarbon": ("BioCarbon", "BCR", "BioCarbon Standard", "ProClima"),
    "social-carbon": ("SocialCarbon", "Social Carbon"),
    "plan-vivo": ("Plan Vivo",),
    "ucr": ("UCR", "Universal Carbon Registry", "UCarbonRegistry"),
}

# Ordinary words that stand for a registry only where they are the whole name.
WHOLE_NAMES: Final[Mapping[str, str]] = {"GOLD": "gold-standard"}

# Words that say nothing about which registry is meant.
GENERIC_WORDS: Final = """
    A AN AND APP APX CARBON CH CO COM CREDIT CREDITS EU EUROPE FOR FOUNDATION GAS GHG GLOBAL
    GMBH GREENHOUSE HTTP HTTPS IMPACT INC INCORPORATED INT INTERNATIONAL IO LIMITED LLC LTD
    MARKET MARKETS NET OF OFFICIAL OFFSET OFFSETS OFFSETTING ORG ORGANISATION ORGANIZATION
    PLATFORM PROGRAM PROGRAMME PROGRAMS PROJECT PROJECTS REGISTER REGISTRIES REGISTRY RESERVE
    STANDARD STANDARDS SYSTEM THE UK UNIT UNITS US USA WEBSITE WW2 WWW
"""

_WORD: Final = re.compile("[0-9A-Z]+")
_LONGEST_NAME: Final = 200  # characters; a longer text names no registry
# Letters that people write for digits and the other way round, both as the digit.
LIKE_DIGITS: Final = str.maketrans("OIL", "011")


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


def _phrases() -> Iterator[tuple[tuple[str, ...], str]]:
    for code, names in REGISTRY_NAMES.items():
        for name in (code, *names):
            words = tuple(_words(name))
            yield words, code
            yield ("".join(words),), code  # GoldStandard, verifiedcarbonstandard.org


_PHRASES: Final = dict(_phrases())
_LONGEST_PHRASE: Final = max(map(len, _PHRASES))
_GENERIC_WORDS: Final = frozenset(word.translate(LIKE_DIGITS) for word in GENERIC_WORDS.split())
_WHOLE: Final = {tuple(_words(name)): code for name, code in WHOLE_NAMES.items()}


@lru_cache(maxsize=1_024)
def known_registry(name: str) -> str | None:
    """Return the code of the registry that a name means; None where it means no known one."""
    if len(name) > _LONGEST_NAME:
        return None
    words = _words(name)
    joined = ("".join(words),)  # "Ver-ra", "Gold Stan dard"
    code = _WHOLE.get(tuple(words)) or _PHRASES.get(joined) or _read_phrases(words)
    if code is None:
        specific = "".join(word for word in words if word not in _GENERIC_WORDS)
        code = _PHRASES.get((specific,))
    return code


def _read_phrases(words: Sequence[str]) -> str | None:
    """Return the one registry that all words but generic ones are of; None where there is none."""
    codes: set[str] = set()
    place = 0
    while place < len(words):
        for length in range(min(_LONGEST_PHRASE, len(words) - place), 0, -1):
            code = _PHRASES.get(tuple(words[place : place + length]))
            if code is not None:
                codes.add(code)
                place += length
                break
        else:
            if words[place] not in _GENERIC_WORDS:
                return None
            place += 1
    return codes.pop() if len(codes) == 1 else None


def registry_key(name: str) -> str:
    """Return the form in which two spellings of a name that means no known registry are equal."""
    words = _words(name)
    specific = [word for word in words if word not in _GENERIC_WORDS]
    return "".join(specific or words) or name
