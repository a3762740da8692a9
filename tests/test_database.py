"""The net below the rules: what the database refuses by itself, and what a role may do."""

import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

import databases
from builders import (
    CREDIT,
    batching,
    cancelling,
    check_history,
    create,
    created,
    creating,
    do,
    erasing,
    opened,
    retiring,
    selling,
)
from offset.core.errors import Unfit
from offset.database import Database
from offset.migrating import grant, require_schema
from offset.models import metadata
from offset.objections import DATABASE_ERRORS, Objection, objection
from offset.reading import Reader
from proxies import postgres_proxy

MODES: Final = ("sqlite", "postgresql", "postgresql-replica")


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A plain connection past the ledger, with every right over a small ledger.

    Record 0 has credits 101 to 110, of which 101 and 102 were sold to acme, 103 to 105 retired
    and 106 cancelled, by the events 2 to 4; events 5 and 6 are erasures, and carry no parts yet.
    Record 1 has credits 201 to 210. Both are of series 0.
    """

    connection: Any
    database: Database

    def run(self, statement: str) -> None:
        mark = "'\\x{}'::bytea" if isinstance(self.connection, psycopg.Connection) else "x'{}'"
        while "BYTES(" in statement:
            before, _, rest = statement.partition("BYTES(")
            digits, _, after = rest.partition(")")
            statement = before + mark.format(digits) + after
        self.connection.execute(statement)

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        found = {}
        for table in metadata.sorted_tables:
            order = ", ".join(str(n + 1) for n in range(len(table.columns)))
            rows = self.connection.execute(f"SELECT * FROM {table.name} ORDER BY {order}")
            found[table.name] = [tuple(row) for row in rows.fetchall()]
        return found


PARTS_OF: Final = {107: "SOLD", 108: "RETIRED", 109: "CANCELLED", 110: "SOLD"}


def fill(url: str) -> None:
    with opened(url) as ledger:
        first = created(ledger, first=101, last=110, details={"note": "first"})
        created(ledger, first=201, last=210)
        sold = do(ledger, selling(first, quantity=2, to="acme", price="9.50"))
        part = {"serial_first": 103, "serial_last": 105}
        do(ledger, retiring(first, **part, beneficiary="Jane Roe", key="a-key-of-one"))
        do(ledger, cancelling(first, serial_first=106, serial_last=106))
        do(ledger, erasing(first, Reader(ledger.database).record(first)[1]["events"][0]["id"]))
        do(ledger, erasing(first, sold.body["sold"]["id"]))
        check_history(ledger.database)
        with ledger.database.writing() as connection:  # what parts can be of, and an import
            run = (b"id", 0, None, "running", "a.csv", False, 0, 0, 0, 0, None, None)
            ledger.database.insert(connection, metadata.tables["imports"], [run])
            for position, kind in PARTS_OF.items():
                row = (position, 0, position, position.to_bytes(16), kind, b"{}", b"\0")
                ledger.database.insert(connection, metadata.tables["events"], [row])


@pytest.fixture(scope="module")
def filled_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("filled") / "offset.db"
    path.write_bytes(sqlite_template.read_bytes())
    fill(databases.sqlite_url_of(path))
    return databases.sqlite_url_of(path)


@pytest.fixture(scope="module")
def filled_postgresql(postgres: databases.PostgresDatabases) -> Iterator[str]:
    with postgres.prepared() as url:
        fill(url)
        yield url


@pytest.fixture(params=MODES)
def owner(request: pytest.FixtureRequest) -> Iterator[Owner]:
    """SQLite without one of our settings; PostgreSQL as superuser, also as replication writes."""
    mode = str(request.param)
    url = request.getfixturevalue(f"filled_{mode.removesuffix('-replica')}")
    connection: Any
    if mode == "sqlite":
        connection = sqlite3.connect(urlsplit(url).path[1:], isolation_level=None)
    else:
        connection = psycopg.connect(url, autocommit=True)
    if mode == "postgresql-replica":
        connection.execute("SET session_replication_role = replica")
    database = Database(url)
    yield Owner(connection=connection, database=database)
    database.close()
    connection.close()


def record(number: int, quantity_g: int = CREDIT, *, id_: str = "BYTES(ab)") -> str:
    return (
        f"INTO records VALUES ({number}, {id_}, 'p', 'verra', 2020, {quantity_g}, 's', '{{}}',"
        " NULL, '{}', NULL, 0)"
    )


def happened(
    position: int = 7, *, seq: int = 7, record: int = 0, id_: str = f"BYTES({'ab' * 16})"
) -> str:
    return f"INTO events VALUES ({position}, {record}, {seq}, {id_}, 'SOLD', BYTES(7b), BYTES(00))"


def part(
    kind: str,
    from_credit: float,
    credits_: float = 1,
    *,
    position: int | None = None,
    record: int = 0,
) -> str:
    if position is None:
        position = next(at for at, of in PARTS_OF.items() if of == kind)
    from_g, quantity_g = int(from_credit * CREDIT), int(credits_ * CREDIT)
    return f"INTO event_parts VALUES ({position}, {from_g}, {quantity_g}, {record}, '{kind}')"


def holding(from_credit: float, credits_: float = 1, *, record: int = 0) -> str:
    from_g, quantity_g = int(from_credit * CREDIT), int(credits_ * CREDIT)
    return f"INTO holdings VALUES ({record}, {from_g}, {quantity_g}, 'eve')"


def claim(first: int, last: int) -> str:
    return f"INTO serial_claims VALUES (0, {first}, {last}, 1, NULL, NULL)"


def imported(status: str) -> str:
    return f"INTO imports VALUES (BYTES(ab), 0, 1, '{status}', 'a', false, 0, 0, 0, 0, NULL, NULL)"


def also(statement: str) -> str:
    """The row that a statement inserts, to be the next one of another."""
    return ", " + statement.partition(" VALUES ")[2]


# What is tried, and a neighbour of it that is right.
BOTH: Final = {
    "a claim inside another": (claim(103, 104), claim(111, 120)),
    "a claim equal to another": (claim(101, 110), claim(111, 111)),
    "a claim over another's first number": (claim(95, 101), claim(95, 100)),
    "a claim over another's last number": (claim(110, 115), claim(111, 115)),
    "a claim around another": (claim(1, 150), claim(1, 100)),
    "a claim around two others": (claim(1, 1_000), claim(211, 1_000)),
    "two claims of one statement": (
        claim(111, 120) + also(claim(120, 130)),
        claim(111, 120) + also(claim(121, 130)),
    ),
    "a claim stretched over another": (
        "UPDATE serial_claims SET last = 205 WHERE first = 101",
        claim(111, 120),
    ),
    "a claim moved": (
        "UPDATE serial_claims SET record_number = 1",
        claim(111, 120),
    ),
    "a claim that ends before it begins": (claim(120, 111), claim(111, 111)),
    "a claim below zero": (claim(-1, 5), claim(0, 5)),
    "retiring what is retired": (part("RETIRED", 2), part("RETIRED", 6)),
    "retiring what is cancelled": (part("RETIRED", 5), part("RETIRED", 9)),
    "cancelling what is retired": (part("CANCELLED", 4), part("CANCELLED", 6)),
    "cancelling what is cancelled": (part("CANCELLED", 5), part("CANCELLED", 9)),
    "retiring the last retired gram": (
        part("RETIRED", 5.999999, 1),
        part("RETIRED", 6, 1),
    ),
    "retiring around what has ended": (part("RETIRED", 1, 8), part("RETIRED", 0, 2)),
    "retiring a gram twice in one statement": (
        part("RETIRED", 6, 2) + also(part("CANCELLED", 7, 2)),
        part("RETIRED", 6, 2) + also(part("CANCELLED", 8, 2)),
    ),
    "selling what is retired": (part("SOLD", 2), part("SOLD", 6)),
    "selling what is cancelled": (part("SOLD", 5), part("SOLD", 7)),
    "selling what is retired, under an older event": (
        part("SOLD", 2, position=2),
        part("SOLD", 6, position=2),
    ),
    "selling the last ended gram": (part("SOLD", 5.999999, 1), part("SOLD", 6, 1)),
    "selling around what has ended": (part("SOLD", 0, 10), part("SOLD", 0, 2)),
    "selling what the same statement retires": (
        part("RETIRED", 6) + also(part("SOLD", 6, position=110)),
        part("SOLD", 6) + also(part("RETIRED", 6)),
    ),
    "a second event of one seq": (happened(seq=6), happened(seq=7)),
    "a second event at one position": (happened(6), happened(7)),
    "a second event of one id": (
        happened(id_="(SELECT id FROM events WHERE position = 3)"),
        happened(),
    ),
    "an event before the first": (happened(seq=0), happened(seq=7)),
    "a second record of one number": (record(0), record(7)),
    "a second record of one id": (
        record(7, id_="(SELECT id FROM records WHERE number = 0)"),
        record(7),
    ),
    "a record of nothing": (record(7, 0), record(7, 1)),
    "a record of less than nothing": (record(7, -1), record(7, 1)),
    "a part of another type than its event's": (
        part("RETIRED", 6, position=107),
        part("SOLD", 6, position=107),
    ),
    "a part of another record than its event's": (part("SOLD", 6, record=1), part("SOLD", 6)),
    "a part of an event without parts": (part("SOLD", 6, position=5), part("SOLD", 6)),
    "a part of a type in small letters": (
        "INTO event_parts VALUES (108, 2000000, 1000000, 0, 'Retired')",
        part("RETIRED", 6),
    ),
    "an event of an unknown type": (happened().replace("'SOLD'", "'Sold'"), happened()),
    "a record of an unknown status": (
        "UPDATE record_state SET status = 'Retired' WHERE record_number = 0",
        "UPDATE record_state SET status = 'RETIRED' WHERE record_number = 0",
    ),
    "moving a record's state back": (
        "UPDATE record_state SET seq = seq - 1 WHERE record_number = 0",
        "UPDATE record_state SET seq = seq + 1 WHERE record_number = 0",
    ),
    "moving a record's state to another record": (
        "UPDATE record_state SET record_number = -1 WHERE record_number = 0",
        "UPDATE record_state SET sold_g = 0 WHERE record_number = 0",
    ),
    "an import of an unknown status": (imported("Done"), imported("done")),
    "an import that gets an unknown status": (
        "UPDATE imports SET status = 'Done'",
        "UPDATE imports SET status = 'interrupted'",
    ),
    "deleting a claim": ("DELETE FROM serial_claims WHERE first = 201", claim(111, 120)),
    "deleting a series": ("DELETE FROM series WHERE number = 0", claim(111, 120)),
    "renaming a series": ("UPDATE series SET series = 'X' WHERE number = 0", claim(111, 120)),
    "deleting a record's state": ("DELETE FROM record_state", record(7)),
    "deleting a key's answer": ("DELETE FROM idempotency_keys", record(7)),
    "changing a key's answer": ("UPDATE idempotency_keys SET answer = '{}'", record(7)),
    "a part of nothing": (part("SOLD", 6, 0), part("SOLD", 6, 0.000001)),
    "a part of less than nothing": (part("SOLD", 7, -1), part("SOLD", 6, 1)),
    "a part before its record": (part("SOLD", -1), part("SOLD", 0)),
    "a part beyond its record": (part("RETIRED", 9, 2), part("RETIRED", 9, 1)),
    "a part one gram beyond its record": (part("SOLD", 9.000001), part("SOLD", 9)),
    "a part far beyond its record": (
        part("SOLD", 9_000_000_000),
        part("SOLD", 6),
    ),
    "a holding over another": (holding(1.5), holding(2)),
    "a holding equal to another": (holding(0, 2), holding(2, 4)),
    "a holding around another": (holding(5, 6), holding(5, 1)),
    "two holdings of one statement": (
        holding(2, 2) + also(holding(3)),
        holding(2, 2) + also(holding(4)),
    ),
    "a holding stretched over another": (
        f"UPDATE holdings SET quantity_g = {10 * CREDIT} WHERE record_number = 0 AND from_g = 0",
        "DELETE FROM holdings WHERE record_number = 0 AND from_g = 0",
    ),
    "a holding given to another holder": ("UPDATE holdings SET holder = 'eve'", holding(2)),
    "a holding beyond its record": (holding(10), holding(5)),
    "a holding of nothing": (holding(2, 0), holding(2, 0.000001)),
    "a holding before its record": (holding(-1), holding(2)),
    "changing a record": ("UPDATE records SET first_holder = 'eve'", record(7)),
    "changing a record into itself": ("UPDATE records SET id = id WHERE number = 0", record(7)),
    "deleting a record": ("DELETE FROM records WHERE number = 1", record(7)),
    "changing an event": ("UPDATE events SET leaf = leaf WHERE position = 3", happened()),
    "deleting the last event": ("DELETE FROM events WHERE position = 6", happened()),
    "changing a part": ("UPDATE event_parts SET quantity_g = 1", part("SOLD", 6)),
    "deleting a part": ("DELETE FROM event_parts WHERE position = 3", part("SOLD", 6)),
    "an event put in another's place": (
        happened(6, seq=9) + " ON CONFLICT (position) DO UPDATE SET leaf = EXCLUDED.leaf",
        happened(7, seq=9),
    ),
    "a record put in another's place": (
        record(0) + " ON CONFLICT (number) DO UPDATE SET quantity_g = EXCLUDED.quantity_g",
        record(7),
    ),
    "changing the origin": (
        "UPDATE ledger_origin SET origin = 'eve.example/log'",
        "UPDATE ledger_head SET position = 7",
    ),
    "deleting the origin": (
        "DELETE FROM ledger_origin",
        "UPDATE ledger_head SET at_us = at_us + 1",
    ),
    "a second origin": ("INTO ledger_origin VALUES (2, 'eve.example/log')", record(7)),
    "moving the head's position back": (
        "UPDATE ledger_head SET position = position - 1",
        "UPDATE ledger_head SET position = position + 1",
    ),
    "moving the head's time back": (
        "UPDATE ledger_head SET position = position + 1, at_us = at_us - 1",
        "UPDATE ledger_head SET position = position + 1, at_us = at_us + 1",
    ),
    "deleting the head": ("DELETE FROM ledger_head", "UPDATE ledger_head SET position = 8"),
    "a second head": ("INTO ledger_head VALUES (2, 0, 0)", record(7)),
    "changing details": (
        "UPDATE details SET content = '{}' WHERE position = 3",
        "UPDATE details SET content = NULL, salt = NULL WHERE position = 3",
    ),
    "erasing details but not their salt": (
        "UPDATE details SET content = NULL WHERE position = 3",
        "UPDATE details SET salt = NULL, content = NULL",
    ),
    "bringing erased details back": (
        "UPDATE details SET content = '{}', salt = BYTES(00) WHERE position = 0",
        "UPDATE details SET content = NULL, salt = NULL WHERE position = 3",
    ),
    "moving details to another event": (
        "UPDATE details SET position = 4, content = NULL, salt = NULL WHERE position = 3",
        "UPDATE details SET content = NULL, salt = NULL WHERE position = 3",
    ),
    "deleting details": (
        "DELETE FROM details WHERE position = 3",
        "INTO details VALUES (4, BYTES(00), '{}', true)",
    ),
}
SQLITE_ONLY: Final = {
    "replacing a record by its number": ("OR REPLACE " + record(0), record(7)),
    "replacing a record by its id": (
        "OR REPLACE " + record(7, id_="(SELECT id FROM records WHERE number = 0)"),
        record(7),
    ),
    "replacing an event by its position": ("OR REPLACE " + happened(6, seq=9), happened()),
    "replacing an event by its seq": ("OR REPLACE " + happened(seq=6), happened()),
    "replacing an event by its id": (
        "OR REPLACE " + happened(id_="(SELECT id FROM events WHERE position = 3)"),
        happened(),
    ),
    "replacing a part by a shorter one": (
        "OR REPLACE " + part("SOLD", 0, 1, position=2),
        "OR REPLACE " + part("SOLD", 6, 1, position=2),
    ),
    "replacing the origin": ("OR REPLACE INTO ledger_origin VALUES (1, 'eve')", record(7)),
    "replacing the head": ("OR REPLACE INTO ledger_head VALUES (1, 0, 0)", record(7)),
    "replacing a record's state by an older one": (
        "OR REPLACE INTO record_state VALUES (0, 1, BYTES(00), 'SOLD', 1, 0, 0, 0, 0, '', '', '')",
        record(7),
    ),
    "replacing details": (
        "OR REPLACE INTO details VALUES (3, BYTES(00), '{}', false)",
        "OR REPLACE INTO details VALUES (4, BYTES(00), '{}', false)",
    ),
    "replacing a claim by a longer one": (
        "OR REPLACE " + claim(101, 205),
        "OR REPLACE " + claim(111, 115),
    ),
    "replacing a holding by a longer one": (
        "OR REPLACE " + holding(0, 10),
        "OR REPLACE " + holding(2, 4),
    ),
    "updating or replacing an event": (
        "UPDATE OR REPLACE events SET position = 3 WHERE position = 4",
        happened(),
    ),
}
POSTGRESQL_ONLY: Final = {
    f"truncating {table}": (f"TRUNCATE {table} CASCADE", "TRUNCATE holdings")
    for table in (
        *("records", "events", "event_parts", "ledger_origin", "ledger_head", "details"),
        *("serial_claims", "series", "record_state", "idempotency_keys", "serial_facts"),
    )
}
CASES: Final = [
    *((what, mode) for what in BOTH for mode in MODES),
    *((what, "sqlite") for what in SQLITE_ONLY),
    *((what, mode) for what in POSTGRESQL_ONLY for mode in MODES[1:]),
]


@pytest.mark.parametrize("what, owner", CASES, indirect=["owner"])
def test_the_database_refuses_even_its_owner(what: str, owner: Owner) -> None:
    wrong, right = (
        f"INSERT {statement}" if statement.startswith(("INTO", "OR REPLACE")) else statement
        for statement in {**BOTH, **SQLITE_ONLY, **POSTGRESQL_ONLY}[what]
    )
    before = owner.contents()
    with pytest.raises((sqlite3.Error, psycopg.Error)) as refused:
        owner.run(wrong)
    assert isinstance(refused.value, sqlite3.Error | psycopg.Error)
    assert objection(refused.value) is Objection.RACE
    assert owner.contents() == before
    owner.connection.execute("BEGIN")
    owner.run(right)
    assert owner.contents() != before
    owner.connection.execute("ROLLBACK")
    assert owner.contents() == before


def test_the_origin_is_written_once(database_url: str) -> None:
    database = Database(database_url)
    for number, origin in ((1, "one.example/log"), (1, "two.example/log"), (2, "two.example/log")):
        insert = text(f"INSERT INTO ledger_origin VALUES ({number}, '{origin}')")
        if origin.startswith("one"):
            with database.writing() as connection:
                connection.execute(insert)
        else:
            with pytest.raises(IntegrityError), database.writing() as connection:
                connection.execute(insert)
    with database.reading() as connection:
        assert connection.execute(text("SELECT * FROM ledger_origin")).all() == [
            (1, "one.example/log")
        ]
    database.close()


def test_a_copy_meets_the_same_guards_as_an_insert(filled_postgresql: str) -> None:
    columns = "event_parts (position, from_g, quantity_g, record_number, type)"
    with psycopg.connect(filled_postgresql) as connection:
        for from_g, passes in ((2 * CREDIT, False), (10 * CREDIT, False), (6 * CREDIT, True)):
            try:
                with connection.cursor().copy(f"COPY {columns} FROM STDIN") as copy:
                    copy.write_row((107, from_g, CREDIT, 0, "SOLD"))
            except psycopg.errors.CheckViolation:
                assert not passes
            else:
                assert passes
            connection.rollback()


@pytest.fixture
def role_url(postgresql_url: str) -> Iterator[str]:
    """The URL of a role that has nothing but what `grant` gives it."""
    name, password = f"offset_test_{uuid4().hex}", secrets.token_hex(8)
    role = sql.Identifier(name)
    with psycopg.connect(postgresql_url, autocommit=True) as admin:
        create_role = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        admin.execute(create_role.format(role, sql.Literal(password)))
        database = Database(postgresql_url)
        with database.writing() as connection:
            grant(connection, name)
        database.close()
        parts = urlsplit(postgresql_url)
        host = parts.netloc.rpartition("@")[2]
        yield parts._replace(netloc=f"{name}:{password}@{host}").geturl()
        admin.execute(sql.SQL("DROP OWNED BY {}").format(role))
        admin.execute(sql.SQL("DROP ROLE {}").format(role))


def test_a_granted_role_can_write_everything_that_a_ledger_writes(role_url: str) -> None:
    with opened(role_url) as ledger:
        ledger.database.require_durability()
        require_schema(ledger.database)
        one = created(ledger, first=1, last=10)
        assert do(ledger, creating(first=1, last=10)).status == 200
        assert do(ledger, selling(one, quantity=2, to="acme", key="a-key-of-one")).status == 200
        retired = do(ledger, retiring(one, holder="acme", beneficiary="Jane Roe"))
        assert do(ledger, cancelling(one, quantity=1)).status == 200
        assert do(ledger, erasing(one, retired.body["retired"]["id"])).status == 200
        bodies = [{"command": "create", **create(first=100 + n, last=100 + n)} for n in range(64)]
        answer = do(ledger, batching(*bodies, atomic=True))
        assert {item["status"] for item in answer.body["items"]} == {201}
        check_history(ledger.database)


@pytest.mark.parametrize(
    "table",
    [
        "records",
        "events",
        "event_parts",
        "ledger_origin",
        "serial_claims",
        "series",
        "serial_facts",
    ],
)
def test_a_granted_role_has_no_right_to_change_what_is_append_only(
    table: str, role_url: str
) -> None:
    columns = {
        "ledger_origin": "origin",
        "events": "leaf",
        "serial_claims": "form",
        "series": "series",
        "serial_facts": "value",
    }
    column = columns.get(table, "quantity_g")
    with psycopg.connect(role_url, autocommit=True) as connection:
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        for statement in (
            f"UPDATE {table} SET {column} = NULL",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            "SET session_replication_role = replica",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_a_role_that_cannot_rewrite_details_is_told_so(role_url: str, postgresql_url: str) -> None:
    database = Database(role_url)
    with pytest.raises(Unfit, match="as its owner"):
        database.forget()
    database.close()
    database = Database(postgresql_url)
    database.forget()
    database.close()


@pytest.mark.parametrize("as_pooler", [False, True])
def test_statements_are_prepared_where_no_pooler_is_between(
    as_pooler: bool, postgresql_url: str
) -> None:
    with postgres_proxy(postgresql_url) as proxy:
        proxy.as_pooler = as_pooler
        with opened(proxy.url) as ledger:
            record_id = created(ledger)
            assert Reader(ledger.database).record(record_id)[1]["status"] == "CREATED"
            with ledger.database.reading(by_key=True) as connection:
                asked = connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements")
                prepared = asked.scalar_one()
    assert (prepared == 0) is as_pooler


def test_an_error_of_the_database_shows_no_values(database_url: str) -> None:
    database = Database(database_url)
    row = (0, b"salt", "Jane Roe", True)
    with pytest.raises(DATABASE_ERRORS) as refused, database.writing() as connection:
        database.insert(connection, metadata.tables["details"], [row, row])
    assert objection(refused.value) is Objection.RACE
    assert "Jane Roe" not in str(refused.value)
    database.close()
