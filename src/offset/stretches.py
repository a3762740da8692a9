"""The rows that belong to a stretch of records, read so that memory does not grow with them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from offset.models import (
    details,
    event_parts,
    events,
    holdings,
    record_state,
    serial_claims,
    series,
)

ROWS_AT_A_TIME: Final = 2_000


class Rows:
    """The rows of a statement, in the order of a key; each is taken when its turn comes."""

    def __init__(self, connection: Connection, statement: Select[Any], *key: str) -> None:
        self._result = connection.execute(statement.execution_options(yield_per=ROWS_AT_A_TIME))
        self._key = key
        self._next = self._result.fetchone()

    def take(self, key: tuple[int, ...]) -> Iterator[Any]:
        """Walk the rows of a key, past those that are before it."""
        while (row := self._next) is not None:
            found = tuple(getattr(row, name) for name in self._key)
            if found > key:
                return
            if found == key:
                yield row
            self._next = self._result.fetchone()

    def close(self) -> None:
        """End the statement, also where rows are left."""
        self._result.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The rows of some hundred records: those that can be many as streams."""

    events: Rows
    parts: Rows
    details: Rows
    holdings: Rows
    states: Mapping[int, Sequence[Any]]
    claims: Mapping[int, Sequence[Any]]


@contextmanager
def stretch(connection: Connection, first: int, last: int) -> Iterator[Stretch]:
    """Read the rows of the records with the numbers `first` to `last`."""

    def rows(statement: Select[Any], *order: Any) -> Rows:
        names = [column.name for column in order[:-1]] or [order[0].name]
        within = statement.where(order[0].between(first, last)).order_by(*order)
        return Rows(connection, within, *names)

    def by_record(statement: Select[Any], number: Any) -> dict[int, list[Any]]:
        found = connection.execute(statement.where(number.between(first, last)).order_by(number))
        return {key: list(own) for key, own in groupby(found.all(), lambda row: row.record_number)}

    part, detail = event_parts.c, details.c
    found = Stretch(
        events=rows(select(events), events.c.record_number, events.c.seq),
        parts=rows(select(event_parts), part.record_number, part.position, part.from_g),
        details=rows(
            select(events.c.record_number, details).join(
                events, events.c.position == detail.position
            ),
            events.c.record_number,
            detail.position,
            detail.position,
        ),
        holdings=rows(select(holdings), holdings.c.record_number, holdings.c.from_g),
        states=by_record(select(record_state), record_state.c.record_number),
        claims=by_record(
            select(serial_claims, series.c.registry, series.c.series).join(
                series, series.c.number == serial_claims.c.series_number
            ),
            serial_claims.c.record_number,
        ),
    )
    try:
        yield found
    finally:
        for stream in (found.events, found.parts, found.details, found.holdings):
            stream.close()
