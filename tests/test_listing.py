"""Lists are found along indexes, several at once, and have the records that meet every filter."""

from collections.abc import Iterator
from itertools import combinations
from random import Random
from typing import Any, Final

import pytest

import filled
from builders import creating, do_all, opened, synthetic_serial
from databases import ENGINES
from offset.core.serials import Serial
from offset.database import Database
from offset.listing import Filters, Lister
from offset.registries import find_serial

RNG: Final = Random(4)


def serial(first: int, last: int) -> Serial:
    found = find_serial(synthetic_serial(first, last))
    assert found is not None
    return found


# Values of each filter: with many records, with few, with none.
VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "registry": ("verra", "acr", "puro"),
    "vintage": (2004, 1989),
    "vintage_from": (1991, 2019, 2020),
    "vintage_to": (2018, 1990, 1989),
    "status": ("SOLD", "RETIRED", "CANCELLED"),
    "holder": ("acme", "holder-1", "nobody"),
    "project_name": ("forest", "zebra", "mangrove", "o", "Z", "forest 39", "%", "plain  FOREST 7"),
    "serial": (serial(1, 10**6), serial(9_001, 9_050), serial(30_001, 30_002)),
}
ASKED: Final = [
    *({name: value} for name, values in VALUES.items() for value in values),
    *(
        {name: RNG.choice(VALUES[name]) for name in names}
        for size in (2, 3, 4)
        for names in RNG.sample([*combinations(VALUES, size)], 25)
    ),
]


@pytest.fixture(scope="module", params=ENGINES)
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    with filled.filled_database(request, tmp_path_factory) as opened_database:
        yield opened_database


def matches(n: int, asked: dict[str, Any]) -> bool:
    """Whether the n-th record is asked for: the rules in plain words."""
    serial = asked.get("serial")
    word = asked.get("project_name", "")
    return (
        asked.get("registry") in (None, filled.registry_of(n))
        and asked.get("vintage") in (None, filled.vintage(n))
        and asked.get("vintage_from", 0) <= filled.vintage(n) <= asked.get("vintage_to", 9999)
        and asked.get("status") in (None, "RETIRED" if filled.retired(n) else "SOLD")
        and ("holder" not in asked or asked["holder"] == filled.holder(n))
        and " ".join(word.lower().split()) in filled.name(n)
        and (serial is None or (not filled.opaque(n) and serial.first <= n + 1 <= serial.last))
    )


def walked(lister: Lister, database: Database, asked: dict[str, Any], limit: int) -> list[int]:
    """The numbers on all pages of a list."""
    found: list[int] = []
    after: int | None = -1
    while after is not None:
        with database.reading() as connection:
            page = lister.page(connection, Filters(**asked), after=after, limit=limit)
        assert len(page.rows) <= limit
        assert page.next is None or page.next > after
        found += [row.number for row in page.rows]
        after = page.next
    return found


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_a_list_has_the_records_that_meet_all_its_filters(
    database: Database, asked: dict[str, Any]
) -> None:
    expected = [2 * n for n in range(filled.RECORDS) if matches(n, asked)]
    lister = Lister(database)
    with database.reading() as connection:
        assert lister.count(connection, Filters(**asked)) == len(expected)
        for after in (-1, *RNG.sample(range(2 * filled.RECORDS), 3)):
            page = lister.page(connection, Filters(**asked), after=after, limit=50)
            rest = [number for number in expected if number > after]
            assert [row.number for row in page.rows] == rest[:50]
            assert page.next == (rest[49] if len(rest) > 50 else None)


@pytest.mark.parametrize("asked", [
    {"registry": "acr", "status": "RETIRED", "holder": "acme"},
    {"registry": "acr", "vintage_to": 2000, "status": "RETIRED"},
    {"project_name": "forest", "status": "RETIRED", "registry": "acr"},
    {"registry": "acr", "holder": "holder-1"},
])  # fmt: skip
def test_a_list_that_needs_a_long_way_goes_on_where_a_page_gave_up(
    database: Database, asked: dict[str, Any]
) -> None:
    expected = [2 * n for n in range(filled.RECORDS) if matches(n, asked)]
    assert walked(Lister(database, longest=1), database, asked, 50) == expected
    assert walked(Lister(database), database, asked, 500) == expected


def test_names_that_begin_alike_are_told_apart(database_url: str) -> None:
    long = "x" * 220
    with opened(database_url) as ledger:
        do_all(ledger, *(
            creating(first=n, last=n, project_name=f"{long} {n % 3}") for n in range(1, 301)
        ))  # fmt: skip
        for word, wanted in ((f"{long} 1", 1), ("x 2", 2), ("X  0", 0)):
            found = walked(Lister(ledger.database), ledger.database, {"project_name": word}, 7)
            assert found == [n - 1 for n in range(1, 301) if n % 3 == wanted]
            with ledger.database.reading() as connection:
                counted = Lister(ledger.database).count(connection, Filters(project_name=word))
            assert counted == len(found)
