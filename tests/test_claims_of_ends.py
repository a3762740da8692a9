"""Serial numbers that came with an end: kept once, found again, and checked against the events."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from asking import Connection
from builders import (
    CREDIT,
    Json,
    atomic_of,
    cancelling,
    check_history,
    created,
    creating,
    do,
    do_all,
    leaves,
    opened,
    retiring,
    selling,
    synthetic_serial,
)
from offset.core.commands import Cancel, Retire
from offset.core.errors import SerialNotFound
from offset.core.serials import Serial
from offset.database import Database
from offset.ledger import Ledger
from offset.listing import Filters
from offset.loading import NO_FORM, form_of
from offset.models import serial_claims, series
from offset.reading import Reader
from offset.registries import read_serial
from offset.units import Answer, Unit
from offset.verifying import verify_database
from servers import running_server
from tampering import Tampering, add, change, remove, rewritten, unguarded, verified, with_data

CLAIM: Final = serial_claims.c
VERRA: Final = ("verra", "VCS-VCU")


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """An empty ledger; whatever a test did, it is sound at the end."""
    with opened(database_url) as opened_ledger:
        yield opened_ledger
        check_history(opened_ledger.database)
        assert verify_database(opened_ledger.database).differences == []


def lot(number: int, *, quantity: int = 10) -> Json:
    """The fields of an issuance without serial numbers."""
    return {"serial_number": f"LOT-{number}", "quantity": quantity}


def serial(first: int, last: int) -> Serial:
    return read_serial("verra", synthetic_serial(first, last))


def opaque(text: str) -> Serial:
    return read_serial("verra", text)


def claiming(unit: Unit, claim: Serial) -> Unit:
    """The same unit, whose one command brings serial numbers."""
    (command,) = unit.commands
    assert isinstance(command, Retire | Cancel)
    return replace(unit, commands=(replace(command, claim=claim),))


def grouped(*units: Unit) -> Unit:
    """One atomic unit whose events are one group."""
    first: Any = units[0].commands[0]
    made: list[Any] = [command for unit in units for command in unit.commands]
    commands = tuple(replace(command, group=first.event_id) for command in made)
    return replace(atomic_of(*units), commands=commands)


def rows(database: Database) -> list[tuple[Any, ...]]:
    """Every claim: its series, numbers, record, way of writing, and the event that made it."""
    with database.reading() as connection:
        found = connection.execute(
            select(
                *(series.c.registry, series.c.series, CLAIM.series_number),
                *(CLAIM.first, CLAIM.last, CLAIM.record_number, CLAIM.form, CLAIM.position),
            )
            .join(series, series.c.number == CLAIM.series_number)
            .order_by(CLAIM.series_number, CLAIM.first)
        )
        return [tuple(row) for row in found]


# What is written


def test_an_end_claims_its_serial_numbers_under_its_own_position(ledger: Ledger) -> None:
    record_id = created(ledger, **lot(1))
    do(ledger, selling(record_id, to="acme", quantity=2))
    for unit in (
        claiming(retiring(record_id, holder="acme", quantity=1), serial(101, 101)),
        claiming(cancelling(record_id, holder=None, quantity=3, cause="other"), serial(51, 53)),
        claiming(retiring(record_id, holder=None, quantity=1), opaque("CERTIFICATE 5")),
        claiming(retiring(record_id), serial(201, 205)),  # of two holders
    ):
        assert do(ledger, unit).status == 200
    form = form_of(serial(1, 1))
    ends = [(51, 53, 3), (101, 101, 2), (201, 201, 5), (202, 205, 6)]
    assert rows(ledger.database) == [
        *[("verra", "BATCH-9001", -129, n, m, 0, NO_FORM, at) for n, m, at in ends],
        ("verra", "10T1", 0, 0, 0, 0, None, None),
        *[(*VERRA, 2, n, m, 0, form, at) for n, m, at in ends],
        ("verra", "CERT1F1CATE5", 4, 0, 0, 0, None, 4),
    ]
    said = [leaf["data"].get("claim") for leaf in leaves(ledger.database)]
    assert said == [
        *(None, None, synthetic_serial(101, 101), synthetic_serial(51, 53), "CERTIFICATE 5"),
        *(synthetic_serial(201, 201), synthetic_serial(202, 205)),
    ]


def test_ends_and_records_count_on_one_number_line(ledger: Ledger) -> None:
    created(ledger, first=1, last=10)
    record_id = created(ledger, **lot(1))
    do(ledger, claiming(retiring(record_id, quantity=2), serial(11, 12)))
    created(ledger, first=13, last=20)
    found = [row[2:6] for row in rows(ledger.database) if row[:2] == VERRA]
    assert found == [(0, 1, 10, 0), (0, 11, 12, 1), (0, 13, 20, 3)]


# Beside a record with credits 1 to 10 and an end of another with 101 to 110.
OVERLAPS: Final[dict[str, tuple[int, int]]] = {
    "a record's first": (1, 1),
    "a record's last and more": (10, 12),
    "an end's first and more": (99, 101),
    "an end's last": (110, 110),
    "an end's middle": (104, 105),
    "an end's and more on both sides": (90, 120),
}


@pytest.mark.parametrize("how", ["one transaction", "apart"])
@pytest.mark.parametrize("case", OVERLAPS)
def test_no_serial_number_is_claimed_twice(case: str, how: str, ledger: Ledger) -> None:
    first, last = OVERLAPS[case]
    count = last - first + 1
    issued = created(ledger, first=1, last=10)
    ended, other = created(ledger, **lot(1)), created(ledger, **lot(2, quantity=100))
    units = [
        claiming(retiring(ended), serial(101, 110)),
        claiming(retiring(other, quantity=count), serial(first, last)),
        claiming(cancelling(other, quantity=count, cause="other"), serial(first, last)),
        creating(first=first, last=last, project_name="Another name"),
        claiming(retiring(other, quantity=2), serial(50, 51)),
    ]
    together = how == "one transaction"
    answers = do_all(ledger, *units) if together else [do(ledger, unit) for unit in units]
    assert [answer.status for answer in answers] == [200, 409, 409, 409, 200]
    taken = {"record_id": issued, "other_first": 1, "other_last": 10}
    if "end" in case:
        taken = {"record_id": ended, "other_first": 101, "other_last": 110}
    for refused in answers[1:4]:
        asked = {"code": "serial-overlap", "serial_first": first, "serial_last": last}
        assert {name: refused.body[name] for name in (*asked, *taken)} == {**asked, **taken}
    assert [row[3:6] for row in rows(ledger.database) if row[:2] == VERRA] == [
        *((1, 10, 0), (50, 51, 2), (101, 110, 1)),
    ]


def test_the_database_itself_refuses_an_overlapping_claim_of_an_end(ledger: Ledger) -> None:
    record_id = created(ledger, **lot(1))
    do(ledger, claiming(retiring(record_id, quantity=4), serial(101, 104)))
    before = rows(ledger.database)
    for first, last in ((104, 110), (90, 101), (102, 103)):
        with pytest.raises(IntegrityError), ledger.database.writing() as connection:
            connection.execute(insert(serial_claims).values((1, first, last, 0, None, 1)))
    assert rows(ledger.database) == before


def test_of_two_ledgers_that_claim_the_same_at_once_one_does(database_url: str) -> None:
    rounds = 10
    with opened(database_url) as ledger:
        ids = [created(ledger, **lot(number, quantity=4 * rounds)) for number in range(2)]

    def work(record_id: str, own: list[Answer]) -> None:
        with opened(database_url) as ledger:
            for number in range(rounds):
                claim = serial(4 * number + 1, 4 * number + 4)
                start.wait()
                own.append(do(ledger, claiming(retiring(record_id, quantity=4), claim)))

    start = threading.Barrier(2, timeout=30)
    answers: list[list[Answer]] = [[], []]
    pairs = zip(ids, answers, strict=True)
    threads = [threading.Thread(target=work, args=(record_id, own)) for record_id, own in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for both in zip(*answers, strict=True):
        assert sorted(answer.status for answer in both) == [200, 409]
    assert [len(own) for own in answers] == [rounds, rounds]
    with closing(Database(database_url)) as database:
        check_history(database)
        assert verify_database(database).differences == []
        claimed = [row[3:5] for row in rows(database) if row[:2] == VERRA]
    assert claimed == [(4 * number + 1, 4 * number + 4) for number in range(rounds)]


# What is read


def test_a_group_over_three_records_is_read_by_each_of_its_events(database_url: str) -> None:
    with opened(database_url) as ledger:
        ids = [created(ledger, **lot(number)) for number in range(3)]
        do(ledger, retiring(ids[0], quantity=1))
        group = grouped(
            claiming(retiring(ids[0], quantity=2, beneficiary="Jane Roe"), serial(101, 102)),
            claiming(retiring(ids[1]), serial(103, 112)),
            claiming(retiring(ids[2], quantity=3), serial(51, 53)),
        )
        alone = retiring(ids[2], quantity=1)
        assert [answer.status for answer in do_all(ledger, group, alone)] == [200, 200]
        made = [leaf["id"] for leaf in leaves(ledger.database)][4:7]
        reader = Reader(ledger.database)
        single = reader.retirement(leaves(ledger.database)[-1]["id"])
        with running_server(database_url) as server, closing(Connection(server.url)) as api:
            shown = [api.get(f"/retirements/{event_id}").body for event_id in made]
    assert [event["id"] for event in shown[0]["events"]] == made
    assert [event["record_id"] for event in shown[0]["events"]] == ids
    assert (shown[0]["id"], shown[0]["record"]["id"]) == (made[0], ids[0])
    assert (shown[0]["records"], shown[0]["quantity"]) == (ids, 15)
    assert shown[0]["claims"] == [
        *(synthetic_serial(101, 102), synthetic_serial(103, 112), synthetic_serial(51, 53)),
    ]
    parts = [(part["from_g"], part["quantity"]) for part in shown[0]["parts"]]
    assert parts == [(CREDIT, 2), (0, 10), (0, 3)]
    assert shown[0]["beneficiary"] == "Jane Roe"
    assert shown[0] == shown[1] == shown[2]
    assert (single["records"], single["claims"], single["quantity"]) == ([ids[2]], [], 1)


def test_two_groups_after_each_other_are_two_retirements(ledger: Ledger) -> None:
    ids = [created(ledger, **lot(number)) for number in range(2)]
    for quantity in (1, 2):
        do(ledger, grouped(*(retiring(record_id, quantity=quantity) for record_id in ids)))
    made = [leaf["id"] for leaf in leaves(ledger.database)][2:]
    shown = [Reader(ledger.database).retirement(event_id) for event_id in made]
    assert [found["quantity"] for found in shown] == [2, 2, 4, 4]
    assert [found["id"] for found in shown] == [made[0], made[0], made[2], made[2]]


def test_a_serial_number_shows_the_end_that_brought_it(database_url: str) -> None:
    with opened(database_url) as ledger:
        record_id = created(ledger, **lot(1))
        do(ledger, retiring(record_id, quantity=1))
        answer = do(ledger, claiming(retiring(record_id, quantity=4), serial(101, 104)))
        other = do(
            ledger, claiming(cancelling(record_id, quantity=2, cause="other"), serial(105, 106))
        )
        do(ledger, claiming(retiring(record_id, quantity=1), serial(120, 120)))
    retired, cancelled = answer.body["retired"]["id"], other.body["cancelled"]["id"]
    with running_server(database_url) as server, closing(Connection(server.url)) as api:
        found = api.get(f"/serials/{synthetic_serial(103, 110)}").body
    assert (found["registry"], found["first"], found["last"]) == ("verra", 103, 110)
    (record,) = found["records"]
    assert (record["id"], record["status"]) == (record_id, "CREATED")
    names = ("status", "event_id", "from_g", "quantity", "serial_first", "serial_last")
    assert [tuple(part[name] for name in names) for part in record["parts"]] == [
        ("RETIRED", retired, 3 * CREDIT, 2, 103, 104),
        ("CANCELLED", cancelled, 5 * CREDIT, 2, 105, 106),
    ]
    texts = [part["serial_number"] for part in record["parts"]]
    assert texts == [synthetic_serial(103, 104), synthetic_serial(105, 106)]
    assert [event["position"] for event in record["events"]] == [0, 2, 3]
    assert (record["parts_total"], record["events_total"]) == (2, 3)


def test_an_ends_grams_are_in_their_order_the_credits_that_it_claims(ledger: Ledger) -> None:
    record_id = created(ledger, **lot(1))
    half = CREDIT // 2
    do(ledger, selling(record_id, to="acme", quantity="1.5"))
    do(ledger, selling(record_id, to="beta", quantity=1))
    do(ledger, selling(record_id, to="acme", quantity="2.5"))
    do(ledger, claiming(retiring(record_id, holder="acme"), serial(101, 104)))
    shown = {
        101: [(0, CREDIT)],
        102: [(CREDIT, half), (5 * half, half)],
        103: [(3 * CREDIT, CREDIT)],
        104: [(4 * CREDIT, CREDIT)],
    }
    for number, grams in shown.items():
        found = Reader(ledger.database).serial(serial(number, number), "", None)
        parts = found["records"][0]["parts"]
        assert [(part["from_g"], part["quantity_g"]) for part in parts] == grams
        assert {(part["serial_first"], part["serial_last"]) for part in parts} == {(number, number)}
    assert parts[0]["serial_number"] == synthetic_serial(104, 104)


def test_a_claim_that_no_grammar_reads_is_found_as_text(ledger: Ledger) -> None:
    record_id = created(ledger, **lot(1))
    answer = do(ledger, claiming(retiring(record_id, quantity=3), opaque("CERTIFICATE 5")))
    for registry in (None, "verra"):
        found = Reader(ledger.database).serial(None, "CERTIFICATE 5", registry)
        (record,) = found["records"]
        (part,) = record["parts"]
        assert (part["event_id"], part["quantity"]) == (answer.body["retired"]["id"], 3)
        assert (part["serial_number"], part["serial_first"]) == ("CERTIFICATE 5", None)
        assert (found["registry"], found["unparsed"]) == ("verra", True)
    for text, registry in (("CERTIFICATE 5", "acr"), ("CERTIFICATE 6", None)):
        with pytest.raises(SerialNotFound):
            Reader(ledger.database).serial(None, text, registry)
    assert Reader(ledger.database).serial(None, "L0T 1", None)["records"][0]["parts_total"] == 2


def test_a_wide_range_shows_the_first_records_alone(ledger: Ledger) -> None:
    ids = [
        answer.body["id"]
        for answer in do_all(ledger, *(creating(first=n, last=n) for n in range(1, 106)))
    ]
    record_id = created(ledger, **lot(1))
    do(ledger, claiming(retiring(record_id), serial(201, 210)))
    found = Reader(ledger.database).serial(serial(1, 10**9), "", None)["records"]
    assert [record["id"] for record in found] == ids[:100]
    found = Reader(ledger.database).serial(serial(100, 10**9), "", None)["records"]
    assert [record["id"] for record in found] == [*ids[99:], record_id]


def test_of_more_ends_than_are_shown_the_newest_stand_there(sqlite_url: str) -> None:
    with opened(sqlite_url) as ledger:
        record_id = created(ledger, **lot(1, quantity=1_002))
        numbers = range(1_002, 0, -1)  # the newest end has the lowest number
        do_all(
            ledger,
            *(claiming(retiring(record_id, quantity=1), serial(n, n)) for n in numbers),
        )
        (record,) = Reader(ledger.database).serial(serial(1, 1_002), "", None)["records"]
    assert (record["parts_total"], record["events_total"]) == (1_002, 1_003)
    assert [part["serial_first"] for part in record["parts"]] == list(range(1, 1_001))
    assert [event["position"] for event in record["events"]] == [0, *range(4, 1_003)]


def test_a_record_is_listed_by_the_serial_numbers_of_its_ends(ledger: Ledger) -> None:
    record_id = created(ledger, **lot(1))
    created(ledger, **lot(2))
    do(ledger, claiming(retiring(record_id, quantity=4), serial(101, 104)))
    for first, expected in ((104, [record_id]), (105, [])):
        listed = Reader(ledger.database).records(
            Filters(serial=serial(first, 110)), after=-1, limit=10, count=False
        )
        assert [item["id"] for item in listed.items] == expected


# What is verified: 0 CREATED, 1 and 2 RETIRED with claims, of one record; 3 CREATED of another


def tell(url: str) -> None:
    with opened(url) as ledger:
        record_id = created(ledger, **lot(1))
        do(ledger, claiming(retiring(record_id, quantity=4), serial(101, 104)))
        do(ledger, claiming(retiring(record_id, quantity=3), opaque("CERTIFICATE 5")))
        created(ledger, first=1, last=10)
    assert verified(url).differences == []


AT_ONE: Final = CLAIM.position == 1
THE_CLAIMS: Final = "its serial claims are not what its serial number and its ends say"
TAMPERINGS: Final[dict[str, tuple[Tampering, str]]] = {
    "the first number": (change(serial_claims, AT_ONE, first=100), THE_CLAIMS),
    "the last number": (change(serial_claims, AT_ONE, last=105), THE_CLAIMS),
    "how it is written": (change(serial_claims, AT_ONE, form=None), THE_CLAIMS),
    "the event": (change(serial_claims, AT_ONE, position=2), THE_CLAIMS),
    "an end's claim made the record's": (change(serial_claims, AT_ONE, position=None), THE_CLAIMS),
    "the record's claim made an end's": (
        change(serial_claims, CLAIM.form.is_(None) & CLAIM.position.is_(None), position=1),
        THE_CLAIMS,
    ),
    "the record": (change(serial_claims, AT_ONE, record_number=3), THE_CLAIMS),
    "a claim deleted": (remove(serial_claims, AT_ONE), THE_CLAIMS),
    "a claim in words deleted": (remove(serial_claims, CLAIM.position == 2), "series: "),
    "a claim added": (add(serial_claims, 1, 105, 106, 0, form_of(serial(1, 1)), 2), THE_CLAIMS),
    "a claim added to another record": (
        add(serial_claims, 1, 105, 106, 3, form_of(serial(1, 1)), 2),
        THE_CLAIMS,
    ),
    "what the event says of another quantity": (
        rewritten(2, with_data(claim=synthetic_serial(201, 204))),
        "event at position 2: it claims 4 credits and ends others",
    ),
    "what the event says": (
        rewritten(2, with_data(claim="CERTIFICATE 6")),
        THE_CLAIMS,
    ),
}


@pytest.mark.parametrize("case", TAMPERINGS)
def test_a_claim_that_was_tampered_with_is_found(case: str, database_url: str) -> None:
    tell(database_url)
    tamper, difference = TAMPERINGS[case]
    with unguarded(database_url) as connection:
        tamper(connection)
    found = verified(database_url).differences
    assert any(difference in words for words in found), found
