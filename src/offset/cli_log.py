"""The commands of the log: keys, publishing, a static copy, and checking what others publish."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from offset.core.errors import Unfit
from offset.terminal import OUT, opened_database, progress

if TYPE_CHECKING:
    from offset.database import Database
    from offset.log.keys import KeyFile
    from offset.settings import Settings

log_app: Final = typer.Typer(help="The transparency log.", no_args_is_help=True)
key_app: Final = typer.Typer(help="The keys that the log is signed with.", no_args_is_help=True)
log_app.add_typer(key_app, name="key")

_PAIR: Final = 2


def publish(
    once: Annotated[bool, typer.Option("--once", help="Publish what is there, and end.")] = False,
) -> None:
    """Publish the log until Ctrl+C: for ledgers whose servers do not have the key."""
    from offset.core.checkpoints import read_checkpoint
    from offset.log.ticker import Ticker
    from offset.main import open_publisher

    with _ledger() as (settings, database, origin):
        _key_file(settings, database)
        publisher = open_publisher(settings, database, origin)
        assert publisher is not None
        note = publisher.publish()
        size = 0 if note is None else read_checkpoint(note.text).size
        OUT.print(f"{size} events of {origin} are published.")
        if once:
            return
        ticker, ended = Ticker(publisher), threading.Event()
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, lambda *_: ended.set())
        ticker.start()
        ended.wait()
        ticker.stop()


@key_app.command("new")
def new_key() -> None:
    """Make the log's signing key; needs the ledger, whose origin is the key's name."""
    with _ledger() as (settings, database, origin):
        file = _key_file(settings, database)
        key = file.make(origin)
    OUT.print(f"{file.path} is the key; keep it secret, and a copy of it safe. Its public part:")
    OUT.print(key.verifier.vkey)


@key_app.command("show")
def show_key() -> None:
    """Print the public keys, for those who verify; the newest first."""
    with _ledger() as (settings, database, origin):
        for key in _key_file(settings, database).keys(origin):
            OUT.print(key.verifier.vkey)


@key_app.command("rotate")
def rotate_key(
    drop: Annotated[
        bool, typer.Option("--drop", help="Let the keys of before sign no more.")
    ] = False,
) -> None:
    """Make a new key; the one of before goes on signing beside it, unless it is dropped."""
    with _ledger() as (settings, database, origin):
        keys = _key_file(settings, database).rotate(origin, keep=0 if drop else 1)
    OUT.print("Checkpoints are signed by these keys from the publisher's next start on:")
    for key in keys:
        OUT.print(key.verifier.vkey)


@log_app.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="Where to; what is there is brought up to date.")],
) -> None:
    """Write a static copy of the log, which any web server can serve and anyone can verify."""
    from offset.log import LogFiles
    from offset.logcommands import export_files

    with _ledger() as (_, database, _origin), progress("Files") as show:
        export_files(LogFiles(database), folder, OUT.print, show)


def verify_elsewhere(
    files: list[Path], log: str | None, keys: list[str], policy: Path | None, state: Path | None
) -> int:
    """Check a proof, two checkpoints or a whole log; give the exit status."""
    from offset.logcommands import verify_checkpoints, verify_log, verify_proof

    if state is not None and (files or log is None):
        raise Unfit("--state is for a whole log: --log")
    if len(files) == 1 and log is None:
        return verify_proof(files[0], keys, policy, OUT.print)
    if len(files) == _PAIR:
        return verify_checkpoints(files, log, keys, policy, OUT.print)
    if files or log is None:
        raise Unfit("name one proof file, two checkpoints, or a log with --log")
    with progress("Events") as show:
        return verify_log(log, keys, policy, state, OUT.print, show)


@contextmanager
def _ledger() -> "Iterator[tuple[Settings, Database, str]]":
    """Open the ledger that is there, with its origin."""
    from offset.ledger import ensure_origin
    from offset.migrating import require_schema
    from offset.settings import read_settings

    settings = read_settings()
    with opened_database(settings.database_url, new=False) as database:
        require_schema(database)
        yield settings, database, ensure_origin(database, settings.origin, None)


def _key_file(settings: "Settings", database: "Database") -> "KeyFile":
    """Name the file of the log's key; refuse a log whose key is missing."""
    from offset.main import key_file_of, missing_key

    file = key_file_of(settings, database)
    if file is None:
        raise Unfit("OFFSET_LOG_KEY is not set: it names the file of the log's key")
    missing = missing_key(database, file)
    if missing is not None:
        raise Unfit(missing)
    return file
