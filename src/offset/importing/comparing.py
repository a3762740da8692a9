"""What an edition of a file leaves out, and what it adds up to beside what the ledger has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, select

from offset.core.events import read_leaf
from offset.core.quantities import tonnes, tonnes_text
from offset.database import Database
from offset.exports import FileKind, Meaning
from offset.importing.known import Knower
from offset.importing.pools import pool_named
from offset.importing.preparing import chunked, vintage_of
from offset.importing.spool import Spool, Sums
from offset.importing.totals import counted_ends
from offset.models import events, ledger_head, record_state, records, serial_claims, series
from offset.registries.files import NOTHING, CancelledTotal, Field, RetiredTotal

_PROJECTS_AT_A_TIME: Final = 200
_NOTHING: Final = (0, 0, 0)
_POOLS_AT_A_TIME: Final = 200


class Finding(NamedTuple):
    """Something that a file as a whole does not say, or says otherwise than the ledger."""

    line: int | None
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A project's vintage of which the files and the ledger do not say the same, in grams.

    `vintage` is None at registries whose retirements name none. What no file states is not
    compared.
    """

    registry: str
    project: str
    vintage: int | None
    measure: str  # issued, retired or cancelled
    file_g: int
    ledger_g: int

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON values, quantities in tonnes."""
        return {
            "registry": self.registry,
            "project": self.project,
            "vintage": self.vintage,
            "measure": self.measure,
            "file": tonnes(self.file_g),
            "ledger": tonnes(self.ledger_g),
        }


def measures_of(kind: FileKind) -> set[str]:
    """Tell what the rows of a kind of file add up to; `apart` where a status tells which."""
    columns = set(map(type, kind.columns.values()))
    said = {kind.meaning, kind.ended}
    said |= {one.meaning for one in (*kind.statuses.values(), *kind.reasons.values())}
    found = {"issued"} if kind.issues else set()
    if Meaning.RETIRED in said or RetiredTotal in columns:
        found.add("retired")
    if Meaning.CANCELLED in said or CancelledTotal in columns:
        found.add("cancelled")
    if kind.statuses:
        found.add("apart")
    return found


def differences(
    database: Database, files: Sequence[tuple[FileKind, Spool]]
) -> Iterator[Difference]:
    """Compare what all files together add up to with what the ledger has of the same projects."""
    stated: dict[str, set[str]] = {}
    for kind, _ in files:
        for registry in kind.registries:
            stated.setdefault(registry, set()).update(measures_of(kind))
    rows = merge(*(spool.sums() for _, spool in files), key=itemgetter(0, 1, 2))
    with database.reading(patiently=True) as connection:
        for registry, own in groupby(rows, key=itemgetter(0)):
            projects = groupby(own, key=itemgetter(1))
            for some in chunked(
                ((name, list(sums)) for name, sums in projects), _PROJECTS_AT_A_TIME
            ):
                ledger = _ledger_sums(database, connection, registry, [name for name, _ in some])
                for name, sums in some:
                    yield from _compared(registry, name, sums, ledger, stated[registry])


def _compared(
    registry: str,
    project: str,
    sums: Sequence[Sums],
    ledger: Mapping[tuple[str, int], tuple[int, int, int]],
    stated: set[str],
) -> Iterator[Difference]:
    """Compare a project's vintages: those that the files state, and those that the ledger has."""
    files: dict[int, tuple[int, int, int]] = {}
    for vintage, own in groupby(sums, key=itemgetter(2)):
        added = [sum(column) for column in zip(*(one[3:] for one in own), strict=True)]
        issued_g, retired_g, cancelled_g, running_retired_g, running_cancelled_g = added
        retired_g, cancelled_g = (
            max(retired_g, running_retired_g),
            max(cancelled_g, running_cancelled_g),
        )
        files[vintage] = (issued_g, retired_g, cancelled_g)
    for vintage in sorted(files.keys() | {year for name, year in ledger if name == project}):
        for measure, here, there in zip(
            ("issued", "retired", "cancelled"),
            files.get(vintage, _NOTHING),
            ledger.get((project, vintage), _NOTHING),
            strict=True,
        ):
            # A list of what was issued and one of what ended may come apart.
            apart = measure == "issued" and "apart" in stated and here < there
            if measure in stated and here != there and not apart:
                yield Difference(
                    registry=registry,
                    project=project,
                    vintage=vintage or None,
                    measure=measure,
                    file_g=here,
                    ledger_g=there,
                )


def _ledger_sums(
    database: Database, connection: Connection, registry: str, projects: Sequence[str]
) -> dict[tuple[str, int], tuple[int, int, int]]:
    """Add up what the ledger has of some projects, planned credits apart."""
    project = database.extra_field("project_id")
    state = record_state.c
    statement = (
        select(
            project,
            records.c.vintage,
            *(func.sum(one) for one in (records.c.quantity_g, state.retired_g, state.cancelled_g)),
        )
        .join(record_state, state.record_number == records.c.number)
        .where(records.c.registry == registry, database.among(project, "projects"))
        .where(database.extra_field("planned").is_(None))
        .group_by(project, records.c.vintage)
    )
    found: dict[tuple[str, int], tuple[int, int, int]] = {}
    for name, vintage, *added in connection.execute(statement, {"projects": list(projects)}):
        key = (name, vintage_of(registry, vintage))
        before = found.get(key, (0, 0, 0))
        found[key] = (
            before[0] + int(added[0]),
            before[1] + int(added[1]),
            before[2] + int(added[2]),
        )
    return found


def head_of(database: Database) -> int:
    """Give the position of the ledger's last event.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    with database.reading() as connection:
        return int(connection.execute(select(ledger_head.c.position)).scalar_one())


def vanished(
    database: Database, files: Sequence[tuple[FileKind, Spool]], *, until: int
) -> Iterator[tuple[int, Finding]]:
    """Find what the ledger has, from files of these kinds, that none of these lists any more.

    What came after the position `until`, where the import began, is of these files, or newer.

    An issuance, or an end whose serial numbers no row states, of a project that one of the files
    is about; an export may be of some projects only. A row that is reported for another reason is
    in its file all the same: what it lists, or may list, has not vanished.

    Each comes with the place of the first file that would have listed it. Holdings of one account
    leave out what others hold, so they do not count.
    """
    rows = merge(*(spool.sums() for _, spool in files), key=itemgetter(0, 1))
    with database.reading(patiently=True) as connection:
        for registry, own in groupby(rows, key=itemgetter(0)):
            listing = [
                (place, kind)
                for place, (kind, _) in enumerate(files)
                if registry in kind.registries and kind.meaning is not Meaning.HELD
            ]
            spools = [spool for kind, spool in files if registry in kind.registries]
            projects = (name for name, _ in groupby(own, key=itemgetter(1)))
            for some in chunked(projects, _PROJECTS_AT_A_TIME) if listing else ():
                for row in _claims_of(database, connection, registry, some, until):
                    place = next((at for at, kind in listing if _would_list(kind, row)), None)
                    if place is not None and not _is_listed(spools, registry, row):
                        yield place, _left_out(row)


def _claims_of(
    database: Database,
    connection: Connection,
    registry: str,
    projects: Sequence[str],
    until: int,
) -> Iterator[Any]:
    """Walk what records of some projects, and their ends, claim, up to a position."""
    project = database.extra_field("project_id")
    claim = serial_claims.c
    statement = (
        select(
            *(records.c.id, records.c.vintage, project.label("project")),
            *(series.c.registry, series.c.series),
            *(claim.first, claim.last, claim.form, claim.position, events.c.leaf),
        )
        .join(serial_claims, claim.record_number == records.c.number)
        .join(series, series.c.number == claim.series_number)
        .join(events, events.c.position == claim.position, isouter=True)
        .where(records.c.registry == registry, database.among(project, "projects"))
        .where(claim.position.is_distinct_from(records.c.number))  # no further claims
        .where(records.c.number <= until, func.coalesce(claim.position, 0) <= until)
        .order_by(records.c.number, claim.first)
        .execution_options(yield_per=1_000)
    )
    yield from connection.execute(statement, {"projects": list(projects)})


def _would_list(kind: FileKind, row: Any) -> bool:
    """Tell whether a file of a kind lists what a claim is of: the same issuance, or such an end."""
    if row.position is None:
        has_serials = Field.SERIAL in kind.columns.values()
        return kind.issues and (has_serials or row.form is None)
    event = read_leaf(row.position, row.leaf)
    said = (event.type, event.data.get("cause"), event.data.get("converted_to"))
    return not kind.issues and said in _ends_of(kind)


def _ends_of(kind: FileKind) -> Iterator[tuple[str, str | None, str | None]]:
    """Walk the ends that rows of a kind can state: type, cause, where credits were converted to."""
    for says in (NOTHING, *kind.statuses.values(), *kind.reasons.values()):
        meaning = says.meaning or kind.meaning
        if meaning is Meaning.RETIRED:
            yield "RETIRED", None, None
        elif meaning is Meaning.CANCELLED:
            yield "CANCELLED", says.cause or "other", says.converted_to


def _is_listed(spools: Sequence[Spool], registry: str, claim: Any) -> bool:
    """Check whether the rows of all files together list a claim, or rows not taken may list it."""
    if _stated(spools, claim):
        return True
    return any(spool.lists_project(registry, claim.project, claim.vintage) for spool in spools)


def _stated(spools: Sequence[Spool], claim: Any) -> bool:
    """Check whether the rows of all files together state every serial number of a claim."""
    number = claim.first
    while number <= claim.last:
        ends = (spool.stated_from(claim.registry, claim.series, number) for spool in spools)
        furthest = max((end for end in ends if end is not None), default=None)
        if furthest is None:
            return False
        number = furthest + 1
    return True


def _left_out(claim: Any) -> Finding:
    what = "issuance" if claim.position is None else f"end at position {claim.position}"
    numbers = "" if claim.form is None else f" {claim.first} to {claim.last}"
    return Finding(
        None,
        "vanished",
        f"{claim.project}, vintage {claim.vintage}: the ledger's {what} of {claim.series}"
        f"{numbers} (record {bytes(claim.id).hex()[:12]}...) is not listed any more",
    )


def decreased(
    knower: Knower, kind: FileKind, spool: Spool, spools: Sequence[Spool]
) -> Iterator[Finding]:
    """Find running totals that count less than the ledger has ended by them, or nothing now.

    Totals of which a row was not taken are not judged; `spools` are those of the file's sheets.
    """
    by_pool = groupby(spool.totals(), key=itemgetter(0))
    whole = ((name, list(rows)) for name, rows in by_pool if not _is_doubted(spool, spools, name))
    for some in chunked(whole, _POOLS_AT_A_TIME):
        pools = {name: pool_named(name) for name, _ in some}
        known = knower.ask([], list(pools.values()), with_ends=True)
        for name, rows in some:
            pool, line = pools[name], max(row[3] for row in rows) or None
            sums = {key: sum_g for _, key, sum_g, _ in rows}
            for key, ended_g in counted_ends(known, pool, kind).items():
                if ended_g > sums.get(key, 0):
                    yield Finding(
                        line,
                        "total-decreased",
                        f"the running total {key} of {pool.project or pool.serial}, vintage "
                        f"{pool.vintage}, is {tonnes_text(sums.get(key, 0))}; the ledger has "
                        f"{tonnes_text(ended_g)}",
                    )


def _is_doubted(spool: Spool, spools: Sequence[Spool], name: str) -> bool:
    if spool.doubts(name):
        return True
    pool = pool_named(name)
    if pool.project is None:
        return False
    return any(one.lists_project(pool.registry, pool.project, pool.vintage) for one in spools)
