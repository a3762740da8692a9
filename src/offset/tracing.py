"""What became of serial numbers: the records and the ends that cover them."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select

from offset.answers import Json, event_view, links, part_view, record_summary
from offset.core.events import Event, read_leaf, read_parts
from offset.core.quantities import GRAMS_PER_CREDIT
from offset.core.records import Part, RecordState
from offset.core.serials import Serial
from offset.database import Database
from offset.loading import PARTS_WITHIN, Loader, serial_of, uuid_text
from offset.models import events, serial_claims, series

PARTS_OF_SERIAL: Final = 1_000  # of parts and of events, a record shows so many
RECORDS_OF_SERIAL: Final = 100  # of a range that spans more, those of its first numbers
_CLAIMS_AT_ONCE: Final = 200


class Tracer:
    """Looks serial numbers up in one ledger."""

    def __init__(self, database: Database, loader: Loader) -> None:
        self._database = database
        self._loader = loader
        self._events = (
            select(events.c.position, events.c.leaf)
            .where(database.among(events.c.position, "positions"))
            .order_by(events.c.position)
        )

    def records(
        self, connection: Connection, serial: Serial | None, text: str, registry: str | None
    ) -> Iterator[Json]:
        """Show each record that covers some of the serial numbers, and what became of them.

        `text` is looked up as it stands where no grammar reads it, so `serial` is None.
        """
        claims: dict[int, list[Any]] = {}
        for row in self._claims(connection, _covering(serial, text, registry)):
            claims.setdefault(row.record_number, []).append(row)
        states = self._loader.numbered(connection, claims)
        for number, state in sorted(states.values(), key=lambda entry: entry[0]):
            if any(claim.position is None for claim in claims[number]):
                yield self._own(connection, number, state, serial)
            else:
                yield self._ended(connection, number, state, claims[number], serial)

    def _claims(self, connection: Connection, covering: Select[Any]) -> Sequence[Any]:
        """Read the claims of the records that are shown; a range may be wide."""
        rows = connection.execute(covering.limit(_CLAIMS_AT_ONCE + 1)).all()
        numbers = dict.fromkeys(row.record_number for row in rows)
        if len(rows) <= _CLAIMS_AT_ONCE and len(numbers) <= RECORDS_OF_SERIAL:
            return rows
        if len(numbers) < RECORDS_OF_SERIAL:
            stream = connection.execute(covering.execution_options(yield_per=_CLAIMS_AT_ONCE))
            for row in stream:
                numbers[row.record_number] = None
                if len(numbers) == RECORDS_OF_SERIAL:
                    break
            stream.close()
        own = self._database.among(serial_claims.c.record_number, "numbers")
        shown = list(numbers)[:RECORDS_OF_SERIAL]
        return connection.execute(covering.where(own), {"numbers": shown}).all()

    def _own(
        self, connection: Connection, number: int, state: RecordState, serial: Serial | None
    ) -> Json:
        """Show the part of a record that the asked serial numbers are."""
        own = state.record.serial
        asked = Part(0, state.record.quantity_g)
        if serial is not None:
            first, last = max(serial.first, own.first), min(serial.last, own.last)
            asked = Part(
                (first - own.first) * GRAMS_PER_CREDIT, (last - first + 1) * GRAMS_PER_CREDIT
            )
        rows = connection.execute(
            PARTS_WITHIN, {"number": number, "from_g": asked.from_g, "end_g": asked.end_g}
        ).all()
        held = [(h.from_g, h.quantity_g, {"holder": h.holder}) for h in state.holdings]
        ended = [
            (row.from_g, row.quantity_g, {"event_id": uuid_text(row.id), "type": row.type})
            for row in rows
            if row.type != "SOLD"
        ]
        fates = [
            (max(from_g, asked.from_g), min(from_g + quantity_g, asked.end_g), fate)
            for from_g, quantity_g, fate in sorted([*held, *ended], key=lambda entry: entry[0])
            if from_g < asked.end_g and asked.from_g < from_g + quantity_g
        ]
        parts = [
            {
                "status": fate.pop("type", "HELD"),
                **fate,
                **part_view(own, Part(start, end - start)),
            }
            for start, end, fate in fates[:PARTS_OF_SERIAL]
        ]
        positions = list(dict.fromkeys([number, *(row.position for row in rows)]))
        return self._shown(connection, state, positions, parts, len(fates))

    def _ended(
        self,
        connection: Connection,
        number: int,
        state: RecordState,
        claims: Sequence[Any],
        serial: Serial | None,
    ) -> Json:
        """Show the ends that claim the serial numbers: their record has none of its own."""
        positions = sorted(claim.position for claim in claims)
        made = {
            row.position: read_leaf(*row)
            for row in connection.execute(self._events, {"positions": positions})
        }
        parts: list[Json] = []
        for claim in claims:
            event = made[claim.position]
            text = event.data["claim"]
            claimed = serial_of(
                registry=claim.registry,
                text=text,
                line=claim.series,
                first=claim.first,
                last=claim.last,
                form=claim.form,
            )
            fate = {"status": event.type, "event_id": event.id}
            parts += [{**fate, **part} for part in _asked(event, claimed, serial)]
        shown = parts[:PARTS_OF_SERIAL]
        return self._shown(connection, state, [number, *positions], shown, len(parts))

    def _shown(
        self,
        connection: Connection,
        state: RecordState,
        positions: Sequence[int],
        parts: Sequence[Json],
        parts_total: int,
    ) -> Json:
        newest = [positions[0], *positions[1:][-PARTS_OF_SERIAL + 1 :]]
        leaves = connection.execute(self._events, {"positions": newest})
        return {
            **record_summary(state.record),
            "status": state.status.value,
            "parts": list(parts),
            "parts_total": parts_total,
            "events": [event_view(read_leaf(*row), state.record.serial) for row in leaves],
            "events_total": len(positions),
            "links": links(state.record.id),
        }


def _covering(serial: Serial | None, text: str, registry: str | None) -> Select[Any]:
    """Find the claims on the serial numbers, in the order of these."""
    claim = serial_claims.c
    found = (
        select(serial_claims, series.c.registry, series.c.series)
        .join(series, series.c.number == claim.series_number)
        .order_by(claim.series_number, claim.first)
    )
    if serial is None:
        if registry is not None:
            found = found.where(series.c.registry == registry)
        return found.where(series.c.series == text, claim.form.is_(None))
    # Claims are disjoint: of those that begin before, only the nearest one can overlap.
    before = serial_claims.alias().c
    nearest = (
        select(func.max(before.first))
        .where(before.series_number == series.c.number, before.first <= serial.first)
        .scalar_subquery()
    )
    return found.where(
        series.c.registry == serial.registry,
        series.c.series == serial.series,
        claim.first >= func.coalesce(nearest, serial.first),
        claim.first <= serial.last,
        claim.last >= serial.first,
    )


def _asked(event: Event, claimed: Serial, serial: Serial | None) -> Iterator[Json]:
    """Show the grams of an end that the asked serial numbers are.

    Its grams, in their order, are the credits that it claims, in theirs.
    """
    parts = read_parts(event.data["parts"])
    if serial is None:
        for part in parts:
            yield {**part_view(claimed, part), "serial_number": claimed.text}
        return
    first, last = max(serial.first, claimed.first), min(serial.last, claimed.last)
    asked_from = (first - claimed.first) * GRAMS_PER_CREDIT
    asked_end = (last - claimed.first + 1) * GRAMS_PER_CREDIT
    start = 0
    for part in parts:
        low, high = max(asked_from, start), min(asked_end, start + part.quantity_g)
        if low < high:
            credits_of = part_view(claimed, Part(low, high - low))
            yield {**credits_of, "from_g": part.from_g + low - start}
        start += part.quantity_g
