"""What the commands share: the terminal, a bar of progress, an opened ledger."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from offset.core.errors import Unfit

if TYPE_CHECKING:
    from offset.database import Database

OUT: Final = Console(soft_wrap=True, highlight=False, markup=False)
ERR: Final = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


@contextmanager
def opened_database(url: str, *, new: bool = True) -> "Iterator[Database]":
    """Open a database; only where `new` may it be a SQLite file that is not there yet."""
    from offset.database import Database

    database = Database(url, pool_size=2)
    try:
        if not new and database.is_sqlite and not Path(str(database.url.database)).exists():
            raise Unfit(f"there is no ledger at {database.url.database}")
        database.reach()
        yield database
    finally:
        database.close()


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function to call with what is done and the total; its first call shows the bar."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=ERR, disable=not ERR.is_terminal)
    task = bar.add_task(what, total=None)

    def show(done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        bar.stop()
