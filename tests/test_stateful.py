"""Any sequence of commands, on both databases, against a ledger that is a plain list of grams.

After every step the holdings, balances and ended parts are those of the list, every answer says
what the list says, and every refusal is one that the list gives too. At the end the ledger is
verified, and its events are replayed once more into the same holdings.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
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
from builders import (
    ORIGIN,
    batching,
    cancelling,
    check_history,
    command_of,
    create,
    creating,
    erasing,
    retiring,
    selling,
    synthetic_serial,
)
from offset.core.errors import KeyReused, OffsetError
from offset.core.events import ACTS, Created, Stamp, read_leaf
from offset.core.quantities import tonnes_text
from offset.core.records import RecordState
from offset.database import Database
from offset.ledger import Ledger, Outcome, ensure_origin
from offset.models import event_parts, events, holdings, ledger_head, record_state, records
from offset.registries import read_serial
from offset.units import Answer, Unit
from offset.verifying import verify_database
from reference import CREDIT, HOLDERS, Expected, Json, ListedLedger

# By hand more of both: 1,000 examples of 100 steps take about half an hour on each database.
EXAMPLES: Final = {"sqlite": 60, "postgresql": 40}
STEPS: Final = 40

NAMED: Final = HOLDERS[1:]
SERIALS: Final = range(1, 6)  # the numbers of one series, so few that ranges meet
KEYS: Final = tuple(f"key-{number}" for number in range(12))
NO_RECORD: Final = "0" * 64
STORED: Final = (200, 201, 404, 409)  # what a key's answer is kept of

Databases = Callable[[], AbstractContextManager[str]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request, as plain JSON: a single command, or a batch of some."""

    items: tuple[Json, ...]
    single: bool
    atomic: bool = False
    key: str | None = None

    def unit(self) -> Unit:
        """Make what the ledger commits."""
        bodies = [_body(item) for item in self.items]
        if not self.single:
            return batching(*bodies, atomic=self.atomic, key=self.key)
        (item,) = self.items
        body = {name: value for name, value in bodies[0].items() if name != "command"}
        if item["command"] == "create":
            return creating(key=self.key, **body)
        record_id = body.pop("record_id")
        if item["command"] == "erase":
            return erasing(record_id, item["event"])
        make = {"sell": selling, "retire": retiring, "cancel": cancelling}[item["command"]]
        return make(record_id, key=self.key, seq=item.get("seq"), **body)


def _body(item: Json) -> Json:
    """The body that a caller sends; the rest is what the list of grams has to know."""
    return {name: value for name, value in item.items() if name not in ("id", "numbers", "seq")}


# What is asked


@st.composite
def creates(draw: st.DrawFn) -> Json:
    """A record of few credits with serial numbers, or of few grams without."""
    numbers = None
    if draw(st.booleans()):
        first = draw(st.sampled_from(SERIALS))
        last = min(first + draw(st.integers(0, 2)), SERIALS[-1])
        numbers = (first, last)
        quantity = str(last - first + 1)
        serial, registry = synthetic_serial(first, last), "Verra"
    else:
        grams = draw(st.integers(1, 12))
        quantity = tonnes_text(grams).removesuffix(" t")
        serial, registry = draw(st.sampled_from(["LOT-A", "LOT-B"])), "Acme Registry"
    optional: Json = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "holder": st.sampled_from(["developer", "acme"]),
                "country": st.sampled_from(["KE", "UG"]),
            },
        )
    )
    name = draw(st.sampled_from(["Mto Mpya", "MTO  MPYA", "Two Rivers"]))
    body = create(
        project_name=name,
        registry=registry,
        serial_number=serial,
        quantity=quantity,
        **optional,
    )
    return {"command": "create", "id": command_of(body).record_id, "numbers": numbers, **body}


@st.composite
def takes(draw: st.DrawFn, ledger: ListedLedger, new: Sequence[str]) -> Json:
    """A sale, a retirement or a cancellation, mostly of what is there."""
    command = draw(st.sampled_from(["sell", "sell", "retire", "cancel"]))
    left = [record_id for record_id, record in ledger.records.items() if record.holders()]
    record_id = draw(_mostly([*left, *new], [*ledger.records, NO_RECORD]))
    there = ledger.records.get(record_id)
    item: Json = {"command": command, "record_id": record_id}
    if command == "sell":
        item["to"] = draw(st.sampled_from(NAMED))
    holders = there.holders() if there else []
    giver = draw(_mostly(holders, HOLDERS))
    if draw(st.integers(0, 3)):
        item["from" if command == "sell" else "holder"] = giver
    how = draw(st.sampled_from(["quantity"] * 4 + ["serials"] * 3 + ["all"]))
    if how == "serials" and not (there and there.numbers) and draw(st.integers(0, 5)):
        how = "quantity"
    if how == "quantity":
        held_g = there.held_by(giver) if there else 0
        item["quantity"] = tonnes_text(draw(quantities(held_g))).removesuffix(" t")
    elif how == "serials":
        near = there.numbers if there and there.numbers else (SERIALS[0], SERIALS[-1])
        first = draw(st.integers(near[0], near[1]))
        last = draw(st.integers(first, near[1] + (draw(st.integers(0, 9)) == 9)))
        item |= {"serial_first": first, "serial_last": last}
    if draw(st.integers(0, 2)) == 0:
        item["details"] = {"beneficiary": "Jane Example"}
    return item


def _mostly(usual: Sequence[Any], any_: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Choose one of the usual, nine times of ten where there are any."""
    return st.integers(0, 9).flatmap(
        lambda number: st.sampled_from(usual if usual and number != 9 else any_)
    )


def quantities(held_g: int) -> st.SearchStrategy[int]:
    """A quantity near what matters: a gram, a credit, all that the holder has."""
    borders = [1, 2, held_g // 2, held_g - 1, held_g, held_g + 1]
    if held_g > CREDIT:
        borders += [CREDIT // 4, CREDIT - 1, CREDIT, CREDIT + 1]
    near = [quantity_g for quantity_g in borders if quantity_g > 0]
    return st.sampled_from(near) | st.integers(1, max(1, held_g)) | st.integers(1, 5)


@st.composite
def requests(draw: st.DrawFn, ledger: ListedLedger) -> Asked:
    """A request of one command, or of some; sometimes with a key, or with a version."""
    key = draw(_mostly([None], KEYS))
    few = len(ledger.records) < 3
    if draw(st.integers(0, 2)):
        item = draw(creates() if draw(st.integers(0, 9)) < 2 + 3 * few else takes(ledger, []))
        there = ledger.records.get(item.get("record_id", ""))
        if there is not None and draw(st.integers(0, 9)) == 9:
            item["seq"] = max(1, there.events - draw(st.integers(0, 1)))
        return Asked(items=(item,), single=True, key=key)
    items: list[Json] = []
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.integers(0, 9)) < 2 + 3 * few:
            item = draw(creates())
            if item["numbers"] and draw(st.integers(0, 5)) == 5:
                item["quantity"] = "7"  # no range here has so many
            items.append(item)
        else:
            new = [item["id"] for item in items if item["command"] == "create"]
            items.append(draw(takes(ledger, new)))
    return Asked(items=tuple(items), single=False, atomic=draw(st.booleans()), key=key)


# The machine


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

    @initialize(first=creates())
    def begin(self, first: Json) -> None:
        self._commit([Asked(items=(first,), single=True)])

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
        asked = data.draw(_mostly(keyed, self.asked))
        self._commit([replace(asked, key=data.draw(_mostly([asked.key], [None, *KEYS])))])

    @precondition(lambda self: self.acts)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        """Erase the details of an event, whether it has any or not."""
        there = [act for act in self.acts if act[0] in self.listed.details]
        event, record_id = data.draw(_mostly(there, self.acts))
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
