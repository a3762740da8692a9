"""The one way to write: units become events in one order, whole or not at all, and once."""

import itertools
import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import psycopg
import pytest
import rfc8785
from sqlalchemy import func, select, text

from builders import (
    CREDIT,
    ORIGIN,
    atomic_of,
    batching,
    cancelling,
    check_history,
    create,
    created,
    creating,
    do,
    do_all,
    erasing,
    leaves,
    opened,
    retiring,
    selling,
    synthetic_serial,
)
from offset.core.errors import DatabaseUnavailable, OffsetError
from offset.core.events import time_text
from offset.core.merkle import leaf_hash
from offset.ledger import Ledger, Outcome
from offset.models import metadata
from offset.reading import Reader
from offset.units import Answer, Result
from tampering import unguarded

NO_RECORD = "0" * 64


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """An empty ledger; whatever a test did, its history is sound at the end."""
    with opened(database_url) as opened_ledger:
        yield opened_ledger
        check_history(opened_ledger.database)


def counts(ledger: Ledger) -> dict[str, int]:
    with ledger.database.reading() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


def statuses(outcomes: Sequence[Outcome]) -> list[int]:
    return [outcome.status if isinstance(outcome, Answer) else 0 for outcome in outcomes]


def test_positions_are_dense_and_follow_the_order_of_commits_and_units(ledger: Ledger) -> None:
    answers = do_all(ledger, creating(first=1, last=10), creating(first=11, last=20))
    one, two = (answer.body["id"] for answer in answers)
    answers += do_all(ledger, retiring(two, quantity=1), selling(one, to="acme"), retiring(one))
    answers += do_all(ledger, selling(one, to="beta"), cancelling(two))  # the first is refused
    assert statuses(answers) == [201, 201, 200, 200, 200, 409, 200]
    seen = [(leaf["record"], leaf["type"], leaf["seq"]) for leaf in leaves(ledger.database)]
    assert seen == [
        (one, "CREATED", 1),
        (two, "CREATED", 1),
        (two, "RETIRED", 2),
        (one, "SOLD", 2),
        (one, "RETIRED", 3),
        (two, "CANCELLED", 3),
    ]
    shown = Reader(ledger.database).events(after=-1, limit=500).items
    assert [event["position"] for event in shown] == list(range(6))


def test_a_leaf_says_this_and_nothing_else(database_url: str) -> None:
    with opened(database_url, clock=itertools.count(10**15).__next__) as ledger:
        record_id = created(ledger, holder="acme", country="KE", details={"note": "n"})
        sold = do(ledger, selling(record_id, quantity="0.5", to="beta", effective_on="2026-01-31"))
        with ledger.database.reading() as connection:
            rows = connection.execute(text("SELECT leaf FROM events ORDER BY position")).all()
        said = leaves(ledger.database)
    first, second = (bytes(row.leaf) for row in rows)
    salted = said[0]["data"].pop("details_sha256")
    assert len(bytes.fromhex(salted)) == 32
    text_of_serial = synthetic_serial(1, 10)
    assert said[0] == {
        "at": "2001-09-09T01:46:40.000000Z",
        "by": None,
        "data": {
            "canonical": {
                "project_name": "two rivers forest conservation",
                "quantity_g": 10 * CREDIT,
                "registry": "verra",
                "serial_number": text_of_serial,
                "vintage": 2020,
            },
            "country": "KE",
            "effective_on": None,
            "holder": "acme",
            "sent": {
                "project_name": "Two Rivers forest conservation",
                "quantity": "10",
                "registry": "Verra",
                "serial_number": text_of_serial,
                "vintage": "2020",
            },
        },
        "id": said[0]["id"],
        "log": ORIGIN,
        "prev": None,
        "record": record_id,
        "seq": 1,
        "type": "CREATED",
        "v": 1,
    }
    expected = {
        "at": "2001-09-09T01:46:40.000001Z",
        "by": None,
        "data": {
            "details_sha256": None,
            "effective_on": "2026-01-31",
            "from": "acme",
            "group": None,
            "parts": [[0, CREDIT // 2]],
            "to": "beta",
        },
        "id": sold.body["sold"]["id"],
        "log": ORIGIN,
        "prev": b64encode(leaf_hash(first)).decode(),
        "record": record_id,
        "seq": 2,
        "type": "SOLD",
        "v": 1,
    }
    assert second == rfc8785.dumps(expected)


def test_recorded_times_never_go_back_though_the_clock_does(database_url: str) -> None:
    times = iter([1_000, 5_000, 2_000, 0, 5_001])
    with opened(database_url, clock=lambda: next(times)) as ledger:
        for number in range(5):
            created(ledger, first=number + 1, last=number + 1)
        check_history(ledger.database)
        recorded = [leaf["at"] for leaf in leaves(ledger.database)]
    assert recorded == [time_text(at_us) for at_us in (1_000, 5_000, 5_000, 5_000, 5_001)]


def test_a_repeated_create_gives_the_record_that_is_there_and_writes_nothing(
    ledger: Ledger,
) -> None:
    record_id = created(ledger, holder="acme", country="KE")
    do(ledger, retiring(record_id, quantity=4))
    before = counts(ledger)
    for fields in (
        {"holder": "acme", "country": "KE"},
        {},  # what is not said again does not differ
        {
            "project_name": "  TWO RIVERS\u00a0 forest Conservation ",
            "registry": "VCS",
            "quantity": "10.00",
        },
        {"details": {"note": "details are never compared"}},
    ):
        again = do(ledger, creating(**fields))
        assert again.status == 200
        assert again.body == Reader(ledger.database).record(record_id)[1]
        assert again.body["balance"]["retired"] == 4
    assert counts(ledger) == before


def test_a_create_repeated_in_one_batch_makes_one_record(ledger: Ledger) -> None:
    answers = do_all(ledger, creating(), creating(), creating(holder="acme"))
    assert statuses(answers) == [201, 200, 409]
    assert answers[0].body == answers[1].body
    assert (counts(ledger)["records"], counts(ledger)["events"]) == (1, 1)


@pytest.mark.parametrize(
    "field, value, other",
    [
        ("holder", "acme", "beta"),
        ("project_id", "VCS9999", "9999"),
        ("country", "KE", "TZ"),
        ("methodology", "VM0009", "VM0010"),
        ("vintage_start", "2020-01-01", "2020-01-02"),
        ("vintage_end", "2020-12-31", "2020-12-30"),
        ("effective_on", "2021-06-30", "2021-07-01"),
    ],
)
def test_a_create_with_another_optional_field_differs(
    field: str, value: str, other: str, ledger: Ledger
) -> None:
    one = created(ledger, **{field: value})
    two = created(ledger, first=11, last=20)
    before = counts(ledger)
    for record_id, again in (
        (one, creating(**{field: other})),
        (two, creating(first=11, last=20, **{field: value})),  # where there was none
    ):
        refused = do(ledger, again)
        assert (refused.status, refused.body["code"]) == (409, "record-differs")
        assert (refused.body["record_id"], refused.body["field"]) == (record_id, field)
    assert do(ledger, creating(**{field: value})).status == 200
    assert counts(ledger) == before


# Beside credits 101 to 110: what is created, and the first and last number that it asks for.
OVERLAPS: Final[list[tuple[int, int, dict[str, Any]]]] = [
    (101, 110, {"project_name": "Another name"}),
    (101, 110, {"vintage": 2021, "vintage_start": "2020-01-01", "vintage_end": "2021-12-31"}),
    (103, 103, {}),
    (101, 109, {}),
    (1, 101, {}),
    (110, 200, {}),
    (1, 200, {}),
    (105, 105, {"batch": 7}),
]


@pytest.mark.parametrize("how", ["one unit", "one transaction", "apart"])
def test_serial_numbers_are_issued_once(how: str, ledger: Ledger) -> None:
    for number, (first, last, fields) in enumerate(OVERLAPS):
        base = 1_000 * number
        serial = synthetic_serial(base + first, base + last, batch=fields.get("batch", 9001))
        own = {name: value for name, value in fields.items() if name != "batch"}
        older = f"1-{base + 101}-{base + 110}-VCU-016-MER-AU-14-641-16042020-15042021-0"
        answers = create_all(
            ledger,
            how,
            create(first=base + 101, last=base + 110),
            create(first=base + first, last=base + last, serial_number=serial, **own),
            create(first=base + 100, last=base + 100),
            create(first=base + 111, last=base + 120),
            create(first=base + 101, last=base + 110, serial_number=older),  # another series
        )
        refused = answers.pop(1)
        assert statuses(answers) == [201, 201, 201, 201]
        assert (refused.status, refused.body["code"]) == (409, "serial-overlap")
        facts = ("serial_first", "serial_last", "other_first", "other_last")
        assert [refused.body[name] - base for name in facts] == [first, last, 101, 110]
        assert refused.body["record_id"] == answers[0].body["id"]
    assert counts(ledger)["records"] == 4 * len(OVERLAPS)


@pytest.mark.parametrize("how", ["one unit", "one transaction", "apart"])
def test_a_serial_number_that_no_grammar_reads_is_issued_once(how: str, ledger: Ledger) -> None:
    own: dict[str, Any] = {"registry": "Nowhere", "serial_number": "nowhere: 2005/1"}
    answers = create_all(
        ledger,
        how,
        create(**own),
        create(**own, project_name="Another name"),
        create(**own, quantity=11),
        create(**{**own, "serial_number": "NOWHERE: 2005/2"}),
        create(**{**own, "registry": "Elsewhere"}),
        create(**{**own, "serial_number": "NoWhere:  2005/1"}),
    )
    assert statuses(answers) == [201, 409, 409, 201, 201, 200]
    for refused in answers[1:3]:
        assert refused.body["code"] == "serial-overlap"
        assert refused.body["record_id"] == answers[0].body["id"]
        assert refused.body["serial_number"] == "NOWHERE: 2005/1"


def create_all(ledger: Ledger, how: str, *bodies: dict[str, Any]) -> list[Answer]:
    if how == "one unit":
        answer = do(ledger, batching(*({"command": "create", **body} for body in bodies)))
        return [Answer(**item) for item in answer.body["items"]]
    units = [creating(**body) for body in bodies]
    return do_all(ledger, *units) if how == "one transaction" else [do(ledger, u) for u in units]


def test_an_atomic_unit_that_fails_is_undone_as_if_it_had_never_been(ledger: Ledger) -> None:
    record_id = created(ledger, first=1, last=10, details={"note": "kept"})
    event_id = leaves(ledger.database)[0]["id"]
    done, undone, after = do_all(
        ledger,
        retiring(record_id, quantity=1),
        atomic_of(
            creating(first=11, last=20),
            creating(first=31, last=40, registry="VCS"),
            retiring(record_id, quantity=2),
            selling(record_id, quantity=3, to="acme"),
            erasing(record_id, event_id),
            cancelling(record_id, holder=None, quantity=5),  # 4 are left
        ),
        atomic_of(
            creating(first=15, last=40),  # overlaps only what was undone
            retiring(record_id, quantity=9),
            erasing(record_id, event_id),
        ),
    )
    assert statuses([done, undone, after]) == [200, 409, 200]
    assert (undone.body["code"], undone.body["available"]) == ("insufficient-quantity", 4)
    types = [(leaf["type"], leaf["seq"]) for leaf in leaves(ledger.database)]
    assert types == [
        *[("CREATED", 1), ("RETIRED", 2), ("CREATED", 1), ("RETIRED", 3), ("ERASED", 4)]
    ]
    assert counts(ledger)["serial_claims"] == 4  # each in its series and in its batch
    assert after.body["balance"]["retired"] == 10


def test_a_unit_that_is_not_atomic_does_what_it_can_in_order(ledger: Ledger) -> None:
    record_id = created(ledger, first=1, last=10)
    commands = [
        {"command": "retire", "record_id": record_id, "quantity": 4},
        {"command": "retire", "record_id": record_id, "quantity": 7},
        {"command": "create", **create(first=11, last=20)},
        {"command": "create", **create(first=20, last=21)},
        {"command": "retire", "record_id": record_id, "quantity": -1},
        {"command": "retire", "record_id": NO_RECORD},
        {"command": "burn", "record_id": record_id},
        {"command": "cancel", "record_id": record_id},
    ]
    each = do(ledger, batching(*commands))
    assert each.status == 200
    found = [(item["status"], item["body"].get("code")) for item in each.body["items"]]
    assert found == [
        (200, None),
        (409, "insufficient-quantity"),
        (201, None),
        (409, "serial-overlap"),
        (422, "invalid-quantity"),
        (404, "record-not-found"),
        (422, "invalid-field"),
        (200, None),
    ]
    before = counts(ledger)
    whole = do(ledger, batching(commands[2], {**commands[3]}, atomic=True))
    assert (whole.status, whole.body["code"]) == (409, "batch-refused")
    assert (whole.body["index"], whole.body["problem"]["code"]) == (1, "serial-overlap")
    assert counts(ledger) == before


def test_a_refused_atomic_batch_names_no_event_that_never_was(ledger: Ledger) -> None:
    record_id = do(ledger, creating()).body["id"]
    retire = {"command": "retire", "record_id": record_id}
    whole = do(ledger, batching(retire, retire, atomic=True))
    assert (whole.status, whole.body["code"], whole.body["index"]) == (409, "batch-refused", 1)
    refused = whole.body["problem"]
    assert refused["code"] == "already-retired"
    assert refused.keys().isdisjoint({"retirement_id", "retired_at"})
    assert refused["detail"].endswith("by an earlier command of this batch")


def test_an_atomic_batch_that_passes_is_answered_as_its_commands_are(ledger: Ledger) -> None:
    bodies = [{"command": "create", **create(first=n, last=n)} for n in range(1, 101)]
    answer = do(ledger, batching(*bodies, atomic=True))
    assert answer.status == 200
    ids = [item["body"]["id"] for item in answer.body["items"]]
    assert [leaf["record"] for leaf in leaves(ledger.database)] == ids
    assert {item["status"] for item in answer.body["items"]} == {201}


def test_a_fault_in_one_unit_does_not_fail_its_neighbours(ledger: Ledger) -> None:
    def fail(_: Sequence[Result]) -> Answer:
        raise ZeroDivisionError

    faulty = replace(creating(first=11, last=20), shape=fail)
    outcomes = ledger.commit([creating(first=1, last=10), faulty, creating(first=21, last=30)])
    assert statuses(outcomes) == [201, 0, 201]
    assert isinstance(outcomes[1], OffsetError)
    assert outcomes[1].code == "internal"
    assert counts(ledger)["records"] == 2
    with pytest.raises(ZeroDivisionError):
        ledger.commit([faulty])
    assert counts(ledger)["records"] == 2


def test_a_race_is_decided_again_from_what_the_winner_left(postgresql_url: str) -> None:
    tries = []

    def lose_the_first() -> int:  # the clock is asked between the decision and the writing
        tries.append(1)
        if len(tries) == 1:
            with psycopg.connect(postgresql_url) as winner:
                winner.execute("INSERT INTO series VALUES (99, 'verra', 'VCS-VCU')")
                winner.execute(
                    "INSERT INTO records VALUES (99, '\\x99', 'p', 'verra', 2020, 1000000, 's',"
                    " '{}', NULL, '{}', NULL, 0)"
                )
                winner.execute("INSERT INTO serial_claims VALUES (99, 5, 5, 99, NULL)")
        return 0

    with opened(postgresql_url, clock=lose_the_first) as ledger:
        answer = do(
            ledger,
            batching(
                *({"command": "create", **create(first=first, last=first + 9)} for first in (1, 11))
            ),
        )
    lost, won = answer.body["items"]
    assert [lost["body"][name] for name in ("code", "record_id")] == ["serial-overlap", "99"]
    assert won["status"] == 201
    assert len(tries) == 2


def test_a_unit_that_the_database_keeps_refusing_fails_alone(ledger: Ledger) -> None:
    record_id = created(ledger, first=1, last=10)
    url = ledger.database.url.render_as_string(hide_password=False)
    with unguarded(url) as connection:  # a projection that lost a row
        connection.execute(text("DELETE FROM serial_claims"))
    outcomes = ledger.commit(
        [creating(first=11, last=20), creating(first=1, last=10), creating(first=21, last=30)]
    )
    assert statuses(outcomes) == [201, 0, 201]
    assert isinstance(outcomes[1], DatabaseUnavailable)
    assert record_id not in {leaf["record"] for leaf in leaves(ledger.database)[1:]}


def test_two_ledgers_of_one_database_take_disjoint_grams_until_none_is_left(
    database_url: str,
) -> None:
    with opened(database_url) as ledger:
        record_id = created(ledger, first=1, last=30)

    def work(own: list[Answer], start: threading.Barrier) -> None:
        with opened(database_url) as ledger:
            start.wait()
            for number in range(20):
                own.extend(
                    do_all(
                        ledger,
                        retiring(record_id, quantity=1),
                        creating(first=100 + number, last=100 + number),
                    )
                )

    start = threading.Barrier(2)
    answers: list[list[Answer]] = [[], []]
    threads = [threading.Thread(target=work, args=(own, start)) for own in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    retired = [answer for own in answers for answer in own[::2]]
    made = [answer for own in answers for answer in own[1::2]]
    assert sorted(statuses(retired)) == [200] * 30 + [409] * 10
    assert {a.body["code"] for a in retired if a.status == 409} == {"insufficient-quantity"}
    taken = [a.body["retired"]["parts"][0]["serial_first"] for a in retired if a.status == 200]
    assert sorted(taken) == list(range(1, 31))
    assert sorted(statuses(made)) == [200] * 20 + [201] * 20
    with opened(database_url) as ledger:
        check_history(ledger.database)


def test_a_long_history_is_shown_by_its_newest_events(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offset.loading.EVENTS_IN_RECORD", 3)
    with opened(database_url) as ledger:
        long, short = created(ledger), created(ledger, first=11, last=20)
        for _ in range(4):
            do(ledger, retiring(long, quantity=1))
        reader = Reader(ledger.database)
        for _, view in reader.whole_records([long, short]):  # type: ignore[misc]
            seqs = [event["seq"] for event in view["events"]]
            assert seqs == {long: [3, 4, 5], short: [1]}[view["id"]]
        assert reader.record(long)[1]["events_total"] == 5
