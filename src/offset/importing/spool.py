"""What the rows of one file have stated so far, on disk, so that memory does not grow with it.

A spool has one writer, which notes row after row; when it is closed it can be opened to be read.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from offset.core.serials import Serial

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS stated (
    line_name TEXT, class TEXT, first INTEGER, last INTEGER, line INTEGER, facts TEXT,
    PRIMARY KEY (line_name, class, first)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS listed (
    line_name TEXT, first INTEGER, last INTEGER, PRIMARY KEY (line_name, first)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS listed_projects (
    registry TEXT, project TEXT, vintage INTEGER, PRIMARY KEY (registry, project, vintage)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS doubted (pool TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ordinals (text TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sums (
    registry TEXT, project TEXT, vintage INTEGER,
    issued_g INTEGER, retired_g INTEGER, cancelled_g INTEGER,
    running_retired_g INTEGER, running_cancelled_g INTEGER,
    PRIMARY KEY (registry, project, vintage)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counting (
    line INTEGER PRIMARY KEY, text TEXT, serial_text TEXT,
    registry TEXT, series TEXT, first INTEGER, last INTEGER, pool TEXT, totals TEXT
);
CREATE TABLE IF NOT EXISTS totals (
    pool TEXT, key TEXT, sum_g INTEGER, line INTEGER, PRIMARY KEY (pool, key)
) WITHOUT ROWID;
"""
_ANY_VINTAGE: Final = -1
_WRITERS_CACHE, _READERS_CACHE = 16_384, 2_048  # KiB; one spool is written, all are read at once
# The highest number that a row states together with a given one; rows of a class never overlap,
# nor do those that are only listed.
_COVERING: Final = """
SELECT max(last) FROM (
    SELECT * FROM (SELECT last FROM stated WHERE line_name = ? AND class = 'issued'
                   AND first <= ? ORDER BY first DESC LIMIT 1)
    UNION ALL
    SELECT * FROM (SELECT last FROM stated WHERE line_name = ? AND class = 'now'
                   AND first <= ? ORDER BY first DESC LIMIT 1)
    UNION ALL
    SELECT * FROM (SELECT last FROM listed WHERE line_name = ?
                   AND first <= ? ORDER BY first DESC LIMIT 1))
"""


class Stated(NamedTuple):
    """Serial numbers that a row states, and in `facts` what it says of them."""

    first: int
    last: int
    line: int
    facts: str


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


class Counting(NamedTuple):
    """A row that counts what became of its issuance: by cause or purpose, in grams; no zeros.

    `text` is the row as it stood, `serial_text` its serial number, of which `registry` to `last`
    are the numbers; `pool` names the records that the totals are of (`offset.importing.pools`).
    """

    line: int
    text: str
    serial_text: str
    registry: str
    series: str
    first: int
    last: int
    pool: str
    totals: Mapping[str, int]


class Spool:
    """A scratch database: one writer notes rows and closes it, then it is opened to be read.

    Only running totals are added up after that (`add_total`).

    Args:
        path: its file, which is made where it is not there.
        writes: whether rows are going to be noted.
    """

    def __init__(self, path: Path, *, writes: bool) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(_TABLES)
        cache = _WRITERS_CACHE if writes else _READERS_CACHE
        self._connection.execute(f"PRAGMA cache_size = -{cache}")
        # One transaction: in a file of its own each statement would be written out.
        self._connection.execute("BEGIN")

    def close(self) -> None:
        """Write out what was noted, for the next one who opens it."""
        self._connection.commit()
        self._connection.close()

    def state(self, serial: Serial, line: int, facts: str, *, as_issued: bool) -> Stated | None:
        """Note that a row states serial numbers, or return the row that states some of them too.

        What a file lists as issued and what it lists as held or ended may be the same credits.
        """
        if (other := self.find_stated(serial, as_issued=as_issued)) is not None:
            return other
        claim = serial.key
        key = (f"{claim.registry}\n{claim.series}", "issued" if as_issued else "now")
        self._connection.execute(
            "INSERT INTO stated VALUES (?, ?, ?, ?, ?, ?)",
            (*key, claim.first, claim.last, line, facts),
        )
        return None

    def find_stated(self, serial: Serial, *, as_issued: bool) -> Stated | None:
        """Find a row that states some of these serial numbers."""
        claim = serial.key
        row = self._connection.execute(
            "SELECT first, last, line, facts FROM stated"
            " WHERE line_name = ? AND class = ? AND first <= ? ORDER BY first DESC LIMIT 1",
            (f"{claim.registry}\n{claim.series}", "issued" if as_issued else "now", claim.last),
        ).fetchone()
        return Stated(*row) if row is not None and row[1] >= claim.first else None

    def list_serial(self, serial: Serial) -> None:
        """Note that a row that is not taken lists serial numbers; they may overlap with others."""
        claim = serial.key
        name, first, last = f"{claim.registry}\n{claim.series}", claim.first, claim.last
        overlapping = "line_name = ? AND first <= ? AND last >= ?"
        low, high = self._connection.execute(
            f"SELECT min(first), max(last) FROM listed WHERE {overlapping}",  # noqa: S608
            (name, last, first),
        ).fetchone()
        if low is not None:
            self._connection.execute(
                f"DELETE FROM listed WHERE {overlapping}",  # noqa: S608
                (name, last, first),
            )
            first, last = min(first, low), max(last, high)
        self._connection.execute("INSERT INTO listed VALUES (?, ?, ?)", (name, first, last))

    def list_project(self, registry: str, project: str, vintage: int | None) -> None:
        """Note that a row that is not taken lists some credits of a project's vintage, or of any.

        `vintage` is None where it cannot be read.
        """
        self._connection.execute(
            "INSERT OR IGNORE INTO listed_projects VALUES (?, ?, ?)",
            (registry, project, _ANY_VINTAGE if vintage is None else vintage),
        )

    def lists_project(self, registry: str, project: str, vintage: int | None) -> bool:
        """Check whether a row that is not taken may list credits of a project's vintage.

        `vintage` is None for all of the project.
        """
        wanted = "" if vintage is None else f" AND vintage IN ({_ANY_VINTAGE}, {int(vintage)})"
        row = self._connection.execute(
            f"SELECT 1 FROM listed_projects WHERE registry = ? AND project = ?{wanted}",  # noqa: S608
            (registry, project),
        ).fetchone()
        return row is not None

    def doubt(self, pool: str) -> None:
        """Note that a row which counts towards a pool's running totals is not taken."""
        self._connection.execute("INSERT OR IGNORE INTO doubted VALUES (?)", (pool,))

    def doubts(self, pool: str) -> bool:
        """Check whether a row which counts towards a pool's running totals is not taken."""
        row = self._connection.execute("SELECT 1 FROM doubted WHERE pool = ?", (pool,)).fetchone()
        return row is not None

    def stated_from(self, registry: str, series: str, number: int) -> int | None:
        """Give the highest number that some row states together with this one; None without."""
        name = f"{registry}\n{series}"
        found = self._connection.execute(_COVERING, (name, number) * 3).fetchone()[0]
        return None if found is None or found < number else int(found)

    def ordinal(self, text: str) -> int:
        """Count how often this text has come, this time included."""
        row = self._connection.execute(
            "INSERT INTO ordinals VALUES (?, 1)"
            " ON CONFLICT (text) DO UPDATE SET count = count + 1 RETURNING count",
            (text,),
        ).fetchone()
        return int(row[0])

    def add(self, sums: Iterable[Sums]) -> None:
        """Add to what the rows of projects' vintages add up to."""
        self._connection.executemany(
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

    def count(self, rows: Iterable[Counting]) -> None:
        """Keep rows of running totals until all rows of all files are in."""
        self._connection.executemany(
            "INSERT INTO counting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((*row[:-1], json.dumps(row.totals)) for row in rows),
        )

    def counting(self) -> Iterator[Counting]:
        """Walk the rows of running totals, in the order of their lines."""
        for row in self._connection.execute("SELECT * FROM counting ORDER BY line"):
            yield Counting._make((*row[:-1], json.loads(row[-1])))

    def add_total(self, pool: str, key: str, total_g: int, line: int) -> int:
        """Add a row's running total to its pool's; return the sum of the rows before it.

        `line` is 0 for a row of another sheet.
        """
        row = self._connection.execute(
            "INSERT INTO totals VALUES (?, ?, ?, ?) ON CONFLICT (pool, key) DO UPDATE SET"
            " sum_g = sum_g + excluded.sum_g, line = max(line, excluded.line) RETURNING sum_g",
            (pool, key, total_g, line),
        ).fetchone()
        return int(row[0]) - total_g

    def totals(self) -> Iterator[tuple[str, str, int, int]]:
        """Walk the summed running totals: pool, key, sum in grams, the last row's line."""
        return self._connection.execute("SELECT * FROM totals ORDER BY pool, key")
