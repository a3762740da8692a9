"""Synthetic editions of a registry's files, one after the other: the ledger follows them.

What the files add up to is counted here from their rows, as intervals of serial numbers.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import CREDIT, leaves, opened
from databases import sqlite_url_of
from export_samples import open_export
from imports import records, take_paths
from offset.core.serials import Serial
from offset.database import Database
from offset.exports import Meaning, Row
from offset.registries import REGISTRIES
from offset.registries.stated import written_project
from offset.synthetic import LAST_EDITION, write_registry
from offset.synthetic import REGISTRIES as SYNTHETIC

Key = tuple[str, int, str]  # project, vintage, "issued", "retired" or "cancelled"
ENDS: Final = {Meaning.RETIRED: "retired", Meaning.CANCELLED: "cancelled"}


class Listed:
    """Everything that some editions list, each serial number once, however often it is listed.

    An issuance without serial numbers is known by its day and quantity; of equal ones there are as
    many as one edition lists at most. A running total counts what one edition counts at most.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[Key, str], set[tuple[int, int]]] = {}
        self._texts: dict[tuple[Key, str], int] = {}
        self._plain: Counter[tuple[Key, str | None, int]] = Counter()
        self._running: Counter[Key] = Counter()

    def edition(self, rows: Sequence[Row]) -> None:
        """Take the rows of all files of an edition; planned credits are counted apart."""
        plain: Counter[tuple[Key, str | None, int]] = Counter()
        running: Counter[Key] = Counter()
        for row in rows:
            if row.planned:
                continue
            if row.serial is None:
                plain[key_of(row, "issued"), row.issued_on, row.quantity_g] += 1
            elif row.issues:
                self._note(row, row.serial, "issued")
            if row.meaning in ENDS and row.serial is not None:
                self._note(row, row.serial, ENDS[row.meaning])
            running[key_of(row, "cancelled")] += sum(row.cancelled_totals_g.values())
            running[key_of(row, "retired")] += sum(row.retired_totals_g.values())
        self._plain |= plain
        self._running |= running

    def _note(self, row: Row, serial: Serial, measure: str) -> None:
        key = key_of(row, measure)
        if serial.parsed:
            line = self._numbers.setdefault((key, serial.series), set())
            line.add((serial.first, serial.last))
        else:
            self._texts[key, serial.series] = row.quantity_g

    def sums(self) -> dict[Key, int]:
        """Grams by project, vintage and measure; no zeros."""
        sums: Counter[Key] = Counter()
        for (key, _, quantity_g), many in self._plain.items():
            sums[key] += many * quantity_g
        for (key, _), parts in self._numbers.items():
            sums[key] += count(parts) * CREDIT
        for (key, _), quantity_g in self._texts.items():
            sums[key] += quantity_g
        for key, running_g in self._running.items():
            sums[key] = max(sums[key], running_g)
        return dict(+sums)


def count(parts: Iterable[tuple[int, int]]) -> int:
    """How many numbers lie in intervals that may overlap."""
    total, reached = 0, -1
    for first, last in sorted(parts):
        total += max(0, last - max(first, reached + 1) + 1)
        reached = max(reached, last)
    return total


def key_of(row: Row, measure: str) -> Key:
    project = written_project(row.registry, row.project_id or "")
    return project, row.vintage if row.registry in REGISTRIES else 0, measure


def ledger_sums(database: Database, registry: str) -> dict[Key, int]:
    """Grams by project, vintage and measure, from the records as they are shown; no zeros."""
    sums: Counter[Key] = Counter()
    for record in records(database):
        vintage = record["vintage"] if registry in REGISTRIES else 0
        for measure in () if record["planned"] else ("issued", "retired", "cancelled"):
            quantity_g = round(record["balance"][measure] * CREDIT)
            sums[record["project_id"], vintage, measure] += quantity_g
    return dict(+sums)


def follow(url: str, folder: Path, registry: str, *, rows: int, seed: int, last: int) -> None:
    """Import the editions 1 to `last`, each twice, and look at the ledger after each."""
    listed = Listed()
    with opened(url) as ledger:
        for edition in range(1, last + 1):
            files = write_registry(
                folder, registry, rows=rows, seed=seed, edition=edition, oddities=False
            )
            paths = [file.path for file in files]
            read = [row for path in paths for row in open_export(path).rows()]
            listed.edition([row for row in read if isinstance(row, Row)])
            taken = take_paths(ledger, *paths)
            assert taken.imported.rows == len(read)
            assert taken.imported.reported == 0, taken.issues
            assert taken.by_code.keys() <= {"vanished"}
            assert ledger_sums(ledger.database, registry) == listed.sums()
            before = leaves(ledger.database)
            again = take_paths(ledger, *reversed(paths))
            assert again.counts == (0, len(read), 0)
            assert again.by_code == taken.by_code
            assert leaves(ledger.database) == before


@pytest.mark.parametrize("registry", SYNTHETIC)
def test_a_ledger_follows_the_editions_of_a_registrys_files(
    registry: str, database_url: str, tmp_path: Path
) -> None:
    follow(database_url, tmp_path, registry, rows=60, seed=3, last=3)


@settings(max_examples=8)
@given(
    registry=st.sampled_from(sorted(SYNTHETIC)),
    rows=st.integers(1, 150),
    seed=st.integers(0, 2**32),
    last=st.integers(1, min(4, LAST_EDITION)),
)
def test_a_ledger_follows_any_editions(
    sqlite_template: Path, registry: str, rows: int, seed: int, last: int
) -> None:
    with TemporaryDirectory() as folder:
        shutil.copyfile(sqlite_template, Path(folder) / "offset.db")
        url = sqlite_url_of(Path(folder) / "offset.db")
        follow(url, Path(folder), registry, rows=rows, seed=seed, last=last)
