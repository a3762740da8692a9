"""The command `offset import`, as a process, and the document about importing."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from builders import ORIGIN, opened
from commands import command_environment, run_offset, said
from export_rows import VERRA
from import_samples import BENEFICIARY, ROWS, export, put, spoiled, table_of, tonnes_of
from offset.importing import CODES, WORTH_A_PROCESS, Issue, import_files
from offset.imports import Import, Imports
from offset.models import records
from servers import ROOT


def run(*arguments: str, database_url: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return run_offset(
        "import", *arguments, database_url=database_url, directory=directory, origin=ORIGIN
    )


def newest(database_url: str) -> Import:
    """What the ledger keeps of the newest import."""
    with opened(database_url) as ledger:
        return Imports(ledger.database).newest(1)[0]


def count_of_records(database_url: str) -> int:
    with opened(database_url) as ledger, ledger.database.reading() as connection:
        return connection.execute(select(func.count()).select_from(records)).scalar_one()


def unexpected(issue: Issue) -> None:
    pytest.fail(f"reported: {issue}")


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_it_says_how_the_rows_fared_and_a_second_time_changes_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    export(tmp_path / "verra.csv")
    dry = run("verra.csv", "--dry-run", database_url=sqlite_url, directory=tmp_path)
    assert count_of_records(sqlite_url) == 0
    done = run("verra.csv", database_url=sqlite_url, directory=tmp_path)
    assert count_of_records(sqlite_url) == ROWS
    again = run("verra.csv", database_url=sqlite_url, directory=tmp_path)
    sums = f"{ROWS} rows = {ROWS} applied + 0 unchanged + 0 reported.\n"
    assert (dry.returncode, dry.stdout) == (0, f"{sums}A dry run: nothing was changed.\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, sums, "")
    assert (again.returncode, again.stdout) == (
        0,
        f"{ROWS} rows = 0 applied + {ROWS} unchanged + 0 reported.\n",
    )
    assert {path.name for path in tmp_path.glob("*.csv")} == {"verra.csv"}


def test_what_was_reported_is_counted_by_code_and_stands_in_a_file(
    sqlite_url: str, tmp_path: Path
) -> None:
    with opened(sqlite_url) as ledger:
        import_files(ledger, [export(tmp_path / "verra.csv")], report=unexpected)
    rows = table_of(spoiled(tmp_path / "verra.csv"))
    put(tmp_path / "verra.csv", rows[ROWS // 2 :])
    done = run("verra.csv", database_url=sqlite_url, directory=tmp_path)
    found = newest(sqlite_url)
    (report,) = tmp_path.glob("offset-import-*.csv")
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert report.name == f"offset-import-{found.id}.csv"
    assert lines[0] == "Files and ledger differ:"
    assert lines[-2] == f"All that was reported: {report.name}"
    assert (
        lines[-1] == f"{ROWS // 2 + 2} rows = 0 applied + {ROWS // 2 + 1} unchanged + 1 reported."
    )
    written = rows_of(report)
    assert [row[1:3] for row in written[:2]] == [["line", "code"], ["22", "quantity-mismatch"]]
    assert BENEFICIARY in written[1][4]
    counted = {
        line.split()[1]: line.split()[0] for line in lines if re.match(r"\d+ [a-z-]+: ", line)
    }
    assert counted == {
        f"{code}:": str(sum(row[2] == code for row in written[1:]))
        for code in {row[2] for row in written[1:]}
    }
    assert "vanished:" in counted


def test_json_has_every_issue_with_the_text_of_its_row(sqlite_url: str, tmp_path: Path) -> None:
    path = spoiled(tmp_path / "verra.csv")
    done = run("verra.csv", "--json", database_url=sqlite_url, directory=tmp_path)
    assert done.returncode == 1
    said_: dict[str, Any] = json.loads(done.stdout)
    issues = said_.pop("issues")
    differences = said_.pop("differences")
    assert said_ == {
        "id": newest(sqlite_url).id,
        "dry_run": False,
        "rows": ROWS + 2,
        "applied": ROWS,
        "unchanged": 0,
        "reported": 2,
        "passed_over": [],
        "notes": [],
    }
    assert differences
    for one in differences:  # the row that is stated twice
        assert one["file"] - one["ledger"] == tonnes_of(table_of(path)[0])
    assert [(one["file"], one["line"], one["code"]) for one in issues] == [
        ("verra.csv", ROWS + 2, "quantity-mismatch"),
        ("verra.csv", ROWS + 3, "stated-twice"),
    ]
    assert all(BENEFICIARY in one["text"] for one in issues)
    assert set(issues[0]) == {"file", "line", "code", "text", "detail"}
    assert [one.name for one in tmp_path.glob("*.csv")] == [path.name]


def test_the_report_stands_where_it_was_asked_for_and_replaces_no_export(
    sqlite_url: str, tmp_path: Path
) -> None:
    path = export(tmp_path / "verra.csv")
    before = path.read_bytes()
    over = run("verra.csv", "--report", "verra.csv", database_url=sqlite_url, directory=tmp_path)
    assert said(over) == "the report would replace verra.csv, which is to be imported"
    assert path.read_bytes() == before
    done = run(
        *("verra.csv", "--json", "--report", "told.csv"),
        database_url=sqlite_url,
        directory=tmp_path,
    )
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["issues"] == []
    assert len(rows_of(tmp_path / "told.csv")) == 1


def test_a_file_that_cannot_be_read_ends_with_status_2_and_one_sentence(
    sqlite_url: str, tmp_path: Path
) -> None:
    export(tmp_path / "verra.csv")
    (tmp_path / "other.csv").write_text("a,\x1b[2Jb\n1,2\n", encoding="utf-8")
    done = run("verra.csv", "other.csv", database_url=sqlite_url, directory=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("offset: other.csv: no export that is known has these columns: 'a'")
    assert "\x1b" not in line
    assert count_of_records(sqlite_url) == 0
    assert newest(sqlite_url).status == "failed"
    missing = run("missing.csv", database_url=sqlite_url, directory=tmp_path)
    assert missing.returncode == 2
    assert "'missing.csv' does not exist" in missing.stderr


def test_a_list_of_projects_stops_nothing_and_ambiguous_dates_can_be_told(
    sqlite_url: str, tmp_path: Path
) -> None:
    (tmp_path / "ccb.csv").write_text("ID,Name,Proponent,CCB Project Type\n", encoding="utf-8")
    put(tmp_path / "dates.csv", [{**VERRA, "Issuance Date": "02/03/2026"}])
    names = ("ccb.csv", "dates.csv")
    refused = run(*names, database_url=sqlite_url, directory=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.startswith("offset: dates.csv: column 'issuance date': line 2 has")
    done = run(*names, "--dates", "dmy", database_url=sqlite_url, directory=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "ccb.csv: a list of projects: it says nothing of credits, so no row is for the ledger\n"
        "1 rows = 1 applied + 0 unchanged + 0 reported.\n"
    )


@pytest.mark.parametrize(
    "names, status, said_",
    [
        (["verra.csv"], 0, ""),
        (["wrong.csv"], 1, ""),
        (["verra.csv", "other.csv"], 2, "offset: other.csv: no export that is known"),
        (["wrong.csv", "page.xls"], 2, "offset: page.xls: the file is an HTML page"),
        (["dates.csv"], 2, "offset: dates.csv: column 'issuance date'"),
        (["dates.csv", "--dates", "mdy"], 0, ""),
    ],
)
def test_an_audit_ends_with_1_for_findings_and_2_for_a_file_that_cannot_be_read(
    tmp_path: Path, names: list[str], status: int, said_: str
) -> None:
    rows = table_of(export(tmp_path / "verra.csv"))
    put(tmp_path / "wrong.csv", [{**rows[0], "Quantity Issued": "0.5"}])
    put(tmp_path / "dates.csv", [{**VERRA, "Issuance Date": "02/03/2026"}])
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "page.xls").write_text("<html></html>", encoding="utf-8")
    done = run_offset("audit", *names, database_url=None, directory=tmp_path)
    assert done.returncode == status
    assert done.stderr.startswith(said_)
    assert (done.stderr == "") == (said_ == "") == (done.stdout != "")


@pytest.mark.parametrize(
    "number, engine", [(signal.SIGINT, "sqlite"), (signal.SIGTERM, "postgresql")]
)
def test_a_signal_stops_it_between_two_batches_and_the_same_command_goes_on(
    number: signal.Signals, engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database_url: str = request.getfixturevalue(f"{engine}_url")
    rows = 10_000  # enough for a process of its own that reads them
    export(tmp_path / "verra.csv", rows=rows)
    assert (tmp_path / "verra.csv").stat().st_size > WORTH_A_PROCESS
    process = subprocess.Popen(
        [sys.executable, "-m", "offset", "import", "verra.csv"],
        start_new_session=True,
        cwd=tmp_path,
        env=command_environment(database_url, {"origin": ORIGIN}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while count_of_records(database_url) == 0:
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, number)  # as a terminal and a service manager send it: to all
    out, told = process.communicate(timeout=30)
    assert (process.returncode, out) == (128 + number, "")
    assert told == ("offset: stopped between two batches; the same command goes on from there\n")
    stopped = newest(database_url)
    assert (stopped.status, stopped.done % 500) == ("interrupted", 0)
    assert count_of_records(database_url) == stopped.done < rows
    again = run("verra.csv", database_url=database_url, directory=tmp_path)
    assert again.returncode == 0
    assert again.stdout == (
        f"{rows} rows = {rows - stopped.done} applied + {stopped.done} unchanged + 0 reported.\n"
    )


def test_every_code_of_an_import_is_documented_with_its_meaning() -> None:
    text = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+?) \| .+ \|$", text, re.MULTILINE)
    assert dict(rows) == dict(CODES)
    assert len(rows) == len(CODES)
