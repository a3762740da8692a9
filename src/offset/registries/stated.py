"""What a serial number says of its credits, and when two project ids name one project.

An importer holds what a serial number says against the columns of its row: a difference is
reported, never repaired.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from offset.core.canonical import canonical_serial


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a serial number says of its credits, beside their numbers; None where it is silent.

    `project` is the id as the serial writes it, without its registry's letters: `901`, not
    `ACR901`. `country` is two letters, `NA` being Namibia; `vintage` the first year; `period` the
    first and the last day of the vintage; `certified` whether a second standard certifies them.
    """

    project: str | None
    country: str | None
    vintage: int | None
    period: tuple[date, date] | None
    certified: bool | None = None  # only Verra's tell it


# The letters that exports, pages and data sets put before a project's number, or leave out:
# 901 is VCS901. Letters that are not here are part of the id: VCSOPR9 is a series of its own.
_LETTERS: Final[Mapping[str, frozenset[str]]] = {
    "verra": frozenset({"VCS"}),
    "gold-standard": frozenset({"GS", "GLD"}),
    "acr": frozenset({"ACR"}),
    "car": frozenset({"CAR"}),
    "art": frozenset({"ART"}),  # of FCPF programs, too: FCPF-CI-901 is ART901
    "puro": frozenset(),
    "cercarbono": frozenset({"CDC", "CCB"}),
}

LONGEST_PROJECT: Final = 200  # characters; a longer text is no registry's id, and is not folded

_NUMBERED: Final = re.compile(r"(?P<letters>[A-Z]*+)[ _-]?(?P<number>[0-9]++)", re.ASCII)


def same_project(registry: str, one: str, other: str) -> bool:
    """Tell whether two ids name the same project of a registry.

    The registry's letters, zeros before the number, case and what stands between them do not
    count: `901` is `VCS901`, `ACR0901` is `ACR901`, `CDC_9` is `CDC-9`. At a registry whose ids
    are not numbers only case and white space are folded. An id that is blank names none.

    Args:
        registry: a canonical code, known here or not.
        one: a project id as a file or a serial number writes it.
        other: another one.
    """
    folded = _folded(registry, one)
    return folded != "" and folded == _folded(registry, other)


def folded_project(project: str) -> str:
    """Write a project id in capitals; a text that is too long to be one stays as it is."""
    return canonical_serial(project) if len(project) <= LONGEST_PROJECT else project


def _folded(registry: str, project: str) -> str:
    text = folded_project(project)
    known = _LETTERS.get(registry)
    numbered = _NUMBERED.fullmatch(text)
    if known is None or numbered is None:
        return text
    letters = "" if numbered["letters"] in known else numbered["letters"]
    return letters + (numbered["number"].lstrip("0") or "0")


_PREFIXES: Final[Mapping[str, str]] = {
    "verra": "VCS",
    "gold-standard": "GS",
    "acr": "ACR",
    "car": "CAR",
    "art": "ART",
    "cercarbono": "CDC-",
}


@lru_cache(maxsize=20_000)
def written_project(registry: str, project: str) -> str:
    """Write a project id in one way, whichever way a file writes it: `VCS901`, `ACR901`.

    Args:
        registry: a canonical code, known here or not.
        project: a project id as a file or a serial number writes it.
    """
    folded = _folded(registry, project)
    return f"{_PREFIXES.get(registry, '')}{folded}" if folded.isdigit() else folded
