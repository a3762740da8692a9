"""The public JSON shapes of what the server answers, for the OpenAPI document."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from offset.core.errors import (
    AlreadyRetired,
    Busy,
    HeadersTooLarge,
    InvalidQuantity,
    MalformedJson,
    MethodNotAllowed,
    Misdirected,
    NotLocal,
    OffsetError,
    PreconditionFailed,
    RecordNotFound,
    TooLarge,
    UnsupportedMediaType,
)

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
RECORD_ID: Final = "^[0-9a-f]{64}$"


class Shown(BaseModel):
    """What the server answers; further members may come, none goes."""

    model_config = ConfigDict(extra="allow")


class InPart(Shown):
    """A credit of which only some grams are meant."""

    serial: int
    serial_number: str
    quantity: float = Field(description="Tonnes of CO2e.")
    first_gram: int = Field(description="Counted from the credit's own first gram.")
    last_gram: int


class PartView(Shown):
    """Some grams of a record, and the credits that they are."""

    from_g: int = Field(description="Grams, counted from the record's first.")
    quantity_g: int
    quantity: float = Field(description="Tonnes of CO2e.")
    serial_first: int | None
    serial_last: int | None
    serial_number: str | None = Field(description="Of the credits that are meant whole.")
    in_part: list[InPart]


class HoldingView(PartView):
    """Who holds a part; null is the ledger's unnamed issuer."""

    holder: str | None


class FateView(PartView):
    """What became of a part."""

    status: Literal["HELD", "RETIRED", "CANCELLED"]
    holder: str | None = None
    event_id: str | None = None


class BalanceView(Shown):
    """Tonnes: issued = available + sold + retired + cancelled."""

    issued: float
    available: float
    sold: float
    retired: float
    cancelled: float


class SerialView(Shown):
    """A serial number as its grammar reads it."""

    text: str
    series: str
    first: int | None
    last: int | None
    unit: str
    unparsed: bool


class EventView(Shown):
    """Something that happened to a record or to parts of it."""

    id: str = Field(json_schema_extra={"format": "uuid"})
    record_id: str
    event_type: Literal["CREATED", "SOLD", "RETIRED", "CANCELLED", "ERASED"]
    payload: dict[str, Any]
    created_at: Moment
    seq: int = Field(description="1, 2, 3 ... within the record.")
    position: int = Field(description="0, 1, 2 ... within the ledger; the leaf index in its log.")
    proof: str = Field(description="Where the proof is that the event is in the log.")
    details: dict[str, str] | None = Field(description="Words beside the event, if any.")
    details_erased: bool = Field(False, description="There were details; they are gone.")
    details_left_out: bool = Field(
        False, description="They are long; `GET /events/{id}` shows them."
    )
    details_private: bool = Field(False, description="Only who may know them is shown them.")


Status = Literal["CREATED", "SOLD", "RETIRED", "CANCELLED"]


class Links(Shown):
    """Where to read on."""

    self_: str = Field(alias="self")
    events: str
    holdings: str


class Summary(Shown):
    """A record's own fields, which never change."""

    id: str = Field(description="SHA-256 of the record's canonical form.", pattern=RECORD_ID)
    project_name: str
    registry: str
    vintage: int
    quantity: float = Field(description="Tonnes of CO2e.")
    serial_number: str


class Listed(Summary):
    """A record in a list."""

    created_at: Moment
    status: Status
    planned: bool
    balance: BalanceView
    serial: SerialView
    links: Links


class TakenView(Shown):
    """What this call took from the record."""

    id: str
    event_ids: list[str] = Field(description="The first 1,000; fewer in a large batch.")
    events_total: int
    created_at: Moment
    quantity: float
    parts: list[PartView] = Field(description="The first 1,000; fewer in a large batch.")
    parts_total: int


class RecordView(Summary):
    """A record with its status, balance, holdings and events."""

    created_at: Moment
    status: Status
    events: list[EventView]
    events_total: int
    balance: BalanceView
    holdings: list[HoldingView]
    holdings_total: int
    serial: SerialView
    canonical: dict[str, Any]
    holder: str | None
    effective_on: str | None
    project_id: str | None
    country: str | None
    methodology: str | None
    vintage_start: str | None
    vintage_end: str | None
    planned: bool = Field(description="Announced and not yet issued: none can be retired.")
    links: Links
    sold: TakenView | None = None
    retired: TakenView | None = None
    cancelled: TakenView | None = None


class RecordsPage(Shown):
    """A page of records; `next` is the cursor of the next one."""

    items: list[Listed]
    next: str | None
    total: int | None = None


class EventsPage(Shown):
    """A page of events; `next` is the `after` of the next one."""

    items: list[EventView]
    next: int | None
    total: int | None = None


class HoldingsPage(Shown):
    """A page of a record's holdings; `next` is the `after` of the next one."""

    items: list[HoldingView]
    next: int | None
    total: int


class SerialRecord(Summary):
    """A record that covers some of the serial numbers asked for."""

    status: Status
    parts: list[FateView] = Field(description="The lowest 1,000; each gram stands in one.")
    parts_total: int
    events: list[EventView] = Field(description="CREATED, and the newest that touch the numbers.")
    events_total: int
    links: Links


class SerialAnswer(SerialView):
    """What became of serial numbers."""

    registry: str
    records: list[SerialRecord]


class RetirementView(Shown):
    """A retirement: which credits, whose, on whose behalf."""

    id: str
    record: Summary
    records: list[str] = Field(
        description="The ids of the records that gave credits, the first 1,000."
    )
    records_total: int
    quantity: float
    parts: list[PartView] = Field(description="The first 1,000.")
    parts_total: int
    claims: list[str] = Field(
        description="The credits' serial numbers where their issuance had none, the first 100."
    )
    claims_total: int
    holders: list[str | None] = Field(description="The first 1,000.")
    holders_total: int
    beneficiary: str | None
    purpose: str | None
    country: str | None
    effective_on: str | None
    created_at: Moment
    events: list[EventView] = Field(description="The first 100 of its group.")
    events_total: int
    links: Links


class FieldProblem(Shown):
    """What is wrong with one field."""

    pointer: str = Field(description="Where it stands in the body, as RFC 6901 writes it.")
    code: str
    detail: str


class Problem(Shown):
    """An error, as RFC 9457 describes it, with the facts as further members."""

    type: str = Field(description="/errors/ and the code: it opens, and says what it means.")
    title: str
    status: int
    detail: str = Field(description="Names the thing and the fact.")
    code: str = Field(description="Never changes its meaning.")
    instance: str | None = Field(None, description="The path that was asked.")
    errors: list[FieldProblem] = Field([], description="Each field that is wrong, where any is.")


class BatchRecordView(RecordView):
    """A record in the answer to a batch; see `serial` and `canonical` of a large one."""

    serial: SerialView | None = Field(None, description="Left out of more than 100 items.")  # type: ignore[assignment]
    canonical: dict[str, Any] | None = Field(None, description="Left out of more than 100 items.")  # type: ignore[assignment]


class BatchItem(Shown):
    """The answer to one command of a batch, as its own call would give it; much is left out."""

    status: int
    body: BatchRecordView | Problem


class BatchAnswer(Shown):
    """The answers to a batch's commands, in order."""

    items: list[BatchItem]


class Health(Shown):
    """Whether the server can do its work."""

    status: str


class ErrorMeaning(Shown):
    """What an error code means."""

    code: str
    title: str
    status: int
    meaning: str


def shown(model: type[Shown], description: str, *headers: str) -> dict[str, Any]:
    """Document an answer of a route and the headers that it has."""
    return {
        "model": model,
        "description": description,
        "headers": headers_of(*headers),
    }


def linked(answer: dict[str, Any], **links: tuple[str, str]) -> dict[str, Any]:
    """Document which operations go on from an answer: with what parameter, from where in it."""
    documented = {
        operation: {"operationId": operation, "parameters": {parameter: where}}
        for operation, (parameter, where) in links.items()
    }
    return {**answer, "links": documented}


def headers_of(*names: str) -> dict[str, Any]:
    """Document some headers of an answer."""
    return {name: _HEADERS[name] for name in names}


def unchanged(*headers: str) -> dict[int | str, dict[str, Any]]:
    """Document that If-None-Match may be answered with 304."""
    return {
        304: {
            "description": "Not changed since the ETag of If-None-Match",
            "headers": headers_of(*headers),
        }
    }


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document the errors of a route, beside those that any request may meet."""
    answers: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*statuses, 400, 403, 405, 421, 422, 431, 503}):
        answers[status] = {
            "description": _MEANINGS[status],
            "content": {
                "application/problem+json": {"schema": _PROBLEM, "example": _example(status)}
            },
        }
        if status in _ERROR_HEADERS:
            name = _ERROR_HEADERS[status]
            answers[status]["headers"] = {name: _HEADERS[name]}
    return answers


# Problem is among the components because BatchItem has it. Given as a `model`, FastAPI would say
# that errors come as application/json, too.
_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_MEANINGS: Final = {
    400: "The request is not well formed",
    403: "Without keys the server answers only this machine",
    404: "Not found",
    405: "The path does not have this method",
    409: "The ledger's present state does not allow this",
    412: "The record has changed since",
    413: "The body is too large",
    415: "The body is of another media type than this call takes",
    421: "This server does not answer for that host",
    422: "The request can never be right",
    431: "The headers are too large",
    503: "Busy, or the database is away; safe to try again",
}
_TYPICAL: Final[dict[int, type[OffsetError]]] = {
    400: MalformedJson,
    403: NotLocal,
    404: RecordNotFound,
    405: MethodNotAllowed,
    409: AlreadyRetired,
    412: PreconditionFailed,
    413: TooLarge,
    415: UnsupportedMediaType,
    421: Misdirected,
    422: InvalidQuantity,
    431: HeadersTooLarge,
    503: Busy,
}


def _example(status: int) -> dict[str, Any]:
    kind = _TYPICAL[status]
    return {
        "type": f"/errors/{kind.code}",
        "title": kind.title,
        "status": status,
        "detail": (kind.__doc__ or "").partition("\n")[0],
        "code": kind.code,
    }


_ERROR_HEADERS: Final = {405: "Allow", 503: "Retry-After"}


def _header(description: str, *, always: bool = True, **schema: Any) -> dict[str, Any]:
    return {
        "description": description,
        "required": always,
        "schema": {"type": "string", **schema},
    }


_HEADERS: Final = {
    "Location": _header("The record's path.", pattern="^/records/[0-9a-f]{64}$"),
    "ETag": _header("The version that is shown; for If-None-Match and, of a record, If-Match."),
    "Vary": _header("What the answer depends on."),
    "Link": _header("The next page, where there is one (RFC 8288).", always=False),
    "Preference-Applied": _header("Which wish of Prefer was met.", always=False),
    "Idempotent-Replayed": _header(
        "Given where this is the stored answer to the same Idempotency-Key.",
        always=False,
        enum=["true"],
    ),
    "Offset-Log": _header(
        "Given with `wait=proof`: whether a checkpoint covers the events that are shown.",
        always=False,
        enum=["published", "pending"],
    ),
    "Cache-Control": _header("How long the file may be kept."),
    "Content-Disposition": _header("A name for the file."),
    "Allow": _header("The methods that the path has."),
    "Retry-After": {
        "description": "Seconds to wait before trying again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
}


def sent_header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """Document a header that a caller may send."""
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string", **schema},
    }


IDEMPOTENCY_KEY: Final = sent_header(
    "Idempotency-Key",
    "Makes the request safe to repeat: the same key gets the same answer.",
    minLength=8,
    maxLength=255,
    pattern="^[!-~]+$",
    examples=["retire-2026-000017"],
)
IF_MATCH: Final = sent_header(
    "If-Match",
    "The ETag of the record as the caller has seen it; 412 if it has changed.",
    pattern=r'^(\*|"[0-9]{1,9}-[0-9]{1,9}-[a-z]+")$',
    examples=['"1-0-open"'],
)
IF_NONE_MATCH: Final = sent_header(
    "If-None-Match", "An ETag that the caller has; 304 while it is still the right one."
)
PREFER: Final = sent_header("Prefer", "`count=exact` adds the number of all items (RFC 7240).")
