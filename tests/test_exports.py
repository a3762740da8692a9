"""Registries' exports, by synthetic samples: which kind a file is, and what each row says."""

import csv
import json
import tracemalloc
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export_samples import SAMPLES, said, spoken
from offset import sheets
from offset.auditing import audit
from offset.cells import folded_header
from offset.core.canonical import canonical_text
from offset.core.commands import CAUSES, PURPOSES
from offset.core.errors import AmbiguousDates, UnknownColumn, UnknownFile, UnreadableFile
from offset.exports import ISSUES, KINDS, Row, RowIssue, open_export, recognised
from offset.registries.files import CancelledTotal, Field, RetiredTotal, Says
from workbooks import Value, write_workbook

FOLDERS = sorted(path for path in SAMPLES.iterdir() if path.is_dir())
SERIAL = "ACR-US-901-2019-90001-{} to {}"


def table(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def cancellations(folder: Path, *rows: dict[str, str], **more: str) -> Path:
    """Write a file of ACR's cancellations; each row begins as the same good one."""
    good = {
        "Credit Serial Numbers": SERIAL.format(1, 5),
        "Vintage": "2019",
        "Quantity of Credits": "5",
        "Status Effective  (GMT)": "2026-01-22",
        "Cancellation Type": "Removal of credits from the registry",
        "Cancellation Details": "",
        "Project ID": "ACR901",
        "Project Name": "Cedar Bend",
        **more,
    }
    return table(
        folder / "export.csv", [list(good), *([*{**good, **row}.values()] for row in rows)]
    )


def rows_of(path: Path) -> list[Row | RowIssue]:
    return list(open_export(path).rows())


def only_row(path: Path) -> Row:
    (row,) = rows_of(path)
    assert isinstance(row, Row)
    return row


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_sample_says_what_is_expected(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["rows.csv", "rows.json"]
    expected = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    assert spoken(folder / "rows.csv") == expected


@pytest.mark.parametrize(
    "name", ["verra-transactions", "gold-standard-credits-2021", "acr-retirements-2021"]
)
def test_a_cell_of_marks_takes_time_in_proportion_to_its_length(tmp_path: Path, name: str) -> None:
    # Marks above a letter before marks below it: the worst order there is to sort them.
    marks = "a" + "\u0301" * 15_000 + "\u0316" * 15_000
    with (SAMPLES / name / "rows.csv").open(encoding="utf-8", newline="") as file:
        header, good, *_ = csv.reader(file)
    rows = [[*good[:at], marks, *good[at + 1 :]] for at in range(len(good))]
    path = table(tmp_path / "x.csv", [[*header, marks], *([*row, ""] for row in [good, *rows])])
    start = perf_counter()
    assert audit([path]).rows == len(rows) + 1
    assert perf_counter() - start < 5  # seconds; some 0.1, or 2 and more for each such cell


def test_every_kind_of_file_has_a_sample() -> None:
    known = {open_export(folder / "rows.csv").kind for folder in FOLDERS}
    assert [kind.title for kind in KINDS if kind not in known] == []


def test_every_issue_of_a_row_is_met_in_the_samples() -> None:
    met = {
        row.code
        for folder in FOLDERS
        for row in open_export(folder / "rows.csv").rows()
        if isinstance(row, RowIssue)
    }
    assert met == set(ISSUES)


def test_every_row_gives_one_answer_and_keeps_its_line() -> None:
    for folder in FOLDERS:
        export = open_export(folder / "rows.csv")
        lines = [row.line for row in export.rows()]
        expected = 0 if export.kind.meaning is None else export.row_count
        assert lines == list(range(2, expected + 2)), folder.name


def test_a_list_of_projects_says_in_words_why_it_has_no_rows() -> None:
    export = open_export(SAMPLES / "verra-projects" / "rows.csv")
    assert (export.kind.name, export.kind.registry, export.row_count) == ("projects", "verra", 1)
    assert "says nothing of credits" in export.kind.about
    assert list(export.rows()) == []


def test_a_kind_is_described_in_folded_words() -> None:
    for kind in KINDS:
        headers = [*kind.columns]
        for mark in kind.marks:
            headers += [mark] if isinstance(mark, str) else mark
        assert [name for name in headers if folded_header(name) != name] == [], kind.title
        words = [*kind.statuses, *kind.reasons, *kind.products]
        assert [word for word in words if canonical_text(word) != word] == [], kind.title


def test_a_kind_says_nothing_that_the_ledger_has_no_word_for() -> None:
    for kind in KINDS:
        columns = list(kind.columns.values())
        assert (Field.QUANTITY in columns) == (kind.meaning is not None), kind.title
        says: list[Says] = [*kind.statuses.values(), *kind.reasons.values()]
        assert {one.purpose for one in says} <= {None, *PURPOSES}
        assert {one.cause for one in says} <= {None, *CAUSES}
        assert {one.converted_to for one in says} <= {None, "arb", "wa-ecology"}
        cancelled = {
            one.key.partition(":")[0] for one in columns if isinstance(one, CancelledTotal)
        }
        retired = {one.key for one in columns if isinstance(one, RetiredTotal)}
        assert (cancelled <= set(CAUSES), retired <= set(PURPOSES)) == (True, True), kind.title


def test_the_order_and_the_spelling_of_headers_do_not_count(tmp_path: Path) -> None:
    path = SAMPLES / "verra-transactions" / "rows.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    header = [f" {name.upper()}\n" for name in reversed(header)]
    other = table(tmp_path / "x.csv", [header, *(row[::-1] for row in rows)])
    before = [said(row) for row in open_export(path).rows()]
    after = [said(row) for row in open_export(other).rows()]
    for row in (*before, *after):
        row.pop("text")
    assert after == before


def test_the_name_of_a_file_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "holdings.txt"
    path.write_bytes((SAMPLES / "art-retirements" / "rows.csv").read_bytes())
    assert open_export(path).kind.title == "art retirements"


def test_a_file_of_no_kind_is_refused_with_its_headers(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [["Name", "Tonnes"], ["Cedar Bend", "5"]])
    with pytest.raises(UnknownFile, match=r"these columns: 'Name', 'Tonnes'$") as refusal:
        open_export(path)
    assert refusal.value.facts == {"headers": ["Name", "Tonnes"]}


def test_a_file_that_is_nearly_of_a_kind_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    header = ["Credit Serial Numbers", "Cancellation Type", "Vintage"]
    with pytest.raises(UnknownFile, match="nearest are acr cancellations, without 'cancellation d"):
        open_export(table(tmp_path / "a.csv", [header]))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("", encoding="utf-8")
    with pytest.raises(UnknownFile, match="these columns: none"):
        open_export(tmp_path / "a.csv")


def test_a_file_with_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    export = open_export(cancellations(tmp_path))
    assert (export.row_count, list(export.rows())) == (0, [])


def test_an_unknown_column_is_refused_only_with_text_in_it(tmp_path: Path) -> None:
    empty = cancellations(tmp_path, {}, {"Planet": " "}, Planet="")
    assert [type(row) for row in rows_of(empty)] == [Row, Row]
    with pytest.raises(UnknownColumn, match=r"'planet' .* acr cancellations .* line 3") as refusal:
        open_export(cancellations(tmp_path, {}, {"Planet": "Earth"}, Planet=""))
    assert refusal.value.facts == {"column": "planet", "line": 3}


def test_two_columns_of_one_meaning_are_refused(tmp_path: Path) -> None:
    path = cancellations(tmp_path, {}, **{"Quantity of Offset Credits": "7"})
    with pytest.raises(UnknownColumn, match="'quantity of credits' and 'quantity of offset cred"):
        open_export(path)


def test_the_order_of_dates_is_decided_once_for_a_column(tmp_path: Path) -> None:
    ended, issued = "Status Effective  (GMT)", "Date Issued"
    path = cancellations(
        tmp_path,
        {ended: "02/03/2026", issued: "05/04/2025"},
        {ended: "13/03/2026", issued: "05/14/2025"},
        **{issued: ""},
    )
    assert [(row.ended_on, row.issued_on) for row in rows_of(path) if isinstance(row, Row)] == [
        ("2026-03-02", "2025-05-04"),
        ("2026-03-13", "2025-05-14"),
    ]


def test_a_column_that_decides_nothing_follows_the_files_others(tmp_path: Path) -> None:
    ended, issued = "Status Effective  (GMT)", "Date Issued"
    path = cancellations(tmp_path, {ended: "02/03/2026", issued: "28/02/2025"}, **{issued: ""})
    assert only_row(path).ended_on == "2026-03-02"


def test_dates_that_nothing_decides_are_refused(tmp_path: Path) -> None:
    path = cancellations(tmp_path, {"Status Effective  (GMT)": "02/03/2026"})
    with pytest.raises(AmbiguousDates, match=r"'status effective \(gmt\)': line 2 has 02/03/2026"):
        open_export(path)


def test_dates_are_refused_where_the_files_other_columns_disagree(tmp_path: Path) -> None:
    ended, start, end = (
        "Status Effective  (GMT)",
        "Vintage Assignment Period Start Date",
        "Vintage Assignment Period End Date",
    )
    row = {ended: "02/03/2026", start: "13/01/2019", end: "12/31/2019"}
    with pytest.raises(AmbiguousDates, match=r"'status effective \(gmt\)'"):
        open_export(cancellations(tmp_path, row, **{start: "", end: ""}))


def test_a_column_with_two_orders_is_refused(tmp_path: Path) -> None:
    ended = "Status Effective  (GMT)"
    with pytest.raises(AmbiguousDates, match="no one order") as refusal:
        open_export(cancellations(tmp_path, {ended: "13/02/2026"}, {ended: "02/13/2026"}))
    assert refusal.value.facts == {"column": "status effective (gmt)"}


def test_a_serial_number_longer_than_the_ledger_takes_is_an_issue(tmp_path: Path) -> None:
    (issue,) = rows_of(cancellations(tmp_path, {"Credit Serial Numbers": "x" * 501}))
    assert isinstance(issue, RowIssue)
    assert (issue.line, issue.code) == (2, "serial-malformed")
    assert issue.text.startswith("x" * 501)


def test_a_workbook_is_read_like_a_csv_file(tmp_path: Path) -> None:
    with (SAMPLES / "acr-issuances-2021" / "rows.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    typed: list[list[Value]] = [list(header)]
    typed += [[date(2006, 8, 2), *row[1:10], int(row[10]), *row[11:]] for row in rows]
    path = write_workbook(tmp_path / "a.xlsx", {"Read me": [["Hello"]], "Rows": typed})
    export = open_export(path)
    assert (export.kind.title, export.row_count) == ("acr issuances", 5)
    issued = [row for row in export.rows() if isinstance(row, Row)]
    assert [row.issued_on for row in issued] == ["2006-08-02"] * 4
    assert [row.quantity_g for row in issued] == [3081 * 10**6, 3081 * 10**6, 300 * 10**6, 10**7]


def test_a_workbook_has_one_export(tmp_path: Path) -> None:
    tables: dict[str, list[list[str]]] = {}
    for name in ("acr-projects", "art-issuances", "art-retirements"):
        with (SAMPLES / name / "rows.csv").open(encoding="utf-8", newline="") as file:
            tables[name] = list(csv.reader(file))
    path = write_workbook(tmp_path / "a.xlsx", tables)
    with pytest.raises(UnknownFile, match=r"\(art-issuances, art-retirements\): leave one"):
        open_export(path)
    del tables["art-issuances"]
    path = write_workbook(tmp_path / "b.xlsx", tables)
    assert open_export(path).kind.title == "art retirements"


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\0")
    with pytest.raises(UnreadableFile):
        open_export(tmp_path / "a.csv")


@given(
    folder=st.sampled_from(FOLDERS),
    edits=st.lists(
        st.tuples(
            st.floats(min_value=0, max_value=1, exclude_max=True),
            st.integers(min_value=0, max_value=3),
            st.sampled_from([b"", b'"', b",", b"\n", b"\r", b"/", b"-", b"9", b"\xff", b"\xc2\xa0"])
            | st.binary(max_size=3),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_a_damaged_export_is_refused_or_every_row_gives_one_answer(
    tmp_path_factory: pytest.TempPathFactory, folder: Path, edits: list[tuple[float, int, bytes]]
) -> None:
    content = (folder / "rows.csv").read_bytes()
    for place, removed, added in edits:
        at = int(place * len(content))
        content = content[:at] + added + content[at + removed :]
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_bytes(content)
    try:
        export = open_export(path)
    except (AmbiguousDates, UnknownColumn, UnknownFile, UnreadableFile):
        return
    answers = list(export.rows())
    assert len(answers) == (export.row_count if export.kind.meaning else 0)
    assert {answer.code for answer in answers if isinstance(answer, RowIssue)} <= set(ISSUES)


def test_no_kind_is_taken_for_another() -> None:
    for kind in KINDS:
        spellings = [mark if isinstance(mark, str) else mark[0] for mark in kind.marks]
        assert recognised([*spellings, *kind.columns]) is kind, kind.title


def test_memory_does_not_grow_with_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "_PIECE", 4_096)  # below the smaller file

    def peak(count: int) -> int:
        path = cancellations(
            tmp_path,
            *({"Credit Serial Numbers": SERIAL.format(n * 5 + 1, n * 5 + 5)} for n in range(count)),
        )
        tracemalloc.start()
        try:
            assert sum(isinstance(row, Row) for row in open_export(path).rows()) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(500)  # what is kept from file to file
    assert peak(10_000) < peak(500) + 100_000
