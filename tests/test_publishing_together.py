"""Publishers that compete and are killed make one log: no gap, no duplicate, no fork."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final

import pytest

from builders import ORIGIN
from log_ledgers import LogLedger, opened_log, size_of
from offset.core.errors import DatabaseUnavailable
from servers import environment

KILLS: Final = 5 * int(os.environ.get("OFFSET_TEST_CYCLES", "4"))
PATIENCE_S: Final = 20.0  # for a checkpoint
PROCESS: Final = Path(__file__).with_name("publishing_process.py")


@pytest.fixture
def log(database_url: str, tmp_path: Path) -> Iterator[LogLedger]:
    with opened_log(database_url, tmp_path) as made:
        yield made


def await_coverage(log: LogLedger) -> None:
    """Wait until a checkpoint covers what is there now."""
    wanted = log.events()
    deadline = time.monotonic() + PATIENCE_S
    while max(log.sizes(), default=0) < wanted:
        assert time.monotonic() < deadline, "nobody publishes"
        time.sleep(0.005)


def test_publishers_of_several_threads_make_one_log(
    log: LogLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offset.log.publisher.LARGEST_STEP", 7)
    failed: list[BaseException] = []
    stop = Event()

    def publish() -> None:
        publisher = log.publisher()
        before = 0
        while not stop.is_set():
            try:
                note = publisher.publish()
                assert note is None or before <= size_of(note)
                before = 0 if note is None else size_of(note)
            except DatabaseUnavailable:
                continue
            except BaseException as error:
                failed.append(error)
                raise

    threads = [Thread(target=publish) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            for count in [1, 5, 20, 3]:
                log.write(count)
            await_coverage(log)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    log.check()
    assert len(log.sizes()) >= 5
    assert log.sizes()[-1] == log.events() == 145


class Publishers:
    """Processes that publish."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server
        self._running: list[int] = []

    def start(self) -> None:
        """Start one."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write("\n")
        self._server.stdin.flush()
        self._running.append(int(self._server.stdout.readline()))

    def kill_oldest(self) -> None:
        """End one with SIGKILL; it has to be there still."""
        os.kill(self._running.pop(0), signal.SIGKILL)

    def kill_all(self) -> None:
        while self._running:
            self.kill_oldest()


@contextmanager
def publishers(log: LogLedger) -> Iterator[Publishers]:
    """No processes yet; at the end none either."""
    url = log.database.url.render_as_string(hide_password=False)
    server = subprocess.Popen(
        [sys.executable, str(PROCESS), url, ORIGIN, str(log.key_file.path)],
        env=environment(url, {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    made = Publishers(server)
    try:
        yield made
    except BaseException as error:
        server.kill()
        error.add_note(server.communicate()[1])
        raise
    finally:
        made.kill_all()
        server.kill()
        server.communicate()


def test_killed_publishers_leave_a_log_that_others_go_on_with(log: LogLedger) -> None:
    """Of two processes that publish what a third writes one is killed and another started."""
    choose = random.Random(KILLS)
    stop = Event()
    log.write(1)

    def write() -> None:
        while not stop.wait(0.01):
            log.write(choose.randrange(1, 30))

    writing = Thread(target=write)
    with publishers(log) as processes:
        writing.start()
        try:
            processes.start()
            processes.start()
            for number in range(KILLS):
                time.sleep(choose.uniform(0.01, 0.08))
                processes.kill_oldest()
                processes.start()
                if number % 5 == 4:
                    await_coverage(log)
        finally:
            stop.set()
            writing.join()
        await_coverage(log)
        processes.kill_all()
        log.check()
    assert len(log.sizes()) > KILLS // 5
    last = log.key_file.last_signed()
    assert last is not None
    assert last.size == log.events() == log.sizes()[-1]
