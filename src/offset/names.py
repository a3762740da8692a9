"""Project names as text to search in: each once, and which of them contain a word.

A ledger has far fewer names than records. The names have an index of the groups of three
characters in them (FTS5 on SQLite, pg_trgm on PostgreSQL); from a name an index leads to its
records in the order of their numbers. So a create pays for its name only if it is a new one.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, Text, literal_column, select

from offset.database import Database
from offset.models import project_names

PREFIX: Final = 200  # characters of a name that are indexed: an index row has its limit
NAMES_SEARCHED: Final = 20_000  # at most so many are read where a word is too short for the index
_LARGEST_MEMORY: Final = 20_000  # names
_LARGEST_QUERY: Final = 32  # groups of three; the rest of a long word is compared


class Name(NamedTuple):
    """A project's name in canonical form, and the number of the first record that has it."""

    number: int
    name: str


class Names:
    """The names of a ledger's projects: asked for new ones by one thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[str] = set()  # names that are committed
        prefix = f"substr(name, 1, {PREFIX})"
        if not database.is_sqlite:
            prefix = f'{prefix} COLLATE "C"'
        self._stored = database.question(
            select(project_names.c.name), literal_column(prefix, Text())
        )

    def new(self, connection: Connection, made: Iterable[Name]) -> list[Name]:
        """Choose those of some records' names that are not kept yet, each with its first record."""
        unknown: dict[str, int] = {}
        for number, name in made:
            if name not in self._known:
                unknown.setdefault(name, number)
        if not unknown:
            return []
        prefixes = list({name[:PREFIX] for name in unknown})
        found = {name for (name,) in self._database.ask(connection, self._stored, prefixes)}
        if len(self._known) > _LARGEST_MEMORY:
            self._known.clear()
        # What this transaction adds is not remembered: it may be rolled back.
        self._known |= found & unknown.keys()
        return [Name(number, name) for name, number in unknown.items() if name not in found]

    def keep(self, connection: Connection, names: Sequence[Name]) -> None:
        """Insert names, on SQLite with their groups of three.

        A trigger would write the index row by row there, which takes four times as long.
        """
        self._database.insert(connection, project_names, names)
        if self._database.is_sqlite and names:
            connection.exec_driver_sql(
                "INSERT INTO project_names_fts (rowid, name)"
                " SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]')"
                " FROM json_each(?)",
                (json.dumps(names),),
            )

    def containing(self, connection: Connection, word: str, limit: int) -> list[Name] | None:
        """Find the names that contain a word, the oldest first, at most `limit` of them.

        None where the word is too short for the index and there are too many names to read.
        """
        if not self._indexed(word):
            return self._read(connection, word, limit)
        if self._database.is_sqlite:
            rows = connection.exec_driver_sql(
                "SELECT n.number, n.name FROM project_names_fts f"
                " CROSS JOIN project_names n ON n.number = f.rowid"
                " WHERE f.project_names_fts MATCH :groups AND instr(n.name, :word) > 0"
                " ORDER BY f.rowid LIMIT :limit",
                {"groups": _groups(word), "word": word, "limit": limit},
            )
        else:
            rows = connection.exec_driver_sql(
                "SELECT number, name FROM project_names WHERE name LIKE %(pattern)s"
                " ORDER BY number LIMIT %(limit)s",
                {"pattern": _pattern(word), "limit": limit},
            )
        return [Name(*row) for row in rows]

    def _indexed(self, word: str) -> bool:
        """Tell whether the index knows a group of three that every name with the word has."""
        if self._database.is_sqlite:
            return len(word) >= 3
        # pg_trgm sees letters and digits alone.
        return any(word[at : at + 3].isalnum() for at in range(len(word) - 2))

    def _read(self, connection: Connection, word: str, limit: int) -> list[Name] | None:
        mark, find = ("?", "instr") if self._database.is_sqlite else ("%s", "strpos")
        oldest = f"SELECT number, name FROM project_names ORDER BY number LIMIT {NAMES_SEARCHED}"
        more = f"SELECT 1 FROM project_names ORDER BY number LIMIT 1 OFFSET {NAMES_SEARCHED}"
        rows = connection.exec_driver_sql(
            f"SELECT number, name FROM ({oldest}) AS names WHERE {find}(name, {mark}) > 0"
            f" LIMIT {mark}",  # they come in order; sorted here, all of them would be read
            (word, limit),
        ).all()
        if len(rows) < limit and connection.exec_driver_sql(more).first() is not None:
            return None
        return [Name(*row) for row in rows]


def _groups(word: str) -> str:
    """Write the groups of three in a word as FTS5 asks for all of them."""
    last = len(word) - 3
    starts = sorted({*range(0, last, 3), last})[-_LARGEST_QUERY:]
    groups = (word[at : at + 3].replace('"', '""') for at in starts)
    return " AND ".join(f'"{group}"' for group in groups)


def _pattern(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
