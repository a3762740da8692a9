"""Reads: one record, lists, events in order, serial numbers, retirements.

Each call is one transaction that sees one moment of the ledger. Lists go on from a position, so
their cost does not grow with how far a reader has come.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, select

from offset.answers import (
    HOLDINGS_SHOWN,
    PARTS_TAKEN,
    Json,
    event_view,
    holding_view,
    links,
    part_view,
    record_summary,
    record_view,
    serial_view,
)
from offset.core.canonical import canonical_registry
from offset.core.commands import record_not_found
from offset.core.errors import (
    EventNotFound,
    Internal,
    OffsetError,
    RetirementNotFound,
    SerialNotFound,
)
from offset.core.events import LARGEST_PARTS, Event, read_leaf, read_parts, time_text
from offset.core.holdings import Holding
from offset.core.quantities import tonnes
from offset.core.records import Record, RecordState
from offset.core.serials import Serial, serial_text
from offset.database import Database
from offset.listing import Filters, Lister
from offset.loading import WHOLE, Loader, Whole, record_of
from offset.models import events, holdings, ledger_head, records
from offset.registries import opaque_lines
from offset.tracing import Tracer
from offset.waiting import in_thread

LARGEST_PAGE: Final = 500
EVENTS_IN_GROUP: Final = 100  # that a retirement shows
_MANY: Final = 1_000  # events and holdings; more are made to views in a thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a list: where to go on, and the number of all items where it was asked for."""

    items: list[Json]
    next: int | None
    head: int
    total: int | None = None


Shown = tuple[RecordState, Json]


class Reader:
    """Reads one ledger; safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loader = Loader(database)
        self._tracer = Tracer(database, self._loader)
        self._lister = Lister(database)
        self._with_numbers = WHOLE.where(database.among(records.c.number, "numbers"))

    @property
    def abreast(self) -> int:
        """Give how many calls of `whole_records` at a time are faster than one by one."""
        return 2 if self._database.works_beside else 1

    @property
    def threads(self) -> int:
        """Give how many threads that read at a time are worth their memory."""
        return 8 if self._database.works_beside else 4

    def check(self) -> None:
        """Ask the database for anything.

        Raises:
            DatabaseUnavailable: it does not answer.
        """
        with self._database.reading() as connection:
            self._head(connection)

    def record(self, record_id: str) -> Shown:
        """Read one record as `whole_records` does.

        Raises:
            RecordNotFound: there is none.
        """
        found = self.whole_records([record_id])[0]
        if isinstance(found, OffsetError):
            raise found
        return found

    def whole_records(self, record_ids: Sequence[str]) -> list[Shown | OffsetError]:
        """Read records with their status, holdings and newest events, all at one moment.

        In the place of one that is not there stands RecordNotFound, and of one that cannot be
        shown, by a fault of ours or a change of what is stored, Internal.
        """
        try:
            return self._whole_records(record_ids)
        except OffsetError:
            raise
        except Exception as fault:  # noqa: BLE001 - handed to the one who asked for this record
            if len(record_ids) == 1:
                return [Internal(fault)]
            return [self.whole_records([record_id])[0] for record_id in record_ids]

    def _whole_records(self, record_ids: Sequence[str]) -> list[Shown | OffsetError]:
        with self._database.reading(by_key=True) as connection:
            states, history = self._loader.states_with_history(connection, set(record_ids))
            shown = sum([len(h) for h in history.values()])
            shown += sum([min(len(state.holdings), HOLDINGS_SHOWN) for _, state in states.values()])
            make = partial(_record_views, states, history)
            views = make() if shown <= _MANY else in_thread(make)
            self._loader.fill_details(connection, [view for _, view in views.values()])
        return [views.get(record_id) or record_not_found(record_id) for record_id in record_ids]

    def records(self, filters: Filters, *, after: int, limit: int, count: bool) -> Page:
        """List records in the order of their creation, from the one after number `after`.

        A page can be short, even empty, and still have a `next`: see `offset.listing`.
        """
        with self._database.reading() as connection:
            found = self._lister.page(connection, filters, after=after, limit=limit)
            total = self._lister.count(connection, filters) if count else None
            head = self._head(connection)
        return Page(items=_listed(found.rows), next=found.next, head=head, total=total)

    def events_of(self, record_id: str, *, after: int, limit: int) -> Page:
        """List a record's events in order, from the one after seq `after`.

        Raises:
            RecordNotFound: there is no such record.
        """
        with self._database.reading() as connection:
            record = connection.execute(_WITH_ID, {"id": bytes.fromhex(record_id)}).first()
            if record is None:
                raise record_not_found(record_id)
            rows = connection.execute(
                select(events.c.position, events.c.leaf)
                # No seq is above the newest, and a greater number does not fit the column.
                .where(
                    events.c.record_number == record.number, events.c.seq > min(after, record.seq)
                )
                .order_by(events.c.seq)
                .limit(limit + 1)
            ).all()
            found = [read_leaf(*row) for row in rows[:limit]]
            serial = record_of(Whole(*record)).serial
            items = [event_view(event, serial) for event in found]
            self._loader.fill_details(connection, [{"events": items}])
            head = self._head(connection)
        following = found[-1].seq if len(rows) > limit else None
        return Page(items=items, next=following, head=head, total=record.seq)

    def holdings_of(self, record_id: str, *, after: int, limit: int) -> Page:
        """List a record's holdings in the order of their grams, from gram `after`.

        Raises:
            RecordNotFound: there is no such record.
        """
        with self._database.reading() as connection:
            record = connection.execute(_WITH_ID, {"id": bytes.fromhex(record_id)}).first()
            if record is None:
                raise record_not_found(record_id)
            of_record = holdings.c.record_number == record.number
            rows = connection.execute(
                select(holdings.c.from_g, holdings.c.quantity_g, holdings.c.holder)
                # No gram is above the last one, and a greater number does not fit the column.
                .where(of_record, holdings.c.from_g >= min(after, record.quantity_g))
                .order_by(holdings.c.from_g)
                .limit(limit + 1)
            ).all()
            total = connection.execute(
                select(func.count()).select_from(holdings).where(of_record)
            ).scalar_one()
            head = self._head(connection)
        serial = record_of(Whole(*record)).serial
        found = [Holding(*row) for row in rows[:limit]]
        following = found[-1].end_g if len(rows) > limit else None
        items = [holding_view(serial, holding) for holding in found]
        return Page(items=items, next=following, head=head, total=total)

    def events(self, *, after: int, limit: int) -> Page:
        """List all events in the order of their positions, from the one after `after`."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(events.c.position, events.c.record_number, events.c.leaf)
                .where(events.c.position > after)
                .order_by(events.c.position)
                .limit(limit + 1)
            ).all()
            shown = rows[:limit]
            serials = self._serials(connection, {row.record_number for row in shown})
            items = [
                event_view(read_leaf(row.position, row.leaf), serials[row.record_number])
                for row in shown
            ]
            self._loader.fill_details(connection, [{"events": items}])
            head = self._head(connection)
        following = shown[-1].position if len(rows) > limit else None
        return Page(items=items, next=following, head=head)

    def _serials(self, connection: Connection, numbers: set[int]) -> dict[int, Serial]:
        rows = connection.execute(self._with_numbers, {"numbers": list(numbers)}) if numbers else ()
        return {row.number: record_of(Whole(*row)).serial for row in rows}

    def serial(self, serial: Serial | None, text: str, registry: str | None) -> Json:
        """Find out what became of serial numbers: records, holders, ends, history.

        Where no grammar reads `text`, `serial` is None and any spelling of it is looked up.

        Raises:
            SerialNotFound: nothing covers any of them.
        """
        with self._database.reading() as connection:
            found = self._tracer.records(connection, serial, opaque_lines(registry, text))
            if not found:
                raise SerialNotFound(f"serial {text}: no record covers it", serial_number=text)
            self._loader.fill_details(connection, found)
        code = canonical_registry(found[0]["registry"])
        shown = serial or Serial.opaque(registry=code, text=text)
        return {**serial_view(shown), "registry": code, "records": found}

    def retirement(self, event_id: str) -> Json:
        """Read a retirement, with all events of its group.

        Raises:
            RetirementNotFound: no RETIRED event has this id.
        """
        with self._database.reading() as connection:
            found = self._event(connection, event_id)
            if found is None or found.type != "RETIRED":
                raise RetirementNotFound(
                    f"retirement {event_id}: not in this ledger", retirement_id=event_id
                )
            group = [found]
            if found.data["group"] is not None:
                group = self._group(connection, found)
            states = self._loader.states(connection, {event.record_id for event in group})
            touched = {record_id: state.record for record_id, (_, state) in states.items()}
            views = [
                event_view(event, touched[event.record_id].serial)
                for event in group[:EVENTS_IN_GROUP]
            ]
            self._loader.fill_details(connection, [{"events": views}])
        return _retirement(touched, group, views)

    def event(self, event_id: str) -> Json:
        """Read an event with all of its parts.

        Raises:
            EventNotFound: there is no such event.
        """
        with self._database.reading() as connection:
            found = self._event(connection, event_id)
            if found is None:
                raise EventNotFound(f"event {event_id}: not in this ledger", event_id=event_id)
            record = connection.execute(_WITH_ID, {"id": bytes.fromhex(found.record_id)}).one()
            serial = record_of(Whole(*record)).serial
            view = event_view(found, serial, parts_shown=LARGEST_PARTS)
            self._loader.fill_details(connection, [{"events": [view]}])
        return view

    def record_of_event(self, event_id: str) -> str:
        """Give the id of the record that an event belongs to.

        Raises:
            EventNotFound: there is no such event.
        """
        with self._database.reading() as connection:
            found = self._event(connection, event_id)
        if found is None:
            raise EventNotFound(f"event {event_id}: not in this ledger", event_id=event_id)
        return found.record_id

    def _event(self, connection: Connection, event_id: str) -> Event | None:
        try:
            wanted = UUID(event_id).bytes
        except ValueError:
            return None
        row = connection.execute(
            select(events.c.position, events.c.leaf).where(events.c.id == wanted)
        ).first()
        return None if row is None else read_leaf(*row)

    def _group(self, connection: Connection, found: Event) -> list[Event]:
        """Read the events of a group; they follow each other in the log, on one record or more."""
        first = self._event(connection, found.data["group"])
        assert first is not None, "a group is named for its first event"
        group: list[Event] = []
        rows = connection.execute(
            select(events.c.position, events.c.leaf)
            .where(events.c.position >= first.position)
            .order_by(events.c.position)
            .execution_options(yield_per=100)
        )
        for row in rows:
            event = read_leaf(*row)
            if event.data.get("group") != first.id:
                break
            group.append(event)
        rows.close()
        assert found in group
        return group

    def head(self) -> int:
        """Give the position of the last event; -1 in an empty ledger."""
        with self._database.reading() as connection:
            return self._head(connection)

    def _head(self, connection: Connection) -> int:
        return int(connection.execute(_head_position).scalar_one())


_head_position: Final = select(ledger_head.c.position)
_WITH_ID: Final = WHOLE.where(records.c.id == bindparam("id"))


def _listed(rows: Sequence[Any]) -> list[Json]:
    """Show the rows of a list as `record_view` shows records; what is JSON in them is read once."""
    sent_texts = json.loads(f"[{','.join([row.sent for row in rows])}]")
    forms = json.loads(f"[{','.join([row.form or 'null' for row in rows])}]")
    return [_item(*each) for each in zip(rows, sent_texts, forms, strict=True)]


def _item(row: Sequence[Any], sent: Json, form: Sequence[Any] | None) -> Json:
    """Show one row of `offset.listing`, its columns in their order; there are 50 in a page."""
    _, key, _, extra, vintage, issued_g, text, created_at_us, status, *rest = row
    available_g, sold_g, retired_g, cancelled_g, series, first, last, _ = rest
    record_id = key.hex()
    unit = "credit"
    if form is None:
        first = last = None
    else:
        unit, head, infix, tail, width = form
        text = serial_text(head, first, infix, last, tail, width)
    return {
        "id": record_id,
        "project_name": sent["project_name"],
        "registry": sent["registry"],
        "vintage": vintage,
        "quantity": tonnes(issued_g),
        "serial_number": sent["serial_number"],
        "created_at": time_text(created_at_us),
        "status": status,
        # Few are; the others need not be read.
        "planned": '"planned"' in extra and bool(json.loads(extra).get("planned")),
        "balance": {
            "issued": tonnes(issued_g),
            "available": tonnes(available_g),
            "sold": tonnes(sold_g),
            "retired": tonnes(retired_g),
            "cancelled": tonnes(cancelled_g),
        },
        "serial": {
            "text": text,
            "series": text if form is None else series,
            "first": first,
            "last": last,
            "unit": unit,
            "unparsed": form is None,
        },
        "links": links(record_id),
    }


def _record_views(
    states: Mapping[str, tuple[int, RecordState]], history: Mapping[str, Sequence[Event]]
) -> dict[str, Shown]:
    return {
        record_id: (state, record_view(state, history[record_id]))
        for record_id, (_, state) in states.items()
    }


def _retirement(
    touched: Mapping[str, Record], group: Sequence[Event], views: Sequence[Json]
) -> Json:
    first: Mapping[str, Any] = group[0].data
    parts = [
        (touched[event.record_id].serial, part)
        for event in group
        for part in read_parts(event.data["parts"])
    ]
    details = views[0]["details"] or {}
    ids = list(dict.fromkeys([event.record_id for event in group]))
    claims = [event.data["claim"] for event in group if "claim" in event.data]
    holders = list(dict.fromkeys([event.data["holder"] for event in group]))
    return {
        "id": group[0].id,
        "record": record_summary(touched[group[0].record_id]),
        "records": ids[:PARTS_TAKEN],
        "records_total": len(ids),
        "quantity": tonnes(sum(part.quantity_g for _, part in parts)),
        "parts": [part_view(serial, part) for serial, part in parts[:PARTS_TAKEN]],
        "parts_total": len(parts),
        "claims": claims[:EVENTS_IN_GROUP],
        "claims_total": len(claims),
        "holders": holders[:PARTS_TAKEN],
        "holders_total": len(holders),
        "beneficiary": details.get("beneficiary"),
        "purpose": first["purpose"],
        "country": first["country"],
        "effective_on": first["effective_on"],
        "created_at": group[0].at,
        "events": list(views),
        "events_total": len(group),
        "links": links(group[0].record_id),
    }
