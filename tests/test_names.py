"""Project names are kept once each, and found by any text in them."""

import string
from collections.abc import Iterator
from contextlib import closing, suppress
from random import Random
from typing import Final

import pytest
from sqlalchemy import Connection, select

from builders import created, creating, do_all, opened
from offset.core.canonical import canonical_text
from offset.database import Database
from offset.models import project_names
from offset.names import Name, Names

RNG: Final = Random(11)
ALPHABET: Final = string.ascii_lowercase[:4] + " %_\\'\"*-().:é森林ß"
TEXTS: Final = sorted({canonical_text("".join(RNG.choices(ALPHABET, k=12))) for _ in range(400)})
WORDS: Final = (
    *("a", "ab", "森", "森林", "%", "_", "\\", "'", '"', "*", "zz", "é", " a"),
    *("abc", "%_\\", '"a"', "a*b", "a or b", "not", "森林森", "*-(", "".join(TEXTS[:20])),
    *(text[at : at + size] for text in TEXTS[::40] for at, size in ((0, 3), (2, 4), (1, 9))),
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url)) as opened_database:
        yield opened_database


def stored(database: Database) -> list[tuple[int, str]]:
    with database.reading() as connection:
        rows = connection.execute(select(project_names).order_by(project_names.c.number))
        return [(number, name) for number, name in rows]


def test_names_that_contain_a_text_are_found_whatever_its_characters(database: Database) -> None:
    names = Names(database)
    with database.writing() as connection:
        keep(connection, names, *[Name(*one) for one in enumerate(TEXTS)])
    with database.reading() as connection:
        for word in WORDS:
            expected = [Name(*one) for one in enumerate(TEXTS) if word in one[1]]
            assert names.containing(connection, word, 1_000) == expected, word
            assert names.containing(connection, word, 2) == expected[:2], word


def test_a_name_is_kept_with_the_first_record_that_has_it(database_url: str) -> None:
    with opened(database_url) as ledger:
        created(ledger, first=1, last=1, project_name="Two  Rivers")
        do_all(
            ledger,
            creating(first=2, last=2, project_name="Three Rivers"),
            creating(first=3, last=3, project_name="TWO RIVERS"),
            creating(first=4, last=4, project_name="three rivers"),
        )
        created(ledger, first=5, last=5, project_name="Two Rivers")
        assert stored(ledger.database) == [(0, "two rivers"), (1, "three rivers")]
    with opened(database_url) as ledger:  # which does not know yet what is there
        created(ledger, first=6, last=6, project_name="Three Rivers")
        assert len(stored(ledger.database)) == 2


class Undone(Exception):
    pass


def keep(connection: Connection, names: Names, *made: Name) -> None:
    names.keep(connection, names.new(connection, made))


def test_a_name_that_was_rolled_back_is_kept_when_it_comes_again(database: Database) -> None:
    names = Names(database)
    for _ in range(2):
        with suppress(Undone), database.writing() as connection:
            keep(connection, names, Name(0, "ridge"), Name(1, "ridge"))
            raise Undone
    assert stored(database) == []
    for number in (2, 3, 4):
        with database.writing() as connection:
            keep(connection, names, Name(number, "ridge"))
    assert stored(database) == [(2, "ridge")]
