"""Offset with the database answered from memory: what everything but SQL costs.

The same application, parsing, rules, leaves, hashes and answers. The records 0 to `RECORDS` - 1
of `samples` are there and stay as they are: what is written is answered and then forgotten. So
each of them can be retired again and again, and a record beyond them can be created again.

Everything that this knows of Offset's inside stands in this file.
"""

import gc
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI

from bench.filling import event_id
from bench.samples import issued
from bench.starting import started_with
from offset.answers import record_view
from offset.core.commands import Command
from offset.core.errors import OffsetError
from offset.core.events import Created, Event, Stamp, leaf_bytes, time_text
from offset.core.merkle import leaf_hash
from offset.core.records import RecordState
from offset.deciding import Appended, Batch
from offset.guard import Guard
from offset.ledger import Ledger, Outcome, now_us
from offset.reading import Reader, Shown
from offset.routes import Api
from offset.submitting import Submission
from offset.units import Unit, json_bytes
from offset.writer import Writer

RECORDS: Final = 20_000
ORIGIN: Final = "null.example/log"


class Memory:
    """The states of records and their events, as the database would give them."""

    def __init__(self, count: int) -> None:
        self.states: Final[dict[str, tuple[int, RecordState]]] = {}
        self.history: Final[dict[str, list[Event]]] = {}
        at = time_text(now_us())
        for number in range(count):
            record = issued(number)
            created = Created(record=record)
            state = created.apply(None, Stamp(event_id(number), at))
            event = _event(created, event_id(number), record.id, 1, number, at, None)
            self.states[record.id] = (number, state)
            self.history[record.id] = [event]


class MemoryLedger(Ledger):
    """Decides and stamps as the ledger does, and keeps nothing."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._position = len(memory.states)

    def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        commands = [
            command
            for unit in units
            for command in unit.commands
            if not isinstance(command, OffsetError)
        ]
        batch = Batch(self._loaded(commands), past=lambda *_: ())
        batch.decide(units, {})
        appended = self._stamp(batch)
        history = {
            record_id: [*self._memory.history.get(record_id, ()), *made]
            for record_id, made in appended.events.items()
        }
        outcomes: list[Outcome] = []
        for number, unit in enumerate(units):
            answer = unit.shape(batch.results(number, appended, history))
            if unit.key:
                json_bytes(answer.body)  # which the ledger keeps for the key's next request
            outcomes.append(answer)
        return outcomes

    def _loaded(self, commands: Sequence[Command]) -> dict[str, tuple[int, RecordState]]:
        states = self._memory.states
        ids = {command.record_id for command in commands}
        return {record_id: states[record_id] for record_id in ids if record_id in states}

    def _stamp(self, batch: Batch) -> Appended:
        start, at = self._position, time_text(now_us())
        self._position += len(batch.pending)
        hashes = {record_id: state.leaf_hash for record_id, state in batch.before.items()}
        made: list[Event] = []
        by_record: dict[str, list[Event]] = {}
        for position, entry in enumerate(batch.pending, start):
            event = _event(
                entry.draft.happening,
                entry.draft.event_id,
                entry.record_id,
                entry.seq,
                position,
                at,
                hashes,
            )
            made.append(event)
            by_record.setdefault(entry.record_id, []).append(event)
        return Appended(made=made, events=by_record, at=at)


def _event(
    happening: Any,
    id_: str,
    record_id: str,
    seq: int,
    position: int,
    at: str,
    hashes: dict[str, bytes | None] | None,
) -> Event:
    """Stamp an event, write its leaf and hash it."""
    previous = None if hashes is None else hashes.get(record_id)
    data = happening.data()
    leaf = leaf_bytes(
        event_id=id_,
        event_type=happening.TYPE,
        data=data,
        at=at,
        by=None,
        log=ORIGIN,
        prev=b64encode(previous).decode() if previous else None,
        record=record_id,
        seq=seq,
    )
    hashed = leaf_hash(leaf)
    if hashes is not None:
        hashes[record_id] = hashed
    return Event(
        id=id_,
        record_id=record_id,
        type=happening.TYPE,
        seq=seq,
        position=position,
        at=at,
        data=data,
    )


class MemoryReader(Reader):
    """Shows records from memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @property
    def abreast(self) -> int:
        return 1

    @property
    def threads(self) -> int:
        return 4

    def whole_records(self, record_ids: Sequence[str]) -> list[Shown | OffsetError]:
        found: list[Shown | OffsetError] = []
        for record_id in record_ids:
            _, state = self._memory.states[record_id]
            found.append((state, record_view(state, self._memory.history[record_id])))
        return found


def create_null() -> Guard:
    """Make Offset's application and put parts that answer from memory into it when it starts."""

    @asynccontextmanager
    async def without_database(app: FastAPI) -> AsyncIterator[None]:
        real: Api = app.state.api
        memory = Memory(RECORDS)
        writer = Writer(MemoryLedger(memory))
        api = Api(writer, MemoryReader(memory), Submission(), real.log)
        app.state.api = api
        gc.collect()
        gc.freeze()
        try:
            yield
        finally:
            await api.stop()

    return started_with(without_database)


app: Final = create_null()
