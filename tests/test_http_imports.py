"""Imports over HTTP: a file is sent, waits, is imported, and is asked for."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from asking import Connection, Json, Reply
from builders import ORIGIN
from export_rows import VERRA
from histories import assert_sound
from import_samples import ROWS, SERIAL, export, fates, spoiled, table_of
from imports import File
from offset.core.errors import Invalid
from offset.exports import open_exports
from servers import Server, running_server
from workbooks import write_workbook

CSV: Final = {"Content-Type": "text/csv"}


def send(api: Connection, path: Path, query: str = "", **headers: str) -> Reply:
    address = f"/imports?name={path.name}{query}"
    return api.send("POST", address, path.read_bytes(), {**CSV, **headers})


def ended(api: Connection, import_id: str) -> Json:
    """Wait until an import is over; what became of it."""
    end = time.monotonic() + 30
    while True:
        body: Json = api.get(f"/imports/{import_id}").body
        if body["status"] not in ("queued", "running"):
            return body
        assert time.monotonic() < end, body
        time.sleep(0.05)


@contextmanager
def asking(url: str, *, largest: int = 200_000_000) -> Iterator[tuple[Connection, Server]]:
    with running_server(url, origin=ORIGIN, import_max_bytes=largest) as server:
        api = Connection(server.url)
        yield api, server
        api.close()


def test_a_file_that_is_sent_is_queued_imported_and_asked_for(
    database_url: str, tmp_path: Path
) -> None:
    path = spoiled(tmp_path / "verra.csv")
    row = table_of(path)[0]
    with asking(database_url) as (api, _):
        rehearsed = send(api, path, "&dry_run=true")
        sent = send(api, path, **{"Content-Type": "text/csv; charset=utf-8"})
        import_id = sent.body["id"]
        dry, found = ended(api, rehearsed.body["id"]), ended(api, import_id)
        first = api.get(f"/imports/{import_id}/issues?limit=1")
        second = api.get(first.headers["link"].partition(">")[0].removeprefix("<"))
        listed = api.get("/imports?limit=1").body["items"]
        serial = api.get(f"/serials/{row[SERIAL]}").body
    assert (sent.status, sent.headers["location"]) == (202, f"/imports/{import_id}")
    assert sent.body["status"] == "queued"
    assert (found["status"], found["file"], found["dry_run"]) == ("done", "verra.csv", False)
    assert dry["dry_run"] is True
    for one in (dry, found):
        assert {name: one[name] for name in fates(0, 0, 0)} == fates(ROWS, 0, 2)
        assert one["progress"] == {"done": ROWS + 2, "total": ROWS + 2}
    assert first.body["next"] == 1
    assert (second.body["next"], "link" in second.headers) == (None, False)
    assert [one["code"] for reply in (first, second) for one in reply.body["items"]] == [
        "quantity-mismatch",
        "stated-twice",
    ]
    assert set(second.body["items"][0]) == {"line", "code", "text", "detail"}
    assert [one["id"] for one in listed] == [import_id]
    assert "differences" not in listed[0]
    assert [one["serial_number"] for one in serial["records"]] == [row[SERIAL]]


def test_what_cannot_be_imported_is_refused_or_failed_with_the_reason(
    sqlite_url: str, tmp_path: Path
) -> None:
    path = export(tmp_path / "verra.csv")
    rubbish = tmp_path / "rubbish.xlsx"
    rubbish.write_bytes(b"PK\x03\x04 not a workbook")
    largest = path.stat().st_size
    with asking(sqlite_url, largest=largest) as (api, server):
        octets = {"Content-Type": "application/octet-stream"}
        failed = ended(api, send(api, rubbish, **octets).body["id"])
        assert send(api, path).status == 202
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")
        assert send(api, path).verdict == (413, "too-large")
        chunked = (
            b"POST /imports?name=x HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
        )
        assert api.raw(chunked % (largest + 1, b"x" * (largest + 1))).verdict == (413, "too-large")
        wrong: list[tuple[str, dict[str, str], int]] = [
            ("/imports?name=x", {}, 415),
            ("/imports?name=x", {"Content-Type": "application/json"}, 415),
            ("/imports?name=x", {**CSV, "Content-Encoding": "gzip"}, 415),
            ("/imports", CSV, 422),
            ("/imports?name=", CSV, 422),
            (f"/imports?name={'x' * 201}", CSV, 422),
            ("/imports?name=x&dry_run=1", CSV, 422),
            ("/imports?name=x&dryrun=true", CSV, 422),
        ]
        for address, headers, status in wrong:
            assert api.send("POST", address, b"x", headers).status == status, address
        for address in (f"/imports/{uuid4()}", "/imports/x", "/imports/x/issues"):
            assert api.get(address).verdict == (404, "import-not-found")
        assert len(api.get("/imports").body["items"]) == 2
        log = server.log
    assert failed["status"] == "failed"
    assert failed["error"]["code"] == "unreadable-file"
    assert failed["error"]["detail"].startswith("rubbish.xlsx: ")
    assert "Traceback" not in log


def test_a_server_that_ends_stops_between_two_batches_and_begins_nothing_more(
    database_url: str, tmp_path: Path
) -> None:
    path = export(tmp_path / "verra.csv", rows=5_000)
    with asking(database_url) as (api, server):
        first, second = (send(api, path).body["id"] for _ in range(2))
        while api.get(f"/imports/{first}").body["progress"]["done"] == 0:
            time.sleep(0.02)
        assert server.stop() in (0, -signal.SIGTERM)
        assert "Traceback" not in server.log
    with asking(database_url) as (api, _):
        begun, waited = (api.get(f"/imports/{one}").body for one in (first, second))
    assert (begun["status"], waited["status"]) == ("interrupted", "interrupted")
    assert 500 <= begun["progress"]["done"] < 5_000
    assert waited["progress"] == {"done": 0, "total": None}
    assert_sound(database_url)


def test_a_refused_file_is_described_as_on_the_command_line(
    database_url: str, tmp_path: Path
) -> None:
    nearly = tmp_path / "nearly.csv"
    header = [name for name in VERRA if name != "Quantity Issued"]
    nearly.write_text(f"A title\n{','.join(header)}\n", encoding="utf-8")
    page = tmp_path / "page.xls"
    page.write_text("<html><table><tr><td>1</td></tr></table></html>", encoding="utf-8")
    dates = {"Issuance Date": "02/03/2026", "Vintage Start": "2019-01-01"}
    ambiguous = File(VERRA, [dates]).write(tmp_path / "dates.csv")
    with asking(database_url) as (api, _):
        for path in (nearly, page, ambiguous):
            failed = ended(api, send(api, path).body["id"])
            with pytest.raises(Invalid) as refusal:
                open_exports(path)
            assert failed["error"] == {
                "code": refusal.value.code,
                "detail": refusal.value.detail,
            }
            assert failed["error"]["detail"].startswith(f"{path.name}")
        done = ended(api, send(api, ambiguous, "&dates=mdy").body["id"])
        assert api.send("POST", "/imports?name=x&dates=dm", b"x", CSV).status == 422
        record = api.get(f"/serials/{VERRA[SERIAL]}").body["records"][0]
        effective_on = api.get(f"/records/{record['id']}").body["effective_on"]
    assert (done["status"], done["applied"]) == ("done", 1)
    assert effective_on == "2026-02-03"


def test_a_workbook_with_sheets_and_columns_of_its_own_is_taken_with_notes(
    database_url: str, tmp_path: Path
) -> None:
    rows = [[*VERRA, "My reference"], [*VERRA.values(), "x1"]]
    path = write_workbook(tmp_path / "mine.xlsx", {"Mine": rows, "Notes": [["Of mine"]]})
    with asking(database_url) as (api, _):
        sent = send(api, path, **{"Content-Type": "application/octet-stream"})
        done = ended(api, sent.body["id"])
    assert {name: done[name] for name in fates(0, 0, 0)} == fates(1, 0, 0)
    assert done["passed_over"] == [
        "mine.xlsx: sheet Notes: no export that is known has the columns of its first rows"
    ]
    (note,) = done["notes"]
    assert note.startswith("mine.xlsx: sheet Mine: column 'my reference' is not known in verra")
