"""What `make bench` rests on: ledgers filled plainly, variants that do the same work."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from bench.baseline.utils import record_id
from bench.goals import goals
from bench.ledgers import Ledgers, ask
from bench.load import Failed, Request, Stream, load
from bench.profile import profile
from bench.results import rendered
from bench.rounds import Plan
from bench.samples import baseline_record_id, body, issued, offset_id
from bench.sections import SECTIONS
from databases import ENGINES, PostgresDatabases
from offset.database import Database
from offset.verifying import verify_database

RECORDS = 400


@pytest.fixture
def ledgers(postgres: PostgresDatabases) -> Iterator[Ledgers]:
    with Ledgers() as made:
        made.postgres = postgres  # the tests' own: no other is started
        yield made


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def schema(url: str) -> list[tuple[Any, ...]]:
    """All that a database says of its indexes, constraints and triggers."""
    with closing(Database(url, pool_size=1)) as database, database.reading() as connection:
        if database.is_sqlite:
            said = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master")
        else:
            said = connection.exec_driver_sql(
                "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
                " FROM pg_constraint WHERE connamespace = current_schema()::regnamespace"
                " UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes"
                " WHERE schemaname = current_schema()"
                " UNION ALL SELECT tgrelid::regclass::text, tgname, tgenabled::text"
                " FROM pg_trigger WHERE NOT tgisinternal"
            )
        return sorted(
            (tuple(row) for row in said if not str(row[1]).startswith("sqlite_")), key=str
        )


def test_a_ledger_filled_plainly_verifies(ledgers: Ledgers, engine: str) -> None:
    subject = ledgers.offset(engine, RECORDS)
    with closing(Database(subject.url, pool_size=1)) as database:
        report = verify_database(database, None)
    assert (report.records, report.events) == (RECORDS, 2 * RECORDS)
    assert report.differences == []


def test_a_ledger_filled_plainly_has_all_its_guards(ledgers: Ledgers, engine: str) -> None:
    assert schema(ledgers.offset(engine, RECORDS).url) == schema(ledgers.prepared(engine))


def test_a_record_with_many_parts_is_measured_beside_a_new_one(
    ledgers: Ledgers, engine: str
) -> None:
    plan = Plan(seconds=1, rounds=1, records=1, growth=[1], rows=1, events=1, parts=1_100)
    found = SECTIONS["parts"](engine, ledgers, plan)
    assert found is not None
    for act in ("sell", "retire"):
        assert found[f"{act}_many_ms"][0] < 5 * found[f"{act}_few_ms"][0]
    kept = {
        f"parts/{engine}": {
            "found": found,
            "on": "",
            "machine": "",
            "load": "",
            "plan": asdict(plan),
        }
    }
    assert "| retire | 1,100 |" in rendered(kept)


def test_prepared_requests_are_answered_and_counted(ledgers: Ledgers, engine: str) -> None:
    subject = ledgers.offset(engine, RECORDS)
    before = subject.count_events()
    with subject.served() as server:
        created = load([server.url], subject.creates, seconds=1, clients=8)
        read = load([server.url], subject.reads, seconds=1, clients=8)
        with pytest.raises(Failed, match="were refused"):  # the records are soon used up
            load([server.url], subject.retirements, seconds=2, clients=8)
    after = subject.count_events()
    assert before == 2 * RECORDS
    assert after is not None
    assert after > before + created.requests
    assert read.requests > 0


def test_null_answers_as_offset_does(ledgers: Ledgers) -> None:
    offset, null = ledgers.offset("sqlite", RECORDS), ledgers.null()
    untouched = f"/records/{offset_id(2)}"
    answers = []
    for subject in (offset, null):
        with subject.served() as server:
            answers.append(
                [
                    ask(server.url, "/records", body(1_000_000)),
                    ask(server.url, untouched, None),
                    ask(server.url, f"{untouched}/retire", {"quantity": 1}),
                ]
            )
    ours, theirs = ([_timeless(answer) for answer in some] for some in answers)
    assert theirs == ours


def test_the_plain_implementation_does_the_same_work(ledgers: Ledgers, engine: str) -> None:
    subject = ledgers.baseline(engine, RECORDS)
    path = f"/records/{baseline_record_id(2)}"
    with subject.served() as server:
        made = ask(server.url, "/records", body(RECORDS))
        again = ask(server.url, "/records", body(RECORDS))
        sold = ask(server.url, f"{path}/sell", {"to": "acme"})
        retired = ask(server.url, f"{path}/retire", {})
        read = ask(server.url, path, None)
    assert made == again
    assert made["id"] == record_id(**{**body(RECORDS), "quantity": 100.0})
    assert [one["status"] for one in (made, sold, retired)] == ["CREATED", "SOLD", "RETIRED"]
    assert read == retired
    assert [event["event_type"] for event in read["events"]] == ["CREATED", "SOLD", "RETIRED"]


def test_the_plain_implementations_database_refuses_a_second_retirement(
    ledgers: Ledgers, engine: str
) -> None:
    url = ledgers.baseline(engine, RECORDS).url
    with closing(Database(url, pool_size=1)) as database:
        indexes = inspect(database.engine).get_indexes("events")
    assert [one["name"] for one in indexes if one["unique"]] == ["retired_once"]


def test_a_stream_gives_no_request_twice() -> None:
    stream = Stream(lambda number: Request("GET", str(number)))
    first = [one.path for one in stream.upcoming(3)]
    stream.use(2)
    assert (first, [one.path for one in stream.upcoming(2)]) == (["0", "1", "2"], ["2", "3"])


def test_samples_claim_serial_numbers_that_never_overlap() -> None:
    serials = [issued(number).serial for number in range(50)]
    assert all(one.last + 1 == other.first for one, other in pairwise(serials))
    assert {one.registry for one in serials} == {"verra"}


def test_the_page_of_results_is_that_of_its_measurements() -> None:
    folder = Path(__file__).resolve().parent.parent / "bench"
    kept = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    page = rendered(kept)
    assert page == (folder / "results.md").read_text(encoding="utf-8")
    assert [one.work for one in goals() if f"| {one.work} | {one.goal} |" not in page] == []


def test_a_profile_adds_up_stacks() -> None:
    said = profile("thread (0xA1): a;f (m.py:1);g (m.py:2) 3\nthread (0xB2): b;f (m.py:4) 1\n", 5)
    assert "4 samples" in said
    assert "75.0%  g (m.py:2)" in said
    assert "100.0%  f (m.py)" in said


def _timeless(answer: dict[str, Any]) -> Any:
    """An answer without what no two runs have in common."""
    varies = {"created_at", "at", "position", "event_ids", "proof"}

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {name: walk(inner) for name, inner in value.items() if name not in varies}
            return {name: inner for name, inner in kept.items() if name != "id" or len(inner) == 64}
        return [walk(inner) for inner in value] if isinstance(value, list) else value

    return walk(answer)
