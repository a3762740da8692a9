"""The report of an import: whole, in a file that no spreadsheet computes anything of."""

import csv
import json
from pathlib import Path

import pytest

from offset.core.errors import Unfit
from offset.importing import Issue
from offset.reports import COLUMNS, Reported, ReportFile, safe_cell, visible


def issue(*, line: int | None = 2, text: str = "a row", detail: str = "why") -> Issue:
    return Issue(
        file="export.csv",
        line=line,
        code="no-serial",
        text=text,
        detail=detail,
        serial="S-1",
        public="The row states no serial number.",
    )


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("text, cell", [
    ("", ""),
    ("Two Rivers, 2020", "Two Rivers, 2020"),
    ("1-2-VCS", "1-2-VCS"),
    ("no-break\u00a0space, Ødegård, 森", "no-break\u00a0space, Ødegård, 森"),
    ("=1+1", "'=1+1"),
    ("+1", "'+1"),
    ("-1", "'-1"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("＝1+1", "'＝1+1"),
    ("＋1", "'＋1"),
    ("－1", "'－1"),
    ("＠SUM(A1)", "'＠SUM(A1)"),
    ("\t=1", "'\ufffd=1"),
    ("\r=1", "'\ufffd=1"),
    ("\n=1", "'\ufffd=1"),
    ("\tplain", "'\ufffdplain"),
    ("  =1", "'  =1"),
    ("\u00a0=1", "'\u00a0=1"),
    ('"=1', "'\"=1"),
    ('""=1', "'\"\"=1"),
    ("x;=1+1", "x;'=1+1"),
    ('x; "=1+1', "x; \"'=1+1"),
    ("a;b;@c", "a;b;'@c"),
    ("\x00a\x1b[2Jb\x9bc\x7f", "\ufffda\ufffd[2Jb\ufffdc\ufffd"),
    ("left\u202eright", "left\ufffdright"),
    ("half\ud800", "half\ufffd"),
    ("one\u2028two", "one\ufffdtwo"),
])  # fmt: skip
def test_a_cell_is_shown_and_never_computed(text: str, cell: str) -> None:
    assert safe_cell(text) == cell


def test_what_is_visible_stays_as_it_is() -> None:
    assert visible("Ødegård\u00a0森 🌳 1,5 % -") == "Ødegård\u00a0森 🌳 1,5 % -"


def test_a_report_has_each_issue_in_utf_8_behind_a_bom(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    with ReportFile(path) as report:
        report.add(issue(text='a "quoted", row', detail="Ødegård"))
        report.add(issue(line=None, text='=HYPERLINK("http://x")', detail="@x"))
    assert path.read_bytes().startswith(b'\xef\xbb\xbf"file","line","code","detail","text"\r\n')
    assert rows_of(path) == [
        list(COLUMNS),
        ["export.csv", "2", "no-serial", "Ødegård", 'a "quoted", row'],
        ["export.csv", "", "no-serial", "'@x", '\'=HYPERLINK("http://x")'],
    ]


def test_a_report_of_nothing_is_written_only_where_it_was_asked_for(tmp_path: Path) -> None:
    unasked, asked = tmp_path / "unasked.csv", tmp_path / "asked.csv"
    with Reported(unasked, at_once=False, listed=False) as reported:
        assert reported.examples == {}
    with Reported(asked, at_once=True, listed=False):
        pass
    assert not unasked.exists()
    assert rows_of(asked) == [list(COLUMNS)]


def test_what_was_reported_is_counted_written_and_listed(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    with Reported(path, at_once=False, listed=True) as reported:
        for line in (2, 3, 4):
            reported.add(issue(line=line, text="\x1b[2J"))
        listed = [json.loads(one) for one in reported.listed()]
    assert reported.examples == {"no-serial": (3, issue(line=2, text="\x1b[2J"))}
    assert [row[1] for row in rows_of(path)] == ["line", "2", "3", "4"]
    assert listed[2] == {
        "file": "export.csv",
        "line": 4,
        "code": "no-serial",
        "text": "\ufffd[2J",
        "detail": "why",
    }


def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "no folder" / "report.csv"
    with pytest.raises(Unfit) as refused:
        ReportFile(path)
    assert refused.value.detail == f"the report {path} cannot be written: No such file or directory"
