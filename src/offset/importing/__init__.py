"""Registries' exports into the ledger: a file is a dated snapshot, held against what is there.

Rows are taken some hundred at a time. Each is cut at the borders of the ledger's claims
(`planning`), becomes one atomic unit, and is applied, found to be known already, or reported with
the reason; what another writer was faster with is planned again. So the same file again changes
nothing, and so does a file that was cut off half way and comes again.

Of several files those that issue go first. Running totals (`totals`) are judged when all rows are
in, because rows of their own may tell of the same credits. At the end the files as a whole are
compared with the ledger (`comparing`).
"""

import gc
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple, Protocol, TypeVar

from offset.core.commands import Command
from offset.core.errors import OffsetError
from offset.database import Database
from offset.exports import FileKind, Meaning, Order
from offset.importing.comparing import (
    Difference,
    Finding,
    decreased,
    differences,
    head_of,
    vanished,
)
from offset.importing.drafting import Random
from offset.importing.elsewhere import walk_elsewhere
from offset.importing.known import Knower
from offset.importing.planning import Contradiction, Planner
from offset.importing.pools import pool_named
from offset.importing.preparing import (
    ROWS_AT_A_TIME,
    Opening,
    Ready,
    Some,
    chunked,
    counts_totals,
    prepared,
    spool_of,
)
from offset.importing.rehearsing import rehearsal
from offset.importing.spool import Counting, Spool
from offset.importing.totals import Totals
from offset.ledger import Ledger
from offset.rows import ISSUES
from offset.units import Answer, Result, Unit

__all__ = ["CODES", "WORTH_A_PROCESS", "Difference", "Imported", "Issue", "import_files"]

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

# Bytes of files from which on a process of its own gives more time than its start takes.
WORTH_A_PROCESS: Final = 2_000_000
_MADE_BETWEEN: Final = 20_000  # objects, from one look for garbage to the next
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

    `passed_over` has a sentence for each file or sheet that is not about credits, `notes` one for
    each column and country that is not taken though it has text.
    """

    rows: int = 0
    applied: int = 0
    unchanged: int = 0
    reported: int = 0
    differences: list[Difference] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


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
    """An export that is being read: what it is, where its spool will be, how its rows fared.

    Exports of one leader are sheets of a workbook that may repeat each other's rows.
    """

    name: str
    kind: FileKind
    row_count: int
    spool: Path
    fates: _Fates
    leader: int


class _Quoted(Protocol):
    """A row that can be reported."""

    @property
    def line(self) -> int:
        """Its number, the header being 1."""

    @property
    def text(self) -> str:
        """The row as it stood."""

    @property
    def serial_text(self) -> str:
        """Its serial number; empty where it has none that can be read."""


_Row = TypeVar("_Row", bound=_Quoted)


def import_files(
    ledger: Ledger,
    paths: Sequence[Path],
    *,
    report: Callable[[Issue], None],
    progress: Progress | None = None,
    names: Sequence[str] | None = None,
    dry_run: bool = False,
    apart: bool | None = None,
    dates: Order | None = None,
) -> Imported:
    """Take registries' exports into the ledger.

    Args:
        ledger: written to in batches; what it was given stays if the import is cut off.
        paths: CSV and XLSX files.
        report: called for everything that was not taken or contradicts the ledger.
        progress: called with the rows done so far and the rows there are.
        names: what to call the files; their own names if not given.
        dry_run: work on a copy of the ledger and leave the ledger as it is.
        apart: read the files in a process of its own; if not said, where there is enough to read
            and a core for it.
        dates: in which order days and months stand where a file's own dates do not tell.

    Raises:
        UnreadableFile, UnknownFile, UnknownColumn, AmbiguousDates: as `open_exports`.
        DatabaseUnavailable: the database did not take it; the same files again go on from there.
        Unavailable: the process that reads was ended by someone else; the same.
    """
    called = list(names or [path.name for path in paths])
    with ExitStack() as stack:
        stack.enter_context(_seldom_collected())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="offset-import-")))
        walk = stack.enter_context(closing(_walk(paths, folder, apart, dates)))
        opening = next(walk)
        assert isinstance(opening, Opening)
        files = _files(opening, called, folder)
        if dry_run:
            ledger = stack.enter_context(_rehearsed(ledger.database, files))
        run = _Run(ledger, files, report, progress)
        for some in walk:
            assert isinstance(some, Some)
            run.rows(files[some.file], some)
        spools = [stack.enter_context(closing(Spool(file.spool, writes=False))) for file in files]
        for file, spool in zip(files, spools, strict=True):
            run.totals(file, spool, spools[file.leader])
        return Imported(
            differences=run.compare(files, spools),
            rows=sum(file.row_count for file in files),
            applied=sum(file.fates.count(_APPLIED) for file in files),
            unchanged=sum(file.fates.count(_UNCHANGED) for file in files),
            reported=sum(file.fates.count(_REPORTED) for file in files),
            passed_over=[f"{called[at]}: {sentence}" for at, sentence in opening.passed_over],
            notes=[f"{called[at]}: {sentence}" for at, sentence in opening.notes],
        )


def _files(opening: Opening, called: Sequence[str], folder: Path) -> list[_File]:
    """Name the exports: by their files, and by their sheets where a file has several."""
    files = []
    for place, one in enumerate(opening.exports):
        name = called[one.path_number]
        if one.sheet_name:
            name = f"{name}, sheet {one.sheet_name}"
        spool = spool_of(folder, place)
        files.append(_File(name, one.kind, one.row_count, spool, _Fates(), one.leader))
    return files


def _walk(
    paths: Sequence[Path], folder: Path, apart: bool | None, dates: Order | None
) -> Generator[Opening | Some, None, None]:
    """Prepare the rows of files, here or in a process of its own, which comes to the same."""
    if apart is None:
        apart = (os.cpu_count() or 1) > 1 and _size_of(paths) >= WORTH_A_PROCESS
    walked = (paths, folder, ROWS_AT_A_TIME, dates)
    return walk_elsewhere(prepared, *walked) if apart else prepared(*walked)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Have Python look for cycles less often: the objects of a batch are many, and in none.

    By its own measure it looks 150 times a batch, a tenth of the time that an import takes.
    """
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], _MADE_BETWEEN), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _size_of(paths: Sequence[Path]) -> int:
    """Add up the bytes of files; one that is not there is for its reader to miss."""
    return sum(path.stat().st_size for path in paths if path.is_file())


@contextmanager
def _rehearsed(database: Database, files: Sequence[_File]) -> Iterator[Ledger]:
    registries = sorted({code for file in files for code in file.kind.registries})
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
        self._begun_at = head_of(ledger.database)
        self._random = Random()
        self._report = report
        self._progress = progress
        self._total = sum(file.row_count for file in files)
        self._done = 0

    def rows(self, file: _File, some: Some) -> None:
        """Take some rows of a file: plan, and commit what they ask for, until each has its fate."""
        for row in some.faulty:
            self._issue(file, row, row.code, row.detail, row.public)

        def planner(left: Sequence[Ready]) -> Callable[[Ready], Sequence[Command]]:
            known = self._knower.ask(
                [row.row.serial for row in left if row.row.serial is not None],
                list({row.pool for row in left if row.pool is not None}),
                with_ends=any(row.row.meaning is Meaning.CANCELLED for row in left),
            )
            return Planner(known, file.kind, self._random).plan

        self._settle(file, some.ready, planner, known_already=_UNCHANGED)
        self._done += len(some.faulty) + len(some.ready)
        self._show()

    def _show(self) -> None:
        if self._progress is not None:  # who shows it may also stop the import
            self._progress(self._done, self._total)

    def totals(self, file: _File, spool: Spool, sums: Spool) -> None:
        """End what the running totals of a file's issuances count more than the ledger has.

        They are added up in `sums`, the leader's spool.
        """
        if not counts_totals(file.kind):
            return
        for some in chunked(spool.counting(), ROWS_AT_A_TIME):
            rows: list[Counting] = []
            before_g: dict[int, dict[str, int]] = {}
            for row in some:
                if file.fates[row.line] == _REPORTED:
                    sums.doubt(row.pool)
                    continue
                line = row.line if sums is spool else 0
                sums.add_total(row.pool, "", 0, line)
                before_g[row.line] = {
                    key: sums.add_total(row.pool, key, total_g, line)
                    for key, total_g in row.totals.items()
                }
                if row.totals:
                    rows.append(row)
            self._take_totals(file, rows, before_g)
            self._show()

    def _take_totals(
        self, file: _File, rows: Sequence[Counting], before_g: Mapping[int, Mapping[str, int]]
    ) -> None:
        def planner(left: Sequence[Counting]) -> Callable[[Counting], Sequence[Command]]:
            pools = [pool_named(name) for name in {row.pool for row in left}]
            known = self._knower.ask(left, pools, with_ends=True)
            totals = Totals(known, self._random)
            return lambda row: totals.plan(row, before_g[row.line])

        self._settle(file, rows, planner, known_already=None)

    def _settle(
        self,
        file: _File,
        rows: Sequence[_Row],
        planner: Callable[[Sequence[_Row]], Callable[[_Row], Sequence[Command]]],
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
                    code, detail = answer.body["code"], answer.body["detail"]
                    self._issue(file, row, code, detail, detail)
                return
            rows = [row for row, _ in refused]

    def _commit(
        self,
        file: _File,
        rows: Sequence[_Row],
        plan: Callable[[_Row], Sequence[Command]],
        known_already: int | None,
    ) -> list[tuple[_Row, Answer]]:
        """Plan and commit; give the rows that the ledger refused, each with the refusal."""
        units: list[Unit] = []
        planned: list[_Row] = []
        for row in rows:
            try:
                commands = plan(row)
            except (Contradiction, OffsetError) as reason:
                self._issue(file, row, reason.code, reason.detail, reason.detail)
                continue
            if commands:
                planned.append(row)
                units.append(
                    Unit(commands=tuple(commands), shape=_shape, atomic=True, shows_events=False)
                )
            elif known_already is not None:
                file.fates[row.line] = known_already
        refused: list[tuple[_Row, Answer]] = []
        outcomes = self._ledger.commit(units) if units else []
        for row, outcome in zip(planned, outcomes, strict=True):
            if isinstance(outcome, OffsetError):
                raise outcome
            if outcome.body:
                refused.append((row, outcome))
            else:
                file.fates[row.line] = _APPLIED
        return refused

    def compare(self, files: Sequence[_File], spools: Sequence[Spool]) -> list[Difference]:
        """Report what the files as a whole leave out, or count less of than before.

        Gives what they and the ledger do not agree on.
        """
        for place, (file, spool) in enumerate(zip(files, spools, strict=True)):
            sheets = [spools[at] for at, one in enumerate(files) if one.leader == place]
            for finding in decreased(self._knower, file.kind, spool, sheets):
                self._found(file, finding)
        database = self._ledger.database
        kinds = [(file.kind, spool) for file, spool in zip(files, spools, strict=True)]
        for place, finding in vanished(database, kinds, until=self._begun_at):
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

    def _issue(self, file: _File, row: _Quoted, code: str, detail: str, public: str) -> None:
        """Report a row; what its reader quotes from it is not for keeping."""
        file.fates[row.line] = _REPORTED
        self._report(
            Issue(
                file=file.name,
                line=row.line,
                code=code,
                text=row.text,
                detail=detail,
                serial=row.serial_text,
                public=public,
            )
        )


def _shape(results: Sequence[Result]) -> Answer:
    """Answer a unit with the refusal of its last command, or with nothing."""
    last = results[-1]
    if isinstance(last, OffsetError):
        return Answer(status=409, body={"code": last.code, "detail": last.detail})
    return Answer(status=200, body={})
