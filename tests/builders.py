"""What tests build ledgers of: bodies, units, an opened ledger; and the check of a history."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

import rfc8785
from sqlalchemy import select

from offset.answers import record_view
from offset.core.commands import Create, Erase
from offset.core.errors import OffsetError
from offset.database import Database
from offset.ledger import Ledger, ensure_origin, now_us
from offset.models import event_parts, events, holdings, ledger_head, record_state, records
from offset.schemas import CancelPart, CreateRecord, RetirePart, SellPart, SendBatch
from offset.submitting import Submission, fingerprint, shape_problem, take
from offset.units import Answer, Key, Result, Unit

Json = dict[str, Any]
ORIGIN: Final = "ledger.example/log"
CREDIT: Final = 1_000_000  # grams


def synthetic_serial(
    first: int, last: int, *, batch: int = 9001, project: int = 9999, year: int = 2020
) -> str:
    """A VCU serial number as Verra writes it, of a project that does not exist."""
    return f"{batch}-{first}-{last}-VCS-VCU-999-VER-KE-14-{project}-0101{year}-3112{year}-1"


def create(*, first: int = 1, last: int = 10, **fields: Any) -> Json:
    """The body of a create: the credits `first` to `last`, in tonnes; `fields` replace or add.

    The serial number is of the vintage, where that is a year.
    """
    vintage = fields.get("vintage")
    year = vintage if type(vintage) is int and 1900 <= vintage <= 2199 else 2020
    return {
        "project_name": "Two Rivers forest conservation",
        "registry": "Verra",
        "vintage": 2020,
        "quantity": last - first + 1,
        "serial_number": synthetic_serial(first, last, year=year),
        **fields,
    }


def command_of(body: Json) -> Create:
    """The command of a create's body."""
    return Submission().create(CreateRecord.model_validate(body))


def creating(*, key: str | None = None, **fields: Any) -> Unit:
    """The unit of one create; `fields` as `create` takes them."""
    body = create(**fields)
    return Submission().single(command_of(body), key=_key(key, "/records", body))


def selling(record_id: str, *, key: str | None = None, seq: int | None = None, **body: Any) -> Unit:
    """The unit of one sale; the seller is named by ``**{"from": ...}``."""
    return _taking("sell", SellPart, record_id, key, seq, body)


def retiring(
    record_id: str, *, key: str | None = None, seq: int | None = None, **body: Any
) -> Unit:
    """The unit of one retirement; `seq` is the version that If-Match names."""
    return _taking("retire", RetirePart, record_id, key, seq, body)


def cancelling(
    record_id: str, *, key: str | None = None, seq: int | None = None, **body: Any
) -> Unit:
    """The unit of one cancellation."""
    return _taking("cancel", CancelPart, record_id, key, seq, body)


def erasing(record_id: str, event_id: str) -> Unit:
    """The unit of one erasure."""
    return Submission().single(erasure(record_id, event_id), shape=_shape_erasure)


def erasure(record_id: str, event_id: str) -> Erase:
    """The command of one erasure."""
    return Erase(event_id=str(uuid4()), erased=event_id, record_id=record_id)


def batching(*commands: Json, atomic: bool = False, key: str | None = None) -> Unit:
    """The unit of a batch; each command as `POST /batch` takes it."""
    body = {"commands": list(commands), "atomic": atomic}
    return Submission().batch(SendBatch.model_validate(body), key=_key(key, "/batch", body))


def atomic_of(*units: Unit) -> Unit:
    """One atomic unit of the commands of several, so that it can hold any command."""
    commands = tuple(command for unit in units for command in unit.commands)
    return Unit(commands=commands, shape=_shape_last, atomic=True)


@contextmanager
def opened(url: str, *, clock: Callable[[], int] = now_us) -> Iterator[Ledger]:
    """A ledger to write to, on a database with today's schema."""
    database = Database(url)
    try:
        yield Ledger(database, origin=ensure_origin(database, ORIGIN, None), clock=clock)
    finally:
        database.close()


def do(ledger: Ledger, unit: Unit) -> Answer:
    """Have one unit done; its answer, also where that is a refusal."""
    return do_all(ledger, unit)[0]


def do_all(ledger: Ledger, *units: Unit) -> list[Answer]:
    """Have units done in one transaction; their answers."""
    answers = []
    for outcome in ledger.commit(units):
        if isinstance(outcome, OffsetError):
            raise outcome
        answers.append(outcome)
    return answers


def created(ledger: Ledger, **fields: Any) -> str:
    """Create a record; its id."""
    answer = do(ledger, creating(**fields))
    assert answer.status == 201, answer.body
    return str(answer.body["id"])


def leaves(database: Database) -> list[Json]:
    """Every event's hashed bytes, parsed, in the order of the log."""
    with database.reading() as connection:
        rows = connection.execute(select(events.c.leaf).order_by(events.c.position)).all()
    return [json.loads(leaf) for (leaf,) in rows]


def check_history(database: Database) -> None:
    """Recheck the whole ledger from its rows: order, chains, hashes, and that no gram is lost.

    Written from the design and not from the code: positions are dense, `seq` and `prev` chain
    each record's events, a leaf is its own canonical JSON and hashes to its stored hash, times
    never go back, and holdings and ended parts tile every record.
    """
    with database.reading() as connection:
        rows = connection.execute(select(events).order_by(events.c.position)).all()
        heads = connection.execute(select(ledger_head.c.position)).scalars().all()
        states = {row.record_number: row for row in connection.execute(select(record_state))}
        issued = {row.number: row.quantity_g for row in connection.execute(select(records))}
        held = [tuple(row)[:3] for row in connection.execute(select(holdings))]
        ended = [
            (row.record_number, row.from_g, row.quantity_g)
            for row in connection.execute(select(event_parts))
            if row.type in ("RETIRED", "CANCELLED")
        ]
    assert [row.position for row in rows] == list(range(len(rows)))
    assert heads == [len(rows) - 1]
    before = ""
    last: dict[int, tuple[int, bytes]] = {}
    for row in rows:
        said = json.loads(row.leaf)
        seq, previous = last.get(row.record_number, (0, None))
        assert rfc8785.dumps(said) == row.leaf
        assert sha256(b"\x00" + row.leaf).digest() == row.leaf_hash
        assert (said["id"], said["type"]) == (str(UUID(bytes=bytes(row.id))), row.type)
        assert said["seq"] == row.seq == seq + 1
        assert said["prev"] == (b64encode(previous).decode() if previous else None)
        assert said["at"] >= before
        before = said["at"]
        last[row.record_number] = (row.seq, bytes(row.leaf_hash))
    assert {n: (row.seq, bytes(row.leaf_hash)) for n, row in states.items()} == last
    reached = dict.fromkeys(issued, 0)
    for number, from_g, quantity_g in sorted([*held, *ended]):
        assert reached[number] == from_g, f"record {number}: a gap or an overlap at {from_g} g"
        reached[number] = from_g + quantity_g
    assert reached == issued


def _taking(
    verb: str,
    model: type[SellPart | RetirePart | CancelPart],
    record_id: str,
    key: str | None,
    seq: int | None,
    body: Json,
) -> Unit:
    command = take(record_id, model.model_validate(body), seq)
    return Submission().single(command, key=_key(key, f"/records/{record_id}/{verb}", body))


def _key(key: str | None, path: str, body: Json) -> Key | None:
    if key is None:
        return None
    return Key(caller="open", key=key, fingerprint=fingerprint("POST", path, body))


def _shape_erasure(result: Result) -> Answer:
    if isinstance(result, OffsetError):
        return shape_problem(result)
    return Answer(status=200, body=record_view(result.state, result.history))


def _shape_last(results: Any) -> Answer:
    return _shape_erasure(results[-1])
