"""The API of imports: a registry's file is sent, waits its turn, and is asked for."""

import re
from pathlib import Path as FilePath
from typing import Annotated, Any, Final, Literal

from anyio import open_file
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field
from starlette.requests import ClientDisconnect

from offset.answers import Json
from offset.core.errors import Malformed, TooLarge, Unavailable, UnsupportedMediaType
from offset.exports import DATES
from offset.import_queue import ImportQueue, Upload
from offset.imports import LARGEST_DIFFERENCES, Import
from offset.queries import EventsQuery, ImportQuery, ImportsQuery
from offset.receiving import LeanRoute
from offset.responses import Moment, Shown, linked, problems, shown
from offset.routes import api_of
from offset.sending import respond
from offset.units import Answer

MEDIA_TYPES: Final = (
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/octet-stream",
)
_MEDIA_TYPE: Final = re.compile(r"([a-z0-9./+-]+)\s*(;.*)?", re.ASCII | re.IGNORECASE | re.DOTALL)
ImportId = Annotated[
    str, Path(description="The id of the import.", json_schema_extra={"format": "uuid"})
]
Rows = Annotated[int | None, Field(description="Null until all rows are read.")]


class ImportProgress(Shown):
    """How far an import is, in rows."""

    done: int
    total: int | None = Field(description="Null where this server is not the one that reads it.")


class ImportFailure(Shown):
    """Why a file was not read, or not to its end."""

    code: str
    detail: str


class DifferenceView(Shown):
    """A project's vintage of which file and ledger do not say the same, in tonnes."""

    registry: str
    project: str
    vintage: int | None
    measure: Literal["issued", "retired", "cancelled"]
    file: float
    ledger: float


class ImportLinks(Shown):
    """Where to read on."""

    self_: str = Field(alias="self")
    issues: str


class ListedImport(Shown):
    """An import in a list: rows = applied + unchanged + reported."""

    id: str = Field(json_schema_extra={"format": "uuid"})
    status: Literal["queued", "running", "done", "failed", "interrupted"]
    file: str
    dry_run: bool
    started_at: Moment = Field(description="When the file had come in.")
    finished_at: Moment | None
    progress: ImportProgress
    rows: Rows
    applied: Rows
    unchanged: Rows
    reported: Rows
    error: ImportFailure | None = Field(description="Why it failed.")
    links: ImportLinks


class ImportView(ListedImport):
    """An import, and where file and ledger differ in the end."""

    differences: list[DifferenceView] = Field(
        description=f"The largest, at most {LARGEST_DIFFERENCES:,}."
    )
    differences_total: int
    passed_over: list[str] = Field(
        description="A sentence for a file or sheet that is not about credits."
    )
    notes: list[str] = Field(
        description="A sentence for a column or country that is not known and not taken."
    )


class ImportsList(Shown):
    """The newest imports."""

    items: list[ListedImport]


class IssueView(Shown):
    """Something that was not taken, or contradicts the ledger."""

    line: int | None = Field(description="Counts rows, the header being 1.")
    code: str
    text: str = Field(description="The row's serial number.")
    detail: str


class IssuesPage(Shown):
    """A page of issues; `next` is the `after` of the next one."""

    items: list[IssueView]
    next: int | None


router: Final = APIRouter(route_class=LeanRoute)
_LOCATION: Final = {
    "description": "The import's path.",
    "required": True,
    "schema": {"type": "string", "pattern": "^/imports/[0-9a-f-]{36}$"},
}
_FILE: Final = {
    "required": True,
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES},
}


def queue_of(request: Request) -> ImportQueue:
    """Give the queue of files."""
    queue: ImportQueue = request.app.state.imports
    return queue


@router.post(
    "/imports",
    status_code=202,
    operation_id="createImport",
    tags=["Imports"],
    summary="Import a registry's export",
    responses={
        202: linked(
            {**shown(ImportView, "The file is queued"), "headers": {"Location": _LOCATION}},
            getImport=("import_id", "$response.body#/id"),
            listImportIssues=("import_id", "$response.body#/id"),
        ),
        **problems(413, 415),
    },
    openapi_extra={"requestBody": _FILE},
)
async def create_import(request: Request, query: Annotated[ImportQuery, Query()]) -> Response:
    """Send a CSV or XLSX file as the body; it is imported when its turn comes.

    The same file again changes nothing, so it can be sent again after any error.
    """
    _check_file_type(request)
    dates = DATES[query.dates] if query.dates else None
    queue = queue_of(request)
    path = queue.take_place()
    queued = False
    try:
        await _receive(request, path, queue.largest_bytes)
        begin = queue.imports.begin
        import_id = await api_of(request).read(
            begin, query.name, dry_run=query.dry_run, queued=True
        )
        found = await api_of(request).read(queue.imports.read, import_id)
        queue.put(Upload(import_id, path, query.name, query.dry_run, dates))
        queued = True
    finally:
        if not queued:
            queue.give_up(path)
    view = _view(found, queue)
    headers = {"Location": view["links"]["self"]}
    return respond(request, Answer(status=202, body=view, headers=headers))


@router.get(
    "/imports",
    operation_id="listImports",
    tags=["Imports"],
    summary="List the newest imports",
    responses={200: shown(ImportsList, "The newest first"), **problems()},
)
async def list_imports(request: Request, query: Annotated[ImportsQuery, Query()]) -> Response:
    """List imports of the API and of the command line, the newest first."""
    queue = queue_of(request)
    found = await api_of(request).read(queue.imports.newest, query.limit)
    items = [_listed(one, queue) for one in found]
    return respond(request, Answer(status=200, body={"items": items}))


@router.get(
    "/imports/{import_id}",
    operation_id="getImport",
    tags=["Imports"],
    summary="Read what became of an import",
    responses={200: shown(ImportView, "The import"), **problems(404)},
)
async def get_import(request: Request, import_id: ImportId) -> Response:
    """Read an import: how far it is, how its rows fared, where file and ledger differ."""
    queue = queue_of(request)
    found = await api_of(request).read(queue.imports.read, import_id)
    return respond(request, Answer(status=200, body=_view(found, queue)))


@router.get(
    "/imports/{import_id}/issues",
    operation_id="listImportIssues",
    tags=["Imports"],
    summary="List what an import reported",
    responses={200: shown(IssuesPage, "A page", "Link"), **problems(404)},
)
async def list_import_issues(
    request: Request, import_id: ImportId, query: Annotated[EventsQuery, Query()]
) -> Response:
    """List what was not taken or contradicts the ledger: facts and serial numbers, no words."""
    found, more = await api_of(request).read(
        queue_of(request).imports.issues,
        import_id,
        after=query.after or 0,
        limit=query.limit,
    )
    items = [
        {"line": one.line, "code": one.code, "text": one.text, "detail": one.detail}
        for one in found
    ]
    following = found[-1].number if more else None
    headers = {}
    if following is not None:
        address = f"{request.url.path}?after={following}&limit={query.limit}"
        headers["Link"] = f'<{address}>; rel="next"'
    body = {"items": items, "next": following}
    return respond(request, Answer(status=200, body=body, headers=headers))


def _check_file_type(request: Request) -> None:
    types = request.headers.getlist("content-type")
    found = _MEDIA_TYPE.fullmatch(types[0].strip()) if len(types) == 1 else None
    if found is None or found.group(1).lower() not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"send the file as one of {', '.join(MEDIA_TYPES)}")
    codings = ",".join(request.headers.getlist("content-encoding")).strip().lower()
    if codings not in ("", "identity"):
        raise UnsupportedMediaType("send the file without a content encoding")


async def _receive(request: Request, path: FilePath, largest: int) -> None:
    """Write the body to a file as it comes, and stop as soon as it is too large.

    Raises:
        TooLarge: it has more than `largest` bytes.
        Malformed: the client went away before its end.
        Unavailable: there is no space for it.
    """
    too_large = TooLarge(f"the file has more than {largest} bytes", largest=largest)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > largest:
        raise too_large
    size = 0
    try:
        async with await open_file(path, "wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > largest:
                    raise too_large
                await file.write(chunk)
    except ClientDisconnect:
        raise Malformed("the body ends too early") from None
    except OSError as error:
        raise Unavailable("the server has no room for the file; nothing was done") from error


def _view(found: Import, queue: ImportQueue) -> Json:
    said: dict[str, Any] = found.differences or {"largest": [], "total": 0, "passed_over": []}
    notes: list[str] = said.get("notes", [])  # imports of an older version have none
    return {
        **_listed(found, queue),
        "differences": said["largest"],
        "differences_total": said["total"],
        "passed_over": said["passed_over"],
        "notes": notes,
    }


def _listed(found: Import, queue: ImportQueue) -> Json:
    done, total = queue.progress(found.id) or (found.done, found.done if found.fates else None)
    path = f"/imports/{found.id}"
    return {
        "id": found.id,
        "status": found.status,
        "file": found.file,
        "dry_run": found.dry_run,
        "started_at": found.started_at,
        "finished_at": found.finished_at,
        "progress": {"done": done, "total": total},
        **(found.fates or dict.fromkeys(("rows", "applied", "unchanged", "reported"))),
        "error": found.error,
        "links": {"self": path, "issues": f"{path}/issues"},
    }
