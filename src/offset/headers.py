"""Headers of registries' exports: which kind of file they are of, and what is not known of them."""

import re
from collections.abc import Sequence
from typing import Final

from offset.cells import LONGEST_WORD, folded_header, is_unnamed
from offset.registries import (
    acr_files,
    arb_files,
    art_files,
    car_files,
    cercarbono_files,
    gold_standard_files,
    isometric_files,
    verra_files,
)
from offset.registries.files import Field, FileKind

KINDS: Final[Sequence[FileKind]] = (
    *verra_files.FILES,
    *gold_standard_files.FILES,
    *acr_files.FILES,
    *car_files.FILES,
    *art_files.FILES,
    *cercarbono_files.FILES,
    *isometric_files.FILES,
    *arb_files.FILES,
)
_KNOWN: Final = frozenset(name for kind in KINDS for name in kind.columns)

LIST_OF_PROJECTS: Final = (
    "a list of projects: it says nothing of credits, so no row is for the ledger"
)
_PROJECT: Final = r"(project|program|programme|facility|activity|initiative|resource)"
_PROJECT_ID: Final = re.compile(
    rf"(.*\b)?{_PROJECT}s?[ _-]?(id|ids|no|number|code|key|ref|reference|identifier)[.#]?|gs ?id"
)
_PROJECT_NAME: Final = re.compile(rf"(.*\b)?{_PROJECT}s?[ _-]?(name|title)|{_PROJECT}")
# An id and a name of no more than that are a project's only beside what projects alone have.
_PLAIN_ID: Final = {"id", "code", "identifier", "number"}
_PLAIN_NAME: Final = {"name", "title"}
_OF_PROJECTS: Final = re.compile(
    rf"{_PROJECT}|proponent|developer|methodolog|protocol|country|validat|crediting"
)
# What a list of projects does not have, and rows of credits do.
_OF_CREDITS: Final = re.compile(
    r"\bserials?\b|serial n|quantity|^vintage|volume|\bamount\b|\btonnes?\b|\btco2e?\b"
    r"|(retire|cancel)\w* (date|reason|detail|quantity|on|by)\b|\bretired\b|\bcancell?ed\b"
    r"|beneficiary|account holder|on behalf|status effective|date issued|issuance date|issued"
    r"|\bcredits\b|\bcorcs\b|\bvcus?\b|\bvers?\b|\bunits\b|\bqty\b|^(from|to|first|last|number)$"
)
# Quantities of a project as a whole, planned or so far, stand in lists of projects, too.
_OF_THE_WHOLE: Final = re.compile(
    r"estimate|expected|annual|average|forecast|projected|predicted|potential|planned"
    r"|crediting|credits registered|capacity"
    r"|\bper year\b|^total\b"
)

# A column that is not known is left out where it cannot change what a row says. Columns with these
# words may: another status, quantity or serial number, or what became of the credits.
_WEIGHTY: Final = re.compile(
    r"\b(status|quantit|amount|volume|tonnes?\b|tons?\b|tco2|kgs?\b|credits\b|units\b|vcus\b|vers\b"
    r"|corcs\b|serial|blocks?\b|vintage|issued\b|retire|cancel|invalid|revers|revok|void|withdr"
    r"|suspend|expir|buffer|convert|transfer|transaction|action\b|event\b|operation\b|balance"
    r"|remaining|available|active\b|inactive\b|held\b|holding|planned|delet|replac|supersed"
    r"|reason|total$|qty|sold\b|ended\b|reissu|correct(ed|ion)|adjusted|duplicate|exclu|remov(e|ed)\b"
    r"|unit type|disposition|state of|on hold|menge|anzahl|cantidad|quantidade|estado|statut)"
    # Words of which each may be a name for one of these, if it is all of the column's name.
    r"|^(adjustments?|count|deductions?|end|error|factor|first|from|gross|ignore|include|last|lost"
    r"|multiplier|net|number|split|start|sum|to|units?|valid)$"
)
_HARMLESS: Final = re.compile(
    r"\b(price|cost|fee|paid|invoice|project status|certificate|url|link)\b"
    r"|\b(usd|eur|gbp|correspond\w*)\b"
    r"|^(issuance|retirement|cancellation) (year|month|quarter)$"
)
# Where no serial number says whose credits a row is of, these words may, too.
_OF_WHOM: Final = re.compile(r"\b(registr|standard|program|project (id|no|number|code)\b|scheme)")
# Whatever a column is called, a cell that says no more than this says what became of credits.
_ENDED: Final = re.compile(
    r"(cancel|cancell|retir|invalidat|revok|void|revers|suspend|expir|delet|convert|transferr?)(ed)?"
    r"|retirement|cancell?ation|invalidation|reversal|conversion|sold|withdrawn|inactive|invalid"
)


def recognised(header: Sequence[str]) -> FileKind | None:
    """Find the kind of file that has these headers; None where there is none.

    Where the marks of several are there, the kind that knows most of the columns.
    """
    names = _folded(header)
    return min(_fitting(names), key=lambda kind: _unlisted(kind, names), default=None)


def is_of_several_kinds(header: Sequence[str]) -> bool:
    """Check whether headers are as well those of one kind of file as of another."""
    names = _folded(header)
    counts = sorted(_unlisted(kind, names) for kind in _fitting(names))
    return len(counts) > 1 and counts[0] == counts[1]


def lists_projects(header: Sequence[str]) -> bool:
    """Check whether a file with these headers is a list of projects, of whatever programme.

    It has a project's id and name, and neither serial numbers nor quantities.
    """
    names = _folded(header)
    kind = recognised(header)
    if kind is not None:
        return kind.meaning is None
    words = {_words(name) for name in names}
    if any(_OF_CREDITS.search(one) and not _OF_THE_WHOLE.search(one) for one in words):
        return False
    has_id = any(map(_PROJECT_ID.fullmatch, words))
    has_name = any(map(_PROJECT_NAME.fullmatch, words))
    if has_id and (has_name or words & _PLAIN_NAME):
        return True
    is_plain = (has_id or words & _PLAIN_ID) and (has_name or words & _PLAIN_NAME)
    return bool(is_plain) and sum(bool(_OF_PROJECTS.search(one)) for one in words) > 1


def rank(cells: Sequence[str]) -> float:
    """Rank a row as a header: 1 for an export's, less for a list of projects, then by what it has.

    A row of which a kind of file has some of the columns is the header of a file that is nearly
    known; a title is not.
    """
    names = _folded(cells)
    if not names & _KNOWN and len(names) < 2:
        return 0
    if _fitting(names):
        return 1
    if lists_projects(cells):
        return 0.9
    nearest = max(1 - len(missing_marks(kind, names)) / len(kind.marks) for kind in KINDS)
    return 0.8 * nearest + 0.1 * len(names & _KNOWN) / (len(names) or 1)


def missing_marks(kind: FileKind, names: set[str]) -> list[str]:
    """List the marks of a kind for which there is no column."""
    spellings = [(mark,) if isinstance(mark, str) else mark for mark in kind.marks]
    return [mark[0] for mark in spellings if names.isdisjoint(mark)]


def describe_unknown(header: Sequence[str]) -> str:
    """Describe headers that are those of no export: the headers, and what is missing to be one.

    A row that has none of the known columns may be anything, and is not quoted.
    """
    names = _folded(header)
    nearest = min(KINDS, key=lambda kind: len(missing_marks(kind, names)) / len(kind.marks))
    missing = missing_marks(nearest, names)
    hint = ""
    if missing and len(missing) < len(nearest.marks):
        hint = f"; nearest are {nearest.title}, without {', '.join(map(repr, missing))}"
    named = [name for name in header if name.strip()]
    shown = ", ".join(repr(name[:100]) for name in named[:40]) or "none"
    return f"no export that is known has these columns: {shown}{hint}"


def has_known_columns(header: Sequence[str]) -> bool:
    """Check whether some export that is known has one of these columns."""
    return bool(_folded(header) & _KNOWN)


def may_matter(name: str, kind: FileKind) -> bool:
    """Check whether a column that a kind of file does not have could change what a row says.

    Args:
        name: its folded header.
        kind: what the file is.
    """
    words = _words(name)
    if _HARMLESS.search(words):
        return False
    has_serials = Field.SERIAL in kind.columns.values()
    return bool(_WEIGHTY.search(words) or (not has_serials and _OF_WHOM.search(words)))


def says_what_became(cell: str) -> bool:
    """Check whether a cell says in one word that credits ended: `Cancelled`."""
    return len(cell) <= 20 and _ENDED.fullmatch(cell.strip().lower()) is not None


def _words(name: str) -> str:
    return re.sub("[_./?-]+", " ", name).strip()


def _folded(header: Sequence[str]) -> set[str]:
    names = {folded_header(name) for name in header}
    return {name for name in names if len(name) <= LONGEST_WORD and not is_unnamed(name)}


def _fitting(names: set[str]) -> list[FileKind]:
    return [kind for kind in KINDS if not missing_marks(kind, names)]


def _unlisted(kind: FileKind, names: set[str]) -> int:
    return len(names - kind.columns.keys())
