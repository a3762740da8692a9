"""What the rows of one file have stated so far, on disk, so that memory does not grow with it."""

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from offset.core.serials import Serial

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16384;
CREATE TABLE stated (
    line_name TEXT, class TEXT, first INTEGER, last INTEGER, line INTEGER,
    PRIMARY KEY (line_name, class, first)
) WITHOUT ROWID;
CREATE TABLE ordinals (text TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID;
CREATE TABLE sums (
    registry TEXT, project TEXT, vintage INTEGER,
    issued_g INTEGER, retired_g INTEGER, cancelled_g INTEGER,
    running_retired_g INTEGER, running_cancelled_g INTEGER,
    PRIMARY KEY (registry, project, vintage)
) WITHOUT ROWID;
CREATE TABLE totals (
    pool TEXT, key TEXT, sum_g INTEGER, line INTEGER, PRIMARY KEY (pool, key)
) WITHOUT ROWID;
"""
# The highest number that a row states together with a given one; rows of a class never overlap.
_COVERING: Final = """
SELECT max(last) FROM (
    SELECT * FROM (SELECT last FROM stated WHERE line_name = ? AND class = 'issued'
                   AND first <= ? ORDER BY first DESC LIMIT 1)
    UNION ALL
    SELECT * FROM (SELECT last FROM stated WHERE line_name = ? AND class = 'now'
                   AND first <= ? ORDER BY first DESC LIMIT 1))
"""


class Stated(NamedTuple):
    """Serial numbers that a row states."""

    first: int
    last: int
    line: int


class Sums(NamedTuple):
    """What the rows of a project's vintage add up to, in grams.

    Ends that a running total counts are apart: rows of their own may tell of the same credits.
    """

    registry: str
    project: str
    vintage: int
    issued_g: int = 0
    retired_g: int = 0
    cancelled_g: int = 0
    running_retired_g: int = 0
    running_cancelled_g: int = 0


class Spool:
    """A scratch database in a temporary file, which goes away with its connection."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)  # "" is a temporary file
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        """Throw everything away."""
        self._connection.close()

    def state(self, serial: Serial, line: int, *, as_issued: bool) -> Stated | None:
        """Note that a row states serial numbers, or give the row that states some of them too.

        What a file lists as issued and what it lists as held or ended may be the same credits.
        """
        key = (f"{serial.registry}\n{serial.series}", "issued" if as_issued else "now")
        row = self._connection.execute(
            "SELECT first, last, line FROM stated"
            " WHERE line_name = ? AND class = ? AND first <= ? ORDER BY first DESC LIMIT 1",
            (*key, serial.last),
        ).fetchone()
        if row is not None and row[1] >= serial.first:
            return Stated(*row)
        self._connection.execute(
            "INSERT INTO stated VALUES (?, ?, ?, ?, ?)", (*key, serial.first, serial.last, line)
        )
        return None

    def stated_from(self, registry: str, series: str, number: int) -> int | None:
        """Give the highest number that some row states together with this one; None without."""
        name = f"{registry}\n{series}"
        found = self._connection.execute(_COVERING, (name, number, name, number)).fetchone()[0]
        return None if found is None or found < number else int(found)

    def ordinal(self, text: str) -> int:
        """Count how often this text has come, this time included."""
        row = self._connection.execute(
            "INSERT INTO ordinals VALUES (?, 1)"
            " ON CONFLICT (text) DO UPDATE SET count = count + 1 RETURNING count",
            (text,),
        ).fetchone()
        return int(row[0])

    def restart_ordinals(self) -> None:
        """Begin to count again, for a second reading of the rows."""
        self._connection.execute("DELETE FROM ordinals")

    def add(self, sums: Sums) -> None:
        """Add to what the rows of a project's vintage add up to."""
        self._connection.execute(
            "INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (registry, project, vintage) DO UPDATE SET"
            " issued_g = issued_g + excluded.issued_g,"
            " retired_g = retired_g + excluded.retired_g,"
            " cancelled_g = cancelled_g + excluded.cancelled_g,"
            " running_retired_g = running_retired_g + excluded.running_retired_g,"
            " running_cancelled_g = running_cancelled_g + excluded.running_cancelled_g",
            sums,
        )

    def sums(self) -> Iterator[Sums]:
        """Walk the sums, in the order of registry, project and vintage."""
        for row in self._connection.execute("SELECT * FROM sums ORDER BY 1, 2, 3"):
            yield Sums(*row)

    def add_total(self, pool: str, key: str, total_g: int, line: int) -> int:
        """Add a row's running total to its pool's; give the sum of the rows before it."""
        row = self._connection.execute(
            "INSERT INTO totals VALUES (?, ?, ?, ?) ON CONFLICT (pool, key) DO UPDATE SET"
            " sum_g = sum_g + excluded.sum_g, line = excluded.line RETURNING sum_g",
            (pool, key, total_g, line),
        ).fetchone()
        return int(row[0]) - total_g

    def totals(self) -> Iterator[tuple[str, str, int, int]]:
        """Walk the summed running totals: pool, key, sum in grams, the last row's line."""
        return self._connection.execute("SELECT * FROM totals ORDER BY pool, key")
