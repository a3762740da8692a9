"""Imports as the ledger keeps them, and files that wait for theirs, on both databases."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from builders import opened
from held import held_record
from import_samples import (
    BENEFICIARY,
    ROWS,
    SERIAL,
    export,
    fates,
    put,
    spoiled,
    table_of,
    tonnes_of,
)
from offset.core.errors import Busy, ImportNotFound, OffsetError, UnknownFile
from offset.database import Database
from offset.dispatching import Dispatcher
from offset.import_queue import LARGEST_QUEUE, ImportQueue, Upload
from offset.importing import CODES, Imported, Issue
from offset.imports import Imports, KeptIssue, Stopped, run_import
from offset.ledger import Ledger
from offset.main import create_app
from offset.models import import_issues, imports


def quiet(*_: object) -> None:
    """Neither report nor progress."""


def imported(
    ledger: Ledger,
    path: Path,
    *,
    name: str | None = None,
    dry_run: bool = False,
    report: Callable[[Issue], None] = quiet,
    progress: Callable[[int, int], None] = quiet,
) -> str:
    """Import a file; the import's id."""
    kept = Imports(ledger.database)
    import_id = kept.begin(name or path.name, dry_run=dry_run)
    files = [(path, name or path.name)]
    run_import(*(kept, import_id, ledger, files), dry_run=dry_run, report=report, progress=progress)
    return import_id


def all_that_is_kept(database: Database) -> str:
    with database.reading() as connection:
        rows = [*connection.execute(select(imports)), *connection.execute(select(import_issues))]
    return repr(rows)


# what is kept -------------------------------------------------------------------------------


def test_an_import_is_kept_with_its_counts_and_its_issues_without_words(
    database_url: str, tmp_path: Path
) -> None:
    path = spoiled(tmp_path / "verra.csv")
    row = table_of(path)[0]
    told: list[Issue] = []
    with opened(database_url) as ledger:
        rehearsed = imported(ledger, path, dry_run=True)
        import_id = imported(ledger, path, report=told.append)
        kept = Imports(ledger.database)
        found, first = kept.read(import_id), kept.read(rehearsed)
        issues, more = kept.issues(import_id, after=0, limit=10)
        second = kept.issues(import_id, after=1, limit=1)
        rest = kept.issues(rehearsed, after=0, limit=1)
        assert kept.issues(import_id, after=2**53, limit=1) == ([], False)
        words = all_that_is_kept(ledger.database)
    assert (found.status, found.file, found.dry_run, found.error) == (
        *("done", "verra.csv", False),
        None,
    )
    assert found.fates == first.fates == fates(ROWS, 0, 2)
    assert (found.done, first.dry_run) == (ROWS + 2, True)
    assert found.finished_at is not None
    assert found.finished_at > found.started_at
    assert found.differences is not None
    assert found.differences["total"] > 0
    for one in found.differences["largest"]:  # the row that is stated twice
        assert one["file"] - one["ledger"] == tonnes_of(row)
    assert [(one.number, one.line, one.code) for one in issues] == [
        (1, ROWS + 2, "quantity-mismatch"),
        (2, ROWS + 3, "stated-twice"),
    ]
    assert (issues[0].text, issues[1].text) == ("", row[SERIAL])
    assert issues[0].detail == CODES["quantity-mismatch"]
    assert (more, second, rest[1]) == (False, ([issues[1]], False), True)
    assert all(BENEFICIARY in one.text for one in told)
    assert BENEFICIARY not in words


def test_an_import_keeps_where_file_and_ledger_differ_the_largest_first(
    database_url: str, tmp_path: Path
) -> None:
    rows = table_of(export(tmp_path / "verra.csv"))
    part = put(tmp_path / "part.csv", rows[: ROWS // 2])
    with opened(database_url) as ledger:
        imported(ledger, tmp_path / "verra.csv")
        found = Imports(ledger.database).read(imported(ledger, part))
    assert found.differences is not None
    largest = found.differences["largest"]
    sizes = [abs(one["file"] - one["ledger"]) for one in largest]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] > 0
    assert found.differences["total"] == len(largest)
    issued = sum(one["ledger"] - one["file"] for one in largest if one["measure"] == "issued")
    about = {row["ID"] for row in rows[: ROWS // 2]}
    assert issued == sum(tonnes_of(row) for row in rows[ROWS // 2 :] if row["ID"] in about)


def test_a_file_that_cannot_be_read_is_failed_with_the_reason_and_no_words(
    database_url: str, tmp_path: Path
) -> None:
    no_header = tmp_path / "temporary"
    no_header.write_text(f"{BENEFICIARY},1\n{BENEFICIARY},2\n", encoding="utf-8")
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"\0")
    with opened(database_url) as ledger:
        with pytest.raises(UnknownFile, match=BENEFICIARY):
            imported(ledger, no_header, name="people.csv")
        with pytest.raises(OffsetError):
            imported(ledger, damaged, name="export.csv")
        second, first = Imports(ledger.database).newest(2)
        words = all_that_is_kept(ledger.database)
    assert (first.status, first.fates, first.file) == ("failed", None, "people.csv")
    assert first.error is not None
    assert first.error["code"] == "unknown-file"
    assert first.error["detail"].startswith("people.csv: no export that is known")
    assert second.error == {
        "code": "unreadable-file",
        "detail": "export.csv: a binary file, neither CSV nor XLSX; download the export again as "
        "one of them",
    }
    assert BENEFICIARY not in words


def test_an_import_stops_between_two_batches_and_the_same_file_goes_on(
    database_url: str, tmp_path: Path
) -> None:
    path = export(tmp_path / "verra.csv", rows=550)

    def stop(done: int, total: int) -> None:
        assert (done, total) == (500, 550)
        raise Stopped

    with opened(database_url) as ledger:
        with pytest.raises(Stopped):
            imported(ledger, path, progress=stop)
        again = imported(ledger, path)
        whole, stopped = Imports(ledger.database).newest(2)
    assert (stopped.status, stopped.done, stopped.fates) == ("interrupted", 500, None)
    assert whole.id == again
    assert whole.fates == fates(50, 500, 0)


def test_what_a_process_left_is_interrupted_until_it_says_that_it_lives(database_url: str) -> None:
    with opened(database_url) as ledger:
        kept = Imports(ledger.database)
        running = kept.begin("running.csv", dry_run=False)
        queued = kept.begin("queued.csv", dry_run=False, queued=True)
        done = kept.begin("done.csv", dry_run=False)
        kept.finish(done, Imported())
        assert [one.status for one in kept.newest(3)] == ["done", "queued", "running"]
        kept.interrupt_all()
        assert [one.status for one in kept.newest(3)] == ["done", "interrupted", "interrupted"]
        kept.keep(running, 250, ())
        assert (kept.read(running).status, kept.read(running).done) == ("running", 250)
        assert kept.read(queued).status == "interrupted"


def test_issues_that_were_kept_already_are_kept_once(database_url: str) -> None:
    first, second = (
        KeptIssue(number=n, line=None, code="vanished", text="", detail="gone") for n in (1, 2)
    )
    with opened(database_url) as ledger:
        kept = Imports(ledger.database)
        import_id = kept.begin("verra.csv", dry_run=False)
        for some in ([first], [first, second], [second]):  # as after a COMMIT without an answer
            kept.keep(import_id, 1, some)
        assert kept.issues(import_id, after=0, limit=5) == ([first, second], False)


def test_a_name_of_a_file_is_kept_visible_and_short(database_url: str) -> None:
    with opened(database_url) as ledger:
        kept = Imports(ledger.database)
        found = kept.read(kept.begin("a\0b\ud800" + "c" * 500, dry_run=False))
    assert found.file == "a\ufffdb\ufffd" + "c" * 196


def test_an_import_that_is_not_there_is_not_found(sqlite_url: str) -> None:
    with opened(sqlite_url) as ledger:
        for import_id in (str(uuid4()), "rubbish"):
            with pytest.raises(ImportNotFound, match="not in this ledger"):
                Imports(ledger.database).read(import_id)
            with pytest.raises(ImportNotFound):
                Imports(ledger.database).issues(import_id, after=0, limit=1)


def test_only_so_many_files_can_wait_and_those_that_do_are_interrupted_at_the_end(
    sqlite_url: str, tmp_path: Path
) -> None:
    with opened(sqlite_url) as ledger:
        queue = ImportQueue(ledger, largest_bytes=1)
        paths = [queue.take_place() for _ in range(LARGEST_QUEUE)]
        with pytest.raises(Busy):
            queue.take_place()
        queue.give_up(paths.pop())
        paths.append(queue.take_place())
        ids = [queue.imports.begin("x.csv", dry_run=False, queued=True) for _ in paths]
        for path, import_id in zip(paths, ids, strict=True):
            export(path, rows=300)
            queue.put(Upload(import_id, path, "x.csv", False))
        with pytest.raises(Busy):
            queue.take_place()
        queue.start()
        queue.stop()
        statuses = {queue.imports.read(import_id).status for import_id in ids}
    assert statuses == {"interrupted"}
    assert not paths[0].parent.exists()


def test_the_loop_goes_on_while_a_server_that_ends_waits_for_its_import(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch on the loop may have the lock that the import waits for."""
    may_end, stop = threading.Event(), ImportQueue.stop

    def patient(queue: ImportQueue, patience_s: float | None = None) -> None:
        assert may_end.wait(10), "the loop stood still"
        stop(queue, patience_s)

    monkeypatch.setattr(ImportQueue, "stop", patient)
    monkeypatch.setenv("DATABASE_URL", sqlite_url)

    async def serve() -> None:
        guard = create_app()
        assert isinstance(guard.app, Dispatcher)
        async with guard.app.app.router.lifespan_context(guard.app.app):
            asyncio.get_running_loop().call_later(0.1, may_end.set)

    asyncio.run(serve())


def test_an_import_whose_end_the_database_did_not_take_is_noted_later(sqlite_url: str) -> None:
    """Without a restart, until which it would be called running."""
    with opened(sqlite_url) as ledger:
        queue = ImportQueue(ledger, largest_bytes=1_000_000)
        queue.start()
        path = queue.take_place()
        export(path, rows=3)
        import_id = queue.imports.begin("x.csv", dry_run=False, queued=True)
        with held_record(sqlite_url, import_id):  # the file's one lock
            queue.put(Upload(import_id, path, "x.csv", False))
            end = time.monotonic() + 20
            while path.exists():
                assert time.monotonic() < end
                time.sleep(0.05)
            assert queue.imports.read(import_id).status == "queued"
        while queue.imports.read(import_id).status != "interrupted":
            assert time.monotonic() < end
            time.sleep(0.05)
        queue.stop()
