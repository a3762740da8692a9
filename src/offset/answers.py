"""The public JSON of what the ledger holds: records, events, holdings, parts of serial numbers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from offset.core.canonical import canonical_fields
from offset.core.events import Event, read_parts
from offset.core.holdings import Holding, Part
from offset.core.quantities import GRAMS_PER_CREDIT, tonnes
from offset.core.records import Balance, Record, RecordState
from offset.core.serials import Serial

Json = dict[str, Any]
# An answer is bounded whatever the ledger holds; totals say what is left out, links lead to it.
HOLDINGS_SHOWN: Final = 1_000
PARTS_IN_EVENT: Final = 10  # of an event among others; `GET /events/{id}` shows all, 1,000 at most
PARTS_TAKEN: Final = 1_000


def serial_view(serial: Serial) -> Json:
    """Show a serial number as its grammar reads it; `unparsed` where none does."""
    numbers = (serial.first, serial.last) if serial.parsed else (None, None)
    return {
        "text": serial.text,
        "series": serial.series,
        "first": numbers[0],
        "last": numbers[1],
        "unit": serial.unit,
        "unparsed": not serial.parsed,
    }


def part_view(serial: Serial, part: Part | Holding) -> Json:
    """Show which grams and which credits a part is.

    `serial_number` covers the credits that are in it whole; a credit that is in it only in part
    stands in `in_part`, with its grams counted from its own first gram.
    """
    view: Json = {
        "from_g": part.from_g,
        "quantity_g": part.quantity_g,
        "quantity": tonnes(part.quantity_g),
        "serial_first": None,
        "serial_last": None,
        "serial_number": None,
        "in_part": [],
    }
    if serial.parsed:
        first, before = divmod(part.from_g, GRAMS_PER_CREDIT)
        end, after = divmod(part.end_g, GRAMS_PER_CREDIT)
        view["serial_first"] = serial.first + first
        view["serial_last"] = serial.first + (end if after else end - 1)
        whole_from = first + 1 if before else first
        if end > whole_from:
            view["serial_number"] = serial.written(
                serial.first + whole_from, serial.first + end - 1
            )
        if before or after:
            view["in_part"] = list(_credits_in_part(serial, part))
    return view


def _credits_in_part(serial: Serial, part: Part | Holding) -> Iterator[Json]:
    first, last = part.from_g // GRAMS_PER_CREDIT, (part.end_g - 1) // GRAMS_PER_CREDIT
    for credit in dict.fromkeys((first, last)):
        start_g = credit * GRAMS_PER_CREDIT
        from_g = max(part.from_g - start_g, 0)
        end_g = min(part.end_g - start_g, GRAMS_PER_CREDIT)
        if end_g - from_g < GRAMS_PER_CREDIT:
            number = serial.first + credit
            yield {
                "serial": number,
                "serial_number": serial.written(number, number),
                "quantity": tonnes(end_g - from_g),
                "first_gram": from_g,
                "last_gram": end_g - 1,
            }


def holding_view(serial: Serial, holding: Holding) -> Json:
    """Show who holds which part; a null holder is the ledger's unnamed issuer."""
    return {"holder": holding.holder, **part_view(serial, holding)}


def balance_view(balance: Balance) -> Json:
    """Show what became of a record's quantity, in tonnes."""
    return {
        "issued": tonnes(balance.issued_g),
        "available": tonnes(balance.available_g),
        "sold": tonnes(balance.sold_g),
        "retired": tonnes(balance.retired_g),
        "cancelled": tonnes(balance.cancelled_g),
    }


def event_view(event: Event, serial: Serial, *, parts_shown: int = PARTS_IN_EVENT) -> Json:
    """Show an event: what its hashed bytes say, with quantities in tonnes and serial numbers.

    Details are filled in later, from the one place where they are kept.
    """
    return {
        "id": event.id,
        "record_id": event.record_id,
        "event_type": event.type,
        "payload": _payload(event.data, serial, parts_shown),
        "created_at": event.at,
        "seq": event.seq,
        "position": event.position,
        "proof": f"/log/proof/{event.id}",
        "details": None,
    }


def _payload(data: Mapping[str, Any], serial: Serial, parts_shown: int) -> Json:
    if "parts" not in data:
        return dict(data)
    parts = read_parts(data["parts"])
    return {
        **data,
        "quantity": tonnes(sum(part.quantity_g for part in parts)),
        "parts": [part_view(serial, part) for part in parts[:parts_shown]],
        "parts_total": len(parts),
    }


def record_summary(record: Record) -> Json:
    """Show a record's own fields, which never change."""
    sent = record.sent
    return {
        "id": record.id,
        "project_name": sent["project_name"],
        "registry": sent["registry"],
        "vintage": record.vintage,
        "quantity": tonnes(record.quantity_g),
        "serial_number": sent["serial_number"],
    }


def record_view(
    state: RecordState,
    events: Iterable[Event],
    *,
    holdings_shown: int = HOLDINGS_SHOWN,
    whole: bool = True,
) -> Json:
    """Show a record with its status, balance, holdings and events.

    Unless it is shown `whole`, what repeats its fields (`serial`, `canonical`) is left out.
    """
    record = state.record
    repeated = (
        {"serial": serial_view(record.serial), "canonical": canonical_fields(record)}
        if whole
        else {}
    )
    held = state.holdings[:holdings_shown]
    return {
        **record_summary(record),
        "created_at": state.created_at,
        "status": state.status.value,
        "events": [event_view(event, record.serial) for event in events],
        "events_total": state.seq,
        "balance": balance_view(state.balance),
        "holdings": [holding_view(record.serial, holding) for holding in held],
        "holdings_total": len(state.holdings),
        **repeated,
        "holder": record.first_holder,
        "effective_on": record.effective_on,
        "project_id": record.extra.get("project_id"),
        "country": record.extra.get("country"),
        "methodology": record.extra.get("methodology"),
        "vintage_start": record.extra.get("vintage_start"),
        "vintage_end": record.extra.get("vintage_end"),
        "planned": record.planned,
        "links": links(record.id),
    }


def links(record_id: str) -> Json:
    """Say where a record, all its events and all its holdings are."""
    record = f"/records/{record_id}"
    return {"self": record, "events": f"{record}/events", "holdings": f"{record}/holdings"}


def act_view(
    state: RecordState,
    made: Sequence[Event],
    shown: Sequence[Event],
    *,
    largest: int = PARTS_TAKEN,
    holdings_shown: int = 10,
    whole: bool = True,
) -> Json:
    """Show what a sale, retirement or cancellation took, and what it left of the record.

    Of the parts and the ids of its events the first `largest` are shown.
    """
    parts = [part for event in made for part in read_parts(event.data["parts"])]
    serial = state.record.serial
    taken = {
        "id": made[0].id,
        "event_ids": [event.id for event in made[:largest]],
        "events_total": len(made),
        "created_at": made[0].at,
        "quantity": tonnes(sum(part.quantity_g for part in parts)),
        "parts": [part_view(serial, part) for part in parts[:largest]],
        "parts_total": len(parts),
    }
    record = record_view(state, shown, holdings_shown=holdings_shown, whole=whole)
    return {**record, made[0].type.lower(): taken}


def etag(state: RecordState) -> str:
    """Name a version of a record: its events, its erasures, and what the caller may see."""
    return f'"{state.seq}-{state.erasures}-open"'
