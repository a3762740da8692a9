"""The command `offset`. What a command needs is imported inside it, so that help comes at once."""

import json
import signal
import socket
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from offset import __version__
from offset.cli_log import log_app, publish, verify_elsewhere
from offset.core.errors import OffsetError, Unfit
from offset.terminal import ERR, OUT, opened_database, progress

if TYPE_CHECKING:
    from offset.auditing import Audit
    from offset.database import Database
    from offset.exports import Order
    from offset.importing import Imported, Issue
    from offset.imports import Imports
    from offset.ledger import Ledger
    from offset.reports import Reported

MOST_DIFFERENCES: Final = 30  # printed as a table; the rest are counted

DatesOption = Annotated[
    Literal["dmy", "mdy", "ymd"] | None,
    typer.Option(help="How dates are written whose own column does not tell."),
]

app = typer.Typer(
    help="An open ledger of carbon credits. DATABASE_URL names the ledger; offset.db by default.",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(log_app, name="log")
app.command()(publish)


def main() -> None:
    """Run a command; an error is one sentence and exit status 1."""
    try:
        app()
    except OffsetError as error:
        ERR.print(f"offset: {error.detail}")
        sys.exit(1)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1.", min=1, max=65535)] = 8000,
) -> None:
    """Start the server on this machine; it answers nobody else."""
    import uvicorn

    from offset.main import app as application
    from offset.main import open_ledger
    from offset.serving import Server, WholeAnswers
    from offset.settings import read_settings

    database, _ = open_ledger(read_settings(), pool_size=1)
    database.close()
    with closing(_listener(port)) as listener:
        OUT.print(
            f"Offset {__version__} serves {_name(database)} at http://127.0.0.1:{port}/docs "
            "until Ctrl+C."
        )
        config = uvicorn.Config(
            application,
            http=WholeAnswers,
            ws="none",
            proxy_headers=False,
            server_header=False,
            log_level="warning",
            access_log=False,
        )
        with suppress(KeyboardInterrupt):  # uvicorn passes Ctrl+C on when all is answered
            Server(config, application).run(sockets=[listener])


@app.command(name="migrate")
def migrate_command(
    role: Annotated[
        str | None,
        typer.Option(help="Give this PostgreSQL role what a server needs, and no more."),
    ] = None,
) -> None:
    """Bring the database's schema up to date. PostgreSQL needs OFFSET_ORIGIN the first time."""
    from offset.ledger import ensure_origin, made_up_origin
    from offset.migrating import grant, migrate
    from offset.settings import read_settings

    settings = read_settings()
    with opened_database(settings.database_url) as database:
        if role is not None and database.is_sqlite:
            raise Unfit("--role is for PostgreSQL: SQLite has no roles")
        migrate(database)
        made = made_up_origin() if database.is_sqlite else None
        origin = ensure_origin(database, settings.origin, made)
        if role is not None:
            with database.writing() as connection:
                grant(connection, role)
    OUT.print(f"The schema is up to date; the ledger's origin is {origin}.")


@app.command()
def demo(
    rows: Annotated[int, typer.Option(help="About how many rows of exports.", min=1)] = 3_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same credits.")] = 1,
) -> None:
    """Fill an empty ledger with synthetic registries' exports, to look at."""
    from offset.demo import fill
    from offset.ledger import Ledger
    from offset.main import open_ledger
    from offset.reading import Reader
    from offset.settings import read_settings

    database, origin = open_ledger(read_settings(), pool_size=2)
    try:
        with progress("Rows") as show:
            ledger, reader = Ledger(database, origin=origin), Reader(database)
            made = fill(ledger, reader, rows=rows, seed=seed, progress=show)
    finally:
        database.close()
    OUT.print(
        f"{made.rows} rows of synthetic exports imported, {made.reported} reported: "
        f"{made.records} records, {made.sales} sales, {made.retirements} retirements of those. "
        "Look at them: offset serve"
    )


@app.command()
def verify(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="A proof, or two checkpoints; nothing for the ledger itself."),
    ] = None,
    log: Annotated[str | None, typer.Option(help="A whole log: a folder, or its address.")] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="The log's public key, or a file with it.")
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="Who has to have signed.")] = None,
    state: Annotated[
        Path | None, typer.Option(help="Where to go on from; kept for the next time.")
    ] = None,
) -> None:
    """Check a ledger's database, or, of any ledger, a proof, two checkpoints or a whole log.

    Without arguments: replay all events and compare the database and its log with them. The
    first differences are named, and the exit status is 1.
    """
    if files or log is not None:
        raise typer.Exit(verify_elsewhere(files or [], log, key or [], policy, state))
    if key or policy is not None or state is not None:
        raise Unfit("name a proof file, two checkpoints, or a log with --log")
    from offset.migrating import require_schema
    from offset.settings import read_settings
    from offset.verifying import LARGEST_REPORT, verify_database

    with opened_database(read_settings().database_url, new=False) as database:
        require_schema(database)
        with progress("Events") as show:
            report = verify_database(database, show)
    if not report.sound:
        for difference in report.differences:
            ERR.print(f"offset: not sound: {difference}")
        if len(report.differences) == LARGEST_REPORT:
            ERR.print(f"offset: these are the first {LARGEST_REPORT}; there may be more")
        raise typer.Exit(1)
    OUT.print(
        f"Sound: {report.events} events of {report.records} records replayed; records, holdings, "
        "parts, claims, details, heads, hashes and the log are what the events make."
    )


@app.command()
def erase(
    event: Annotated[str, typer.Argument(help="The id of the event whose details are to go.")],
) -> None:
    """Erase the details of an event for good.

    Everything still verifies afterwards.
    """
    from offset.erasing import erase_details
    from offset.ledger import ensure_origin
    from offset.migrating import require_schema
    from offset.settings import read_settings

    settings = read_settings()
    with opened_database(settings.database_url, new=False) as database:
        database.require_durability()
        require_schema(database)
        erase_details(database, ensure_origin(database, settings.origin, None), event)
    OUT.print(f"The details of event {event} are erased. Backups made before still have them.")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
) -> None:
    """Say which version this is."""
    if show:
        OUT.print(f"offset {__version__}")
        raise typer.Exit


@app.command()
def audit(
    files: Annotated[
        list[Path],
        typer.Argument(help="Exports of registries, CSV or XLSX.", exists=True, dir_okay=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    dates: DatesOption = None,
) -> None:
    """Say what is wrong in registries' exports.

    No ledger is needed. The exit status is 1 if anything is wrong, 2 if a file cannot be read.
    """
    from offset.auditing import audit as audit_files
    from offset.core.errors import Invalid
    from offset.exports import DATES
    from offset.reports import visible

    try:
        with progress("Rows") as show:
            found = audit_files(files, show, DATES[dates] if dates else None)
    except Invalid as error:
        ERR.print(f"offset: {visible(error.detail)}")
        raise typer.Exit(2) from None
    if as_json:
        sys.stdout.write(json.dumps(found.as_json(), ensure_ascii=False, indent=1) + "\n")
    else:
        _print_audit(found)
    raise typer.Exit(1 if found.findings else 0)


def _print_audit(found: "Audit") -> None:
    """Print the findings, what the rows add up to, and a sentence at the end."""
    from rich.table import Table

    from offset.core.quantities import tonnes_text
    from offset.reports import visible

    for finding in found.findings:
        OUT.print(f"{finding.file}:{finding.line}: {finding.code}: {finding.detail}")
    totals = Table("registry", "vintage", box=None, pad_edge=False)
    for name in ("issued", "retired", "cancelled"):
        totals.add_column(name, justify="right")
    for total in found.totals:
        quantities = (total.issued_g, total.retired_g, total.cancelled_g)
        if any(quantities):  # planned credits are in no total
            texts = (tonnes_text(quantity_g) for quantity_g in quantities)
            totals.add_row(total.registry, str(total.vintage), *texts)
    if totals.row_count:
        OUT.print(totals)
    for sentence in (*found.passed_over, *found.notes):
        OUT.print(visible(sentence))
    if found.repeated:
        OUT.print(f"{found.repeated} rows stand in an earlier file, too, and are counted once.")
    if found.planned_g:
        OUT.print(f"{tonnes_text(found.planned_g)} are planned, and in no sum.")
    OUT.print(f"{found.rows} rows, {len(found.findings)} findings.")


@app.command(name="import")
def import_command(
    files: Annotated[
        list[Path],
        typer.Argument(help="Exports of registries, CSV or XLSX.", exists=True, dir_okay=False),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Where to write what was reported, as CSV.", dir_okay=False)
    ] = None,
    dates: DatesOption = None,
) -> None:
    """Take registries' exports into the ledger.

    The same file again changes nothing. The exit status is 1 if anything was reported, 2 if a file
    cannot be read.
    """
    from offset.core.errors import Invalid
    from offset.exports import DATES
    from offset.imports import Imports
    from offset.ledger import Ledger
    from offset.main import open_ledger
    from offset.reports import Reported, visible
    from offset.settings import read_settings

    if report is not None and any(report.exists() and report.samefile(one) for one in files):
        raise Unfit(f"the report would replace {report}, which is to be imported")
    named = [(one, visible(one.name if _is_only(one, files) else str(one))) for one in files]
    database, origin = open_ledger(read_settings(), pool_size=4)
    with closing(database):
        imports = Imports(database)
        import_id = imports.begin(", ".join(name for _, name in named), dry_run=dry_run)
        path = report or (None if as_json else Path(f"offset-import-{import_id}.csv"))
        with Reported(path, at_once=report is not None, listed=as_json) as reported:
            try:
                imported = _import(
                    *(imports, import_id, Ledger(database, origin=origin), named, reported),
                    dry_run=dry_run,
                    dates=DATES[dates] if dates else None,
                )
            except Invalid as error:
                ERR.print(f"offset: {visible(error.detail)}")
                raise typer.Exit(2) from None
            if as_json:
                _print_import_as_json(import_id, imported, reported, dry_run=dry_run)
        if not as_json:
            _print_import(imported, reported, dry_run=dry_run)
    raise typer.Exit(1 if reported.examples else 0)


def _import(
    imports: "Imports",
    import_id: str,
    ledger: "Ledger",
    files: "list[tuple[Path, str]]",
    reported: "Reported",
    *,
    dry_run: bool,
    dates: "Order | None",
) -> "Imported":
    """Import files; Ctrl+C and SIGTERM stop it between two batches, and a second one at once."""
    from offset.imports import Stopped, run_import

    signals: list[int] = []

    def note(number: int, _: object) -> None:
        if signals:
            raise KeyboardInterrupt
        signals.append(number)

    def check() -> None:
        if signals:
            raise Stopped

    def report(issue: "Issue") -> None:
        reported.add(issue)
        check()

    before = {one: signal.signal(one, note) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        with progress("Rows") as show:

            def counted(done: int, total: int) -> None:
                show(done, total)
                check()

            return run_import(
                *(imports, import_id, ledger, files),
                dry_run=dry_run,
                report=report,
                progress=counted,
                dates=dates,
            )
    except Stopped:
        done = "nothing was changed" if dry_run else "the same command goes on from there"
        ERR.print(f"offset: stopped between two batches; {done}")
        raise typer.Exit(128 + signals[0]) from None
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _is_only(path: Path, paths: list[Path]) -> bool:
    return sum(other.name == path.name for other in paths) == 1


def _print_import(imported: "Imported", reported: "Reported", *, dry_run: bool) -> None:
    """Print differences, what was reported, and a sentence at the end."""
    from rich.table import Table

    from offset.core.quantities import tonnes_text
    from offset.imports import largest_first
    from offset.reports import visible

    if imported.differences:
        table = Table("registry", "project", "vintage", "what", box=None, pad_edge=False)
        for name in ("files", "ledger"):
            table.add_column(name, justify="right")
        for one in largest_first(imported.differences)[:MOST_DIFFERENCES]:
            vintage = "" if one.vintage is None else str(one.vintage)
            texts = (one.registry, visible(one.project), vintage, one.measure)
            table.add_row(*texts, tonnes_text(one.file_g), tonnes_text(one.ledger_g))
        OUT.print("Files and ledger differ:")
        OUT.print(table)
        if (more := len(imported.differences) - MOST_DIFFERENCES) > 0:
            OUT.print(f"and {more} smaller ones")
    for code, (count, issue) in reported.examples.items():
        where = issue.file if issue.line is None else f"{issue.file}:{issue.line}"
        OUT.print(f"{count} {code}: {visible(where)}: {visible(issue.detail)}")
    for sentence in (*imported.passed_over, *imported.notes):
        OUT.print(visible(sentence))
    if reported.examples:
        OUT.print(f"All that was reported: {reported.path}")
    OUT.print(
        f"{imported.rows} rows = {imported.applied} applied + {imported.unchanged} unchanged + "
        f"{imported.reported} reported."
    )
    if dry_run:
        OUT.print("A dry run: nothing was changed.")


def _print_import_as_json(
    import_id: str, imported: "Imported", reported: "Reported", *, dry_run: bool
) -> None:
    """Print one object, its issues last, which are read from where they are kept."""
    from offset.imports import largest_first

    fields = {
        "id": import_id,
        "dry_run": dry_run,
        "rows": imported.rows,
        "applied": imported.applied,
        "unchanged": imported.unchanged,
        "reported": imported.reported,
        "differences": [one.as_json() for one in largest_first(imported.differences)],
        "passed_over": imported.passed_over,
        "notes": imported.notes,
    }
    sys.stdout.write(json.dumps(fields, ensure_ascii=False, indent=1).removesuffix("\n}"))
    sys.stdout.write(',\n "issues": [')
    for number, issue in enumerate(reported.listed()):
        sys.stdout.write(("," if number else "") + f"\n  {issue}")
    sys.stdout.write("\n ]\n}\n")


def _name(database: "Database") -> str:
    """Name a ledger without its user and password."""
    name = database.url.database or database.url.username
    return str(name) if database.is_sqlite else f"the PostgreSQL database {name}"


def _listener(port: int) -> socket.socket:
    """Listen before saying so; the loop takes it over."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise Unfit(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}; another port: --port"
        ) from error
    return listener
