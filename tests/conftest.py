"""Both databases as one parametrised fixture, and runs in which nothing may be skipped."""

import os
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

import databases

# No deadline: how long one example takes says more about the machine than about Offset.
settings.register_profile("offset", deadline=None, derandomize="CI" in os.environ, print_blob=True)
settings.load_profile("offset")

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_configure(config: pytest.Config) -> None:
    """Let SIGTERM end a run as Ctrl-C does, with every fixture undone and no server left."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.PostgresDatabases]:
    """The run's PostgreSQL server, started when the first test asks for it."""
    with databases.postgres_databases() as made:
        yield made


@pytest.fixture(scope="session")
def sqlite_template() -> Iterator[Path]:
    """The file that SQLite tests get a copy of."""
    with databases.sqlite_template() as path:
        yield path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of an SQLite ledger with today's schema and no rows."""
    path = tmp_path / "offset.db"
    shutil.copyfile(sqlite_template, path)
    return databases.sqlite_url_of(path)


@pytest.fixture
def postgresql_url(postgres: databases.PostgresDatabases) -> Iterator[str]:
    """The URL of a PostgreSQL ledger with today's schema and no rows."""
    with postgres.prepared() as url:
        yield url


@pytest.fixture(params=databases.ENGINES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a ledger with today's schema and no rows, on each database in turn."""
    url = request.getfixturevalue(f"{request.param}_url")
    assert isinstance(url, str)
    return url


@pytest.fixture(params=databases.ENGINES)
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with nothing in it, no schema either, on each database in turn."""
    if request.param == "sqlite":
        yield databases.sqlite_url_of(tmp_path / "offset.db")
        return
    postgres = request.getfixturevalue("postgres")
    assert isinstance(postgres, databases.PostgresDatabases)
    with postgres.bare() as url:
        yield url


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge a test's skip."""
    return judge_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Judge a whole file's skip."""
    return judge_skip((yield))


def judge_skip(report: Report) -> Report:
    """Make a skip a failure where OFFSET_TEST_NO_SKIPS is set: a green run then ran everything."""
    expected_to_fail = hasattr(report, "wasxfail")
    if report.skipped and not expected_to_fail and os.environ.get("OFFSET_TEST_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"skipped, in a run that allows no skips: {report.longrepr}"
    return report
