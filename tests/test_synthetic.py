"""Synthetic exports: read like real ones, agree with each other, and change as editions do."""

import tracemalloc
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from export_samples import open_export
from offset.auditing import audit
from offset.exports import Row, RowIssue
from offset.synthetic import KINDS, REGISTRIES, Written, write, write_registry
from offset.synthetic.sizes import ACR_ISSUANCES, VERRA_BLOCKS, spread

BEYOND_ASCII = ("non-ascii", "dash", "curly-quotes", "mojibake", "no-break-space")


def read(path: Path) -> list[Row | RowIssue]:
    return list(open_export(path).rows())


def clean_rows(path: Path) -> list[Row]:
    return [row for row in read(path) if isinstance(row, Row)]


def issues(rows: list[Row | RowIssue]) -> Counter[str]:
    return Counter(row.code for row in rows if isinstance(row, RowIssue))


def by_range(path: Path) -> Mapping[tuple[str, int, int], Row]:
    found = {}
    for row in clean_rows(path):
        assert row.serial is not None
        found[row.serial.series, row.serial.first, row.serial.last] = row
    return found


@pytest.mark.parametrize("edition", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_recognised_and_has_the_rows_and_the_issues_that_were_written(
    tmp_path: Path, kind: str, edition: int
) -> None:
    written = write(tmp_path / "export.csv", kind, rows=1_500, seed=1, edition=edition)
    export = open_export(written.path)
    rows = list(export.rows())
    assert export.kind.title == KINDS[kind].title
    assert export.row_count == len(rows) == written.rows
    assert issues(rows) == written.issues
    assert written.rows == 1_500 if edition == 1 else written.rows > 1_500


@pytest.mark.parametrize(
    "kind, rows, code",
    [
        ("gold-standard retirements", 1_500, "quantity-mismatch"),
        ("gold-standard retirements", 3_000, "serial-malformed"),
        ("car retirements", 3_000, "field-count"),
        ("arb issuances", 6_000, "ended-exceeds-issued"),
    ],
)
def test_rows_that_must_be_reported_are_written_and_counted(
    tmp_path: Path, kind: str, rows: int, code: str
) -> None:
    written = write(tmp_path / "export.csv", kind, rows=rows, seed=3)
    assert written.issues[code] > 0
    assert issues(read(written.path)) == written.issues


@pytest.mark.parametrize("kind", KINDS)
def test_without_oddities_every_row_can_be_taken(tmp_path: Path, kind: str) -> None:
    written = write(tmp_path / "export.csv", kind, rows=500, seed=2, oddities=False)
    assert written.path.read_bytes().isascii()
    assert written.oddities == written.issues == {}
    assert len(clean_rows(written.path)) == written.rows == 500


@pytest.mark.parametrize("kind", KINDS)
def test_the_dates_of_a_file_of_one_row_can_be_read(tmp_path: Path, kind: str) -> None:
    for edition in (1, 2):
        path = tmp_path / f"{edition}.csv"
        write(path, kind, rows=1, seed=8, edition=edition, oddities=False)
        assert clean_rows(path)


def test_oddities_are_in_as_many_rows_as_are_counted(tmp_path: Path) -> None:
    written = write(tmp_path / "export.csv", "verra transactions", rows=3_000, seed=4)
    rows = clean_rows(written.path)
    beyond = sum(not row.text.isascii() for row in rows)
    assert beyond == sum(written.oddities[name] for name in BEYOND_ASCII)
    retired = [row for row in rows if row.ended_on]
    silent = sum("reason" not in row.details for row in retired)
    assert silent == written.oddities["missing-reason"]
    assert 0.13 < silent / len(retired) < 0.5


def test_one_seed_gives_one_text_and_another_seed_another(tmp_path: Path) -> None:
    texts = set()
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        path = tmp_path / name
        path.mkdir()
        files = write_registry(path, "car", rows=300, seed=seed, edition=2)
        texts.add(b"".join(one.path.read_bytes() for one in files))
    assert len(texts) == 2


@pytest.mark.parametrize("registry", REGISTRIES)
def test_the_files_of_a_registry_agree_and_so_do_its_editions(
    tmp_path: Path, registry: str
) -> None:
    written: list[Written] = []
    for edition in (1, 2):
        folder = tmp_path / str(edition)
        folder.mkdir()
        files = write_registry(
            folder, registry, rows=1_000, seed=7, edition=edition, oddities=False
        )
        found = audit([one.path for one in files])
        assert (found.findings, found.repeated) == ([], 0)
        assert found.rows == sum(one.rows for one in files)
        assert sum(total.retired_g for total in found.totals) > 0
        written += files
    assert audit([one.path for one in written]).findings == []


@pytest.mark.parametrize("registry", REGISTRIES)
def test_of_a_registry_with_oddities_only_what_was_put_in_is_found(
    tmp_path: Path, registry: str
) -> None:
    files = write_registry(tmp_path, registry, rows=2_000, seed=9)
    found = audit([one.path for one in files])
    expected: Counter[str] = Counter()
    for one in files:
        expected.update(one.issues)
    assert Counter(finding.code for finding in found.findings) == expected


def test_a_later_edition_of_retirements_is_of_the_same_credits(tmp_path: Path) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    for edition, path in ((1, first), (2, second)):
        write(path, "car retirements", rows=6_000, seed=11, edition=edition, oddities=False)
    before, after = by_range(first), by_range(second)
    common = [(before[key], after[key]) for key in before.keys() & after.keys()]
    gone = 1 - len(common) / len(before)
    assert 0.005 < gone < 0.02
    assert len(after) > 1.03 * len(before)
    assert all(one.ended_on == other.ended_on for one, other in common)
    rewritten = [pair for pair in common if pair[0].serial_text != pair[1].serial_text]
    assert 0.002 < len(rewritten) / len(common) < 0.03
    for one, other in rewritten:
        assert one.serial_text is not None
        assert other.serial_text is not None
        segments = zip(one.serial_text.split("-"), other.serial_text.split("-"), strict=True)
        assert [place for place, (a, b) in enumerate(segments) if a != b] == [5]  # the developer
    renamed = sum(one.account != other.account for one, other in common)
    assert 0.008 < renamed / len(common) < 0.025
    assert first.read_text().splitlines()[1] != second.read_text().splitlines()[1]  # the dates


def test_active_blocks_are_cut_anew_in_a_later_edition(tmp_path: Path) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    for edition, path in ((1, first), (2, second)):
        write(path, "verra transactions", rows=2_000, seed=12, edition=edition, oddities=False)
    before, after = by_range(first), by_range(second)
    starts: dict[tuple[str, int], list[int]] = {}
    ends = {(series, last) for series, _, last in after}
    for series, start, last in after:
        starts.setdefault((series, start), []).append(last)
    recut = [key for key in before.keys() - after.keys() if starts.get(key[:2])]
    assert len(recut) > 50
    for series, start, last in recut:
        assert before[series, start, last].ended_on is None
        assert starts[series, start][0] < last
        assert (series, last) in ends
    assert "/" in first.read_text().splitlines()[1]
    assert "/" not in second.read_text().splitlines()[1].split(",")[0]


def test_blocks_are_as_large_as_real_ones(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    write(path, "verra transactions", rows=4_000, seed=13, oddities=False)
    sizes = sorted(row.quantity_g // 1_000_000 for row in clean_rows(path))
    median, ninth = sizes[len(sizes) // 2], sizes[len(sizes) * 9 // 10]
    assert 400 < median < 750
    assert 17_000 < ninth < 36_000
    assert sum(size >= 100 and size % 50 == 0 for size in sizes) > 0.3 * len(sizes)


def test_a_table_of_sizes_has_its_quantiles() -> None:
    for quantiles in (VERRA_BLOCKS, ACR_ISSUANCES):
        table = spread(quantiles)
        for share, size in quantiles[1:-1]:
            assert table[int(share * len(table))] == pytest.approx(size, rel=0.02)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        try:
            write(tmp_path / "export.csv", "verra transactions", rows=rows, seed=14)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # tables are made once
    assert peak(20_000) < peak(2_000) + 500_000


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    with pytest.raises(ValueError, match="has to be one of verra transactions"):
        write(path, "verra", rows=1, seed=1)
    with pytest.raises(ValueError, match="0 rows"):
        write(path, "verra transactions", rows=0, seed=1)
    with pytest.raises(ValueError, match="edition 10"):
        write(path, "verra transactions", rows=1, seed=1, edition=10)
    with pytest.raises(ValueError, match="has to be one of verra, gold-standard"):
        write_registry(tmp_path, "puro", rows=1, seed=1)
    assert list(tmp_path.iterdir()) == []
