"""Imports for tests: synthetic exports written row by row, and one way to take them and look.

A row is what differs from a row that is right. Every project, account and serial number is made up.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from builders import check_history, create
from export_rows import VERRA, VERRA_HELD, Cells, gold, vcu
from offset.core.events import Event, read_leaf, read_parts
from offset.database import Database
from offset.importing import Imported, Issue, import_files
from offset.ledger import Ledger
from offset.listing import Filters
from offset.models import details, events, holdings, serial_claims, series
from offset.models import records as record_table
from offset.reading import Reader
from offset.verifying import verify_database

Json = dict[str, Any]


@dataclass(frozen=True)
class File:
    """A file: the row that is right, and what its rows have in place of that."""

    right: Cells
    rows: Sequence[Cells]

    def write(self, path: Path) -> Path:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(self.right)
            for row in self.rows:
                assert row.keys() <= self.right.keys(), row
                writer.writerow({**self.right, **row}.values())
        return path


def block(first: int, last: int, **cells: str) -> Cells:
    """A row of Verra's search: an active block."""
    return {
        "Quantity Issued": str(last - first + 1),
        "Serial Number": vcu(first, last),
        **cells,
    }


def retired(first: int, last: int, **cells: str) -> Cells:
    """A row of Verra's search: a retired block."""
    return block(first, last, **{"Retirement/Cancellation Date": "2022-03-14", **cells})


def verra(*rows: Cells) -> File:
    return File(VERRA, rows)


def held(first: int, last: int) -> File:
    """A file of holdings with one block."""
    cells = {"Quantity of Credits": str(last - first + 1), "Serial Number": vcu(first, last)}
    return File(VERRA_HELD, [cells])


def golden(first: int, last: int, **cells: str) -> Cells:
    return {"Quantity": str(last - first + 1), "Serial Number": gold(first, last), **cells}


def verra_create(first: int, last: int) -> dict[str, Any]:
    """The fields of a create of credits of the same project."""
    return create(
        first=first,
        last=last,
        serial_number=vcu(first, last),
        vintage=2019,
        project_id="VCS9001",
    )


@dataclass(frozen=True, kw_only=True)
class Taken:
    """How an import went, and all that it reported."""

    imported: Imported
    issues: Sequence[Issue]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Rows applied, unchanged and reported."""
        return self.imported.applied, self.imported.unchanged, self.imported.reported

    @property
    def codes(self) -> list[tuple[int | None, str]]:
        """Every report: its row and its code."""
        return [(issue.line, issue.code) for issue in self.issues]

    @property
    def by_code(self) -> Counter[str]:
        """How often each code was reported."""
        return Counter(issue.code for issue in self.issues)

    @property
    def differences(self) -> list[tuple[Any, ...]]:
        """Where files and ledger do not say the same: tonnes of the files and of the ledger."""
        return [tuple(one.as_json().values()) for one in self.imported.differences]


def take(ledger: Ledger, folder: Path, *files: File, dry_run: bool = False) -> Taken:
    """Write the files as `1.csv`, `2.csv`, ... and import them together."""
    paths = [file.write(folder / f"{n}.csv") for n, file in enumerate(files, 1)]
    return take_paths(ledger, *paths, dry_run=dry_run)


def take_paths(ledger: Ledger, *paths: Path, dry_run: bool = False) -> Taken:
    """Import files; whatever they were, every row has its fate and the ledger is sound."""
    before = content(ledger.database) if dry_run else None
    issues: list[Issue] = []
    steps: list[tuple[int, int]] = []
    imported = import_files(
        ledger,
        paths,
        report=issues.append,
        progress=lambda done, total: steps.append((done, total)),
        dry_run=dry_run,
    )
    assert imported.rows == imported.applied + imported.unchanged + imported.reported
    reported = {(issue.file, issue.line) for issue in issues if issue.line is not None}
    assert imported.reported <= len(reported)
    assert steps == sorted(steps)
    assert imported.rows == 0 or steps[-1] == (imported.rows, imported.rows)
    if before is None:
        assert_sound(ledger.database)
    else:
        assert content(ledger.database) == before
    return Taken(imported=imported, issues=issues)


def assert_sound(database: Database) -> None:
    """Check the ledger from its rows and by replaying it."""
    check_history(database)
    assert verify_database(database).differences == []


def content(database: Database) -> Json:
    """All that a ledger says, without what is made anew each time: ids, times, positions, salts.

    Ends that lie next to each other and say the same count as one.
    """
    record, held = record_table.c, holdings.c
    with database.reading() as connection:
        issued = connection.execute(select(record.id, record.extra, record.effective_on)).all()
        kept = connection.execute(
            select(record.id, held.holder, held.from_g, held.quantity_g).join(
                holdings, held.record_number == record.number
            )
        ).all()
    return {
        "records": sorted((bytes(one[0]).hex(), one[1], one[2] or "") for one in issued),
        "holdings": sorted((bytes(one[0]).hex(), one[1] or "", *one[2:]) for one in kept),
        "ends": ends(database),
        "claims": claims(database),
        "words": words(database),
    }


def records(database: Database) -> list[Json]:
    """Every record as it is shown, oldest first."""
    reader = Reader(database)
    found: list[Json] = []
    after = -1
    while True:
        page = reader.records(Filters(), after=after, limit=500, count=False)
        found += [reader.record(item["id"])[1] for item in page.items]
        if page.next is None:
            return found
        after = page.next


def balances(database: Database) -> list[tuple[str, Any, Any, Any, Any]]:
    """Every record's serial number, and its tonnes: issued, available, retired, cancelled."""
    names = ("issued", "available", "retired", "cancelled")
    return [
        (record["serial_number"], *(record["balance"][name] for name in names))
        for record in records(database)
    ]


def ends(database: Database) -> list[tuple[Any, ...]]:
    """Every ended part: record, type, who gave it, why, when, first and last gram."""
    found: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    for event in ends_made(database):
        said = event.data
        why = (said.get("purpose"), said.get("cause"), said.get("converted_to"))
        key = (event.record_id, event.type, said["holder"], why, said["effective_on"])
        for part in read_parts(said["parts"]):
            found.setdefault(key, []).append((part.from_g, part.end_g - 1))
    return sorted(
        ((*key, *part) for key, parts in found.items() for part in merged(parts)), key=repr
    )


def ends_made(database: Database) -> list[Event]:
    """Every retirement and cancellation, in the order of the log."""
    with database.reading() as connection:
        rows = connection.execute(
            select(events.c.position, events.c.leaf)
            .where(events.c.type.in_(("RETIRED", "CANCELLED")))
            .order_by(events.c.position)
        ).all()
    return [read_leaf(*row) for row in rows]


def claims(database: Database) -> list[tuple[Any, ...]]:
    """All serial numbers that are claimed, and by what: a record itself, or an end."""
    claim = serial_claims.c
    with database.reading() as connection:
        rows = connection.execute(
            select(series.c.registry, series.c.series, events.c.type, claim.first, claim.last)
            .join(series, series.c.number == claim.series_number)
            .outerjoin(events, events.c.position == claim.position)
        ).all()
    found: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for registry, name, by, first, last in rows:
        found.setdefault((registry, name, by or "CREATED"), []).append((first, last))
    return sorted((*key, *part) for key, parts in found.items() for part in merged(parts))


def words(database: Database) -> list[str]:
    """All details that stand beside events, as JSON."""
    with database.reading() as connection:
        return sorted(connection.execute(select(details.c.content)).scalars())


def merged(parts: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join what lies next to each other; both ends are included."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(parts):
        touches = joined and joined[-1][1] + 1 == first
        joined.append((joined.pop()[0] if touches else first, last))
    return joined
