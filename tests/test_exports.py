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

from export_samples import SAMPLES, open_export, said, spoken
from offset import sheets
from offset.auditing import audit
from offset.cells import folded_header
from offset.core.canonical import canonical_text
from offset.core.commands import CAUSES, PURPOSES
from offset.core.errors import AmbiguousDates, UnknownColumn, UnknownFile, UnreadableFile
from offset.exports import (
    DATES,
    ISSUES,
    KINDS,
    ExportFile,
    Row,
    RowIssue,
    open_exports,
    recognised,
)
from offset.headers import LIST_OF_PROJECTS
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
    known = set()
    for folder in FOLDERS:
        with (folder / "rows.csv").open(encoding="utf-8", newline="") as file:
            known.add(recognised(next(csv.reader(file))))
    assert [kind.title for kind in KINDS if kind not in known] == []


def test_every_issue_of_a_row_is_met_in_the_samples() -> None:
    met = {
        row.code
        for folder in FOLDERS
        for export in open_exports(folder / "rows.csv").exports
        for row in export.rows()
        if isinstance(row, RowIssue)
    }
    assert met == set(ISSUES)


def test_every_row_gives_one_answer_and_keeps_its_line() -> None:
    for folder in FOLDERS:
        for export in open_exports(folder / "rows.csv").exports:
            lines = [row.line for row in export.rows()]
            assert lines == list(range(2, export.row_count + 2)), folder.name


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
    with pytest.raises(UnreadableFile, match="is empty"):
        open_export(tmp_path / "a.csv")


def test_a_file_with_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    export = open_export(cancellations(tmp_path))
    assert (export.row_count, list(export.rows())) == (0, [])


def test_an_unknown_column_is_left_out_in_a_sentence_if_it_has_text(tmp_path: Path) -> None:
    empty = open_export(cancellations(tmp_path, {}, {"Planet": " "}, Planet=""))
    assert ([type(row) for row in empty.rows()], empty.notes) == ([Row, Row], [])
    noted = open_export(cancellations(tmp_path, {}, {"Planet": "Earth"}, Planet=""))
    assert [type(row) for row in noted.rows()] == [Row, Row]
    (note,) = noted.notes
    assert note.startswith("column 'planet' is not known in acr cancellations and is not taken; ")
    assert note.endswith(" from line 3 on")


@pytest.mark.parametrize("name", ["Status", "My quantity", "Serial Number 2", "Cancelled?"])
def test_an_unknown_column_that_may_change_a_row_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownColumn, match=r"acr cancellations .* line 3") as refusal:
        open_export(cancellations(tmp_path, {}, {name: "x"}, **{name: ""}))
    assert refusal.value.facts == {"column": name.lower(), "line": 3}


def test_an_unknown_column_that_says_what_became_of_credits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownColumn, match=r"'mark' .* line 3"):
        open_export(cancellations(tmp_path, {}, {"Mark": "Voided"}, Mark="fine"))


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
    with pytest.raises(
        AmbiguousDates,
        match=r"^export.csv: column 'status effective \(gmt\)': line 2 has 02/03/2026.*--dates dmy",
    ):
        open_export(path)


@pytest.mark.parametrize(
    "text, dates, day",
    [
        ("02/03/2026", "dmy", "2026-03-02"),
        ("02/03/2026", "mdy", "2026-02-03"),
        ("02/03/26", "mdy", "2026-02-03"),
        ("26/03/02", "ymd", "2026-03-02"),
        ("13/03/2026", "mdy", None),  # which is not so
        ("03/13/2026", "dmy", None),
        ("02/03/2026", "ymd", None),
    ],
)
def test_who_imports_may_tell_how_dates_are_written(
    tmp_path: Path, text: str, dates: str, day: str | None
) -> None:
    path = cancellations(tmp_path, {"Status Effective  (GMT)": text})
    if day is None:
        with pytest.raises(AmbiguousDates, match="'status effective"):
            open_exports(path, DATES[dates])
    else:
        (export,) = open_exports(path, DATES[dates]).exports
        assert [row.ended_on for row in export.rows() if isinstance(row, Row)] == [day]


def test_the_order_that_is_told_is_for_columns_that_tell_none(tmp_path: Path) -> None:
    ended, start, end = (
        "Status Effective  (GMT)",
        "Vintage Assignment Period Start Date",
        "Vintage Assignment Period End Date",
    )
    row = {ended: "02/03/2026", start: "13/01/2019", end: "12/31/2019"}
    path = cancellations(tmp_path, row, **{start: "", end: ""})
    (export,) = open_exports(path, DATES["mdy"]).exports
    assert [one.ended_on for one in export.rows() if isinstance(one, Row)] == ["2026-02-03"]


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


def test_each_sheet_of_a_workbook_that_is_an_export_is_read_as_its_kind(tmp_path: Path) -> None:
    names = ("acr-projects", "art-issuances", "acr-issuances-2021", "art-retirements")
    tables: dict[str, list[list[str]]] = {"Read me": [["Registries' credits"], ["2026"]]}
    for name in names:
        titles = [["A data set"], ["Offset Credits, 2026-01-01", "v 9"], []]
        with (SAMPLES / name / "rows.csv").open(encoding="utf-8", newline="") as file:
            tables[name] = [*titles, *csv.reader(file)]
    file_ = open_exports(write_workbook(tmp_path / "a.xlsx", {**tables, "Empty": []}))
    assert [(one.sheet_name, one.kind.title) for one in file_.exports] == [
        ("art-issuances", "art issuances"),
        ("acr-issuances-2021", "acr issuances"),
        ("art-retirements", "art retirements"),
    ]
    for one in file_.exports:
        alone = open_export(SAMPLES / one.sheet_name / "rows.csv")
        found = [(row.line - 3, type(row)) for row in one.rows()]
        assert found == [(row.line, type(row)) for row in alone.rows()]
    assert file_.passed_over == [
        f"sheet acr-projects: {LIST_OF_PROJECTS}",
        "sheet Read me: no export that is known has the columns of its first rows",
    ]


@pytest.mark.parametrize(
    "header",
    [
        "ID,Name,Proponent,CCB Project Type,Distinctions,Status,Country/Area,Region",
        "ID,Name,Proponent,Project Type,Methodology,Status,Country/Area,Sustainable Dev. Goals",
        "ID,Name,Proponent,Plastic Project Type,Estimated Annual Collection,Country/Area,Status",
        "ID,Name,Offset Project Operator,Project Type,Status,State,OPR Project ID",
        "GSID,Project Name,Project Developer,Status,Country,Estimated Annual Credits",
        "Project ID,Project Name,Project Developer,Total Number of Credits Registered,Status",
        "Program ID,Program Name,Program Country,Status",
        "Project ID,Project Title,Sector,Proponent,Stage",
        "Facility ID,Facility Name,Supplier,Methodology",
        "resourceIdentifier,resourceName,proponent,protocol,country",
        "Project ID,Project Name,Registry,Total Credits Issued,First Year (Vintage),Country",
        "code;name;country;methodology",
    ],
)
def test_a_list_of_projects_of_whatever_programme_is_passed_over(
    tmp_path: Path, header: str
) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n", encoding="utf-8")
    assert open_exports(tmp_path / "a.csv") == ExportFile(
        exports=[],
        passed_over=[LIST_OF_PROJECTS],
    )


@pytest.mark.parametrize(
    "header",
    [
        "Project ID,Project Name,Quantity",
        "Project ID,Project Name,Serial Numbers",
        "Project ID,Project Name,Vintage,Status",
        "Project ID,Project Name,Credits Issued",
        "Project ID,Country",
        "Name,Country,Project Type",
        "ID,Name,Telephone",
    ],
)
def test_what_may_have_credits_is_no_list_of_projects(tmp_path: Path, header: str) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n", encoding="utf-8")
    with pytest.raises(UnknownFile, match=r"^a\.csv: no export that is known"):
        open_exports(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "before, titles, delimiter, encoding",
    [
        ("10/24/2024 11:00:00 PM\n", 1, ",", "utf-8"),
        ('"Report of ACR, Inc."\n\nas of,2024-10-24,,\n', 3, ",", "utf-8-sig"),
        ('"Titles\nof two lines";a\n', 1, ";", "cp1252"),
        ("sep=;\n", 0, ";", "utf-8-sig"),
        ("sep=\t\r\nA title\n", 1, "\t", "utf-16"),
        ("SEP=,\n", 0, ";", "utf-8"),  # which is not so
        ("", 0, ",", "utf-16"),
        ("\ufeff", 0, "\t", "utf-16-be"),
        ("", 0, ";", "utf-16-le"),
    ],
)
def test_a_file_may_have_titles_and_any_encoding(
    tmp_path: Path, before: str, titles: int, delimiter: str, encoding: str
) -> None:
    with (SAMPLES / "acr-retirements-2026" / "rows.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with (tmp_path / "a.csv").open("w", encoding=encoding, newline="") as file:
        file.write(before)
        csv.writer(file, delimiter=delimiter).writerows(
            [cell.replace("\u2013", "-") for cell in row] for row in rows
        )
    export = open_export(tmp_path / "a.csv")
    found = [(row.line, type(row)) for row in export.rows()]
    alone = open_export(SAMPLES / "acr-retirements-2026" / "rows.csv")
    assert export.kind is alone.kind
    assert found == [(row.line + titles, type(row)) for row in alone.rows()]


def test_the_row_that_is_nearly_a_header_is_named_and_not_the_title(tmp_path: Path) -> None:
    header = ["Credit Serial Numbers", "Cancellation Type", "Vintage"]
    with pytest.raises(UnknownFile, match=r"columns: 'Credit Serial .* without 'cancellation d"):
        open_export(table(tmp_path / "a.csv", [["ACR, Inc."], header]))


def test_a_country_that_is_not_known_is_a_note(tmp_path: Path) -> None:
    rows = [{"Project Site Country": one} for one in ("Vietnam", "Atlantis", "Atlantis", "N/A")]
    export = open_export(cancellations(tmp_path, *rows, **{"Project Site Country": ""}))
    found = [row.country for row in export.rows() if isinstance(row, Row)]
    assert found == ["VN", None, None, None]
    assert export.notes == ["country 'Atlantis' (line 3) is not known, so its records have none"]


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
        file = open_exports(path)
    except (AmbiguousDates, UnknownColumn, UnknownFile, UnreadableFile):
        return
    for export in file.exports:
        answers = list(export.rows())
        assert len(answers) == export.row_count
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
