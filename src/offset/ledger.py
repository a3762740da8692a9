"""The one way to write: lock, load, decide, append.

Everything that changes the ledger goes through `Ledger.commit`: one POST, a bulk request, an
import of a million rows. A batch of units is one transaction. Whatever the database objects to
is decided again from what it holds then; nothing rests on a driver's message.
"""

import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import orjson
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from offset.appending import Appender
from offset.core.commands import Create, Erase, claim_of
from offset.core.errors import DatabaseUnavailable, Internal, KeyReused, OffsetError, Unfit
from offset.core.events import Event
from offset.core.records import Past
from offset.database import Database
from offset.deciding import Appended, Batch, Overdue
from offset.loading import PARTS_WITHIN, Loader, uuid_bytes, uuid_text
from offset.models import (
    details,
    events,
    idempotency_keys,
    ledger_origin,
)
from offset.needed_locks import HeldLocks, needs_of
from offset.objections import DATABASE_ERRORS, Objection, objection, unavailable
from offset.units import Answer, Key, Unit, json_bytes
from offset.waiting import in_thread

LARGEST_TRANSACTION: Final = 1_000  # commands, or one request that has more; others wait for it
_TRIES: Final = 5
_SEARCH_S: Final = 5.0  # for the request of a group that needs a lock which is held
LONGEST_BATCH_S: Final = 30.0
_SPARE_S: Final = 10.0  # for the step in which a batch notices that its time is over
_STORED: Final = (200, 201, 404, 409)  # every other answer may be another one next time

Outcome = Answer | OffsetError


def now_us() -> int:
    """Give the server's time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


class Ledger:
    """Writes to one ledger. Safe to use from one thread at a time; processes may be many."""

    def __init__(
        self, database: Database, *, origin: str, clock: Callable[[], int] = now_us
    ) -> None:
        self.database: Final = database
        self._loader = Loader(database)
        self._held = HeldLocks()
        self._appender = Appender(database, origin=origin, clock=clock)
        question = database.question
        self._keys = question(select(idempotency_keys), idempotency_keys.c.key)
        self._ids = question(select(events.c.id), events.c.id)
        self._erasable = question(
            select(events.c.id, events.c.position, details.c.content.is_(None)).join(
                details, details.c.position == events.c.position
            ),
            events.c.id,
        )

    def commit(self, units: Sequence[Unit]) -> list[Outcome]:
        """Do the units' commands in order, in one transaction; give each unit its outcome.

        An outcome is an answer, or the error that stopped the whole unit. What this returns is
        committed. A unit that the database keeps refusing fails alone, never its neighbours. One
        that needs a lock which was waited for in vain a moment ago comes last, and waits no more.
        """
        end = _new_end()
        late = self._held.needed_by(units)
        if not late:
            return self._commit(units, end)
        outcomes: dict[int, Outcome] = {}
        first = [number for number in range(len(units)) if number not in late]
        for numbers, waits in ((first, True), (late, False)):
            if numbers:
                done = self._commit([units[number] for number in numbers], end, waits=waits)
                outcomes.update(zip(numbers, done, strict=True))
        return [outcomes[number] for number in range(len(units))]

    def _commit(self, units: Sequence[Unit], end: float, *, waits: bool = True) -> list[Outcome]:
        try:
            return self._try_again(units, end, waits=waits)
        except _Beaten as beaten:
            if len(units) > 1 and beaten.alone:
                return [self._commit_alone(unit, end) for unit in units]
            if len(units) > 1 and beaten.met is Objection.LOCKED and not beaten.in_doubt:
                return self._commit_halves(units, min(end, time.monotonic() + _SEARCH_S))
            return [_unavailable(beaten.met, in_doubt=beaten.in_doubt) for _ in units]
        except Overdue:
            if len(units) > 1:  # one of them takes the time of all
                return [self._commit_alone(unit, _new_end()) for unit in units]
            return [too_late()]
        except OffsetError as refused:  # of the database itself: no unit was done, or none is known
            return [refused for _ in units]
        except Exception:
            # A fault of ours in one unit: its neighbours are done without it.
            if len(units) == 1:
                raise
            return [self._commit_alone(unit, end) for unit in units]

    def _commit_alone(self, unit: Unit, end: float) -> Outcome:
        if time.monotonic() > end:
            return too_late()
        try:
            return self._commit([unit], end)[0]
        except Exception as fault:  # noqa: BLE001 - handed to the one who waits for this unit
            return Internal(fault)

    def _commit_halves(self, units: Sequence[Unit], end: float) -> list[Outcome]:
        """Commit a group without the units that need what a foreign session has locked.

        It is none of the locks that a unit is known to need: a row of another table, say. After
        `end` the units that are left are refused.
        """
        if time.monotonic() > end:
            return [_unavailable(Objection.LOCKED, in_doubt=False) for _ in units]
        half = len(units) // 2
        outcomes: list[Outcome] = []
        for some in (units[:half], units[half:]):
            try:
                outcomes += self._try_again(some, end, waits=False)
            except _Beaten as beaten:
                if len(some) > 1 and beaten.met is Objection.LOCKED and not beaten.in_doubt:
                    outcomes += self._commit_halves(some, end)
                else:
                    outcomes += [_unavailable(beaten.met, in_doubt=beaten.in_doubt)] * len(some)
            except OffsetError as refused:
                outcomes += [refused] * len(some)
            except Exception as fault:  # noqa: BLE001 - handed to those who wait for these units
                outcomes += [Internal(fault)] * len(some)
        return outcomes

    def _try_again(self, units: Sequence[Unit], end: float, *, waits: bool) -> list[Outcome]:
        in_doubt: list[_Attempt] = []
        for number in range(_TRIES):
            attempt = _Attempt(end=end)
            try:
                return self._attempt(units, attempt, in_doubt, waits=waits)
            except DATABASE_ERRORS as error:
                met = objection(error)
                if met in (Objection.LOST, Objection.SILENT):
                    self.database.close()
                    if attempt.event_ids:  # lost at its COMMIT
                        in_doubt.append(attempt)
                # Who does not wait would not see that an earlier COMMIT is still being done.
                if met is Objection.LOCKED and waits and not in_doubt:
                    waits = False
                    continue
                if met not in (Objection.RACE, Objection.LOST) or time.monotonic() > end:
                    break
                in_thread(partial(time.sleep, random.uniform(0, 0.02 * 2**number)))
        # While a COMMIT is in doubt no unit is tried alone: it may be done already.
        alone = met is Objection.RACE and not in_doubt
        raise _Beaten(met, alone=alone, in_doubt=bool(in_doubt))

    def _attempt(
        self,
        units: Sequence[Unit],
        attempt: "_Attempt",
        in_doubt: list["_Attempt"],
        *,
        waits: bool,
    ) -> list[Outcome]:
        with self.database.writing() as connection:
            # Waits for an earlier try of ours that the database still works on.
            locked, refused = self._lock(connection, units, waits=waits)
            for earlier in in_doubt:
                if self._was_committed(connection, earlier):
                    return earlier.outcomes
            in_doubt.clear()
            batch, replays = self._load(connection, units, locked, refused)
            finish = partial(self._finish, connection, units, batch, replays, attempt)
            if batch.is_large(units):
                self.database.allow_idling(connection, LONGEST_BATCH_S + _SPARE_S)
                in_thread(finish)  # or it would hold the event loop
            else:
                finish()
        return attempt.outcomes

    def _finish(
        self,
        connection: Connection,
        units: Sequence[Unit],
        batch: Batch,
        replays: dict[int, Outcome],
        attempt: "_Attempt",
    ) -> None:
        """Decide and append what was loaded.

        Raises:
            Overdue: it took too long; the transaction has to be rolled back.
        """
        batch.decide(units, replays, until=attempt.end)
        attempt.outcomes = self._append(connection, units, batch, replays)
        batch.check_time()
        attempt.event_ids = [uuid_bytes(p.draft.event_id) for p in batch.pending]

    def _was_committed(self, connection: Connection, earlier: "_Attempt") -> bool:
        ids = earlier.event_ids[:1]
        return bool(self.database.ask(connection, self._ids, ids))

    # lock -----------------------------------------------------------------------------------

    def _lock(
        self, connection: Connection, units: Sequence[Unit], *, waits: bool
    ) -> tuple[set[str], dict[int, Outcome]]:
        """Take every lock that the units need; give the ids of the records that are locked.

        Without waiting, the units that need what a foreign session holds have their refusals.
        """
        needs = needs_of(units)
        if waits:
            locked = self.database.lock(connection, **needs._asdict())
            return {record_id.hex() for record_id in locked}, {}
        self.database.hurry(connection)
        held = self.database.lock_free(connection, **needs._asdict())
        self._held.note(held)
        refused: dict[int, Outcome] = {
            number: DatabaseUnavailable(unavailable(Objection.LOCKED))
            for number, unit in enumerate(units)
            if (own := needs_of([unit])).keys & held.keys
            or own.buckets & held.buckets
            or own.ids & held.ids
        }
        return {record_id.hex() for record_id in held.locked}, refused

    # load -----------------------------------------------------------------------------------

    def _load(
        self,
        connection: Connection,
        units: Sequence[Unit],
        locked: set[str],
        refused: Mapping[int, Outcome],
    ) -> tuple[Batch, dict[int, Outcome]]:
        replays = {**self._replays(connection, units), **refused}
        commands = [
            command
            for number, unit in enumerate(units)
            if number not in replays
            for command in unit.commands
            if not isinstance(command, OffsetError)
        ]
        # A record that another transaction has made since is not there for this one: what is not
        # locked could change between two statements.
        ids = locked.intersection(command.record_id for command in commands)
        loaded = self._loader.states(connection, ids)
        batch = Batch(loaded, past=partial(self._past_of, connection))
        serials = {
            command.event_id: serial
            for command in commands
            if (serial := claim_of(command)) is not None
            and not (isinstance(command, Create) and command.record_id in loaded)
        }
        if serials:
            claims = [
                (claim, event_id) for event_id, serial in serials.items() for claim in serial.claims
            ]
            lines = {claim[:2] for claim, _ in claims}
            batch.series.update(self.database.series_numbers(connection, lines))
            wanted = [
                (batch.series[line], claim.first, claim.last, event_id)
                for claim, event_id in claims
                if (line := claim[:2]) in batch.series
            ]
            batch.taken.update(self.database.claims_overlapping(connection, wanted))
            facts = {fact[:2] for serial in serials.values() for fact in serial.facts}
            batch.facts.update(self.database.serial_facts(connection, facts))
        erased = [uuid_bytes(c.erased) for c in commands if isinstance(c, Erase)]
        for event_id, position, is_gone in self.database.ask(connection, self._erasable, erased):
            batch.erasable[uuid_text(event_id)] = (position, bool(is_gone))
        return batch, replays

    def _replays(self, connection: Connection, units: Sequence[Unit]) -> dict[int, Outcome]:
        """Find the answers that were given before to the same keys."""
        keyed = {
            (unit.key.caller, unit.key.key): number
            for number, unit in reversed(list(enumerate(units)))
            if unit.key
        }
        if not keyed:
            return {}
        asked = [key for _, key in keyed]
        stored = {
            (caller, key): (fingerprint, answer)
            for caller, key, fingerprint, answer in self.database.ask(connection, self._keys, asked)
        }
        replays: dict[int, Outcome] = {}
        for number, unit in enumerate(units):
            before = stored.get((unit.key.caller, unit.key.key)) if unit.key else None
            if unit.key and before is not None:
                replays[number] = replayed(unit.key, *before)
        return replays

    def _past_of(
        self, connection: Connection, number: int, from_g: int, end_g: int
    ) -> tuple[Past, ...]:
        rows = connection.execute(
            PARTS_WITHIN, {"number": number, "from_g": from_g, "end_g": end_g}
        ).all()
        if not rows:
            return ()
        at = self._loader.times(connection, [row.position for row in rows])
        return tuple(
            Past(row.from_g, row.quantity_g, row.type, uuid_text(row.id), at[row.position])
            for row in rows
        )

    # append ---------------------------------------------------------------------------------

    def _append(
        self,
        connection: Connection,
        units: Sequence[Unit],
        batch: Batch,
        replays: dict[int, Outcome],
    ) -> list[Outcome]:
        history = self._loader.history(connection, batch.histories_shown())
        with self._appender.appending(connection, batch) as appended:
            for record_id, made in appended.events.items():
                history.setdefault(record_id, []).extend(made)
            outcomes, stored = _answered(units, batch, replays, appended, history)
            self.database.insert(connection, idempotency_keys, stored)
        bodies = [outcome.body for outcome in outcomes if isinstance(outcome, Answer)]
        self._loader.fill_details(connection, bodies)
        return outcomes


def _answered(
    units: Sequence[Unit],
    batch: Batch,
    replays: Mapping[int, Outcome],
    appended: Appended,
    history: Mapping[str, Sequence[Event]],
) -> tuple[list[Outcome], list[tuple[str, str, bytes, str]]]:
    """Give each unit its outcome, and the rows of the answers that are kept for their keys."""
    outcomes: list[Outcome] = []
    stored: list[tuple[str, str, bytes, str]] = []
    answered: dict[tuple[str, str], tuple[bytes, str]] = {}
    for number, unit in enumerate(units):
        outcome = replays.get(number)
        own = (unit.key.caller, unit.key.key) if unit.key else None
        if outcome is None and unit.key and own in answered:
            outcome = replayed(unit.key, *answered[own])
        if outcome is None:
            outcome = unit.shape(batch.results(number, appended, history))
            if unit.key and own:
                answered[own] = (unit.key.fingerprint, _stored(outcome))
                if outcome.status in _STORED:
                    stored.append((*own, *answered[own]))
        outcomes.append(outcome)
    return outcomes, stored


def _unavailable(met: Objection, *, in_doubt: bool) -> OffsetError:
    if in_doubt:
        return DatabaseUnavailable(
            "the connection to the database was lost at the commit: whether this was done is not "
            "known. Send it again with the same Idempotency-Key, or look before sending it anew",
            outcome="unknown",
        )
    return DatabaseUnavailable(unavailable(met))


def _new_end() -> float:
    """Return when a batch that begins now is rolled back, by the monotonic clock."""
    return time.monotonic() + LONGEST_BATCH_S


def too_late() -> OffsetError:
    """Make the error of a batch that would take too long; its transaction is rolled back."""
    return DatabaseUnavailable(
        f"this took more than {LONGEST_BATCH_S:.0f} s and was rolled back; nothing was done. "
        "Send fewer commands at a time"
    )


class _Beaten(Exception):
    """The database refused every try.

    `alone`: each unit may still pass on its own. `in_doubt`: a COMMIT may have been done.
    """

    def __init__(self, met: Objection, *, alone: bool, in_doubt: bool) -> None:
        super().__init__()
        self.met = met
        self.alone = alone
        self.in_doubt = in_doubt


class _Attempt:
    """What a try decided, kept until it is known whether its COMMIT was done.

    `end` is when it is rolled back, in seconds of the monotonic clock.
    """

    def __init__(self, *, end: float) -> None:
        self.end = end
        self.event_ids: list[bytes] = []
        self.outcomes: list[Outcome] = []


def made_up_origin() -> str:
    """Make an origin for a ledger that nobody has named."""
    return f"localhost/{secrets.token_hex(16)}"


def ensure_origin(database: Database, wanted: str | None, made: str | None) -> str:
    """Give the ledger's origin; where it has none, write it once: `wanted`, or else `made`.

    Raises:
        Unfit: the ledger has another origin than the one that is wanted, or there is none.
    """
    ask = select(ledger_origin.c.origin)
    with database.reading() as connection:
        found = connection.execute(ask).scalar_one_or_none()
    new = wanted or made
    if found is None and new is not None:
        try:
            with database.writing() as connection:
                connection.execute(insert(ledger_origin).values(id=1, origin=new))
            found = new
        except IntegrityError:  # another process was first
            with database.reading() as connection:
                found = connection.execute(ask).scalar_one()
    if found is None:
        raise Unfit("the ledger has no origin yet: run `offset migrate` with OFFSET_ORIGIN")
    if wanted is not None and found != wanted:
        raise Unfit(f"the ledger's origin is {found}; it was started with {wanted}")
    return str(found)


def replayed(key: Key, fingerprint: bytes, answer: str) -> Outcome:
    """Give the stored answer again, or refuse a key that was used for another request."""
    if fingerprint != key.fingerprint:
        return KeyReused(f"Idempotency-Key {key.key} was used for another request", key=key.key)
    stored: dict[str, Any] = orjson.loads(answer)
    outcome = Answer(**stored)
    return replace(outcome, headers={**outcome.headers, "Idempotent-Replayed": "true"})


def _stored(answer: Answer) -> str:
    whole = {"status": answer.status, "body": answer.body, "headers": dict(answer.headers)}
    return json_bytes(whole).decode()
