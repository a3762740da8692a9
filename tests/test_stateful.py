"""Any sequence of commands, on both databases, against a ledger that is a plain list of grams.

After every step the holdings, balances and ended parts are those of the list, every answer says
what the list says, and every refusal is one that the list gives too. At the end the ledger is
verified, and its events are replayed once more into the same holdings.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

import databases
from builders import ORIGIN, check_history
from drawn_requests import KEYS, Asked, mostly, openings, requests
from offset.core.errors import KeyReused, OffsetError
from offset.core.events import ACTS, Created, Stamp, read_leaf
from offset.core.records import RecordState
from offset.database import Database
from offset.ledger import Ledger, Outcome, ensure_origin
from offset.models import event_parts, events, holdings, ledger_head, record_state, records
from offset.registries import read_serial
from offset.units import Answer, Unit
from offset.verifying import verify_database
from reference import CREDIT, Expected, Json, ListedLedger

# By hand more of both: 600 examples of 80 steps take a quarter of an hour on SQLite, 300 of them
# as long on PostgreSQL.
EXAMPLES: Final = {"sqlite": 25, "postgresql": 15}
STEPS: Final = 40

STORED: Final = (200, 201, 404, 409)  # what a key's answer is kept of

Databases = Callable[[], AbstractContextManager[str]]


class Machine(RuleBasedStateMachine):
    """A ledger, and the list of grams that it has to equal after every step."""

    def __init__(self, fresh: Databases) -> None:
        super().__init__()
        self._fresh = fresh()
        self._url = self._fresh.__enter__()
        self._open()
        self.listed = ListedLedger()
        self.asked: list[Asked] = []
        self.in_step = False
        self.stored: dict[str, tuple[Unit, Answer]] = {}  # by key: what was asked and answered
        self.acts: list[tuple[str, str]] = []  # every event that took something, and its record

    def _open(self) -> None:
        self._database = Database(self._url)
        self._ledger = Ledger(self._database, origin=ensure_origin(self._database, ORIGIN, None))

    @initialize(asked=st.lists(openings(), min_size=1, max_size=3))
    def begin(self, asked: list[Asked]) -> None:
        """Records that come into an empty ledger together, and overlap more often than not."""
        self._commit(asked)

    @rule(data=st.data(), restarted=st.integers(0, 9).map(lambda number: number == 9))
    def ask(self, data: st.DataObject, *, restarted: bool) -> None:
        """One request, sometimes to a server that has just started again."""
        if restarted:
            self._database.close()
            self._open()
        self._commit([data.draw(requests(self.listed))])

    @rule(data=st.data())
    def ask_together(self, data: st.DataObject) -> None:
        """Requests that arrived together and share a transaction."""
        asked = data.draw(st.lists(requests(self.listed), min_size=2, max_size=4))
        self._commit(asked)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        """A request that was sent before, with its key or with another."""
        keyed = [asked for asked in self.asked if asked.key is not None]
        asked = data.draw(mostly(keyed, self.asked))
        self._commit([replace(asked, key=data.draw(mostly([asked.key], [None, *KEYS])))])

    @precondition(lambda self: self.acts)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        """Erase the details of an event, whether it has any or not."""
        there = [act for act in self.acts if act[0] in self.listed.details]
        event, record_id = data.draw(mostly(there, self.acts))
        item = {"command": "erase", "event": event, "record_id": record_id}
        self._commit([Asked(items=(item,), single=True)])

    # a step --------------------------------------------------------------------------------

    def _commit(self, asked: Sequence[Asked]) -> None:
        self.in_step = True
        units = [request.unit() for request in asked]
        outcomes = self._ledger.commit(units)
        together: dict[str, tuple[Unit, Answer]] = {}
        for request, unit, outcome in zip(asked, units, outcomes, strict=True):
            before = None
            if request.key is not None:
                before = self.stored.get(request.key) or together.get(request.key)
            if before is not None:
                _check_repeated(unit, outcome, *before)
                continue
            assert isinstance(outcome, Answer), outcome
            self._judge(request, outcome)
            if request.key is not None:
                together[request.key] = (unit, outcome)
                if outcome.status in STORED:
                    self.stored[request.key] = (unit, outcome)
        self.asked += [request for request in asked if request.items[0]["command"] != "erase"]

    def _judge(self, request: Asked, answer: Answer) -> None:
        """Have the list of grams do the same, and compare the answers."""
        if request.single:
            self._check(request.items[0], answer.status, answer.body)
            return
        if request.atomic:
            expected = self.listed.all_or_nothing(request.items)
            if expected[-1].code is not None:
                assert (answer.status, answer.body["code"]) == (
                    expected[-1].status,
                    "batch-refused",
                )
                assert answer.body["index"] == len(expected) - 1
                assert answer.body["problem"]["code"] == expected[-1].code
                return
            for item, wanted, said in zip(
                request.items, expected, answer.body["items"], strict=True
            ):
                self._compare(item, wanted, said["status"], said["body"])
            return
        assert answer.status == 200
        for item, said in zip(request.items, answer.body["items"], strict=True):
            self._check(item, said["status"], said["body"])

    def _check(self, item: Json, status: int, body: Json) -> None:
        self._compare(item, self.listed.do(item), status, body)

    def _compare(self, item: Json, wanted: Expected, status: int, body: Json) -> None:
        assert (status, body.get("code")) == (wanted.status, wanted.code), (item, body)
        if wanted.record is None:
            return
        assert _shown(body, wanted.record) == wanted.record
        if wanted.taken is not None:
            (act,) = (body[name] for name in ("sold", "retired", "cancelled") if name in body)
            spans = [(part["from_g"], part["quantity_g"]) for part in act["parts"]]
            assert sorted(spans) == [(first, end - first) for first, end in wanted.taken]
            self.acts += [(event_id, body["id"]) for event_id in act["event_ids"]]
            if "details" in item:
                self.listed.details[act["id"]] = False

    # what has to be true after every step --------------------------------------------------------

    @invariant()
    def it_equals_the_list(self) -> None:
        with self._database.reading() as connection:
            names = {row.number: row.id.hex() for row in connection.execute(select(records))}
            held = connection.execute(
                select(holdings).order_by(holdings.c.record_number, holdings.c.from_g)
            ).all()
            states = connection.execute(select(record_state)).all()
            ended = connection.execute(
                select(event_parts).where(event_parts.c.type != "SOLD")
            ).all()
            count = connection.execute(select(func.count()).select_from(events)).scalar_one()
            head = connection.execute(select(ledger_head.c.position)).scalar_one()
        stored: dict[str, Json] = {}
        for row in states:
            stored[names[row.record_number]] = {
                "status": row.status,
                "events": row.seq,
                "erasures": row.erasures,
                "issued": len(self.listed.records[names[row.record_number]].grams),
                "available": row.available_g,
                "sold": row.sold_g,
                "retired": row.retired_g,
                "cancelled": row.cancelled_g,
                "holdings": [],
            }
        tiles: dict[str, list[tuple[int, int]]] = {record_id: [] for record_id in stored}
        for row in held:
            found = (row.from_g, row.quantity_g, row.holder)
            stored[names[row.record_number]]["holdings"].append(found)
            tiles[names[row.record_number]].append(found[:2])
        for row in ended:
            tiles[names[row.record_number]].append((row.from_g, row.quantity_g))
        listed = {record_id: record.view() for record_id, record in self.listed.records.items()}
        assert stored == listed
        for record_id, own in tiles.items():
            assert _tile(own, listed[record_id]["issued"])
        assert count == sum(record["events"] for record in listed.values()) == head + 1
        self.in_step = False

    def teardown(self) -> None:
        try:
            if not self.in_step:  # one that failed would only be told twice
                self._verify()
        finally:
            self._database.close()
            self._fresh.__exit__(None, None, None)

    def _verify(self) -> None:
        report = verify_database(self._database)
        assert report.differences == []
        assert report.records == len(self.listed.records)
        check_history(self._database)
        assert _replayed(self._database) == {
            record_id: record.holdings() for record_id, record in self.listed.records.items()
        }


def _check_repeated(unit: Unit, outcome: Outcome, first: Unit, answer: Answer) -> None:
    """A key that was used before: the same answer for the same request, and no other request."""
    assert unit.key is not None
    assert first.key is not None
    if unit.key.fingerprint != first.key.fingerprint:
        assert isinstance(outcome, KeyReused)
        return
    assert not isinstance(outcome, OffsetError)
    assert outcome.headers["Idempotent-Replayed"] == "true"
    assert outcome.status == answer.status
    assert _without_details(outcome.body) == _without_details(answer.body)


def _without_details(shown: Any) -> Any:
    """What was answered, but for what an erasure may take from it."""
    if isinstance(shown, list):
        return [_without_details(item) for item in shown]
    if not isinstance(shown, dict):
        return shown
    return {
        name: _without_details(value)
        for name, value in shown.items()
        if name not in ("details", "details_erased", "details_private")
    }


def _shown(body: Json, wanted: Json) -> Json:
    """What an answer says of the record, in grams."""
    balance = {name: Fraction(repr(body["balance"][name])) * CREDIT for name in body["balance"]}
    held = [(part["from_g"], part["quantity_g"], part["holder"]) for part in body["holdings"]]
    if len(held) < body["holdings_total"]:  # an answer to an act shows the first ten
        assert len(held) == 10
        held += wanted["holdings"][10 : body["holdings_total"]]
    return {
        "status": body["status"],
        "events": body["events_total"],
        "erasures": wanted["erasures"],  # in no answer
        **balance,
        "holdings": held,
    }


def _tile(parts: list[tuple[int, int]], quantity_g: int) -> bool:
    """Tell whether parts cover every gram once."""
    reached = 0
    for from_g, length in sorted(parts):
        if from_g != reached:
            return False
        reached += length
    return reached == quantity_g


def _replayed(database: Database) -> dict[str, list[tuple[int, int, str | None]]]:
    """Replay the hashed bytes of all events, in the order of the log, into holdings."""
    with database.reading() as connection:
        rows = connection.execute(
            select(events.c.position, events.c.leaf).order_by(events.c.position)
        ).all()
    states: dict[str, RecordState] = {}
    for event in (read_leaf(position, leaf) for position, leaf in rows):
        stamp = Stamp(event.id, event.at)
        if event.type == "CREATED":
            canonical = event.data["canonical"]
            serial = read_serial(canonical["registry"], canonical["serial_number"])
            created = Created.from_data(event.record_id, event.data, serial)
            states[event.record_id] = created.apply(None, stamp)
        else:
            act = ACTS[event.type].from_data(event.data)
            states[event.record_id] = act.apply(states[event.record_id], stamp)
    return {
        record_id: [(held.from_g, held.quantity_g, held.holder) for held in state.holdings]
        for record_id, state in states.items()
    }


# On both databases


@pytest.fixture
def sqlite_files(sqlite_template: Path, tmp_path: Path) -> Databases:
    """Fresh SQLite ledgers, one after another in the same place."""

    @contextmanager
    def fresh() -> Iterator[str]:
        for left in tmp_path.iterdir():
            left.unlink()
        shutil.copyfile(sqlite_template, tmp_path / "offset.db")
        yield databases.sqlite_url_of(tmp_path / "offset.db")

    return fresh


def _run(engine: str, fresh: Databases) -> None:
    class FreshMachine(Machine):
        def __init__(self) -> None:
            super().__init__(fresh)

    run_state_machine_as_test(
        FreshMachine,
        settings=settings(
            max_examples=EXAMPLES[engine],
            stateful_step_count=STEPS,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


def test_any_commands_leave_what_a_list_of_grams_says_on_sqlite(sqlite_files: Databases) -> None:
    _run("sqlite", sqlite_files)


def test_any_commands_leave_what_a_list_of_grams_says_on_postgresql(
    postgres: databases.PostgresDatabases,
) -> None:
    _run("postgresql", postgres.prepared)
