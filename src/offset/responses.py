"""The public JSON shapes of what the server answers, for the OpenAPI document."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


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

    status: str = Field(description="HELD, RETIRED or CANCELLED.")
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
    event_type: str = Field(description="CREATED, SOLD, RETIRED, CANCELLED or ERASED.")
    payload: dict[str, Any]
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    seq: int = Field(description="1, 2, 3 ... within the record.")
    position: int = Field(description="0, 1, 2 ... within the ledger; the leaf index in its log.")
    details: dict[str, str] | None = Field(description="Words beside the event, if any.")
    details_erased: bool | None = None
    details_private: bool | None = None


class Links(Shown):
    """Where to read on."""

    self_: str = Field(alias="self")
    events: str


class Summary(Shown):
    """A record's own fields, which never change."""

    id: str = Field(description="SHA-256 of the record's canonical form.")
    project_name: str
    registry: str
    vintage: int
    quantity: float = Field(description="Tonnes of CO2e.")
    serial_number: str


class Listed(Summary):
    """A record in a list."""

    created_at: str
    status: str
    balance: BalanceView
    serial: SerialView
    links: Links


class TakenView(Shown):
    """What this call took from the record."""

    id: str
    event_ids: list[str]
    created_at: str
    quantity: float
    parts: list[PartView]


class RecordView(Summary):
    """A record with its status, balance, holdings and events."""

    created_at: str
    status: str = Field(description="CREATED, SOLD, RETIRED or CANCELLED.")
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


class SerialRecord(Summary):
    """A record that covers some of the serial numbers asked for."""

    status: str
    parts: list[FateView]
    events: list[EventView]
    links: Links


class SerialAnswer(SerialView):
    """What became of serial numbers."""

    registry: str
    records: list[SerialRecord]


class RetirementView(Shown):
    """A retirement: which credits, whose, on whose behalf."""

    id: str
    record: Summary
    quantity: float
    parts: list[PartView]
    holders: list[str | None]
    beneficiary: str | None
    purpose: str | None
    country: str | None
    effective_on: str | None
    created_at: str
    events: list[EventView]
    links: Links


class BatchItem(Shown):
    """The answer to one command of a batch, as its own call would give it."""

    status: int
    body: dict[str, Any]


class BatchAnswer(Shown):
    """The answers to a batch's commands, in order."""

    items: list[BatchItem]


class Problem(Shown):
    """An error, as RFC 9457 describes it, with the facts as further members."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None


class Health(Shown):
    """Whether the server can do its work."""

    status: str


class ErrorMeaning(Shown):
    """What an error code means."""

    code: str
    title: str
    status: int
    meaning: str
