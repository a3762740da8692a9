"""The journal is moved beside the writers, and ends whenever it is told to."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from offset.journal import Journal


class Slow(threading.Event):
    """Lets others come between a look that finds nothing and what follows from it."""

    def __init__(self) -> None:
        super().__init__()
        self.has_looked = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        found = super().wait(timeout)
        if not found:
            self.has_looked.set()
            time.sleep(0.1)
        return found


def test_it_ends_whenever_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offset.journal._MOMENT_S", 0.0)
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("CREATE TABLE t (a)")
        journal = Journal(str(path))
        slow = Slow()
        monkeypatch.setattr(journal, "_ended", slow)
        for _ in range(2):  # it begins again, too
            slow.has_looked.clear()
            journal.written()
            assert slow.has_looked.wait(10)
            ending = threading.Thread(target=journal.close, daemon=True)
            ending.start()
            ending.join(10)
            assert not ending.is_alive(), "it waits for what never comes"


def test_a_file_that_is_gone_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offset.journal._MOMENT_S", 0.0)
    journal = Journal(str(tmp_path / "no such ledger.db"))
    for _ in range(20):
        journal.written()
    journal.close()
    assert list(tmp_path.iterdir()) == []
