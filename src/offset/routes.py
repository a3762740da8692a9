"""The JSON API: each route builds a value, makes one call, shapes the answer."""

from asyncio import (
    CancelledError,
    Future,
    Semaphore,
    get_running_loop,
    sleep,
    timeout,
    wait,
)
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Request, Response

from offset.answers import Json, etag
from offset.core.canonical import canonical_registry, canonical_serial, display_text
from offset.core.commands import Command, record_not_found
from offset.core.errors import Busy, DatabaseUnavailable, Internal, OffsetError, PageNotFound
from offset.log import Log
from offset.problems import CODES, status_of
from offset.queries import (
    EventsQuery,
    Format,
    HoldingsQuery,
    RecordsQuery,
    SerialQuery,
    WriteQuery,
    cursor_of,
)
from offset.queueing import LONGEST_WAIT_S, Queue
from offset.reading import Page, Reader
from offset.reading import Shown as ShownRecord
from offset.receiving import (
    LeanRoute,
    expected_seq,
    has_seen,
    idempotency_key,
    is_gone,
    wants_count,
)
from offset.registries import find_serial
from offset.responses import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    PREFER,
    RECORD_ID,
    BatchAnswer,
    ErrorMeaning,
    EventsPage,
    EventView,
    Health,
    HoldingsPage,
    RecordsPage,
    RecordView,
    RetirementView,
    SerialAnswer,
    linked,
    problems,
    shown,
    unchanged,
)
from offset.schemas import (
    CancelPart,
    CreateRecord,
    RetirePart,
    SellPart,
    SendBatch,
)
from offset.sending import respond
from offset.submitting import LARGEST_SHOWN, Submission, fingerprint, take
from offset.units import Answer, Key, Unit, events_shown
from offset.writer import Writer

_PATIENCE_S, _LOOK_EVERY_S = 10.0, 0.2  # of who waits for a proof
_CHECK_S: Final = 1.5  # for the database to answer /readyz
OPEN_CALLER: Final = "open"  # without keys there is one caller: this machine
T = TypeVar("T")
RecordId = Annotated[
    str, Path(description="The record's id, its SHA-256 in hexadecimal digits.", pattern=RECORD_ID)
]
EventId = Annotated[
    str, Path(description="The id of its event.", json_schema_extra={"format": "uuid"})
]
ErrorCode = Annotated[str, Path(json_schema_extra={"enum": sorted(CODES)})]
SerialText = Annotated[
    str, Path(description="As the registry writes it.", min_length=1, max_length=500)
]


class Api:
    """What the routes call: the writer, the reader, and how submissions are read."""

    def __init__(self, writer: Writer, reader: Reader, submission: Submission, log: Log) -> None:
        self.writer: Final = writer
        self.reader: Final = reader
        self.records: Final = Queue[str, ShownRecord](
            reader.whole_records, largest=256, fullest=20_000, abreast=reader.abreast
        )
        self.log: Final = log
        self.submission: Final = submission
        self._reads = Semaphore(reader.threads)
        self._checks = ThreadPoolExecutor(1, "offset-check")
        self._check: Future[None] | None = None
        self._is_stopping = False

    def begin_to_stop(self) -> None:
        """Wait for no more proofs."""
        self._is_stopping = True

    async def stop(self) -> None:
        """End, when what waits is done."""
        self.begin_to_stop()
        await self.writer.stop()
        await self.records.stop()
        self._checks.shutdown(wait=False)

    async def read(self, act: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Read in a thread, so that the event loop goes on.

        Raises:
            Busy: the threads that read have been busy for too long.
        """
        try:
            async with timeout(LONGEST_WAIT_S):
                await self._reads.acquire()
        except TimeoutError:
            raise Busy("too many requests are waiting; nothing was done. Try again") from None
        try:
            return await to_thread.run_sync(partial(act, *arguments, **named))
        finally:
            self._reads.release()

    async def check(self) -> None:
        """Ask the database for anything, in a thread that is there for nothing else.

        Raises:
            DatabaseUnavailable: it does not answer, or not soon.
        """
        if self._check is None or self._check.done():
            self._check = get_running_loop().run_in_executor(self._checks, self.reader.check)
            self._check.add_done_callback(Future.exception)  # asked for, also when nobody waits
        done, _ = await wait({self._check}, timeout=_CHECK_S)
        if not done:
            raise DatabaseUnavailable(f"the database has not answered for {_CHECK_S:g} s")
        self._check.result()

    async def published(self, position: int | None) -> bool:
        """Wait until a checkpoint covers an event; tell whether one does, after 10 s at most.

        Without a position, of a large batch whose answer shows no events, all that there is.
        Whichever process publishes: what is looked at is the ledger. The event stands, so no
        error is raised: nothing is known of the checkpoint when the database does not answer.
        """
        try:
            async with timeout(_PATIENCE_S):
                if position is None:
                    position = await self.read(self.reader.head)
                while not self._is_stopping:
                    if position < await self.read(self.log.size):
                        return True
                    await sleep(_LOOK_EVERY_S)
        except (OffsetError, TimeoutError, CancelledError):
            pass
        return False


router: Final = APIRouter(route_class=LeanRoute)
RETIRE_ALL: Final = RetirePart()
CANCEL_ALL: Final = CancelPart()
_CREATED: Final = ("Location", "ETag", "Idempotent-Replayed", "Offset-Log")
_CHANGED: Final = ("ETag", "Idempotent-Replayed", "Offset-Log")
_LISTED: Final = ("ETag", "Vary", "Link")


def api_of(request: Request) -> Api:
    """Give the application's parts."""
    api: Api = request.app.state.api
    return api


def key_of(request: Request) -> Key | None:
    """Read the Idempotency-Key and what it is held to."""
    key = idempotency_key(request)
    if key is None:
        return None
    sent = getattr(request.state, "sent", {})  # no body is as good as {}
    hashed = fingerprint(request.method, request.url.path, sent)
    return Key(caller=OPEN_CALLER, key=key, fingerprint=hashed)


async def submit(request: Request, unit: Unit, query: WriteQuery) -> Response:
    """Have a unit done and send its answer, when it is published if that is asked for."""
    answer = await api_of(request).writer.submit(unit, is_gone=partial(is_gone, request))
    try:
        headers = {} if query.wait is None else await _wait_for_proof(request, answer)
        make = partial(respond, request, answer, headers=headers)
        is_large = len(unit.commands) > LARGEST_SHOWN  # to render it would hold the event loop
        return await api_of(request).read(make) if is_large else make()
    except Exception as fault:
        raise Internal(fault, committed=True) from fault


async def _wait_for_proof(request: Request, answer: Answer) -> dict[str, str]:
    if answer.status >= 400:  # a refusal has nothing to wait for
        return {}
    positions = [event["position"] for event in events_shown(answer.body)]
    published = await api_of(request).published(max(positions, default=None))
    return {"Offset-Log": "published" if published else "pending"}


async def _do(request: Request, command: Command, query: WriteQuery) -> Response:
    unit = api_of(request).submission.single(command, key=key_of(request))
    return await submit(request, unit, query)


@router.post(
    "/records",
    status_code=201,
    operation_id="createRecord",
    tags=["Records"],
    summary="Bring an issuance into the ledger",
    responses={
        200: shown(RecordView, "The record was there before", *_CREATED),
        201: linked(
            shown(RecordView, "The record was created", *_CREATED),
            getRecord=("record_id", "$response.body#/id"),
            getSerial=("serial", "$response.body#/serial_number"),
        ),
        **problems(409, 413, 415),
    },
    openapi_extra={"parameters": [IDEMPOTENCY_KEY]},
)
async def create_record(
    request: Request, query: Annotated[WriteQuery, Query()], body: CreateRecord
) -> Response:
    """Create a record, or find the one with the same five fields.

    Its id is the SHA-256 of its canonical form. Serial numbers that overlap another record's
    are refused with 409.
    """
    return await _do(request, api_of(request).submission.create(body), query)


@router.get(
    "/records/{record_id}",
    operation_id="getRecord",
    tags=["Records"],
    summary="Read a record",
    responses={
        200: shown(RecordView, "The record", "ETag", "Vary"),
        **unchanged("ETag", "Vary"),
        **problems(404),
    },
    openapi_extra={"parameters": [IF_NONE_MATCH]},
)
async def get_record(
    request: Request,
    record_id: RecordId,
    query: Annotated[Format, Query()],  # noqa: ARG001 - read, so that others are refused
) -> Response:
    """Read a record with its status, balance, holdings and events (the newest 1,000)."""
    state, view = await api_of(request).records.submit(_known(record_id))
    headers = {"ETag": etag(state), "Vary": "Accept, Authorization"}
    if has_seen(request, headers["ETag"]):
        return Response(status_code=304, headers={**headers, "Cache-Control": "no-cache"})
    return respond(request, Answer(status=200, body=view, headers=headers))


@router.post(
    "/records/{record_id}/retire",
    operation_id="retireRecord",
    tags=["Records"],
    summary="Retire all of a record, or part of it",
    responses={
        200: linked(
            shown(RecordView, "Retired; `retired` says what", *_CHANGED),
            getRetirement=("retirement_id", "$response.body#/retired/id"),
        ),
        **problems(404, 409, 412, 413, 415),
    },
    openapi_extra={"parameters": [IDEMPOTENCY_KEY, IF_MATCH]},
)
async def retire_record(
    request: Request,
    record_id: RecordId,
    query: Annotated[WriteQuery, Query()],
    body: RetirePart = RETIRE_ALL,
) -> Response:
    """Retire for ever. Without a body: all that is left of the record, whoever holds it."""
    return await _take(request, record_id, body, query)


@router.post(
    "/records/{record_id}/sell",
    operation_id="sellRecord",
    tags=["Records"],
    summary="Sell all of a record, or part of it",
    responses={
        200: shown(RecordView, "Sold; `sold` says what", *_CHANGED),
        **problems(404, 409, 412, 413, 415),
    },
    openapi_extra={"parameters": [IDEMPOTENCY_KEY, IF_MATCH]},
)
async def sell_record(
    request: Request, record_id: RecordId, query: Annotated[WriteQuery, Query()], body: SellPart
) -> Response:
    """Sell to a holder. Without `from`: only what was never sold."""
    return await _take(request, record_id, body, query)


@router.post(
    "/records/{record_id}/cancel",
    operation_id="cancelRecord",
    tags=["Records"],
    summary="Cancel all of a record, or part of it",
    responses={
        200: shown(RecordView, "Cancelled; `cancelled` says what", *_CHANGED),
        **problems(404, 409, 412, 413, 415),
    },
    openapi_extra={"parameters": [IDEMPOTENCY_KEY, IF_MATCH]},
)
async def cancel_record(
    request: Request,
    record_id: RecordId,
    query: Annotated[WriteQuery, Query()],
    body: CancelPart = CANCEL_ALL,
) -> Response:
    """Take credits out of the ledger without retiring them: destroyed, converted, reversed."""
    return await _take(request, record_id, body, query)


async def _take(
    request: Request, record_id: str, body: SellPart | RetirePart | CancelPart, query: WriteQuery
) -> Response:
    return await _do(request, take(_known(record_id), body, expected_seq(request)), query)


@router.post(
    "/batch",
    operation_id="batch",
    tags=["Records"],
    summary="Do up to 10,000 commands",
    responses={
        200: shown(BatchAnswer, "Each command's answer, in order", *_CHANGED[1:]),
        **problems(404, 409, 413, 415),
    },
    openapi_extra={"parameters": [IDEMPOTENCY_KEY]},
)
async def batch(
    request: Request, query: Annotated[WriteQuery, Query()], body: SendBatch
) -> Response:
    """Do commands in order, each on its own; with `atomic`, all of them or none."""
    unit = await api_of(request).read(_batch_unit, request, body)
    return await submit(request, unit, query)


def _batch_unit(request: Request, body: SendBatch) -> Unit:
    return api_of(request).submission.batch(body, key=key_of(request))


@router.get(
    "/records",
    operation_id="listRecords",
    tags=["Records"],
    summary="List and search records",
    responses={
        200: shown(RecordsPage, "A page", *_LISTED, "Preference-Applied"),
        **unchanged("ETag", "Vary"),
        **problems(),
    },
    openapi_extra={"parameters": [IF_NONE_MATCH, PREFER]},
)
async def list_records(request: Request, query: Annotated[RecordsQuery, Query()]) -> Response:
    """List records in the order of their creation. `Prefer: count=exact` adds the total."""
    count = wants_count(request)
    page = await api_of(request).read(
        api_of(request).reader.records,
        query.filters(),
        after=query.after_number(),
        limit=query.limit,
        count=count,
    )
    cursor = None if page.next is None else cursor_of(page.next)
    body: Json = {"items": page.items, "next": cursor}
    headers = {}
    if count:
        body["total"] = page.total
        headers["Preference-Applied"] = "count=exact"
    return _listing(request, page, body, {"cursor": cursor}, headers)


@router.get(
    "/records/{record_id}/events",
    operation_id="listRecordEvents",
    tags=["Events"],
    summary="List a record's events",
    responses={
        200: shown(EventsPage, "A page", *_LISTED),
        **unchanged("ETag", "Vary"),
        **problems(404),
    },
    openapi_extra={"parameters": [IF_NONE_MATCH]},
)
async def list_record_events(
    request: Request, record_id: RecordId, query: Annotated[EventsQuery, Query()]
) -> Response:
    """List a record's events in order, from the one after seq `after`."""
    page = await api_of(request).read(
        api_of(request).reader.events_of,
        _known(record_id),
        after=query.after or 0,
        limit=query.limit,
    )
    body = {"items": page.items, "next": page.next, "total": page.total}
    return _listing(request, page, body, {"after": page.next})


@router.get(
    "/records/{record_id}/holdings",
    operation_id="listRecordHoldings",
    tags=["Records"],
    summary="List who holds which parts of a record",
    responses={
        200: shown(HoldingsPage, "A page", *_LISTED),
        **unchanged("ETag", "Vary"),
        **problems(404),
    },
    openapi_extra={"parameters": [IF_NONE_MATCH]},
)
async def list_record_holdings(
    request: Request, record_id: RecordId, query: Annotated[HoldingsQuery, Query()]
) -> Response:
    """List a record's holdings in the order of its grams."""
    page = await api_of(request).read(
        api_of(request).reader.holdings_of,
        _known(record_id),
        after=query.after or 0,
        limit=query.limit,
    )
    body = {"items": page.items, "next": page.next, "total": page.total}
    return _listing(request, page, body, {"after": page.next})


@router.get(
    "/events",
    operation_id="listEvents",
    tags=["Events"],
    summary="Read all events in order",
    responses={
        200: shown(EventsPage, "A page", *_LISTED),
        **unchanged("ETag", "Vary"),
        **problems(),
    },
    openapi_extra={"parameters": [IF_NONE_MATCH]},
)
async def list_events(request: Request, query: Annotated[EventsQuery, Query()]) -> Response:
    """Read the ledger's events in the one order that they have, from after position `after`.

    Positions are 0, 1, 2 ... without a gap; a reader that goes on from the last one it has seen
    misses nothing.
    """
    after = -1 if query.after is None else query.after
    page = await api_of(request).read(api_of(request).reader.events, after=after, limit=query.limit)
    return _listing(request, page, {"items": page.items, "next": page.next}, {"after": page.next})


@router.get(
    "/events/{event_id}",
    operation_id="getEvent",
    tags=["Events"],
    summary="Read an event with all of its parts",
    responses={200: shown(EventView, "The event"), **problems(404)},
)
async def get_event(request: Request, event_id: EventId) -> Response:
    """Read an event by its id. Elsewhere an event shows its first ten parts."""
    view = await api_of(request).read(api_of(request).reader.event, event_id)
    return respond(request, Answer(status=200, body=view))


@router.get(
    "/serials/{serial:path}",
    operation_id="getSerial",
    tags=["Lookups"],
    summary="Find out what became of a serial number",
    responses={
        200: shown(SerialAnswer, "The records, holders and ends"),
        **problems(404),
    },
)
async def get_serial(
    request: Request, serial: SerialText, query: Annotated[SerialQuery, Query()]
) -> Response:
    """Look up a serial number as the registry writes it: a whole block, or one credit of it."""
    text = canonical_serial(display_text(serial, largest=500))
    registry = None if query.registry is None else canonical_registry(query.registry)
    view = await api_of(request).read(
        api_of(request).reader.serial, find_serial(text), text, registry
    )
    return respond(request, Answer(status=200, body=view))


@router.get(
    "/retirements/{retirement_id}",
    operation_id="getRetirement",
    tags=["Lookups"],
    summary="Read a retirement",
    responses={200: shown(RetirementView, "The retirement"), **problems(404)},
)
async def get_retirement(request: Request, retirement_id: EventId) -> Response:
    """Read a retirement by the id of its event, with everything that was retired with it."""
    view = await api_of(request).read(api_of(request).reader.retirement, retirement_id)
    return respond(request, Answer(status=200, body=view))


@router.get(
    "/errors/{code}",
    operation_id="getError",
    tags=["Server"],
    summary="Say what an error code means",
    responses={200: shown(ErrorMeaning, "Its meaning"), **problems(404)},
)
async def get_error(request: Request, code: ErrorCode) -> Response:
    """Say what an error code means; a problem's `type` leads here."""
    kind = CODES.get(code)
    if kind is None:
        raise PageNotFound(f"/errors/{code[:100]}: there is no such error code")
    meaning = (kind.__doc__ or "").partition("\n")[0]
    body = {
        "code": code,
        "title": kind.title,
        "status": status_of(kind("")),
        "meaning": meaning,
    }
    return respond(request, Answer(status=200, body=body))


@router.get(
    "/livez",
    operation_id="livez",
    tags=["Server"],
    summary="Say that the server runs",
    responses={200: shown(Health, "It runs"), **problems()},
)
async def livez(request: Request) -> Response:
    """Answer without asking the database."""
    return respond(request, Answer(status=200, body={"status": "ok"}))


@router.get(
    "/readyz",
    operation_id="readyz",
    tags=["Server"],
    summary="Say whether the ledger can be used",
    responses={200: shown(Health, "It can"), **problems()},
)
async def readyz(request: Request) -> Response:
    """Ask the database; 503 if it does not answer."""
    await api_of(request).check()
    return respond(request, Answer(status=200, body={"status": "ok"}))


def _known(record_id: str) -> str:
    """Refuse what cannot be a record's id as not found."""
    if len(record_id) != 64 or not set(record_id) <= set("0123456789abcdef"):
        raise record_not_found(record_id[:100])
    return record_id


def _listing(
    request: Request, page: Page, body: Json, following: Json, headers: Json | None = None
) -> Response:
    """Send a page, with a Link to the next one and the ledger's head as its weak ETag."""
    sent = {**(headers or {}), "ETag": f'W/"{page.head}"', "Vary": "Authorization, Prefer"}
    if page.next is not None:
        asked = {**dict(request.query_params), **following}
        sent["Link"] = f'<{request.url.path}?{urlencode(asked)}>; rel="next"'
    if has_seen(request, sent["ETag"]):
        return Response(status_code=304, headers={**sent, "Cache-Control": "no-cache"})
    return respond(request, Answer(status=200, body=body, headers=sent))
