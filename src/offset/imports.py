"""Imports as the ledger remembers them: which file, how its rows fared, what was not taken.

Of what was not taken it keeps facts and serial numbers alone: a row's words may be details that
have to be erased some day, and of those there is no second copy.

An import is `queued`, `running`, `done`, `failed` or `interrupted`. One whose process died stays
`running` until a server starts, which calls it `interrupted`; should another process still be
reading the file, its next batch says so again.
"""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Connection, Row, func, insert, literal, select, update

from offset.core.errors import (
    DatabaseUnavailable,
    ImportNotFound,
    Internal,
    OffsetError,
    UnknownFile,
)
from offset.core.events import time_text
from offset.database import Database
from offset.exports import Order
from offset.importing import Difference, Imported, Issue, import_files
from offset.ledger import Ledger, now_us
from offset.models import import_issues, imports
from offset.objections import DATABASE_ERRORS, objection
from offset.reports import visible

LARGEST_DIFFERENCES: Final = 1_000  # kept of an import; the rest are counted
LONGEST_NAME: Final = 200  # characters of a file's name
_ISSUES_AT_A_TIME: Final = 500
_PROGRESS_EVERY_S: Final = 1.0
_PATIENCE_S: Final = 5.0  # for the last word about an import
_PAUSE_S: Final = 0.1
T = TypeVar("T")


class Stopped(Exception):
    """The import was asked to stop, and did between two batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An import and how its rows fared.

    `done` counts the rows that were read so far. `fates` has rows, applied, unchanged and reported
    when all were, and so has `differences` the largest and the total of them, and the sentences
    about what was passed over and what is not known; not in a list. `error` has code and detail.
    """

    id: str
    status: str
    file: str
    dry_run: bool
    started_at: str
    finished_at: str | None
    done: int
    fates: dict[str, int] | None
    differences: dict[str, Any] | None
    error: dict[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptIssue:
    """What is kept of an issue; `text` is the row's serial number."""

    number: int
    line: int | None
    code: str
    text: str
    detail: str


class Imports:
    """The imports of a ledger.

    Raises:
        DatabaseUnavailable: the database is away or too slow; of every method.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, file: str, *, dry_run: bool, queued: bool = False) -> str:
        """Note an import before anything of it is done; give its id."""
        import_id = uuid4()
        row = {
            "id": import_id.bytes,
            "started_at_us": now_us(),
            "status": "queued" if queued else "running",
            "file": visible(file)[:LONGEST_NAME],
            "dry_run": dry_run,
            "row_count": 0,
            "applied": 0,
            "unchanged": 0,
            "reported": 0,
        }

        def act(connection: Connection) -> None:
            same = select(imports.c.id).where(imports.c.id == import_id.bytes)
            if connection.execute(same).first() is None:  # a lost COMMIT may have been done
                connection.execute(insert(imports).values(row))

        self._write(act)
        return str(import_id)

    def keep(self, import_id: str, done: int, issues: Sequence[KeptIssue]) -> None:
        """Note how many rows are read, and keep further issues."""
        key = UUID(import_id).bytes

        def act(connection: Connection) -> None:
            own = import_issues.c.import_id == key
            last = connection.execute(
                select(func.max(import_issues.c.number)).where(own)
            ).scalar_one()
            self._database.insert(
                connection,
                import_issues,
                [
                    (key, one.number, one.line, one.code, one.text, one.detail)
                    for one in issues
                    if one.number > (last or 0)
                ],
            )
            self._set(connection, import_id, status="running", row_count=done)

        self._write(act)

    def finish(self, import_id: str, imported: Imported) -> None:
        """Note that all rows were read."""
        found = largest_first(imported.differences)
        largest = [one.as_json() for one in found[:LARGEST_DIFFERENCES]]
        said = {
            "largest": largest,
            "total": len(found),
            "passed_over": [visible(sentence) for sentence in imported.passed_over],
            "notes": [visible(sentence) for sentence in imported.notes],
        }
        self._end(
            import_id,
            status="done",
            row_count=imported.rows,
            applied=imported.applied,
            unchanged=imported.unchanged,
            reported=imported.reported,
            differences=json.dumps(said, ensure_ascii=False),
        )

    def fail(self, import_id: str, code: str, detail: str) -> None:
        """Note why the file, or the rest of it, was not read."""
        error = json.dumps({"code": code, "detail": visible(detail)}, ensure_ascii=False)
        self._end(import_id, status="failed", error=error)

    def interrupt(self, import_id: str) -> None:
        """Note that it was stopped; the same file again goes on from there."""
        self._end(import_id, status="interrupted")

    def interrupt_if_running(self, import_id: str) -> None:
        """Note that an import has ended, whose end the database did not take."""

        def act(connection: Connection) -> None:
            left = imports.c.status.in_(("queued", "running"))
            own = imports.c.id == UUID(import_id).bytes
            values = {"status": "interrupted", "finished_at_us": now_us()}
            connection.execute(update(imports).where(own, left).values(values))

        self._write(act)

    def interrupt_all(self) -> None:
        """Call those interrupted that a process has left: for the start of a server."""

        def act(connection: Connection) -> None:
            left = imports.c.status.in_(("queued", "running"))
            connection.execute(update(imports).where(left).values(status="interrupted"))

        self._write(act)

    def read(self, import_id: str) -> Import:
        """Read an import.

        Raises:
            ImportNotFound: there is none with this id.
        """
        with self._database.reading() as connection:
            row = connection.execute(
                select(imports).where(imports.c.id == _key(import_id))
            ).one_or_none()
        if row is None:
            raise _not_found(import_id)
        return _import_of(row, row.differences)

    def newest(self, limit: int) -> list[Import]:
        """Read the newest imports, without their differences."""
        columns = [one for one in imports.c if one.name != "differences"]
        order = (imports.c.started_at_us.desc(), imports.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(select(*columns).order_by(*order).limit(limit)).all()
        return [_import_of(row, None) for row in rows]

    def issues(self, import_id: str, *, after: int, limit: int) -> tuple[list[KeptIssue], bool]:
        """Read what was reported, from behind number `after` on; tell whether there is more.

        Raises:
            ImportNotFound: there is no import with this id.
        """
        own = import_issues.c
        with self._database.reading() as connection:
            key = _key(import_id)
            if connection.execute(select(imports.c.id).where(imports.c.id == key)).first() is None:
                raise _not_found(import_id)
            rows = connection.execute(
                select(own.number, own.line, own.code, own.text, own.detail)
                .where(own.import_id == key, own.number > literal(after, BigInteger))
                .order_by(own.number)
                .limit(limit + 1)
            ).all()
        return [KeptIssue(**row._asdict()) for row in rows[:limit]], len(rows) > limit

    def _end(self, import_id: str, **values: Any) -> None:
        def act(connection: Connection) -> None:
            self._set(connection, import_id, finished_at_us=now_us(), **values)

        self._write(act, patience_s=_PATIENCE_S)

    def _set(self, connection: Connection, import_id: str, **values: Any) -> None:
        own = imports.c.id == UUID(import_id).bytes
        connection.execute(update(imports).where(own).values(**values))

    def _write(self, act: Callable[[Connection], T], *, patience_s: float = 1.0) -> T:
        """Have something written, again while the database objects; `act` can be repeated."""
        end = time.monotonic() + patience_s
        while True:
            try:
                with self._database.writing() as connection:
                    return act(connection)
            except DATABASE_ERRORS as error:
                objection(error)  # a fault of ours is raised as it is
                if time.monotonic() > end:
                    raise DatabaseUnavailable(
                        "the database did not take what became of the import"
                    ) from error
            time.sleep(_PAUSE_S)


def run_import(
    imports: Imports,
    import_id: str,
    ledger: Ledger,
    files: Sequence[tuple[Path, str]],
    *,
    dry_run: bool,
    report: Callable[[Issue], None],
    progress: Callable[[int, int], None],
    dates: Order | None = None,
) -> Imported:
    """Take files into the ledger and keep what becomes of it.

    Args:
        imports: where it was begun.
        import_id: its id.
        ledger: written to.
        files: each with the name to call it.
        dry_run: leave the ledger as it is.
        report: called with each issue; it stops the import by raising `Stopped`.
        progress: called with the rows read and the rows there are; the same.
        dates: as of `import_files`.

    Raises:
        Stopped: it was stopped; what it did until then stays, and the same files go on.
        OffsetError: as `import_files`.
    """
    course = _Course(imports, import_id, files[0][1] if len(files) == 1 else None)

    def reported(issue: Issue) -> None:
        course.report(issue)
        report(issue)

    def progressed(done: int, total: int) -> None:
        course.progress(done)
        progress(done, total)

    try:
        imported = import_files(
            ledger,
            [path for path, _ in files],
            report=reported,
            progress=progressed,
            names=[name for _, name in files],
            dry_run=dry_run,
            dates=dates,
        )
        course.flush()
        imports.finish(import_id, imported)
    except OffsetError as error:
        with suppress(OffsetError):
            course.flush()
        imports.fail(import_id, error.code, _public(error, files))
        raise
    except Exception as error:
        if isinstance(error, Stopped):
            course.flush()
            imports.interrupt(import_id)
        else:
            imports.fail(import_id, Internal.code, "Offset has a fault; the file can be sent again")
        raise
    except BaseException:  # Ctrl+C once more
        imports.interrupt(import_id)
        raise
    return imported


class _Course:
    """What an import has to say, written down now and then."""

    def __init__(self, imports: Imports, import_id: str, only_file: str | None) -> None:
        self._imports = imports
        self._id = import_id
        self._only_file = only_file  # whose name goes without saying
        self._number = 0
        self._done = 0
        self._waiting: list[KeptIssue] = []
        self._written_at = time.monotonic()

    def report(self, issue: Issue) -> None:
        self._number += 1
        is_only = issue.file == self._only_file
        detail = issue.public if is_only else f"{issue.file}: {issue.public}"
        self._waiting.append(
            KeptIssue(
                number=self._number,
                line=issue.line,
                code=issue.code,
                text=visible(issue.serial),
                detail=visible(detail),
            )
        )
        if len(self._waiting) >= _ISSUES_AT_A_TIME:
            self.flush()

    def progress(self, done: int) -> None:
        self._done = done
        if time.monotonic() > self._written_at + _PROGRESS_EVERY_S:
            self.flush()

    def flush(self) -> None:
        self._imports.keep(self._id, self._done, self._waiting)
        self._waiting = []
        self._written_at = time.monotonic()


def largest_first(differences: Sequence[Difference]) -> list[Difference]:
    """Sort differences by their size."""
    return sorted(differences, key=lambda one: -abs(one.file_g - one.ledger_g))


def _public(error: OffsetError, files: Sequence[tuple[Path, str]]) -> str:
    """Return an error's sentence with the files' own names, and without words of a row."""
    detail = error.detail
    if isinstance(error, UnknownFile) and not error.facts["headers"]:
        # It quotes a row of which no cell is a column that is known: it need not be a header.
        start, _, _ = detail.partition(": ")
        detail = f"{start}: no export that is known has the columns of its first rows"
    for path, name in files:
        detail = detail.replace(path.name, name)
    return detail


def _key(import_id: str) -> bytes:
    try:
        return UUID(import_id).bytes
    except ValueError:
        raise _not_found(import_id) from None


def _not_found(import_id: str) -> ImportNotFound:
    shown = import_id[:100]
    return ImportNotFound(f"import {shown}: not in this ledger", import_id=shown)


def _import_of(row: Row[Any], differences: str | None) -> Import:
    fates = {
        "rows": row.row_count,
        "applied": row.applied,
        "unchanged": row.unchanged,
        "reported": row.reported,
    }
    return Import(
        id=str(UUID(bytes=bytes(row.id))),
        status=row.status,
        file=row.file,
        dry_run=bool(row.dry_run),
        started_at=time_text(row.started_at_us),
        finished_at=None if row.finished_at_us is None else time_text(row.finished_at_us),
        done=row.row_count,
        fates=fates if row.status == "done" else None,
        differences=None if differences is None else json.loads(differences),
        error=None if row.error is None else json.loads(row.error),
    )
