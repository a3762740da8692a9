"""Lists of records: which ones are asked for, and how a page of them is found by index alone.

Every filter is a *check* of one record, and most are also a *walk*: the numbers of their records,
in order, from an index. A page is found along one walk, and each record on it is checked for the
other filters. Which walk is the short one is not guessed: each is gone for a stretch, and the one
that got farthest is believed, so that a filter with few records leads past all that the others
have many of. No statistics of the database matter.

Where no walk is short (filters that have many records each and hardly any in common) a page ends
after some `LONGEST_WALK` records: it has fewer items than it could, and says where to go on.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection

from offset.core.canonical import FIRST_VINTAGE, LAST_VINTAGE, canonical_text
from offset.core.serials import Serial
from offset.database import Database
from offset.names import PREFIX, Name, Names
from offset.walks import (
    EVERY,
    HOLDER,
    OVERLAPPING,
    REGISTRY,
    REGISTRY_VINTAGE,
    STATUS,
    UNNAMED_HOLDER,
    VINTAGE,
    Walk,
    Walks,
)

LONGEST_WALK: Final = 20_000  # records that are looked at for one page
_FIRST_STRETCH: Final = 200  # records; each next one is four times as long
_NAMES_WALKED: Final = 256  # so many names at most are walked side by side
_CLAIMS_WALKED: Final = 5_000
_ENDED: Final = ("RETIRED", "CANCELLED")
_ALL: Final = 2**31
_PARAMETER: Final = re.compile(":([a-z_]+)")
# Keeps PostgreSQL from joining all that a check could find to the few records that are checked.
_ONE_BY_ONE: Final = " LIMIT 1 OFFSET 0"
_COLUMNS: Final = (
    "r.number, r.id, r.sent, r.extra, r.vintage, r.quantity_g, r.serial_number, r.created_at_us,"
    " s.status, s.available_g, s.sold_g, s.retired_g, s.cancelled_g,"
    " l.series, c.first, c.last, c.form"
)


class Unnamed(Enum):
    """The holder that has no account code."""

    UNNAMED = "unnamed"


UNNAMED: Final = Unnamed.UNNAMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which records a list shows; None where it does not matter."""

    registry: str | None = None
    vintage: int | None = None
    vintage_from: int | None = None
    vintage_to: int | None = None
    status: str | None = None
    holder: str | Unnamed | None = None
    project_name: str | None = None
    serial: Serial | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The rows of a page, and the number after which the next one begins; None at the end."""

    rows: Sequence[Any]
    next: int | None


@dataclass(frozen=True, slots=True)
class _Filter:
    """A condition on a record, and the walk along those that meet it.

    The check names the record's number `w.number` and, where it is `of` them, its row of the
    tables `records` (`r`) or `record_state` (`s`). A walk that is not `exact` has records that do
    not meet it, too.
    """

    check: str
    of: str = ""
    walk: Walk | None = None
    exact: bool = True


@dataclass(slots=True)
class _Plan:
    """How a list is found: its filters, the values in their SQL, where it begins at the earliest.

    `possible` is whether anything can match.
    """

    filters: list[_Filter] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    after: int = -1
    possible: bool = True

    def ways(self) -> list[tuple[Walk, list[_Filter]]]:
        """Give each walk with the filters that it leaves to check."""
        found = [
            (one.walk, [two for two in self.filters if two is not one or not one.exact])
            for one in self.filters
            if one.walk is not None
        ]
        # One that is merged pays for its many beginnings; where many match, any order finds them.
        if all("WITH" in walk.ordered for walk, _ in found):
            found.insert(0, (EVERY, self.filters))
        return found


class Lister:
    """Finds records in the order of their numbers; `longest` is how many it looks at for a page."""

    def __init__(self, database: Database, *, longest: int = LONGEST_WALK) -> None:
        self._database = database
        self._longest = longest
        self._names = Names(database)
        self._walks = Walks(sqlite=database.is_sqlite)
        self._few, self._many = self._joins(few=True), self._joins(few=False)
        self._written: dict[str, str] = {}

    def _joins(self, *, few: bool) -> dict[str, str]:
        beside = partial(self._walks.beside, few=few)
        return {
            "r": beside("records", "r", "number = w.number"),
            "s": beside("record_state", "s", "record_number = w.number"),
            "c": beside("serial_claims", "c", "record_number = w.number AND position IS NULL"),
            "l": beside("series", "l", "number = c.series_number"),
        }

    def page(self, connection: Connection, filters: Filters, *, after: int, limit: int) -> Found:
        """Find at most `limit` records after number `after`."""
        plan = self._plan(connection, filters, names=_NAMES_WALKED)
        if not plan.possible:
            return Found(rows=(), next=None)
        at, ways = max(after, plan.after), plan.ways()
        found: list[Any] = []
        walked, size = 0, max(_FIRST_STRETCH, 2 * limit)
        while walked < self._longest:
            farthest: tuple[int, Sequence[Any]] = (at, ())
            for walk, checks in ways:
                wanted = limit + 1 - len(found)
                rows = self._rows(connection, walk, checks, plan, at, size, wanted)
                if len(rows) == wanted or not checks:
                    return _cut([*found, *rows], limit)
                count, last = self._end(connection, walk, plan, at, size)
                if count < size:
                    return _cut([*found, *rows], limit)
                walked += count
                farthest = max(farthest, (last, rows), key=lambda stretch: stretch[0])
            at, size = farthest[0], 4 * size
            found += farthest[1]
        return Found(rows=found, next=at)

    def count(self, connection: Connection, filters: Filters) -> int:
        """Count all records that the filters name; this looks at each of them."""
        plan = self._plan(connection, filters, names=_ALL)
        if not plan.possible:
            return 0
        walk, checks = plan.ways()[-1]
        sql = f"SELECT count(*) FROM ({walk.every}) AS w"
        if checks:
            sql += _checked(checks, self._many)
        values = plan.values
        if walk.numbers is not None:
            values = {**values, "numbers": json.dumps(walk.numbers)}
        return int(self._execute(connection, sql, values)[0][0])

    # what was asked for ----------------------------------------------------------------------

    def _plan(self, connection: Connection, filters: Filters, *, names: int) -> _Plan:
        plan = _Plan()
        self._issued(filters, plan)
        self._held(filters, plan)
        if filters.serial is not None and plan.possible:
            self._covering(connection, filters.serial, plan)
        if filters.project_name is not None and plan.possible:
            self._named(connection, canonical_text(filters.project_name), plan, names)
        return plan

    def _issued(self, filters: Filters, plan: _Plan) -> None:
        """Filter by registry and vintage."""
        own = filters.registry is not None
        first = filters.vintage_from or FIRST_VINTAGE
        last = filters.vintage_to or LAST_VINTAGE
        plan.values |= {"registry": filters.registry} if own else {}
        if filters.vintage is not None:
            plan.possible = first <= filters.vintage <= last
            plan.values["vintage"] = filters.vintage
            check = "r.registry = :registry AND r.vintage = :vintage"
            if own:
                plan.filters.append(_Filter(check, "r", REGISTRY_VINTAGE))
            else:
                plan.filters.append(_Filter("r.vintage = :vintage", "r", VINTAGE))
            return
        if own:
            plan.filters.append(_Filter("r.registry = :registry", "r", REGISTRY))
        if filters.vintage_from is not None or filters.vintage_to is not None:
            plan.values |= {"vintage_from": first, "vintage_to": last}
            check = "r.vintage BETWEEN :vintage_from AND :vintage_to"
            plan.filters.append(_Filter(check, "r", self._walks.vintages(of_registry=own)))

    def _held(self, filters: Filters, plan: _Plan) -> None:
        """Filter by what became of a record: its status, and who holds some of it."""
        if filters.status is not None:
            plan.values["status"] = filters.status
            plan.filters.append(_Filter("s.status = :status", "s", STATUS))
        if filters.holder is not None:
            held, walk = "IS NULL", UNNAMED_HOLDER
            if filters.holder is not UNNAMED:
                plan.values["holder"] = filters.holder
                held, walk = "= :holder", HOLDER
            check = (
                "EXISTS (SELECT 1 FROM holdings AS h"
                f" WHERE h.record_number = w.number AND h.holder {held}{_ONE_BY_ONE})"
            )
            plan.filters.append(_Filter(check, walk=walk))
            plan.possible &= filters.status not in _ENDED  # of these nothing is held

    def _covering(self, connection: Connection, serial: Serial, plan: _Plan) -> None:
        """Filter by serial numbers, of a record's own or of its ends."""
        line = self._execute(
            connection,
            "SELECT number FROM series WHERE registry = :registry AND series = :series",
            {"registry": serial.registry, "series": serial.series},
        )
        if not line:
            plan.possible = False
            return
        plan.values |= {"line": line[0][0], "first": serial.first, "last": serial.last}
        claimed = f"SELECT c.record_number FROM serial_claims AS c WHERE {OVERLAPPING}"
        rows = self._execute(
            connection,
            f"{claimed} ORDER BY c.first LIMIT :size",
            {**plan.values, "size": _CLAIMS_WALKED + 1},
        )
        plan.possible = bool(rows)
        # The sign keeps SQLite from the index of the series, which leads past all of its claims.
        check = (
            "EXISTS (SELECT 1 FROM serial_claims AS o WHERE o.record_number = w.number"
            " AND +o.series_number = :line AND o.first <= :last AND o.last >= :first"
            f"{_ONE_BY_ONE})"
        )
        few = len(rows) <= _CLAIMS_WALKED
        walk = self._walks.known(sorted({row[0] for row in rows})) if few else None
        plan.filters.append(_Filter(check, walk=walk))

    def _named(self, connection: Connection, word: str, plan: _Plan, largest: int) -> None:
        """Filter by a text in the project's name."""
        names = self._names.containing(connection, word, largest + 1)
        plan.values["word"] = word
        find = "instr" if self._database.is_sqlite else "strpos"
        walk = None
        if names is not None:
            plan.possible = bool(names)
            if names:
                plan.after = max(plan.after, names[0].number - 1)
            if len(names) <= largest:
                plan.values["names"] = _keys(names)
                walk = self._walks.names()
        # Names that begin alike are walked together.
        exact = all(len(name.name) < PREFIX for name in names or ())
        plan.filters.append(_Filter(f"{find}(r.project_name, :word) > 0", "r", walk, exact))

    # what the database is asked --------------------------------------------------------------

    def _rows(
        self,
        connection: Connection,
        walk: Walk,
        checks: Sequence[_Filter],
        plan: _Plan,
        after: int,
        size: int,
        wanted: int,
    ) -> Sequence[Any]:
        """Read the lowest `wanted` of those records that a stretch of a walk finds."""
        walked = f"({walk.ordered}) AS w"
        if checks:
            hits = f"SELECT w.number FROM {walked}{_checked(checks, self._few)}"
            walked = f"({hits} ORDER BY w.number LIMIT :wanted) AS w"
        sql = f"SELECT {_COLUMNS} FROM {walked}{''.join(self._few.values())}"
        values = _stretch(walk, plan, after, size if checks else wanted)
        rows = self._execute(connection, sql, {**values, "wanted": wanted})
        return sorted(rows, key=_number)

    def _end(
        self, connection: Connection, walk: Walk, plan: _Plan, after: int, size: int
    ) -> tuple[int, int]:
        """Tell how many records a stretch of a walk has, and the last one's number."""
        sql = f"SELECT count(*), max(w.number) FROM ({walk.ordered}) AS w"
        count, last = self._execute(connection, sql, _stretch(walk, plan, after, size))[0]
        return count, after if last is None else last

    def _execute(self, connection: Connection, sql: str, values: dict[str, Any]) -> Sequence[Any]:
        """Run SQL whose parameters are written `:name`; it is one of a few dozen texts."""
        if not self._database.is_sqlite:
            if sql not in self._written:
                self._written[sql] = _PARAMETER.sub(r"%(\1)s", sql)
            sql = self._written[sql]
        return connection.exec_driver_sql(sql, values).all()


_number: Final = itemgetter(0)


def _cut(rows: Sequence[Any], limit: int) -> Found:
    following = rows[limit - 1][0] if len(rows) > limit else None
    return Found(rows=rows[:limit], next=following)


def _checked(checks: Sequence[_Filter], joins: Mapping[str, str]) -> str:
    tables = {one.of for one in checks}
    joined = "".join(join for alias, join in joins.items() if alias in tables)
    return f"{joined} WHERE {' AND '.join(one.check for one in checks)}"


def _stretch(walk: Walk, plan: _Plan, after: int, size: int) -> dict[str, Any]:
    values = {**plan.values, "after": after, "size": size}
    if walk.numbers is not None:
        start = bisect_right(walk.numbers, after)
        values["numbers"] = json.dumps(walk.numbers[start : start + size])
    return values


def _keys(names: Sequence[Name]) -> str:
    return json.dumps(list(dict.fromkeys(name.name[:PREFIX] for name in names)))
