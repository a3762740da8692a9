"""Every read goes by an index: no plan of a statement that is really sent scans or sorts a table.

The statements are caught on their way to the database, and the database is asked how it would go
about each of them.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, event

import filled
from builders import synthetic_serial
from databases import ENGINES
from offset.connections import cursor
from offset.core.serials import Serial
from offset.database import Database
from offset.importing.known import Knower
from offset.importing.pools import Pool
from offset.imports import Imports
from offset.listing import Filters
from offset.loading import EVENTS_IN_RECORD, Loader
from offset.models import metadata
from offset.reading import Reader
from offset.registries import find_serial

Read = Callable[[Database], object]
MIDDLE: Final = filled.RECORDS  # the number of a record half way
# What SQLite scans that is no table: what was found so far, a list that was sent along, one row.
PASSING: Final = {"w", "walk", "keys", "names", "json_each", "CONSTANT", "ledger_head"}
BIG: Final = set(metadata.tables) - {"ledger_head"}
# Of tables that are their key's tree.
CLAIMS_KEY: Final = "PRIMARY KEY (series_number="
HOLDINGS_KEY: Final = "PRIMARY KEY (record_number=?)"
PARTS_KEY: Final = "PRIMARY KEY (record_number=? AND from_g<?)"
FTS: Final = "VIRTUAL TABLE INDEX"  # of the project names' groups of three characters


def serial(first: int, last: int) -> Serial:
    found = find_serial(synthetic_serial(first, last))
    assert found is not None
    return found


def listing(**filters: Any) -> Read:
    """The first page of a list, one half way, and one past the end."""

    def read(database: Database) -> object:
        reader = Reader(database)
        wanted = Filters(**filters)
        return [
            reader.records(wanted, after=after, limit=50, count=False).items
            for after in (-1, MIDDLE, 2 * filled.RECORDS)
        ]

    return read


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a plan, and the steps beside it."""

    said: str
    beside: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a database would go about a statement."""

    statement: str
    steps: Sequence[Step]

    @property
    def lines(self) -> list[str]:
        return [step.said for step in self.steps]

    def faults(self, wanted: set[str]) -> list[str]:
        """What is wrong with it; it may go along all of an index that is wanted, and stop."""
        return [
            f"{step.said} in {self.statement}"
            for step in self.steps
            if self.is_fault(step) and not any(index in step.said for index in wanted)
        ]

    def is_fault(self, step: Step) -> bool:
        raise NotImplementedError


class SqlitePlan(Plan):
    """Steps are SQLite's own words."""

    def is_fault(self, step: Step) -> bool:
        if step.said.startswith("USE TEMP B-TREE"):
            # All that a statement without a limit sorts is asked for. A stretch is short.
            limited = "LIMIT" in self.statement.upper() and "FOR ORDER BY" in step.said
            return limited and not any(passing(said) for said in step.beside)
        return "AUTOMATIC" in step.said or (step.said.startswith("SCAN") and not passing(step.said))


class PostgresqlPlan(Plan):
    """Steps are PostgreSQL's nodes as JSON."""

    def is_fault(self, step: Step) -> bool:
        node = json.loads(step.said)
        match node["Node Type"]:
            case "Seq Scan":
                return node["Relation Name"] in BIG
            case "Index Scan" | "Index Only Scan" | "Bitmap Index Scan":
                return "Index Cond" not in node
            case "Sort":
                return bool(node["Plan Rows"] > filled.RECORDS / 10)
            case _:
                return False


def passing(said: str) -> bool:
    """Whether SQLite scans something that is no table."""
    return said.startswith("SCAN") and (said.split()[1] in PASSING or "VIRTUAL TABLE" in said)


def plan_of(connection: Connection, statement: str, values: Any) -> Plan:
    if connection.dialect.name == "sqlite":
        # A text that came before would be answered from the driver's memory, with its old plan.
        asked = f"EXPLAIN QUERY PLAN {statement} -- {uuid4()}"
        rows = connection.exec_driver_sql(asked, values).all()
        steps = [
            Step(said=row[3], beside=[other[3] for other in rows if other[1] == row[1]])
            for row in rows
        ]
        return SqlitePlan(statement=statement, steps=steps)
    explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)
    top = explained.scalar_one()[0]["Plan"]
    return PostgresqlPlan(statement=statement, steps=[*nodes(top)])


def plan_as_for_many(connection: Connection) -> None:
    """Have pages cost what they do in memory: else a table as small as this one is read whole."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL random_page_cost = 1.1")


def nodes(node: dict[str, Any]) -> Iterator[Step]:
    below = node.pop("Plans", [])
    yield Step(said=json.dumps(node))
    for one in below:
        yield from nodes(one)


@contextmanager
def caught(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements that read, as they are sent, with their values."""
    statements: list[tuple[str, Any]] = []

    def keep(_c: Any, _d: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "WITH")) and "set_config" not in statement:
            statements.append((statement, values))

    def watched(connection: Connection) -> Any:
        return Watched(cursor(connection), keep)

    event.listen(database.engine, "before_cursor_execute", keep)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("offset.database.cursor", watched)
            yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", keep)


@dataclass(frozen=True)
class Watched:
    """A cursor of the driver, which no event tells of."""

    cursor: Any
    keep: Callable[..., None]

    def execute(self, statement: str, values: Any) -> None:
        self.keep(None, None, statement, tuple(values))
        self.cursor.execute(statement, values)

    def fetchmany(self, size: int) -> list[Any]:
        found: list[Any] = self.cursor.fetchmany(size)
        return found

    def fetchall(self) -> list[Any]:
        found: list[Any] = self.cursor.fetchall()
        return found


def newest_events(database: Database, number: int) -> object:
    """Read the events of the record with a number as if it had more than are shown with it."""
    with database.reading(by_key=True) as connection:
        return Loader(database).history(connection, {number: EVENTS_IN_RECORD + 1})


# A read, and the indexes that it goes by, as SQLite and as PostgreSQL call them.
READS: Final[dict[str, tuple[Read, set[str], set[str]]]] = {
    "every record": (listing(), {"INTEGER PRIMARY KEY"}, {"records_pkey"}),
    **{
        " and ".join(filters): (listing(**filters), indexes, indexes)
        for filters, indexes in (
            ({"registry": "acr"}, {"records_registry_number_idx"}),
            ({"vintage": 2004}, {"records_vintage_number_idx"}),
            ({"registry": "acr", "vintage": 2004}, {"records_registry_vintage_number_idx"}),
            ({"vintage_to": 1990}, {"records_vintage_number_idx"}),
            ({"vintage_from": 2000, "vintage_to": 2001}, {"records_vintage_number_idx"}),
            (
                {"vintage_from": 2019, "registry": "acr"},
                {"records_registry_vintage_number_idx", "records_registry_number_idx"},
            ),
            ({"status": "RETIRED"}, {"record_state_status_record_number_idx"}),
            ({"status": "CANCELLED"}, {"record_state_status_record_number_idx"}),
            ({"holder": "acme"}, {"holdings_holder_record_number_idx"}),
            ({"holder": "holder-1"}, {"holdings_holder_record_number_idx"}),
            (
                {"holder": "acme", "registry": "acr"},
                {"holdings_holder_record_number_idx", "records_registry_number_idx"},
            ),
            (
                {"status": "CANCELLED", "vintage": 2004},
                {"record_state_status_record_number_idx", "records_vintage_number_idx"},
            ),
            (
                {"registry": "acr", "vintage": 2004, "status": "SOLD", "holder": "holder-1"},
                {"records_registry_vintage_number_idx", "holdings_holder_record_number_idx"},
            ),
        )
    },
    "a rare word": (
        listing(project_name=filled.RARE),
        {FTS, "records_name_number_idx"},
        {"project_names_name_idx", "records_name_number_idx"},
    ),
    "a rare word of a registry's": (
        listing(project_name=filled.RARE, registry="acr"),
        {FTS, "records_name_number_idx", "records_registry_number_idx"},
        {"project_names_name_idx", "records_name_number_idx", "records_registry_number_idx"},
    ),
    "a word that is nowhere": (listing(project_name="mangrove"), {FTS}, {"project_names_name_idx"}),
    "a word that is everywhere": (
        listing(project_name="forest"),
        {FTS, "INTEGER PRIMARY KEY"},
        {"project_names_pkey", "records_pkey"},
    ),
    "a serial number": (
        listing(serial=serial(9_001, 9_001)),
        {"sqlite_autoindex_series_1", CLAIMS_KEY},
        {"serial_claims_pkey"},
    ),
    "serial numbers without end": (
        listing(serial=serial(15_001, 10**9), status="SOLD"),
        {"serial_claims_record_number_position_idx", "record_state_status_record_number_idx"},
        {"serial_claims_record_number_position_idx", "record_state_status_record_number_idx"},
    ),
    "where a serial number is": (
        lambda database: Reader(database).serial(serial(9_001, 9_001), "", None),
        {"sqlite_autoindex_series_1", CLAIMS_KEY},
        {"serial_claims_pkey"},
    ),
    "where many serial numbers are": (
        lambda database: Reader(database).serial(serial(9_001, 10**9), "", None),
        {"serial_claims_record_number_position_idx", PARTS_KEY},
        {"serial_claims_record_number_position_idx", "event_parts_pkey"},
    ),
    "where a text is": (
        lambda database: Reader(database).serial(None, "LOT-9003", None),
        {"series_series_idx", CLAIMS_KEY},
        {"series_series_idx", "serial_claims_pkey"},
    ),
    "a record": (
        lambda database: Reader(database).record(filled.record_id(9_000)),
        {"sqlite_autoindex_records_1", HOLDINGS_KEY, "sqlite_autoindex_events_2"},
        {"records_id_key", "holdings_pkey", "events_record_number_seq_key"},
    ),
    "the newest events of a record with many": (
        lambda database: newest_events(database, 18_000),
        {"sqlite_autoindex_events_2"},
        {"events_record_number_seq_key"},
    ),
    "a record's events": (
        lambda database: Reader(database).events_of(filled.record_id(9_000), after=1, limit=50),
        {"sqlite_autoindex_records_1", "sqlite_autoindex_events_2"},
        {"records_id_key", "events_record_number_seq_key", "details_pkey"},
    ),
    "a record's holdings": (
        lambda database: Reader(database).holdings_of(filled.record_id(9_000), after=1, limit=50),
        {"sqlite_autoindex_records_1", HOLDINGS_KEY},
        {"records_id_key", "holdings_pkey"},
    ),
    "all events": (
        lambda database: Reader(database).events(after=MIDDLE, limit=50),
        {"INTEGER PRIMARY KEY"},
        {"events_pkey", "details_pkey"},
    ),
    "a retirement": (
        lambda database: Reader(database).retirement(filled.event_id(2 * 9_002 + 1)),
        {"sqlite_autoindex_events_1"},
        {"events_id_key", "events_pkey"},
    ),
    "the newest imports": (
        lambda database: Imports(database).newest(50),
        {"imports_started_at_us_idx"},
        {"imports_started_at_us_idx"},
    ),
    "what an import reported": (
        lambda database: Imports(database).issues(str(UUID(int=9)), after=0, limit=50),
        {"sqlite_autoindex_imports_1", "sqlite_autoindex_import_issues_1"},
        {"imports_pkey", "import_issues_pkey"},
    ),
    "what an import asks": (
        lambda database: Knower(database).ask(
            [serial(9_001, 9_002)],
            [Pool("verra", project="9"), Pool("verra", serial="LOT-9003")],
            with_ends=True,
        ),
        {"sqlite_autoindex_series_1", "records_registry_project_vintage_idx"},
        {"series_registry_series_key", "records_registry_project_vintage_idx"},
    ),
}


@pytest.fixture(scope="module", params=ENGINES)
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    with filled.filled_database(request, tmp_path_factory) as opened:
        yield opened


@pytest.mark.parametrize("read", READS)
def test_a_read_goes_by_its_indexes_and_never_through_a_table(
    database: Database, read: str
) -> None:
    act, of_sqlite, of_postgresql = READS[read]
    wanted = of_sqlite if database.is_sqlite else of_postgresql
    with caught(database) as statements:
        assert act(database)
    with database.reading() as connection:
        plan_as_for_many(connection)
        plans = [plan_of(connection, *statement) for statement in statements]
    assert complaints(plans, wanted) == []


@pytest.mark.parametrize("read", READS)
def test_a_plan_without_one_of_its_indexes_is_told_apart(database: Database, read: str) -> None:
    act, of_sqlite, of_postgresql = READS[read]
    wanted = of_sqlite if database.is_sqlite else of_postgresql
    with caught(database) as statements:
        act(database)
    for index in (index for index in wanted if index.endswith("_idx")):
        with closing(database.writer.connect()) as connection:
            plan_as_for_many(connection)
            connection.exec_driver_sql(f"DROP INDEX {index}")
            plans = [plan_of(connection, *statement) for statement in statements]
            connection.rollback()
        assert complaints(plans, wanted), index


def test_an_import_never_asks_through_a_table_however_much_it_asks(database: Database) -> None:
    """Its plans are judged on its own connection: where tables grow fast, statistics are old."""
    plans: list[Plan] = []

    def explained(connection: Connection) -> Any:
        def keep(_c: Any, _d: Any, statement: str, values: Any) -> None:
            plans.append(plan_of(connection, statement, values))

        return Watched(cursor(connection), keep)

    serials = [serial(number, number) for number in range(9_001, 11_001)]
    pools = [Pool("verra", project=str(number)) for number in range(40)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("offset.database.cursor", explained)
        assert Knower(database).ask(serials, pools, with_ends=True).claims
    assert len(plans) > 5
    assert [fault for plan in plans for fault in plan.faults(set())] == []


def complaints(plans: list[Plan], wanted: set[str]) -> list[str]:
    """What is wrong with the plans of a read, and which of its indexes they do not go by."""
    found = [fault for plan in plans for fault in plan.faults(wanted)]
    lines = [line for plan in plans for line in plan.lines]
    return found + [f"nothing goes by {index}" for index in wanted if index not in str(lines)]
