"""One file, imported by two processes at once, killed half way, or against another writer.

Whatever happens, the ledger says in the end what it says after one import that nobody disturbed.
"""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from builders import ORIGIN, Json, do, opened, retiring, selling
from databases import prepare_template, sqlite_url_of
from export_rows import VERRA, vcu
from imports import File, assert_sound, content, records
from offset.importing import import_files
from offset.ledger import Ledger
from offset.synthetic import write_registry
from servers import PATIENCE_S, ROOT, environment

SCRIPT: Final = Path(__file__).with_name("importing_process.py")
ROWS: Final = 300  # of the largest file: some steps, so that there is a half way
KILLS: Final = 2  # of each edition
REGISTRIES: Final = ("verra", "car")  # with serial numbers; with claims and running totals


@dataclass(frozen=True)
class Process:
    """An import that waits to begin."""

    running: subprocess.Popen[str]

    def begin(self) -> None:
        assert self.running.stdin is not None
        self.running.stdin.write("\n")
        self.running.stdin.flush()

    def lines(self) -> Iterator[str]:
        assert self.running.stdout is not None
        return iter(self.running.stdout)

    def kill_after(self, rows: int) -> None:
        """End it with SIGKILL when so many rows are done, in the midst of the next ones."""
        for line in self.lines():
            if line.startswith("{") or int(line) >= rows:
                break
        time.sleep(random.uniform(0, 0.03))
        self.running.kill()
        assert self.running.wait() == -signal.SIGKILL, "it was done before"

    def result(self) -> Json:
        """How its rows fared, once it is done."""
        *_, last = self.lines()
        assert self.running.wait() == 0
        said: Json = json.loads(last)
        return said


@contextmanager
def importing(url: str, paths: Sequence[Path]) -> Iterator[Process]:
    """Start a process that is ready to import; it is gone at the end."""
    with opened(url):  # so that the ledger has its origin
        pass
    running = subprocess.Popen(
        [sys.executable, str(SCRIPT), url, ORIGIN, *map(str, paths)],
        cwd=ROOT,
        env=environment(url, {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        yield Process(running)
    finally:
        running.kill()
        running.communicate()


def editions(folder: Path) -> tuple[list[Path], list[Path]]:
    """Two editions of the files of some registries."""
    made = []
    for edition in (1, 2):
        own = folder / f"edition {edition}"
        own.mkdir()
        made.append(
            [
                file.path
                for registry in REGISTRIES
                for file in write_registry(
                    own, registry, rows=ROWS, seed=7, edition=edition, oddities=False
                )
            ]
        )
    return made[0], made[1]


def alone(folder: Path, *imports: Sequence[Path]) -> tuple[Any, list[Json]]:
    """What one process makes of imports that nobody disturbs, and how their rows fare."""
    url = sqlite_url_of(folder / "alone.db")
    prepare_template(url)
    fared = []
    with opened(url) as ledger:
        for paths in imports:
            made = import_files(ledger, paths, report=lambda _: None)
            fared.append({"rows": made.rows, "applied": made.applied, "reported": made.reported})
        return content(ledger.database), fared


def test_the_same_files_from_two_processes_at_once_have_one_effect(
    database_url: str, tmp_path: Path
) -> None:
    first, second = editions(tmp_path)
    expected, fared = alone(tmp_path, first, second)
    for number, paths in enumerate((first, second)):
        with importing(database_url, paths) as one, importing(database_url, paths) as other:
            one.begin()
            other.begin()
            results = [one.result(), other.result()]
        rows = fared[number]["rows"]
        for result in results:
            assert result["rows"] == rows
            assert result["applied"] + result["unchanged"] == rows - fared[number]["reported"]
        assert results[0]["issues"] == results[1]["issues"]
    with opened(database_url) as ledger:
        assert_sound(ledger.database)
        assert content(ledger.database) == expected


def test_files_that_are_killed_half_way_and_come_again_have_one_effect(
    database_url: str, tmp_path: Path
) -> None:
    first, second = editions(tmp_path)
    expected, fared = alone(tmp_path, first, second)
    choose = random.Random(11)
    for number, paths in enumerate((first, second)):
        rows = fared[number]["rows"]
        for _ in range(KILLS):
            with importing(database_url, paths) as process:
                process.begin()
                process.kill_after(choose.randrange(1, rows // 2))
        with importing(database_url, paths) as process:
            process.begin()
            result = process.result()
        assert result["rows"] == rows
        assert result["applied"] + result["unchanged"] == rows - fared[number]["reported"]
    with opened(database_url) as ledger:
        assert_sound(ledger.database)
        assert content(ledger.database) == expected


CREDITS: Final = 1_200  # of one block
STEP: Final = 4  # of so many credits, two are retired by the later edition, the others active
ENDED: Final = range(1, CREDITS, STEP)  # the first of each two that are retired
KEPT: Final = range(3, CREDITS, STEP)


def blocks(*, later: bool) -> File:
    """A block of Verra's, whole, and as a later edition cuts it."""
    if not later:
        whole = {"Quantity Issued": str(CREDITS), "Serial Number": vcu(1, CREDITS)}
        return File(VERRA, [whole])
    day = {"Retirement/Cancellation Date": "2022-03-14"}
    return File(
        VERRA,
        [
            {
                "Quantity Issued": "2",
                "Serial Number": vcu(first, first + 1),
                **(day if first in ENDED else {}),
            }
            for first in range(1, CREDITS, 2)
        ],
    )


@dataclass(kw_only=True)
class Writer:
    """Sells the credits that stay active, and sells or retires some that the file retires.

    From the last to the first, so that it is ahead of an import that is after it.
    """

    url: str
    record_id: str
    ahead: threading.Event
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    def write(self) -> None:
        choose = random.Random(13)
        with opened(self.url) as ledger:
            for first in reversed(range(1, CREDITS, 2)):
                if first in KEPT:
                    self.act(ledger, "keep", selling, first, to="acme")
                    continue
                if choose.random() < 0.5:
                    self.act(ledger, "sell", selling, first, to="beta")
                if choose.random() < 0.5:
                    self.act(ledger, "retire", retiring, first)
                if first < CREDITS * 3 // 4:
                    self.ahead.set()

    def act(self, ledger: Ledger, what: str, how: Any, first: int, **body: str) -> None:
        unit = how(self.record_id, serial_first=first, serial_last=first + 1, **body)
        self.statuses[what, do(ledger, unit).status] += 1


def test_an_import_and_a_writer_of_the_same_record_do_not_disturb_each_other(
    database_url: str, tmp_path: Path
) -> None:
    paths = [
        blocks(later=later).write(tmp_path / name)
        for later, name in ((False, "1.csv"), (True, "2.csv"))
    ]
    with opened(database_url) as ledger:
        import_files(ledger, paths[:1], report=lambda _: None)
        record_id = records(ledger.database)[0]["id"]
    writer = Writer(url=database_url, record_id=record_id, ahead=threading.Event())
    thread = threading.Thread(target=writer.write)
    with importing(database_url, paths[1:]) as process:
        thread.start()
        assert writer.ahead.wait(PATIENCE_S)
        process.begin()
        fared = process.result()
        thread.join()
    with opened(database_url) as ledger:
        assert_sound(ledger.database)
        (record,) = records(ledger.database)
    assert (fared["rows"], fared["issues"]) == (CREDITS // 2, [])
    assert fared["applied"] + fared["unchanged"] == CREDITS // 2
    assert 0 < fared["applied"] < len(ENDED)
    assert record["balance"]["retired"] == CREDITS // 2
    kept = [(hold["serial_first"], hold["serial_last"]) for hold in record["holdings"]]
    assert kept == [(first, first + 1) for first in KEPT]
    assert {hold["holder"] for hold in record["holdings"]} == {"acme"}
    assert writer.statuses["keep", 200] == len(KEPT)
    assert {status for _, status in writer.statuses} <= {200, 409}
