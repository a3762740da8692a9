"""The command `offset`."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
import uvicorn
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from offset import __version__
from offset.core.errors import OffsetError, Unfit
from offset.database import Database, grant, migrate, require_schema
from offset.demo import RECORDS, fill
from offset.erasing import erase_details
from offset.ledger import Ledger, ensure_origin
from offset.main import open_ledger
from offset.reading import Reader
from offset.settings import read_settings
from offset.verifying import verify_database

app = typer.Typer(
    help="An open ledger of carbon credits. DATABASE_URL names the ledger; offset.db by default.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_out = Console(soft_wrap=True, highlight=False)
_err = Console(stderr=True, soft_wrap=True, highlight=False)


def main() -> None:
    """Run a command; an error is one sentence and exit status 1."""
    try:
        app()
    except OffsetError as error:
        _err.print(f"offset: {error.detail}", markup=False)
        sys.exit(1)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1.", min=1, max=65535)] = 8000,
) -> None:
    """Start the server on this machine; it answers nobody else."""
    database, _ = open_ledger(read_settings(), pool_size=1)
    database.close()
    _out.print(f"Offset {__version__}: http://127.0.0.1:{port}/docs")
    uvicorn.run(
        "offset.main:app",
        host="127.0.0.1",
        port=port,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        log_level="warning",
    )


@app.command(name="migrate")
def migrate_command(
    role: Annotated[
        str | None,
        typer.Option(help="Give this PostgreSQL role what a server needs, and no more."),
    ] = None,
) -> None:
    """Bring the database's schema up to date. PostgreSQL needs OFFSET_ORIGIN the first time."""
    settings = read_settings()
    with _database(settings.database_url) as database:
        if role is not None and database.is_sqlite:
            raise Unfit("--role is for PostgreSQL: SQLite has no roles")
        migrate(database)
        made = f"localhost/{secrets.token_hex(16)}" if database.is_sqlite else None
        origin = ensure_origin(database, settings.origin, made)
        if role is not None:
            with database.writing() as connection:
                grant(connection, role)
    _out.print(f"The schema is up to date; the ledger's origin is {origin}.")


@app.command()
def demo(
    records: Annotated[int, typer.Option(help="How many records.", min=1)] = RECORDS,
    seed: Annotated[int, typer.Option(help="The same seed makes the same credits.")] = 1,
) -> None:
    """Fill an empty ledger with synthetic records, sales and retirements."""
    database, origin = open_ledger(read_settings(), pool_size=2)
    try:
        with _progress("Records", records) as (bar, task):
            made = fill(
                Ledger(database, origin=origin),
                Reader(database),
                records=records,
                seed=seed,
                progress=lambda count: bar.advance(task, count),
            )
    finally:
        database.close()
    _out.print(
        f"{made.records} records, {made.sales} sales, {made.retirements} retirements. "
        "Look at them: offset serve"
    )


@app.command()
def verify() -> None:
    """Replay the ledger's events and compare everything in the database with what they make."""
    with _database(read_settings().database_url) as database:
        require_schema(database)
        with _progress("Events", None) as (bar, task):
            report = verify_database(
                database,
                lambda done, total: bar.update(task, completed=done, total=total),
            )
    if not report.sound:
        for difference in report.differences:
            _err.print(f"offset: {difference}", markup=False)
        raise typer.Exit(1)
    _out.print(
        f"Sound: {report.events} events of {report.records} records replayed; records, holdings, "
        "parts, claims, details, heads and hashes are what the events make."
    )


@app.command()
def erase(
    event: Annotated[str, typer.Argument(help="The id of the event whose details are to go.")],
) -> None:
    """Erase the details of an event for good; everything still verifies afterwards."""
    database, origin = open_ledger(read_settings(), pool_size=2)
    try:
        erase_details(database, origin, event)
    finally:
        database.close()
    _out.print(f"The details of event {event} are erased. Backups made before still have them.")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
) -> None:
    """Say which version this is."""
    if show:
        _out.print(f"offset {__version__}")
        raise typer.Exit


@contextmanager
def _database(url: str) -> Iterator[Database]:
    database = Database(url, pool_size=2)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[tuple[Progress, TaskID]]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_err) as bar:
        yield bar, bar.add_task(what, total=total)
