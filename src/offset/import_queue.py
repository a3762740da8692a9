"""Files that were sent to be imported: one after the other, in a thread beside the event loop.

What waits is bounded, and so is what is being sent: a place is taken before a file comes in.
"""

import logging
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple
from uuid import uuid4

from offset.core.errors import Busy, OffsetError, Unavailable
from offset.exports import Order
from offset.importing import Issue
from offset.imports import Imports, Stopped, run_import
from offset.ledger import Ledger

_RETRY_S: Final = 1.0
LARGEST_QUEUE: Final = 8  # files; more are turned away with 503
_log: Final = logging.getLogger("uvicorn.error")


class Upload(NamedTuple):
    """A file that has come in, in the queue's own folder."""

    import_id: str
    path: Path
    name: str
    dry_run: bool
    dates: Order | None = None


class ImportQueue:
    """The files that wait, and the thread that imports them.

    Args:
        ledger: of the thread alone.
        largest_bytes: of a file that may be sent.
    """

    def __init__(self, ledger: Ledger, *, largest_bytes: int) -> None:
        self.imports: Final = Imports(ledger.database)
        self.largest_bytes: Final = largest_bytes
        self._ledger = ledger
        self._folder: TemporaryDirectory[str] | None = None  # made for the first file
        self._waiting: deque[Upload] = deque()
        self._coming = 0  # places that are taken for files which are still being sent
        self._running: tuple[str, int, int] | None = None  # id, rows read, rows there are
        self._unnoted: list[str] = []  # imports whose end the database did not take
        self._stopping = False
        self._filled = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="offset-imports", daemon=True)

    def start(self) -> None:
        """Begin to import, after looking after what other processes have left."""
        self.imports.interrupt_all()
        self._thread.start()

    def stop(self, patience_s: float | None = None) -> None:
        """End between two batches; what waits is not begun, and its files go.

        Args:
            patience_s: seconds after which an import that does not end is left; None waits for it.
        """
        with self._filled:
            self._stopping = True
            self._filled.notify()
        self._thread.join(patience_s)
        with suppress(OffsetError):  # then the next server says so
            for upload in self._waiting:
                self.imports.interrupt(upload.import_id)
        if self._folder is not None:
            self._folder.cleanup()

    def take_place(self) -> Path:
        """Take a place for a file; give the path to write it to.

        Raises:
            Busy: too many files are waiting, or the server is ending.
            Unavailable: there is no space for it.
        """
        with self._filled:
            if self._stopping or len(self._waiting) + self._coming >= LARGEST_QUEUE:
                raise Busy("too many files are waiting to be imported; this one was not taken")
            if self._folder is None:
                try:
                    self._folder = TemporaryDirectory(prefix="offset-imports-")
                except OSError as error:
                    raise Unavailable("the server has no room for the file") from error
            self._coming += 1
        return Path(self._folder.name) / str(uuid4())

    def give_up(self, path: Path) -> None:
        """Give a place back whose file did not come, or cannot be queued."""
        with self._filled:
            self._coming -= 1
        path.unlink(missing_ok=True)

    def put(self, upload: Upload) -> None:
        """Queue the file for which a place was taken."""
        with self._filled:
            self._coming -= 1
            self._waiting.append(upload)
            self._filled.notify()

    def progress(self, import_id: str) -> tuple[int, int] | None:
        """Tell how many rows are read and how many there are, of the file that is being read."""
        running = self._running
        return running[1:] if running is not None and running[0] == import_id else None

    def _run(self) -> None:
        while (upload := self._next()) is not None:
            try:
                self._import(upload)
            except Stopped:
                pass
            except OffsetError as error:
                _log.warning("Import %s failed: %s", upload.import_id, error.code)
                if isinstance(error, Unavailable):
                    self._unnoted.append(upload.import_id)
            except Exception:  # noqa: BLE001 - the next file may fare better
                _log.exception("Import %s failed", upload.import_id)
            finally:
                self._running = None
                upload.path.unlink(missing_ok=True)

    def _next(self) -> Upload | None:
        while True:
            with self._filled:
                if not self._waiting and not self._stopping:
                    self._filled.wait(_RETRY_S if self._unnoted else None)
                if self._stopping:
                    return None
                if self._waiting:
                    return self._waiting.popleft()
            with suppress(OffsetError):  # the next time
                while self._unnoted:
                    self.imports.interrupt_if_running(self._unnoted[-1])
                    self._unnoted.pop()

    def _import(self, upload: Upload) -> None:
        def report(_: Issue) -> None:
            self._check()

        def progress(done: int, total: int) -> None:
            self._running = (upload.import_id, done, total)
            self._check()

        self.imports.keep(upload.import_id, 0, ())
        run_import(
            self.imports,
            upload.import_id,
            self._ledger,
            [(upload.path, upload.name)],
            dry_run=upload.dry_run,
            dates=upload.dates,
            report=report,
            progress=progress,
        )

    def _check(self) -> None:
        if self._stopping:
            raise Stopped
