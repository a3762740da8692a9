"""Whatever is changed in a ledger around its rules is found, and named with its place."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select, text

import databases
from builders import opened
from offset.database import Database
from offset.demo import fill
from offset.models import details, events, holdings, metadata
from offset.reading import Reader
from offset.verifying import LARGEST_REPORT, RECORDS_AT_A_TIME, verify_database
from tampered_events import HAPPENED
from tampered_rows import ROWS
from tampering import (
    EVENTS,
    A,
    Story,
    at,
    change,
    doing,
    first_difference,
    tell_story,
    unguarded,
    verified,
)


@pytest.fixture(scope="module")
def told_on_sqlite(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Story, Path]:
    path = tmp_path_factory.mktemp("story") / "offset.db"
    shutil.copyfile(sqlite_template, path)
    return tell_story(databases.sqlite_url_of(path)), path


@pytest.fixture
def sqlite_story(told_on_sqlite: tuple[Story, Path], tmp_path: Path) -> Story:
    story, path = told_on_sqlite
    shutil.copyfile(path, tmp_path / "offset.db")
    return replace(story, url=databases.sqlite_url_of(tmp_path / "offset.db"))


@pytest.fixture(scope="module")
def told_on_postgresql(postgres: databases.PostgresDatabases) -> Iterator[Story]:
    with postgres.prepared() as url:
        yield tell_story(url)


@pytest.fixture
def postgresql_story(
    postgres: databases.PostgresDatabases, told_on_postgresql: Story
) -> Iterator[Story]:
    name = urlsplit(told_on_postgresql.url).path.removeprefix("/")
    with replace(postgres, template=name).prepared() as url:
        yield replace(told_on_postgresql, url=url)


@pytest.fixture(params=databases.ENGINES)
def story(request: pytest.FixtureRequest) -> Story:
    """A copy of the story, told once on each database."""
    told = request.getfixturevalue(f"{request.param}_story")
    assert isinstance(told, Story)
    return told


def test_a_ledger_that_nobody_tampered_with_is_sound(story: Story) -> None:
    report = verified(story.url)
    assert (report.differences, report.sound) == ([], True)
    assert (report.events, report.records) == (EVENTS, 3)


def test_a_ledger_without_any_event_is_sound(database_url: str) -> None:
    report = verified(database_url)
    assert (report.differences, report.events, report.records) == ([], 0, 0)


@pytest.mark.parametrize("case", HAPPENED)
def test_what_was_changed_in_the_events_is_named(story: Story, case: str) -> None:
    tamper, difference = HAPPENED[case]
    assert first_difference(story, tamper).startswith(difference)


@pytest.mark.parametrize("case", ROWS)
def test_what_was_changed_beside_the_events_is_named(story: Story, case: str) -> None:
    tamper, difference = ROWS[case]
    assert first_difference(story, tamper).startswith(difference)


def test_details_that_come_back_after_their_erasure_are_found(story: Story) -> None:
    erased = {name: story.erased[name] for name in ("content", "salt")}
    found = first_difference(story, change(details, details.c.position == 4, **erased))
    assert found == (
        f"record {A}: event at position 4: its details are there after an ERASED event"
    )


def test_bytes_that_became_text_are_found(sqlite_story: Story) -> None:
    changed = func.replace(events.c.leaf, "1", "2")
    found = first_difference(sqlite_story, change(events, at(2), leaf=changed))
    assert found == f"record {A}: event at position 2: its leaf hash is not that of its bytes"


def test_a_name_that_the_index_does_not_know_is_found(sqlite_story: Story) -> None:
    missing = text(
        "INSERT INTO project_names_fts(project_names_fts, rowid, name)"
        " SELECT 'delete', number, name FROM project_names"
    )
    assert first_difference(sqlite_story, doing(missing)) == (
        "project_names_fts: 0 names with ' co' instead of 1"
    )


def test_thousands_of_events_are_replayed_and_a_change_at_their_end_is_found(
    database_url: str,
) -> None:
    seen: list[tuple[int, int]] = []
    with opened(database_url) as ledger:
        made = fill(ledger, Reader(ledger.database), rows=1_000, seed=7)
        report = verify_database(ledger.database, lambda done, total: seen.append((done, total)))
        total = Reader(ledger.database).head() + 1
    assert report.differences == []
    assert (report.events, report.records) == (total, made.records)
    assert total > 2_000
    assert len(seen) == -(-made.records // RECORDS_AT_A_TIME) > 1
    assert seen[-1] == (total, total)
    with unguarded(database_url) as connection:
        last = connection.scalar(select(func.max(holdings.c.record_number)))
        change(holdings, holdings.c.record_number == last, holder="mallory")(connection)
    (difference,) = verified(database_url).differences
    assert difference.endswith(": its holdings are not what its events make")


def test_a_report_ends_with_the_first_differences(database_url: str) -> None:
    with opened(database_url) as ledger:
        fill(ledger, Reader(ledger.database), rows=4 * LARGEST_REPORT, seed=1)
    with unguarded(database_url) as connection:
        change(holdings, text("1 = 1"), holder="mallory")(connection)
    assert len(verified(database_url).differences) == LARGEST_REPORT


def test_verifying_writes_nothing(story: Story) -> None:
    database = Database(story.url, pool_size=1)
    try:
        before = _rows(database)
        verify_database(database)
        assert _rows(database) == before
    finally:
        database.close()


def _rows(database: Database) -> list[str]:
    with database.reading() as connection:
        found = [
            row for table in metadata.sorted_tables for row in connection.execute(select(table))
        ]
    return sorted(map(repr, found))
