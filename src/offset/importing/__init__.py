"""Registries' exports into the ledger: a file is a dated snapshot, held against what is there.

Rows are taken some hundred at a time. Each is cut at the borders of the ledger's claims
(`planning`), becomes one atomic unit, and is applied, found to be known already, or reported with
the reason; what another writer was faster with is planned again. So the same file again changes
nothing, and so does a file that was cut off half way and comes again.

Of several files those that issue go first. Running totals (`totals`) are judged when all rows are
in, because rows of their own may tell of the same credits. At the end the files as a whole are
compared with the ledger (`comparing`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from offset.core.canonical import canonical_serial
from offset.core.commands import Command
from offset.core.errors import OffsetError
from offset.core.serials import Serial
from offset.database import Database
from offset.exports import Export, Meaning, Row, RowIssue, open_export
from offset.importing.comparing import (
    Difference,
    Finding,
    chunked,
    counts_totals,
    decreased,
    differences,
    vanished,
    vintage_of,
)
from offset.importing.drafting import issued_serial, project_of
from offset.importing.known import Knower
from offset.importing.planning import Contradiction, Planner, pool_of, tells_the_present
from offset.importing.rehearsing import rehearsal
from offset.importing.spool import Spool, Sums
from offset.importing.totals import Totals, named, pool_of_totals, totals_of
from offset.ledger import Ledger
from offset.rows import ISSUES
from offset.units import Answer, Result, Unit

__all__ = ["CODES", "Difference", "Imported", "Issue", "import_files"]

CODES: Final = {
    **ISSUES,
    "stated-twice": "Another row of the file states some of the same serial numbers.",
    "retired-here": "The ledger has credits as retired that the row does not.",
    "cancelled-here": "The ledger has credits as cancelled that the row does not.",
    "moved-to-cancelled": "The ledger has credits as retired that the row cancels.",
    "quantity-differs": "The ledger has the same issuance with another quantity.",
    "planned-differs": "One of ledger and row has the credits as planned, the other as issued.",
    "not-issued": "The credits of the row were never issued in the ledger.",
    "not-enough": "The row ends more than is left of its project's vintage.",
    "counted-in-total": "A running total may have counted the credits of the row before.",
    "total-decreased": "A running total counts less than the ledger has ended by it.",
    "vanished": "The ledger has credits, or an end of some, that the file lists no more.",
}
"""Every reason of the importer's own for which something is reported. A code never changes its
meaning. A row that the ledger refuses is reported with the code of the refusal."""

ROWS_AT_A_TIME: Final = 250
_TRIES: Final = 5  # rounds in a row in which another writer was faster with every row
_UNREAD, _APPLIED, _UNCHANGED, _REPORTED = range(4)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What was not taken, or contradicts the ledger: a code, and a sentence that names the fact.

    `line` counts rows, the header being 1; None for what no row says. `text` is the row as it
    stood, on one line. `serial` and `public` say as much as may be kept: facts, no words.
    """

    file: str
    line: int | None
    code: str
    text: str
    detail: str
    serial: str
    public: str


@dataclass(kw_only=True)
class Imported:
    """How the rows fared: rows = applied + unchanged + reported.

    `passed_over` has a sentence for each file that is not about credits.
    """

    rows: int = 0
    applied: int = 0
    unchanged: int = 0
    reported: int = 0
    differences: list[Difference] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


class _Fates:
    """How each row fared, by its line: one byte a line. A blank line has no row and no fate."""

    def __init__(self) -> None:
        self._by_line = bytearray()

    def __getitem__(self, line: int) -> int:
        return self._by_line[line] if line < len(self._by_line) else _UNREAD

    def __setitem__(self, line: int, fate: int) -> None:
        self._by_line.extend(bytes(max(0, line + 1 - len(self._by_line))))
        self._by_line[line] = fate

    def count(self, fate: int) -> int:
        """Count the rows that fared so."""
        return self._by_line.count(fate)


class _File(NamedTuple):
    """A file that is being read, and how its rows fared."""

    name: str
    export: Export
    spool: Spool
    fates: _Fates


def import_files(
    ledger: Ledger,
    paths: Sequence[Path],
    *,
    report: Callable[[Issue], None],
    progress: Progress | None = None,
    names: Sequence[str] | None = None,
    dry_run: bool = False,
) -> Imported:
    """Take registries' exports into the ledger.

    Args:
        ledger: written to in batches; what it was given stays if the import is cut off.
        paths: CSV and XLSX files.
        report: called for everything that was not taken or contradicts the ledger.
        progress: called with the rows done so far and the rows there are.
        names: what to call the files; their own names if not given.
        dry_run: work on a copy of the ledger and leave the ledger as it is.

    Raises:
        UnreadableFile, UnknownFile, UnknownColumn, AmbiguousDates: as `open_export`.
        DatabaseUnavailable: the database did not take it; the same files again go on from there.
    """
    exports = [open_export(path) for path in paths]
    called = list(names or [path.name for path in paths])
    imported = Imported(
        passed_over=[
            f"{name}: {export.kind.about}"
            for name, export in zip(called, exports, strict=True)
            if export.kind.meaning is None
        ]
    )
    with ExitStack() as stack:
        files = [
            _File(name, export, stack.enter_context(closing(Spool())), _Fates())
            for name, export in zip(called, exports, strict=True)
            if export.kind.meaning is not None
        ]
        if dry_run:
            ledger = stack.enter_context(_rehearsed(ledger.database, files))
        run = _Run(ledger, files, report, progress)
        for file in sorted(files, key=lambda one: not one.export.kind.issues):
            run.rows(file)
        for file in files:
            run.totals(file)
        imported.differences = run.compare(files)
        for file in files:
            imported.rows += file.export.row_count
            imported.applied += file.fates.count(_APPLIED)
            imported.unchanged += file.fates.count(_UNCHANGED)
            imported.reported += file.fates.count(_REPORTED)
    return imported


@contextmanager
def _rehearsed(database: Database, files: Sequence[_File]) -> Iterator[Ledger]:
    registries = sorted({code for file in files for code in file.export.kind.registries})
    with rehearsal(database, registries) as scratch:
        yield Ledger(scratch, origin="rehearsal")


class _Run:
    """One import: reads each file's rows, commits what they ask for, reports the rest."""

    def __init__(
        self,
        ledger: Ledger,
        files: Sequence[_File],
        report: Callable[[Issue], None],
        progress: Progress | None,
    ) -> None:
        self._ledger = ledger
        self._knower = Knower(ledger.database)
        self._report = report
        self._progress = progress
        self._total = sum(file.export.row_count for file in files)
        self._done = 0

    def rows(self, file: _File) -> None:
        """Take all rows of a file."""
        active = tells_the_present(file.export.kind)
        for some in chunked(file.export.rows(), ROWS_AT_A_TIME):
            taken: list[Row] = []
            for row in some:
                if isinstance(row, RowIssue):
                    self._issue(file, row, row.code, row.detail)
                elif (ready := self._stated(file, row, active=active)) is not None:
                    taken.append(ready)
            self._take(file, taken)
            self._done += len(some)
            if self._progress is not None:
                self._progress(self._done, self._total)

    def _stated(self, file: _File, row: Row, *, active: bool) -> Row | None:
        """Note what a row states, and give it a serial number if it is an issuance without one."""
        row = _numbered(row, file.spool)
        assert row.serial is not None
        issued = row.meaning is Meaning.ISSUED and not active
        file.spool.add(_sums(row, active=active))
        other = file.spool.state(row.serial, row.line, as_issued=issued)
        if other is None:
            return row
        numbers = f" {other.first} to {other.last}" if row.serial.parsed else ""
        self._issue(
            file,
            row,
            "stated-twice",
            f"serial {row.serial.text}: line {other.line} states {row.serial.series}{numbers} too",
        )
        return None

    def _take(self, file: _File, rows: Sequence[Row]) -> None:
        """Plan rows and commit what they ask for, until each has its fate."""

        def planner(left: Sequence[Row]) -> Callable[[Row], Sequence[Command]]:
            pools = {pool for row in left if not row.issues and (pool := pool_of(row)) is not None}
            known = self._knower.ask(
                [row.serial for row in left if row.serial is not None],
                list(pools),
                with_ends=any(row.meaning is Meaning.CANCELLED for row in left),
            )
            return Planner(known, file.export.kind).plan

        self._settle(file, rows, planner, known_already=_UNCHANGED)

    def totals(self, file: _File) -> None:
        """End what the running totals of a file's issuances count more than the ledger has."""
        if not counts_totals(file.export.kind):
            return
        file.spool.restart_ordinals()
        for some in chunked(file.export.rows(), ROWS_AT_A_TIME):
            rows: list[Row] = []
            before_g: dict[int, dict[str, int]] = {}
            for row in (_numbered(one, file.spool) for one in some if isinstance(one, Row)):
                if file.fates[row.line] == _REPORTED:
                    continue
                pool = named(pool_of_totals(row))
                file.spool.add_total(pool, "", 0, row.line)
                before_g[row.line] = {
                    key: file.spool.add_total(pool, key, total_g, row.line)
                    for key, total_g in totals_of(row)
                }
                if before_g[row.line]:
                    rows.append(row)
            self._take_totals(file, rows, before_g)
            if self._progress is not None:  # who shows it may also stop the import
                self._progress(self._done, self._total)

    def _take_totals(
        self, file: _File, rows: Sequence[Row], before_g: Mapping[int, Mapping[str, int]]
    ) -> None:
        def planner(left: Sequence[Row]) -> Callable[[Row], Sequence[Command]]:
            serials = [row.serial for row in left if row.serial is not None]
            pools = list({pool_of_totals(row) for row in left})
            totals = Totals(self._knower.ask(serials, pools, with_ends=True))
            return lambda row: totals.plan(row, before_g[row.line])

        self._settle(file, rows, planner, known_already=None)

    def _settle(
        self,
        file: _File,
        rows: Sequence[Row],
        planner: Callable[[Sequence[Row]], Callable[[Row], Sequence[Command]]],
        *,
        known_already: int | None,
    ) -> None:
        """Plan and commit rows, and plan again what the ledger refused, until all are settled.

        What another writer was faster with looks different the next time; what does not, though no
        row of a round came through, is reported with the ledger's own reason.
        """
        tries = 0
        while rows:
            refused = self._commit(file, rows, planner(rows), known_already)
            tries = tries + 1 if len(refused) == len(rows) else 0
            if tries == _TRIES:
                for row, answer in refused:
                    self._issue(file, row, answer.body["code"], answer.body["detail"])
                return
            rows = [row for row, _ in refused]

    def _commit(
        self,
        file: _File,
        rows: Sequence[Row],
        plan: Callable[[Row], Sequence[Command]],
        known_already: int | None,
    ) -> list[tuple[Row, Answer]]:
        """Plan and commit; give the rows that the ledger refused, each with the refusal."""
        units: list[Unit] = []
        planned: list[Row] = []
        for row in rows:
            try:
                commands = plan(row)
            except (Contradiction, OffsetError) as reason:
                self._issue(file, row, reason.code, reason.detail)
                continue
            if commands:
                planned.append(row)
                units.append(
                    Unit(commands=tuple(commands), shape=_shape, atomic=True, shows_events=False)
                )
            elif known_already is not None:
                file.fates[row.line] = known_already
        refused: list[tuple[Row, Answer]] = []
        outcomes = self._ledger.commit(units) if units else []
        for row, outcome in zip(planned, outcomes, strict=True):
            if isinstance(outcome, OffsetError):
                raise outcome
            if outcome.body:
                refused.append((row, outcome))
            else:
                file.fates[row.line] = _APPLIED
        return refused

    def compare(self, files: Sequence[_File]) -> list[Difference]:
        """Report what the files as a whole leave out, or count less of than before.

        Gives what they and the ledger do not agree on.
        """
        for file in files:
            for finding in decreased(self._knower, file.export.kind, file.spool):
                self._found(file, finding)
        database = self._ledger.database
        kinds = [(file.export.kind, file.spool) for file in files]
        for place, finding in vanished(database, kinds):
            self._found(files[place], finding)
        return list(differences(database, kinds))

    def _found(self, file: _File, finding: Finding) -> None:
        if finding.line is not None and file.fates[finding.line] == _UNCHANGED:
            file.fates[finding.line] = _REPORTED
        self._report(
            Issue(
                file=file.name,
                line=finding.line,
                code=finding.code,
                text="",
                detail=finding.detail,
                serial="",
                public=finding.detail,
            )
        )

    def _issue(self, file: _File, row: Row | RowIssue, code: str, detail: str) -> None:
        """Report a row; what its reader quotes from it is not for keeping."""
        file.fates[row.line] = _REPORTED
        serial = row.serial if isinstance(row, Row) else None
        self._report(
            Issue(
                file=file.name,
                line=row.line,
                code=code,
                text=row.text,
                detail=detail,
                serial=serial.text if serial else "",
                public=detail if isinstance(row, Row) else ISSUES[code],
            )
        )


def _numbered(row: Row, spool: Spool) -> Row:
    """Give an issuance without a serial number one of its own."""
    if row.serial is not None:
        return row
    facts = issued_serial(row)
    text = f"{facts}/{spool.ordinal(facts)}"
    serial = Serial.opaque(registry=row.registry, text=canonical_serial(text))
    return replace(row, serial_text=text, serial=serial)


def _sums(row: Row, *, active: bool) -> Sums:
    """Say what a row adds to its project's vintage; planned credits add nothing.

    Where a list of issuances keeps what ended since, an end says nothing new of what was issued.
    """
    issues = row.issues and (active or row.meaning is Meaning.ISSUED)
    quantity_g = 0 if row.planned else row.quantity_g
    return Sums(
        registry=row.registry,
        project=project_of(row) or "",
        vintage=vintage_of(row.registry, row.vintage),
        issued_g=quantity_g if issues else 0,
        retired_g=quantity_g if row.meaning is Meaning.RETIRED else 0,
        cancelled_g=quantity_g if row.meaning is Meaning.CANCELLED else 0,
        running_retired_g=sum(row.retired_totals_g.values()),
        running_cancelled_g=sum(row.cancelled_totals_g.values()),
    )


def _shape(results: Sequence[Result]) -> Answer:
    """Answer a unit with the refusal of its last command, or with nothing."""
    last = results[-1]
    if isinstance(last, OffsetError):
        return Answer(status=409, body={"code": last.code, "detail": last.detail})
    return Answer(status=200, body={})
