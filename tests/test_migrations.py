"""The migrations say what the models say; a schema goes up and down, and an old one is refused."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine.reflection import Inspector

import databases
from builders import check_history, created, do, opened, retiring
from offset.core.errors import DatabaseUnavailable, Unfit
from offset.database import Database
from offset.migrating import migrate, require_schema, revisions
from offset.models import metadata
from servers import ROOT, environment

# On expressions.
INDEXES: Final = {
    ("records", "records_registry_project_vintage_idx"),
    ("records", "records_name_number_idx"),
    ("project_names", "project_names_prefix_idx"),
}
WORDS: Final = "project_names_fts"  # a table that is an index, and those that SQLite keeps it in
# What models cannot say, and the guards in migrations/guards and the migrations add.
BESIDE_MODELS: Final = {
    "sqlite": {("event_parts", "event_parts_ended_idx"), *INDEXES},
    "postgresql": {
        *INDEXES,
        ("project_names", "project_names_name_idx"),
        ("event_parts", "event_parts_ended_idx"),
    },
}
MIGRATE: Final = """
import sys
from offset.database import Database
from offset.migrating import migrate, require_schema
database = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
migrate(database)
require_schema(database)
"""

# SQLAlchemy cannot read such an index back and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Skipped unsupported reflection")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url)) as opened_database:
        yield opened_database


@pytest.fixture
def bare_database(bare_database_url: str) -> Iterator[Database]:
    with closing(Database(bare_database_url)) as opened_database:
        yield opened_database


def reflected(connection: Connection) -> dict[str, Any]:
    """All that can be read back of Offset's tables, without what models cannot say."""
    inspector = inspect(connection)
    beside = {name for _, name in BESIDE_MODELS[connection.dialect.name]}
    questions: tuple[Callable[[Inspector, str], Any], ...] = (
        Inspector.get_columns,
        Inspector.get_pk_constraint,
        Inspector.get_foreign_keys,
        Inspector.get_unique_constraints,
        Inspector.get_check_constraints,
        Inspector.get_indexes,
    )
    found: dict[str, Any] = {}
    for table in inspector.get_table_names():
        for question in questions:
            answer = question(inspector, table)
            if isinstance(answer, list):
                answer = [item for item in answer if item["name"] not in beside]
                answer = sorted(map(repr, answer)) if question.__name__ != "get_columns" else answer
            found[f"{table}: {question.__name__}"] = repr(answer)
    beside_tables = ("alembic_version", WORDS)
    return {name: said for name, said in found.items() if not name.startswith(beside_tables)}


def things(connection: Connection) -> set[tuple[str, str]]:
    """Everything that stands in the schema, by kind and name; extensions and their own apart."""
    ask = "SELECT type, name FROM sqlite_master"
    if connection.dialect.name == "postgresql":
        own = "NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = {}.oid AND deptype = 'e')"
        here = "= current_schema()::regnamespace AND " + own
        ask = f"""
            SELECT 'relation', relname::text FROM pg_class c WHERE relnamespace {here.format("c")}
            UNION ALL
            SELECT 'function', proname FROM pg_proc p WHERE pronamespace {here.format("p")}
            UNION ALL
            SELECT 'type', typname FROM pg_type t WHERE typnamespace {here.format("t")}
            UNION ALL
            SELECT 'constraint', conname FROM pg_constraint n WHERE connamespace {here.format("n")}
            UNION ALL
            SELECT 'trigger', tgname FROM pg_trigger WHERE NOT tgisinternal"""
    return {(kind, name) for kind, name in connection.execute(text(ask))}


def test_the_migrated_schema_is_the_models(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_name": lambda name, kind, _: kind != "table" or WORDS not in name,
            },
        )
        differences = compare_metadata(context, metadata)
    # An index that is there and not in the models.
    assert {kind for kind, _ in differences} <= {"remove_index"}
    found = {(index.table.name, index.name) for _, index in differences}
    assert found <= BESIDE_MODELS[database.url.get_backend_name()]


def test_the_guards_add_what_models_cannot_say(database: Database) -> None:
    # SQLAlchemy does not list the indexes of SQLite that are on an expression.
    ask = {
        "sqlite": "SELECT tbl_name, name FROM sqlite_master WHERE type = 'index'",
        "postgresql": "SELECT tablename, indexname FROM pg_indexes",
    }
    with database.reading() as connection:
        engine = connection.dialect.name
        found = {(table, index) for table, index in connection.execute(text(ask[engine]))}
    assert BESIDE_MODELS[engine] <= found


def test_tables_made_of_the_models_read_back_as_the_migrated_ones(
    database: Database, postgres: databases.PostgresDatabases, tmp_path: Path
) -> None:
    with database.reading() as connection:
        migrated = reflected(connection)
    if database.is_sqlite:
        modelled = of_models(databases.sqlite_url_of(tmp_path / "models.db"))
    else:
        with postgres.bare() as url:
            modelled = of_models(url)
    assert migrated == modelled
    assert len(migrated) == 6 * len(metadata.tables)


def of_models(url: str) -> dict[str, Any]:
    with closing(Database(url)) as database:
        with database.writing() as connection:
            metadata.create_all(connection)
        with database.reading() as connection:
            return reflected(connection)


def test_up_and_down_and_up_leaves_what_up_leaves(
    bare_database_url: str, bare_database: Database
) -> None:
    with bare_database.reading() as connection:
        before = things(connection)
    migrate(bare_database)
    with bare_database.reading() as connection:
        up, tables = things(connection), reflected(connection)
    assert len(up) > len(before) + len(metadata.tables)
    with opened(bare_database_url) as ledger:
        record_id = created(ledger)
        do(ledger, retiring(record_id, beneficiary="Jane Roe"))
    migrate(bare_database, "base")
    with bare_database.reading() as connection:
        left = things(connection) - before
        versions = connection.execute(text("SELECT * FROM alembic_version")).all()
    assert versions == []
    assert [name for _, name in left if "alembic_version" not in name] == []
    migrate(bare_database)
    with bare_database.reading() as connection:
        assert things(connection) == up
        assert reflected(connection) == tables
    with opened(bare_database_url) as ledger:
        assert created(ledger) == record_id
        check_history(ledger.database)


def test_an_empty_database_is_refused_until_it_is_migrated(bare_database: Database) -> None:
    with pytest.raises(Unfit, match=r"schema is empty, .* needs 0007: run `offset migrate`"):
        require_schema(bare_database)
    migrate(bare_database)
    require_schema(bare_database)
    migrate(bare_database)  # again does nothing
    require_schema(bare_database)
    migrate(bare_database, "base")
    with pytest.raises(Unfit, match="run `offset migrate`"):
        require_schema(bare_database)


def test_alembic_is_loaded_only_where_something_is_migrated(database: Database) -> None:
    """It takes memory that a server would keep for good."""
    url = database.url.render_as_string(hide_password=False)
    script = (
        "import sys, offset.main; from offset.database import Database;"
        "from offset.migrating import migrate, require_schema;"
        "database = Database(sys.argv[1]); migrate(database); require_schema(database);"
        "database.close(); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, url], check=True)


def test_a_schema_of_another_version_is_refused_by_its_name(database: Database) -> None:
    with database.writing() as connection:
        assert len(set(revisions(connection))) == 1
        connection.execute(text("UPDATE alembic_version SET version_num = '0004'"))
    with pytest.raises(Unfit, match=r"schema is 0004, .* needs 0007: run `offset migrate`"):
        require_schema(database)


@pytest.mark.parametrize("act", [require_schema, migrate])
def test_a_newer_schema_is_refused_and_stays(
    act: Callable[[Database], None], database: Database
) -> None:
    """As a ledger has that a newer version of Offset has opened before; no command helps."""
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unfit, match=r"schema is 9999, .* none above 0007: use the version"):
        act(database)
    with database.reading() as connection:
        assert revisions(connection)[0] == "9999"


def test_a_ledger_of_an_older_rule_for_serial_numbers_is_refused_and_stays(
    database: Database,
) -> None:
    migrate(database, "0006")
    with database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO records VALUES (0, X'00', 'a', 'acme', 2020, 1, 'LOT-1', '{}', NULL,"
            " '{}', NULL, 0)".replace("X'00'", "X'00'" if database.is_sqlite else "'\\x00'")
        )
    with pytest.raises(Unfit, match="claimed serial numbers in one spelling only"):
        migrate(database)
    with database.reading() as connection:
        assert revisions(connection)[0] == "0006"


def test_a_database_that_is_away_cannot_be_migrated(tmp_path: Path) -> None:
    with (
        closing(Database(f"sqlite:///{tmp_path}/none/offset.db")) as database,
        pytest.raises(DatabaseUnavailable, match="cannot be migrated"),
    ):
        migrate(database)


def test_processes_that_migrate_one_database_at_once_all_succeed(bare_database_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, bare_database_url],
            env=environment(bare_database_url, {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], ended
    with opened(bare_database_url) as ledger:
        created(ledger)
        check_history(ledger.database)


def test_no_code_of_offset_makes_tables_past_the_migrations() -> None:
    sources = list((ROOT / "src").rglob("*.py"))
    assert len(sources) > 20
    assert [path for path in sources if "create_all" in path.read_text(encoding="utf-8")] == []


def test_a_schema_of_another_name_can_hold_the_ledger(
    postgres: databases.PostgresDatabases,
) -> None:
    with postgres.bare() as url:
        with closing(Database(url)) as database, database.writing() as connection:
            connection.execute(text("CREATE SCHEMA tenant"))
        own = urlsplit(url)
        inside = own._replace(query=f"{own.query}&options=-csearch_path%3Dtenant,public").geturl()
        with closing(Database(inside)) as database:
            migrate(database)
            with opened(inside) as ledger:
                do(ledger, retiring(created(ledger), quantity=1))
                check_history(ledger.database)
            with database.reading() as connection:
                assert "records" in inspect(connection).get_table_names("tenant")
                assert "records" not in inspect(connection).get_table_names("public")
