"""Real input: 200 issuances of Verra's registry live through the API of a started server.

The rows are not part of the repository; what they become is computed here from their text alone.
"""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from builders import CREDIT, ORIGIN, Json
from commands import run_offset
from real_exports import real_exports
from servers import running_server

ROWS: Final = 200


@dataclass(frozen=True, kw_only=True)
class Row:
    """An issuance as the export has it; `first` to `last` are read off its serial number."""

    name: str
    project: str
    vintage_start: str
    vintage_end: str
    quantity: int
    serial: str
    beneficiary: str
    first: int
    last: int

    @property
    def holder(self) -> str:
        return f"project-{self.project}"

    @property
    def body(self) -> Json:
        """What `POST /records` is sent."""
        return {
            "project_name": self.name,
            "registry": "Verra",
            "vintage": int(self.vintage_start[:4]),
            "quantity": self.quantity,
            "serial_number": self.serial,
            "holder": self.holder,
            "project_id": self.project,
            "vintage_start": self.vintage_start,
            "vintage_end": self.vintage_end,
        }

    def text(self, first: int, last: int) -> str:
        """The serial number of a part of the row, written without any code of Offset's."""
        assert self.first <= first <= last <= self.last
        batch, _, _, *rest = self.serial.split("-")
        return "-".join([batch, str(first), str(last), *rest])


@dataclass(kw_only=True)
class Life:
    """A row's record in the ledger, and what has to have become of it, in grams."""

    row: Row
    id: str
    sold_g: int = 0
    retired_g: int = 0
    cancelled_g: int = 0
    fates: dict[int, Json] = field(default_factory=dict)  # of credits that are whole, by number
    events: int = 1

    @property
    def available_g(self) -> int:
        issued_g = self.row.quantity * CREDIT
        return issued_g - self.sold_g - self.retired_g - self.cancelled_g


@dataclass(frozen=True)
class Api:
    """The API of a started server, whose numbers are read without rounding."""

    client: httpx2.Client

    def get(self, path: str) -> Json:
        status, body = _read(self.client.get(path))
        assert status == 200, body
        return body

    def post(self, path: str, body: Json | None = None) -> tuple[int, Json]:
        return _read(self.client.post(path, json=body))

    def take(self, life: Life, act: str, body: Json | None = None) -> Json:
        """Sell, retire or cancel; what was taken, as the answer shows it."""
        status, answer = self.post(f"/records/{life.id}/{act}", body)
        assert status == 200, answer
        life.events += 1
        done = {"sell": "sold", "retire": "retired", "cancel": "cancelled"}[act]
        taken: Json = answer[done]
        return taken


def _read(response: httpx2.Response) -> tuple[int, Json]:
    body: Json = json.loads(response.text, parse_float=Decimal)
    return response.status_code, body


def read_rows(path: Path) -> list[Row]:
    """Read an export of Verra's registry as its columns name it."""
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    return [
        Row(
            name=row["Name"],
            project=row["ID"],
            vintage_start=row["Vintage Start"],
            vintage_end=row["Vintage End"],
            quantity=int(row["Quantity Issued"].replace(",", "")),
            serial=row["Serial Number"],
            beneficiary=row["Retirement Beneficiary"] or "Nobody named",
            first=int(row["Serial Number"].split("-")[1]),
            last=int(row["Serial Number"].split("-")[2]),
        )
        for row in found
    ]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return read_rows(real_exports() / "carbonplan-2026-04" / "verra" / "transactions.csv")


# what becomes of a record: each of these takes something, and notes what has to be true then ------


def kept(api: Api, life: Life) -> None:
    """Nothing happens to it."""
    life.fates[life.row.last] = {"status": "HELD", "holder": life.row.holder}


def sold_and_retired_by_quantity(api: Api, life: Life) -> None:
    """Half is sold, lowest numbers first, and half of that retired."""
    row, half = life.row, -(-life.row.quantity // 2)
    sold = api.take(life, "sell", {"quantity": half, "to": "acme", "price": "7.25"})
    assert_whole(sold, row.text(row.first, row.first + half - 1), half)
    some = -(-half // 2)
    body = {"quantity": str(some), "holder": "acme", "beneficiary": row.beneficiary}
    retired = api.take(life, "retire", body)
    assert_whole(retired, row.text(row.first, row.first + some - 1), some)
    life.fates[row.first] = {"status": "RETIRED", "event_id": retired["id"]}
    if some < half:
        life.fates[row.first + half - 1] = {"status": "HELD", "holder": "acme"}
    if half < row.quantity:
        life.fates[row.last] = {"status": "HELD", "holder": row.holder}
    life.sold_g, life.retired_g = (half - some) * CREDIT, some * CREDIT


def sold_and_retired_by_serial_numbers(api: Api, life: Life) -> None:
    """The middle third is sold, and its last credit retired."""
    row, third = life.row, life.row.quantity // 3
    first, last = row.first + third, row.last - third
    sold = api.take(life, "sell", {"serial_first": first, "serial_last": last, "to": "northwind"})
    assert_whole(sold, row.text(first, last), last - first + 1)
    retired = api.take(life, "retire", {"serial_first": last, "serial_last": last})
    assert_whole(retired, row.text(last, last), 1)
    life.fates[last] = {"status": "RETIRED", "event_id": retired["id"]}
    if first < last:
        life.fates[first] = {"status": "HELD", "holder": "northwind"}
    if third:
        life.fates[row.first] = {"status": "HELD", "holder": row.holder}
    life.sold_g, life.retired_g = (last - first) * CREDIT, CREDIT


def retired_by_the_gram(api: Api, life: Life) -> None:
    """A quarter of a credit is sold, a gram of that retired; then 2 t across three credits."""
    row = life.row
    sold = api.take(life, "sell", {"quantity": 0.25, "to": "acme"})
    assert_parts(sold, 250_000, None, [_in_part(row, row.first, 0, 249_999)])
    gram = api.take(life, "retire", {"quantity": "0.000001", "holder": "acme"})
    assert_parts(gram, 1, None, [_in_part(row, row.first, 0, 0)])
    life.sold_g, life.retired_g = 249_999, 1
    if row.quantity < 3:
        return
    two = api.take(life, "retire", {"quantity": 2, "holder": row.holder})
    ends = [
        _in_part(row, row.first, 250_000, 999_999),
        _in_part(row, row.first + 2, 0, 249_999),
    ]
    assert_parts(two, 2 * CREDIT, row.text(row.first + 1, row.first + 1), ends)
    life.fates[row.first + 1] = {"status": "RETIRED", "event_id": two["id"]}
    life.retired_g += 2 * CREDIT
    (record,) = api.get(f"/serials/{row.text(row.first, row.first)}")["records"]
    assert [(part["status"], part["quantity_g"]) for part in record["parts"]] == [
        *(("RETIRED", 1), ("HELD", 249_999), ("RETIRED", 750_000))
    ]


def retired_as_a_whole(api: Api, life: Life) -> None:
    """All of it is retired, once."""
    row = life.row
    retired = api.take(life, "retire", {"beneficiary": row.beneficiary, "purpose": "other"})
    assert_whole(retired, row.serial, row.quantity)
    status, again = api.post(f"/records/{life.id}/retire")
    assert (status, again["code"]) == (409, "already-retired")
    assert again["retirement_id"] == retired["id"]
    found = api.get(f"/retirements/{retired['id']}")
    assert (found["quantity"], found["beneficiary"]) == (row.quantity, row.beneficiary)
    life.fates[row.first] = {"status": "RETIRED", "event_id": retired["id"]}
    life.retired_g = row.quantity * CREDIT


def cancelled_and_the_rest_retired(api: Api, life: Life) -> None:
    """The last credit is cancelled, and what is left retired."""
    row = life.row
    body = {"serial_first": str(row.last), "serial_last": str(row.last), "cause": "invalidated"}
    cancelled = api.take(life, "cancel", body)
    assert_whole(cancelled, row.text(row.last, row.last), 1)
    life.fates[row.last] = {"status": "CANCELLED", "event_id": cancelled["id"]}
    life.cancelled_g = CREDIT
    if row.quantity == 1:
        return
    retired = api.take(life, "retire")
    assert_whole(retired, row.text(row.first, row.last - 1), row.quantity - 1)
    life.fates[row.first] = {"status": "RETIRED", "event_id": retired["id"]}
    life.retired_g = (row.quantity - 1) * CREDIT


LIVES: Final[tuple[Callable[[Api, Life], None], ...]] = (
    kept,
    sold_and_retired_by_quantity,
    sold_and_retired_by_serial_numbers,
    retired_by_the_gram,
    retired_as_a_whole,
    cancelled_and_the_rest_retired,
)


def _in_part(row: Row, serial: int, first_gram: int, last_gram: int) -> Json:
    return {
        "serial": serial,
        "serial_number": row.text(serial, serial),
        "quantity": tonnes(last_gram - first_gram + 1),
        "first_gram": first_gram,
        "last_gram": last_gram,
    }


def tonnes(grams: int) -> Decimal:
    return Decimal(grams) / CREDIT


def assert_whole(taken: Json, text: str, quantity: int) -> None:
    """Assert that exactly these whole credits were taken."""
    assert_parts(taken, quantity * CREDIT, text, [])


def assert_parts(taken: Json, quantity_g: int, text: str | None, in_part: list[Json]) -> None:
    """Assert that one unbroken part was taken, and which credits it is."""
    assert taken["quantity"] == tonnes(quantity_g)
    (part,) = taken["parts"]
    assert part["quantity_g"] == quantity_g
    assert part["serial_number"] == text
    assert part["in_part"] == in_part


# the main job -------------------------------------------------------------------------------------


@contextmanager
def served(database_url: str) -> Iterator[Api]:
    with (
        running_server(database_url, origin=ORIGIN) as server,
        httpx2.Client(base_url=server.url, timeout=30) as client,
    ):
        yield Api(client)


def test_real_issuances_are_created_sold_retired_and_cancelled_and_verify(
    database_url: str, rows: list[Row]
) -> None:
    assert len(rows) == ROWS
    with served(database_url) as api:
        lives = [create(api, row) for row in rows]
        for number, life in enumerate(lives):
            LIVES[number % len(LIVES)](api, life)
            assert_nothing_is_issued_twice(api, life)
            for credit, fate in life.fates.items():
                assert_fate(api, life, credit, fate)
        assert_balances(api, lives)
    done = run_offset("verify", database_url=database_url)
    assert (done.returncode, done.stderr) == (0, "")
    events = sum(life.events for life in lives)
    assert done.stdout.startswith(f"Sound: {events} events of {ROWS} records replayed; ")


def create(api: Api, row: Row) -> Life:
    """Create a row's record, twice; the second time it is found."""
    status, made = api.post("/records", row.body)
    assert status == 201, made
    shown = {name: made[name] for name in ("project_name", "serial_number", "quantity", "vintage")}
    assert shown == {name: row.body[name] for name in shown}
    assert made["serial"]["first"] == row.first
    assert made["serial"]["last"] == row.last
    status, again = api.post("/records", row.body)
    assert (status, again["id"]) == (200, made["id"])
    return Life(row=row, id=made["id"])


def assert_nothing_is_issued_twice(api: Api, life: Life) -> None:
    """The row's credits, or its last one, under another name: refused, naming the record."""
    row = life.row
    for first in {row.first, row.last}:
        text, quantity = row.text(first, row.last), row.last - first + 1
        other = {"project_name": "Another name", "serial_number": text, "quantity": quantity}
        status, refused = api.post("/records", {**row.body, **other})
        assert (status, refused["code"]) == (409, "serial-overlap")
        assert refused["record_id"] == life.id


def assert_fate(api: Api, life: Life, credit: int, fate: Json) -> None:
    """One credit inside the row's range says whose it is, or which event ended it."""
    found = api.get(f"/serials/{life.row.text(credit, credit)}")
    (record,) = found["records"]
    assert record["id"] == life.id
    (part,) = record["parts"]
    assert part["quantity"] == 1
    assert {name: part[name] for name in fate} == fate


def assert_balances(api: Api, lives: list[Life]) -> None:
    """Every record's balance is what was done to it, and all of them add up to the file's sum."""
    listed = {item["id"]: item["balance"] for item in all_records(api)}
    assert listed == {
        life.id: {
            "issued": life.row.quantity,
            "available": tonnes(life.available_g),
            "sold": tonnes(life.sold_g),
            "retired": tonnes(life.retired_g),
            "cancelled": tonnes(life.cancelled_g),
        }
        for life in lives
    }
    ended = ("available", "sold", "retired", "cancelled")
    total = sum(balance[name] for balance in listed.values() for name in ended)
    assert total == sum(life.row.quantity for life in lives)


def all_records(api: Api) -> Iterator[Any]:
    cursor = ""
    while True:
        page = api.get(f"/records?limit=77{cursor}")
        yield from page["items"]
        if page["next"] is None:
            return
        cursor = f"&cursor={page['next']}"
