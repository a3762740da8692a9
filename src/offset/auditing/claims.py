"""What the rows of an audit say, kept as numbers: about eighty bytes a row, whatever its length."""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from offset.exports import Meaning, Row
from offset.registries.stated import folded_project, same_project

ISSUED, HELD, RETIRED, CANCELLED = range(4)  # meanings as they are stored
_STORED: Final[Mapping[Meaning, int]] = {
    Meaning.ISSUED: ISSUED,
    Meaning.HELD: HELD,
    Meaning.RETIRED: RETIRED,
    Meaning.CANCELLED: CANCELLED,
}


class NamedBy(IntEnum):
    """How a row says which credits it is about."""

    RANGE = 0  # by the numbers of a series
    ID = 1  # by an id or a serial number without numbers that can be read
    NOTHING = 2  # by project, vintage, day and quantity alone


@dataclass(slots=True)
class Group:
    """A project's vintage: what was issued of it and what became of it, in grams.

    An end may be told twice, by a row of its own and in the running total of its issuance. Both
    tell of the same credits, so the larger of the two sums is what counts.
    """

    registry: str
    project: str
    vintage: int
    issued_g: int = 0
    rows_retired_g: int = 0
    rows_cancelled_g: int = 0
    running_retired_g: int = 0
    running_cancelled_g: int = 0
    last_end: int = -1  # the last row that tells of an end

    @property
    def retired_g(self) -> int:
        return max(self.rows_retired_g, self.running_retired_g)

    @property
    def cancelled_g(self) -> int:
        return max(self.rows_cancelled_g, self.running_cancelled_g)


class Claims:
    """The rows in the order of the files, as columns of numbers; a row is its place in them.

    Series and texts are kept as hashes of 64 bits: among a million of them the chance that two are
    taken for one another is one in thirty million.
    """

    def __init__(self) -> None:
        self.series = array("q")
        self.first = array("q")
        self.last = array("q")
        self.quantity_g = array("q")  # 0 for planned credits, which are in no sum
        self.text = array("q")
        self.group = array("l")
        self.line = array("l")
        self.ended_on = array("l")  # YYYYMMDD, 0 for no day
        self.file = array("l")
        self.meaning = array("b")
        self.named_by = array("b")
        self.issues = array("b")  # whether the row tells that its credits were issued, too
        self.running_g: dict[int, tuple[int, int]] = {}  # retired and cancelled so far, by row
        self.groups: list[Group] = []
        self._group_of: dict[tuple[str, str, int], int] = {}
        self.planned_g = 0
        self.unread_issuances: Counter[str] = Counter()  # rows of issuing files, by registry

    def __len__(self) -> int:
        return len(self.line)

    def keep(self, file: int, row: Row) -> None:
        """Take in a row of a file."""
        project = _project_key(row.registry, row.project_id or "")
        named_by, series, first, last = _named(row, project)
        if any(running_g := _running_g(row)):
            self.running_g[len(self)] = running_g
        if row.planned:
            self.planned_g += row.quantity_g
        self.series.append(series)
        self.first.append(first)
        self.last.append(last)
        self.quantity_g.append(0 if row.planned else row.quantity_g)
        self.text.append(hash(row.text))
        self.group.append(self._group(row.registry, project, row.vintage))
        self.line.append(row.line)
        self.ended_on.append(int(row.ended_on.replace("-", "")) if row.ended_on else 0)
        self.file.append(file)
        self.meaning.append(_STORED[row.meaning])
        self.named_by.append(named_by)
        self.issues.append(row.issues)

    def _group(self, registry: str, project: str, vintage: int) -> int:
        key = registry, project, vintage
        place = self._group_of.setdefault(key, len(self.groups))
        if place == len(self.groups):
            self.groups.append(Group(*key))
        return place


def _named(row: Row, project: str) -> tuple[NamedBy, int, int, int]:
    """Tell how a row names its credits: the hash of the series, the first and the last number.

    Without numbers the series is what the row has in common with its repetition in another file.
    """
    serial = row.serial
    if serial is None:
        alike = (row.registry, row.meaning, project, row.vintage, row.issued_on, row.quantity_g)
        return NamedBy.NOTHING, hash(alike), 0, 0
    if not serial.parsed:
        return NamedBy.ID, hash((*serial.key[:2], row.meaning)), 0, 0
    return NamedBy.RANGE, hash(serial.key[:2]), serial.first, serial.last


def _running_g(row: Row) -> tuple[int, int]:
    return sum(row.retired_totals_g.values()), sum(row.cancelled_totals_g.values())


@lru_cache(maxsize=20_000)
def _project_key(registry: str, project: str) -> str:
    """Reduce the spellings of a project id to one: ACR0901 and ACR901 to 901."""
    text = folded_project(project)
    number = text[len(text.rstrip("0123456789")) :]
    if number and same_project(registry, text, number):
        return number.lstrip("0") or "0"
    return text
