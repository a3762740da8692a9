"""Files that are read in a process of their own: to the same effect, and none is left behind."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from builders import ORIGIN, opened
from databases import prepare_template, sqlite_url_of
from export_rows import VERRA
from import_samples import export
from imports import assert_sound, block, content, take_paths, verra
from offset.core.errors import OffsetError, Unavailable
from offset.importing import WORTH_A_PROCESS, Imported, Issue, import_files
from offset.importing.elsewhere import walk_elsewhere
from offset.importing.preparing import Opening, Some, prepared, spool_of
from offset.importing.spool import Spool
from offset.imports import Stopped
from offset.ledger import Ledger
from offset.sheets import MOST_TORN
from offset.synthetic import write_registries
from servers import PATIENCE_S, ROOT, environment

ROWS = 400


@pytest.fixture
def ledger(sqlite_url: str) -> Iterator[Ledger]:
    with opened(sqlite_url) as opened_ledger:
        yield opened_ledger


def editions(folder: Path) -> list[list[Path]]:
    """Two editions of the files of every registry, with what real files have wrong."""
    made = []
    for edition in (1, 2):
        own = folder / f"edition {edition}"
        own.mkdir()
        written = write_registries(own, rows=ROWS, seed=5, edition=edition)
        made.append([one.path for one in written])
    return made


def taken(ledger: Ledger, paths: Sequence[Path], *, apart: bool) -> tuple[Imported, list[Any]]:
    """Import files; how it went and what was reported, but for the ids of its own events."""
    issues: list[Issue] = []
    imported = import_files(ledger, paths, report=issues.append, apart=apart)
    return imported, [(one.file, one.line, one.code, one.text, one.serial) for one in issues]


def children() -> list[psutil.Process]:
    """The processes that this one has begun to read files."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # another one that has just ended
            if "offset.importing.elsewhere" in " ".join(one.cmdline()):
                found.append(one)
    return found


# The same effect


def test_files_that_are_read_apart_have_the_same_effect(database_url: str, tmp_path: Path) -> None:
    url = sqlite_url_of(tmp_path / "here.db")
    prepare_template(url)
    with opened(database_url) as one, opened(url) as other:
        for paths in editions(tmp_path):
            assert taken(one, paths, apart=True) == taken(other, paths, apart=False)
        assert_sound(one.database)
        assert content(one.database) == content(other.database)
    assert children() == []


def test_a_rehearsal_of_files_that_are_read_apart_changes_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    first, _ = editions(tmp_path)
    said = import_files(ledger, first, report=lambda _: None, dry_run=True, apart=True)
    assert said.applied > ROWS
    assert content(ledger.database)["records"] == []


def test_rows_are_prepared_the_same_however_many_at_a_time(tmp_path: Path) -> None:
    first, _ = editions(tmp_path)
    few, many = (said(first, tmp_path / str(size), size) for size in (7, 500))
    assert few == many
    assert len(few["ready"]) > ROWS
    assert few["faulty"] != []


def said(paths: Sequence[Path], folder: Path, size: int) -> dict[str, Any]:
    """All that was prepared, without what is drawn anew each time: ids and salts."""
    folder.mkdir()
    opened_files: list[Opening] = []
    some: list[Some] = []
    for item in prepared(paths, folder, size):
        if isinstance(item, Some):
            assert len(item.ready) + len(item.faulty) <= size
            some.append(item)
        else:
            opened_files.append(item)
    ready = [
        (
            *(item.file, one.row, one.pool),
            getattr(getattr(one.create, "record", one.create), "id", one.create),
            getattr(one.details, "content", one.details),
        )
        for item in some
        for one in item.ready
    ]
    spools = []
    for file in range(len(paths)):
        with closing(Spool(spool_of(folder, file), writes=False)) as spool:
            spools.append((list(spool.sums()), list(spool.counting())))
    faulty = [(item.file, one) for item in some for one in item.faulty]
    return {"opened": opened_files, "ready": ready, "faulty": faulty, "spools": spools}


# Errors


def torn(path: Path) -> Path:
    """A file with more quotes that are not closed than are read."""
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(VERRA) + "\n")
        file.writelines('2022-01-01,"Forest\n' for _ in range(MOST_TORN + 1))
    return path


@pytest.mark.parametrize("what", ["missing", "rubbish", "torn", "no export"])
def test_an_error_of_a_file_is_the_same_wherever_it_is_read(
    what: str, ledger: Ledger, tmp_path: Path
) -> None:
    right = verra(block(1, 100)).write(tmp_path / "right.csv")
    wrong = tmp_path / "wrong.csv"
    if what == "torn":
        torn(wrong)
    elif what != "missing":
        wrong.write_bytes(b"\0" if what == "rubbish" else b"a,b\n1,2\n")
    caught = []
    for apart in (True, False):
        with pytest.raises(OffsetError) as error:
            taken(ledger, [right, wrong], apart=apart)
        caught.append((type(error.value), error.value.detail, error.value.facts))
    assert caught[0] == caught[1]
    assert content(ledger.database)["records"] == []
    assert children() == []


def test_a_fault_of_what_is_walked_is_raised_with_where_it_was() -> None:
    with pytest.raises(TypeError) as error:
        list(walk_elsewhere(range, "three"))
    assert "in answer" in error.value.__notes__[0]


def test_what_is_walked_elsewhere_comes_in_its_order() -> None:
    assert list(walk_elsewhere(range, 3)) == [0, 1, 2]


# No process is left


def test_the_process_that_reads_ends_when_the_import_is_stopped(
    ledger: Ledger, tmp_path: Path
) -> None:
    path = export(tmp_path / "verra.csv", rows=2_000)
    seen: list[psutil.Process] = []

    def stop(done: int, total: int) -> None:
        seen.extend(children())
        raise Stopped

    with pytest.raises(Stopped):
        import_files(ledger, [path], report=lambda _: None, progress=stop, apart=True)
    assert len(seen) == 1
    assert children() == []
    assert not seen[0].is_running()
    assert take_paths(ledger, path).counts == (1_500, 500, 0)


def test_the_process_that_reads_ends_when_the_one_that_imports_is_killed(
    sqlite_url: str, tmp_path: Path
) -> None:
    path = export(tmp_path / "verra.csv", rows=10_000)
    assert path.stat().st_size > WORTH_A_PROCESS
    with opened(sqlite_url):  # so that the ledger has its origin
        pass
    script = Path(__file__).with_name("importing_process.py")
    with subprocess.Popen(
        [sys.executable, str(script), sqlite_url, ORIGIN, str(path)],
        cwd=ROOT,
        env=environment(sqlite_url, {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "500\n"
        (reader,) = psutil.Process(process.pid).children()
        process.kill()
        process.stdin.close()
    reader.wait(PATIENCE_S)
    assert not reader.is_running()


def test_an_import_whose_reading_process_is_killed_says_so_and_goes_on_the_next_time(
    ledger: Ledger, tmp_path: Path
) -> None:
    path = export(tmp_path / "verra.csv", rows=2_000)

    def kill(done: int, total: int) -> None:
        for process in children():
            process.kill()

    with pytest.raises(Unavailable, match="the process that reads the files was ended"):
        import_files(ledger, [path], report=lambda _: None, progress=kill, apart=True)
    taken_again = take_paths(ledger, path)
    assert taken_again.counts[0] + taken_again.counts[1] == 2_000
    assert taken_again.counts[1] >= 500
