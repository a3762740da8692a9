"""The application: wires the parts up, and holds the one error handler."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from offset import __version__
from offset.core.errors import (
    Internal,
    LogMalformed,
    Malformed,
    MethodNotAllowed,
    OffsetError,
    PageNotFound,
    Unfit,
)
from offset.database import Database
from offset.dispatching import Dispatcher
from offset.guard import Guard
from offset.import_queue import ImportQueue
from offset.import_routes import router as import_router
from offset.ledger import Ledger, ensure_origin, made_up_origin
from offset.log import Log
from offset.log.keys import KeyFile
from offset.log.publisher import Publisher
from offset.log.store import is_signed
from offset.log.ticker import Ticker
from offset.log.witnesses import Witnesses, read_witnesses
from offset.log_routes import router as log_router
from offset.migrating import migrate, require_rights, require_schema
from offset.reading import Reader
from offset.receiving import LeanRoute
from offset.routes import Api, router
from offset.sending import respond_error
from offset.settings import Settings, read_settings
from offset.submitting import Submission
from offset.writer import Writer

ROUTERS: Final = (router, import_router, log_router)
LEAN_ROUTES: Final = tuple(
    route for one in ROUTERS for route in one.routes if isinstance(route, LeanRoute)
)
_PATIENCE_S: Final = 8.0  # with an import or a publisher that waits, when the server ends
_log: Final = logging.getLogger("uvicorn.error")
_DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def open_ledger(settings: Settings, *, pool_size: int) -> tuple[Database, str]:
    """Open the settings' database and give it with the ledger's origin.

    SQLite is migrated by itself; PostgreSQL only by `offset migrate`.

    Raises:
        Unfit: the schema, the origin or the durability is not what it has to be.
        DatabaseUnavailable: the database cannot be reached.
    """
    database = Database(settings.database_url, pool_size=pool_size)
    try:
        database.reach()
        database.require_durability()
        if database.is_sqlite:
            migrate(database)
        require_schema(database)
        require_rights(database)
        made = made_up_origin() if database.is_sqlite else None
        origin = ensure_origin(database, settings.origin, made)
        if origin == made:
            _log.info("Origin %s was made up; a public log needs OFFSET_ORIGIN.", origin)
    except BaseException:
        database.close()
        raise
    return database, origin


def key_file_of(settings: Settings, database: Database) -> KeyFile | None:
    """Name the file of the log's key: the setting's, or the one beside an SQLite file."""
    if settings.log_key is not None:
        return KeyFile(settings.log_key)
    return KeyFile(Path(f"{database.url.database}.log-key")) if database.is_sqlite else None


def missing_key(database: Database, key_file: KeyFile) -> str | None:
    """Return what to do where a log that was signed has lost its key; None where it has not.

    A new key would sign under the old name, and who knows the old key would call it a forgery.
    """
    was_signed = is_signed(database) or key_file.guard.exists()  # first: another process may begin
    if not was_signed or key_file.path.exists():
        return None
    return (
        f"the log is not signed: {key_file.path} is missing, the key that has signed it. Put the "
        "file back from its safe copy, readable by its owner alone (mode 0600), and start again. "
        "No new key is made: it would sign under the old name"
    )


def open_publisher(settings: Settings, database: Database, origin: str) -> Publisher | None:
    """Make the log's publisher, with a key of its own on a new SQLite ledger; None without a key.

    Raises:
        Unfit: the key or a witness is not what it has to be.
    """
    key_file = key_file_of(settings, database)
    if key_file is None:
        _log.warning("This server does not publish the log: it has no OFFSET_LOG_KEY.")
        return None
    missing = missing_key(database, key_file)
    if missing is not None:
        _log.warning("%s.", missing[0].upper() + missing[1:])
        return None
    if settings.log_key is None and not key_file.path.exists():
        with suppress(Unfit):  # another process of this ledger was first
            key_file.make(origin)
    try:
        witnesses = read_witnesses(settings.witnesses)
    except LogMalformed as error:
        raise Unfit(f"OFFSET_WITNESSES: {error.detail}") from None
    return Publisher(
        database, origin=origin, key_file=key_file, witnesses=Witnesses(database, witnesses)
    )


def create_app(settings: Settings | None = None) -> Guard:
    """Make the application of one ledger."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        try:
            chosen = settings or read_settings()
            # Of each kind (`Database` has two on PostgreSQL): 8 threads that list, two batches of
            # whole records, the writer, an import, the publisher.
            database, origin = open_ledger(chosen, pool_size=14)
            try:
                publisher = open_publisher(chosen, database, origin)
            except Unfit:
                database.close()
                raise
            ticker = None if publisher is None else Ticker(publisher)
            imports = ImportQueue(
                Ledger(database, origin=origin), largest_bytes=chosen.import_max_bytes
            )
            imports.start()
        except OffsetError as error:
            app.state.unfit = error.detail
            raise
        app.state.imports = imports
        submission = Submission(refuse_unparsed=chosen.unparsed == "refuse")
        api = Api(
            Writer(Ledger(database, origin=origin)), Reader(database), submission, Log(database)
        )
        app.state.api = api
        if ticker is not None:
            ticker.start()
        gc.collect()
        gc.freeze()  # what start-up made is never garbage; p99 falls by a factor of six
        gc.set_threshold(20_000)  # little of what a request makes is in a cycle
        try:
            yield {}
        finally:
            # Together: an import may be waiting for a lock that a batch on this loop has.
            ends = [api.stop(), asyncio.to_thread(imports.stop, _PATIENCE_S)]
            if ticker is not None:
                ends.append(asyncio.to_thread(ticker.stop, _PATIENCE_S))
            await asyncio.gather(*ends)
            database.close()

    app = FastAPI(
        title="Offset",
        version=__version__,
        summary="A ledger of carbon credits in which no gram is issued, sold or retired twice.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    _add_routes(app)

    def is_written(task: asyncio.Task[None]) -> bool:
        return bool(app.state.api.writer.is_served(task))

    def stop() -> None:
        app.state.api.begin_to_stop()

    dispatcher = Dispatcher(app, LEAN_ROUTES, refuse=_refuse)
    return Guard(
        dispatcher,
        unfit=lambda: getattr(app.state, "unfit", None),
        is_written=is_written,
        stop=stop,
    )


def _add_routes(app: FastAPI) -> None:
    """Add the API, the pages and files beside it, and the handlers of errors."""
    for one in ROUTERS:
        app.include_router(one)
    app.add_api_route("/docs", _docs, include_in_schema=False)
    app.add_api_route("/", _home, include_in_schema=False)
    app.mount("/static", _WholeFiles(directory=Path(str(files("offset") / "static"))))
    app.add_exception_handler(OffsetError, _refused)
    app.add_exception_handler(HTTPException, _http_refused)
    app.add_exception_handler(Exception, _failed)


def _refuse(request: Request, error: OffsetError) -> Response:
    """Turn any of our errors into its problem document."""
    if isinstance(error, Internal):
        _log.error("A request failed", exc_info=error.fault)
    return respond_error(request, error)


async def _refused(request: Request, error: Exception) -> Response:
    """Do so for what is no lean route's."""
    assert isinstance(error, OffsetError)
    return _refuse(request, error)


async def _http_refused(request: Request, error: Exception) -> Response:
    """Turn what the framework refuses by itself into one of our errors."""
    assert isinstance(error, HTTPException)
    path = request.scope["path"][:200]
    if error.status_code == 405:
        response = respond_error(request, MethodNotAllowed(f"{request.method} {path}"))
        response.headers["Allow"] = _allowed(request, error)
        return response
    if error.status_code == 404:
        return respond_error(request, PageNotFound(f"{path}: nothing is here"))
    return respond_error(request, Malformed(str(error.detail)))


def _allowed(request: Request, error: HTTPException) -> str:
    """Name every method of the path; the framework knows those of the first route only."""
    methods = set((error.headers or {}).get("Allow", "").split(", ")) - {""}
    for route in LEAN_ROUTES:
        if route.path_regex.match(request.scope["path"]):
            methods |= route.methods or set()
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


class _WholeFiles(StaticFiles):
    """Static files, always whole: a refused range would be answered in plain text."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as if no range were asked for, which RFC 9110, section 14.2, allows."""
        kept = [one for one in scope["headers"] if one[0] not in (b"range", b"if-range")]
        await super().__call__({**scope, "headers": kept}, receive, send)


async def _failed(request: Request, error: Exception) -> Response:
    return respond_error(request, Internal(error))


async def _docs() -> Response:
    page = (files("offset") / "static" / "docs.html").read_text(encoding="utf-8")
    return HTMLResponse(page, headers={"Content-Security-Policy": _DOCS_POLICY})


async def _home() -> Response:
    return RedirectResponse("/docs")


app: Final = create_app()
