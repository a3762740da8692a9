"""What can be said of rows without the ledger: what they state, and what they would ask of it.

Nothing here touches a database but the files' own spools, so that it can be done elsewhere
(`offset.importing.elsewhere`) while the ledger takes the rows before.
"""

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from offset.core.canonical import canonical_serial
from offset.core.commands import Create, Details
from offset.core.errors import OffsetError
from offset.core.serials import Serial
from offset.exports import (
    ISSUES,
    KINDS,
    Export,
    FileKind,
    Meaning,
    Order,
    Row,
    RowIssue,
    open_exports,
)
from offset.importing.drafting import ENDS, Random, create, details_of, issued_serial, project_of
from offset.importing.pools import Pool, named, pool_of, pool_of_totals
from offset.importing.spool import Counting, Spool, Stated, Sums
from offset.registries import REGISTRIES, read_serial
from offset.registries.files import CancelledTotal, RetiredTotal
from offset.registries.stated import written_project
from offset.rows import Listed

T = TypeVar("T")
ROWS_AT_A_TIME: Final = 500


class Opened(NamedTuple):
    """An export that was opened: the place of its kind in `KINDS`, and how many rows it has.

    `path_number` is the place of its file, of which it may be one of several sheets: then
    `sheet_name` is its own. `leader` is the place of the first export of the file that is of the
    same kind, itself perhaps: of their rows some may be the same.
    """

    kind_number: int
    row_count: int
    path_number: int
    sheet_name: str
    leader: int

    @property
    def kind(self) -> FileKind:
        """What the file is."""
        return KINDS[self.kind_number]


class Opening(NamedTuple):
    """How files were opened: their exports, and sentences about the rest, by their file's place.

    `passed_over` are about what is no export, `notes` about what is not taken of those that are.
    """

    exports: Sequence[Opened]
    passed_over: Sequence[tuple[int, str]]
    notes: Sequence[tuple[int, str]]


class Ready(NamedTuple):
    """A row, which has a serial number, and what it would ask of the ledger.

    `create` brings in all its credits, where the file issues; `details` are its words, for the
    end of some. Either may be the error that is to be raised where it is needed. `pool` are the
    issuances that its credits may be of, where the file does not issue.
    """

    row: Row
    create: Create | OffsetError | None
    details: Details | OffsetError | None
    pool: Pool | None

    @property
    def line(self) -> int:
        """The row's number, the header being 1."""
        return self.row.line

    @property
    def text(self) -> str:
        """The row as it stood."""
        return self.row.text

    @property
    def serial_text(self) -> str:
        """The row's serial number."""
        return self.row.serial.text if self.row.serial else ""


class Faulty(NamedTuple):
    """A row that is not taken: a code, and a sentence that names the fact.

    `public` is the sentence without words of the row.
    """

    line: int
    text: str
    serial_text: str
    code: str
    detail: str
    public: str


class Some(NamedTuple):
    """Some rows of a file that follow each other: those that are ready, and those that are not."""

    file: int
    faulty: Sequence[Faulty]
    ready: Sequence[Ready]


def tells_the_present(kind: FileKind) -> bool:
    """Tell whether a row that lists credits as issued says that they are active now.

    Verra's do. Gold Standard's list of issuances keeps what was retired since.
    """
    return kind.meaning is Meaning.HELD or kind.ended is not None


def counts_totals(kind: FileKind) -> bool:
    """Tell whether the issuances of a kind of file count what became of them."""
    return any(isinstance(one, CancelledTotal | RetiredTotal) for one in kind.columns.values())


def vintage_of(registry: str, vintage: int) -> int:
    """Give the vintage by which a registry's credits are added up; 0 for all together."""
    return vintage if registry in REGISTRIES else 0


def chunked(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut what is walked into lists of at most `size`."""
    walk = iter(items)
    while found := list(islice(walk, size)):
        yield found


def spool_of(folder: Path, file: int) -> Path:
    """Name the spool of a file."""
    return folder / f"{file}.spool"


def prepared(
    paths: Sequence[Path],
    folder: Path,
    rows_at_a_time: int = ROWS_AT_A_TIME,
    dates: Order | None = None,
) -> Generator[Opening | Some, None, None]:
    """Open files and prepare their rows, those of the exports first that issue.

    First comes how the files were opened, then their rows, some hundred at a time. When the last
    have come, each export's spool is written.

    Args:
        paths: the files.
        folder: for the spools.
        rows_at_a_time: at most so many.
        dates: as of `open_exports`.

    Raises:
        UnreadableFile, UnknownFile, UnknownColumn, AmbiguousDates: as `open_exports`.
    """
    opening, exports = _open(paths, dates)
    yield opening
    order = sorted(range(len(exports)), key=lambda place: not exports[place].kind.issues)
    random = Random()
    for place in order:
        leader = opening.exports[place].leader
        with ExitStack() as stack:
            earlier = [
                (exports[other].sheet_name, stack.enter_context(closing(_reopened(folder, other))))
                for other in range(leader, place)
                if opening.exports[other].leader == leader
            ]
            spool = stack.enter_context(closing(Spool(spool_of(folder, place), writes=True)))
            preparation = _Preparation(exports[place], spool, random, earlier)
            rows = exports[place].rows()
            # Row by row: a serial number that was just read is at hand.
            while any(some := preparation.prepare(islice(rows, rows_at_a_time))):
                yield Some(place, *some)


def _open(paths: Sequence[Path], dates: Order | None) -> tuple[Opening, list[Export]]:
    """Open files; their exports are those of all of them, one after the other."""
    exports: list[Export] = []
    opened: list[Opened] = []
    passed_over: list[tuple[int, str]] = []
    notes: list[tuple[int, str]] = []
    for number, path in enumerate(paths):
        file = open_exports(path, dates)
        passed_over += [(number, sentence) for sentence in file.passed_over]
        leaders: dict[FileKind, int] = {}
        for export in file.exports:
            leader = leaders.setdefault(export.kind, len(exports))
            sheet_name = export.sheet_name if len(file.exports) > 1 else ""
            kind_number = KINDS.index(export.kind)
            opened.append(Opened(kind_number, export.row_count, number, sheet_name, leader))
            notes += [(number, sentence) for sentence in export.notes]
            exports.append(export)
    return Opening(opened, passed_over, notes), exports


def _reopened(folder: Path, place: int) -> Spool:
    return Spool(spool_of(folder, place), writes=False)


class _Preparation:
    """Prepares the rows of one export, and notes in its spool what they state.

    `earlier` are the spools of the sheets of the same kind before it, by the sheets' names.
    """

    def __init__(
        self,
        export: Export,
        spool: Spool,
        random: Random,
        earlier: Sequence[tuple[str, Spool]] = (),
    ) -> None:
        self._kind = export.kind
        self._spool = spool
        self._random = random
        self._earlier = earlier
        self._active = tells_the_present(export.kind)
        self._counts = counts_totals(export.kind)

    def prepare(self, rows: Iterable[Row | RowIssue]) -> tuple[list[Faulty], list[Ready]]:
        faulty: list[Faulty] = []
        ready: list[Ready] = []
        sums: dict[tuple[str, str, int], list[int]] = {}
        counting: list[Counting] = []
        for one in rows:
            if isinstance(one, RowIssue):
                public = ISSUES[one.code]
                faulty.append(Faulty(one.line, one.text, "", one.code, one.detail, public))
                self._list(one.listed)
                continue
            row = _numbered(one, self._spool)
            counted, twice = self._state(row)
            totals = _beyond(row, counted or {})
            self._add(row, totals, sums, repeats=counted is not None)
            if twice is not None:
                faulty.append(twice)
                continue
            ready.append(self._ready(row))
            if self._counts and (counted is None or totals):
                counting.append(_counting(row, totals))
        self._spool.add(Sums(*key, *amounts) for key, amounts in sums.items())
        self._spool.count(counting)
        return faulty, ready

    def _ready(self, row: Row) -> Ready:
        details: Details | OffsetError | None
        made: Create | OffsetError | None = None
        try:
            details = details_of(row, self._random)
        except OffsetError as error:
            details = error
        if row.issues:
            assert row.serial is not None
            try:
                made = create_of(row, row.serial, details, self._random)
            except OffsetError as error:
                made = error
        return Ready(row, made, details, None if row.issues else pool_of(row))

    def _state(self, row: Row) -> tuple[Mapping[str, int] | None, Faulty | None]:
        """Note what a row states.

        Returns:
            The running totals of the rows of sheets before that it repeats, None if it repeats
            none; the fault where another row states some of its credits, but not the same of them.
        """
        serial = row.serial
        assert serial is not None
        issued = row.meaning is Meaning.ISSUED and not self._active
        said = (row.meaning, row.quantity_g, project_of(row), row.vintage, row.ended_on)
        facts = json.dumps([said, dict(totals_of(row))])
        other = self._spool.state(serial, row.line, facts, as_issued=issued)
        if other is not None:
            return None, self._stated_twice(row, serial, other, f"line {other.line}")
        counted: dict[str, int] | None = None
        for sheet_name, spool in self._earlier:
            other = spool.find_stated(serial, as_issued=issued)
            if other is None:
                continue
            there, totals = json.loads(other.facts)
            if (other.first, other.last, *there) != (*serial.key[2:4], *said):
                where = f"line {other.line} of sheet {sheet_name}"
                return None, self._stated_twice(row, serial, other, where)
            counted = counted or {}
            for key, total_g in totals.items():
                counted[key] = max(total_g, counted.get(key, 0))
        return counted, None

    def _stated_twice(self, row: Row, serial: Serial, other: Stated, where: str) -> Faulty:
        self._spool.list_serial(serial)  # also what the other row does not state
        numbers = f" {other.first} to {other.last}" if serial.parsed else ""
        why = f"serial {serial.text}: {where} states {serial.series}{numbers} too"
        return Faulty(row.line, row.text, serial.text, "stated-twice", why, why)

    def _list(self, listed: Listed) -> None:
        """Note what a row lists that is not taken, so that it is not missed in the ledger."""
        for serial in listed.serials:
            self._spool.list_serial(serial)
        for registry in self._kind.registries:
            vintage = listed.vintage if registry in REGISTRIES else None
            for project in listed.projects:
                self._spool.list_project(registry, written_project(registry, project), vintage)

    def _add(
        self,
        row: Row,
        totals: Mapping[str, int],
        sums: dict[tuple[str, str, int], list[int]],
        *,
        repeats: bool,
    ) -> None:
        """Add a row to its project's vintage; planned credits add nothing.

        Of a row that repeats another sheet's, only what its running totals count more. Where a
        list of issuances keeps what ended since, an end says nothing new of what was issued.
        """
        issues = row.issues and (self._active or row.meaning is Meaning.ISSUED)
        quantity_g = 0 if row.planned or repeats else row.quantity_g
        key = (row.registry, project_of(row) or "", vintage_of(row.registry, row.vintage))
        amounts = sums.setdefault(key, [0] * 5)
        if issues:
            amounts[0] += quantity_g
        if row.meaning is Meaning.RETIRED:
            amounts[1] += quantity_g
        elif row.meaning is Meaning.CANCELLED:
            amounts[2] += quantity_g
        for name, total_g in totals.items():
            amounts[3 if name.startswith("RETIRED ") else 4] += total_g


def create_of(
    row: Row, serial: Serial, details: Details | OffsetError | None, random: Random
) -> Create:
    """Bring in the credits of a row, or a part; its words go with them unless they ended.

    Raises:
        Invalid: the row's texts cannot make a record.
    """
    if row.meaning in ENDS:
        return create(row, serial, None, random)
    return create(row, serial, made_ready(details), random)


def made_ready(made: T | OffsetError) -> T:
    """Give what was made ready, or raise the error that stood in its way."""
    if isinstance(made, OffsetError):
        raise made
    return made


def _numbered(row: Row, spool: Spool) -> Row:
    """Give an issuance without a serial number one of its own."""
    if row.serial is not None:
        return row
    facts = issued_serial(row)
    text = f"{facts}/{spool.ordinal(facts)}"
    serial = read_serial(row.registry, canonical_serial(text))
    return row._replace(serial_text=text, serial=serial)


def _beyond(row: Row, counted: Mapping[str, int]) -> dict[str, int]:
    """Return what a row's running totals count beyond those of the rows that it repeats."""
    return {
        key: total_g - counted.get(key, 0)
        for key, total_g in totals_of(row)
        if total_g > counted.get(key, 0)
    }


def _counting(row: Row, totals: Mapping[str, int]) -> Counting:
    assert row.serial is not None
    return Counting(
        line=row.line,
        text=row.text,
        serial_text=row.serial.text,
        registry=row.serial.key.registry,
        series=row.serial.key.series,
        first=row.serial.key.first,
        last=row.serial.key.last,
        pool=named(pool_of_totals(row)),
        totals=totals,
    )


def totals_of(row: Row) -> Iterator[tuple[str, int]]:
    """Walk a row's totals: a key of `RETIRED compliance` or `CANCELLED converted:arb`, grams."""
    for purpose, quantity_g in row.retired_totals_g.items():
        yield f"RETIRED {purpose}", quantity_g
    for cause, quantity_g in row.cancelled_totals_g.items():
        yield f"CANCELLED {cause}", quantity_g
