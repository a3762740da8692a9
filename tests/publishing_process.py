"""Publishers in processes of their own, which a test can kill.

`publishing_process.py URL ORIGIN KEY` says for each line that it reads the id of a new process,
which publishes without pause, a few events in a transaction.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from offset.core.errors import DatabaseUnavailable
from offset.database import Database
from offset.log import publisher
from offset.log.keys import KeyFile


def main(url: str, origin: str, key: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who has ended is gone
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            publish(url, origin, Path(key), parent=os.getppid())
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def publish(url: str, origin: str, key: Path, *, parent: int) -> None:
    """Publish until the parent is gone."""
    publisher.LARGEST_STEP = 20  # type: ignore[misc]
    one = publisher.Publisher(Database(url), origin=origin, key_file=KeyFile(key))
    while os.getppid() == parent:
        with suppress(DatabaseUnavailable):  # another process has it
            one.publish()
        time.sleep(0.001)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
