"""A ledger that is a plain list of grams: what each command should do, counted in the plainest way.

Written from the rules and not from the code that it judges. A record is one byte a gram, which
says who holds the gram or how it ended. Nothing is ever cut, joined or merged: a run of grams is
looked for in the list each time.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

Json = dict[str, Any]
CREDIT: Final = 1_000_000  # grams
HOLDERS: Final = (None, "developer", "acme", "zeta")
RETIRED: Final = 254
CANCELLED: Final = 255
STATUS: Final = {
    "quantity-mismatch": 422,
    "record-differs": 409,
    "serial-overlap": 409,
    "record-not-found": 404,
    "precondition-failed": 412,
    "serial-outside-record": 422,
    "holder-required": 422,
    "same-holder": 422,
    "already-sold": 409,
    "already-retired": 409,
    "already-cancelled": 409,
    "not-held": 409,
    "insufficient-quantity": 409,
    "no-details": 409,
    "already-erased": 409,
}
_RUN: Final = re.compile(
    b"|".join(
        re.escape(bytes([mark])) + b"+" for mark in (*range(len(HOLDERS)), RETIRED, CANCELLED)
    )
)

Run = tuple[int, int]  # from a gram to another, the last one excluded


class No(Exception):
    """The command is refused."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a command has to answer: a status with a code, or with the record as it then is."""

    status: int
    code: str | None = None
    record: Json | None = None
    taken: list[Run] | None = None


@dataclass(kw_only=True)
class ListedRecord:
    """A record as a list of grams, and what happened to them in order.

    `numbers` are the first and last serial number; None where nobody can read the serial.
    """

    text: str
    numbers: Run | None
    first_holder: str | None
    country: str | None
    grams: bytearray
    acts: list[tuple[str, Run]] = field(default_factory=list)
    events: int = 1
    erasures: int = 0

    def runs(self, within: Run | None = None) -> Iterator[tuple[int, Run]]:
        """Walk the unbroken runs of equal grams: what each is marked with, and where it is."""
        first, end = within or (0, len(self.grams))
        for run in _RUN.finditer(self.grams, first, end):
            yield self.grams[run.start()], run.span()

    def held_by(self, holder: str | None) -> int:
        """Count a holder's grams."""
        return self.counts()[HOLDERS.index(holder)]

    def counts(self) -> Counter[int]:
        """Count the grams by their mark."""
        found: Counter[int] = Counter()
        for mark, (first, end) in self.runs():
            found[mark] += end - first
        return found

    def holders(self, within: Run | None = None) -> list[str | None]:
        """Name who holds some of the grams, in order."""
        marks = dict.fromkeys(mark for mark, _ in self.runs(within))
        return [HOLDERS[mark] for mark in marks if mark < len(HOLDERS)]

    def holdings(self) -> list[tuple[int, int, str | None]]:
        """List who holds which unbroken part: its first gram, its grams, its holder."""
        return [
            (first, end - first, HOLDERS[mark])
            for mark, (first, end) in self.runs()
            if mark < len(HOLDERS)
        ]

    def view(self) -> Json:
        """Show what an answer says of the record."""
        was_sold = any(kind == "already-sold" for kind, _ in self.acts)
        counts = self.counts()
        left = len(self.grams) - counts[RETIRED] - counts[CANCELLED]
        available = counts[HOLDERS.index(self.first_holder)]
        if left:
            status = "SOLD" if was_sold else "CREATED"
        else:
            status = "RETIRED" if counts[RETIRED] else "CANCELLED"
        return {
            "status": status,
            "events": self.events,
            "erasures": self.erasures,
            "issued": len(self.grams),
            "available": available,
            "sold": left - available,
            "retired": counts[RETIRED],
            "cancelled": counts[CANCELLED],
            "holdings": self.holdings(),
        }


class ListedLedger:
    """All records, and which events have details that are there or erased."""

    def __init__(self) -> None:
        self.records: dict[str, ListedRecord] = {}
        self.details: dict[str, bool] = {}  # event id: whether they were erased

    def all_or_nothing(self, items: Sequence[Json]) -> list[Expected]:
        """Do commands until one is refused, and then none of them."""
        before = deepcopy(self.records), dict(self.details)
        answers: list[Expected] = []
        for item in items:
            answers.append(self.do(item))
            if answers[-1].code is not None:
                self.records, self.details = before
                break
        return answers

    def do(self, item: Json) -> Expected:
        """Do one command of a batch, or `erase` of an event; `id` is a new record's id."""
        try:
            if item["command"] == "create":
                return self._create(item)
            if item["command"] == "erase":
                return self._erase(item)
            return self._take(item)
        except No as refused:
            return Expected(status=STATUS[refused.code], code=refused.code)

    def _create(self, item: Json) -> Expected:
        quantity_g = int(Fraction(item["quantity"]) * CREDIT)
        text, numbers = item["serial_number"], item["numbers"]
        if numbers and (numbers[1] - numbers[0] + 1) * CREDIT != quantity_g:
            raise No("quantity-mismatch")
        there = self.records.get(item["id"])
        if there is not None:
            before = {"holder": there.first_holder, "country": there.country}
            for name, value in before.items():
                if item.get(name) not in (None, value):
                    raise No("record-differs")
            return Expected(status=200, record=there.view())
        for other in self.records.values():
            if numbers and other.numbers:
                if set(range(numbers[0], numbers[1] + 1)) & set(
                    range(other.numbers[0], other.numbers[1] + 1)
                ):
                    raise No("serial-overlap")
            elif text == other.text:
                raise No("serial-overlap")
        first_holder = item.get("holder")
        made = self.records[item["id"]] = ListedRecord(
            text=text,
            numbers=numbers,
            first_holder=first_holder,
            country=item.get("country"),
            grams=bytearray([HOLDERS.index(first_holder)]) * quantity_g,
        )
        return Expected(status=201, record=made.view())

    def _erase(self, item: Json) -> Expected:
        if item["event"] not in self.details:
            raise No("no-details")
        if self.details[item["event"]]:
            raise No("already-erased")
        self.details[item["event"]] = True
        record = self.records[item["record_id"]]
        record.events += 1
        record.erasures += 1
        return Expected(status=200, record=record.view())

    def _take(self, item: Json) -> Expected:
        record = self.records.get(item["record_id"])
        if record is None:
            raise No("record-not-found")
        if item.get("seq") not in (None, record.events):
            raise No("precondition-failed")
        chosen = _chosen(record, item)
        mark, kind = {
            "sell": (HOLDERS.index(item.get("to")), "already-sold"),
            "retire": (RETIRED, "already-retired"),
            "cancel": (CANCELLED, "already-cancelled"),
        }[item["command"]]
        givers = {record.grams[first] for first, _ in chosen}
        for first, end in chosen:
            record.grams[first:end] = bytes([mark]) * (end - first)
            record.acts.append((kind, (first, end)))
        record.events += len(givers)
        return Expected(status=200, record=record.view(), taken=sorted(chosen))


def _chosen(record: ListedRecord, item: Json) -> list[Run]:
    """Choose the grams that are given, or refuse."""
    selling, named = item["command"] == "sell", "from" in item or "holder" in item
    giver = item.get("from", item.get("holder"))
    if selling and not named:
        giver = record.first_holder
    if "serial_first" in item:
        return _chosen_by_serial(record, item, giver, named=named)
    if "quantity" in item:
        wanted = int(Fraction(item["quantity"]) * CREDIT)
        if not selling and not named:
            if len(record.holders()) > 1:
                raise No("holder-required")
            giver = next(iter(record.holders()), None)
        if wanted > record.held_by(giver):
            raise No("insufficient-quantity")
    elif not record.holders():
        raise No("already-retired" if RETIRED in record.grams else "already-cancelled")
    elif not selling and not named:
        return [run for mark, run in record.runs() if mark < len(HOLDERS)]
    else:
        wanted = record.held_by(giver)
        if wanted == 0:
            raise No("insufficient-quantity" if named else "already-sold")
    if selling and giver == item["to"]:
        raise No("same-holder")
    return _lowest(record, giver, wanted)


def _lowest(record: ListedRecord, giver: str | None, wanted: int) -> list[Run]:
    taken: list[Run] = []
    for mark, (first, end) in record.runs():
        if mark == HOLDERS.index(giver) and wanted:
            taken.append((first, min(end, first + wanted)))
            wanted -= taken[-1][1] - first
    assert wanted == 0
    return taken


def _chosen_by_serial(
    record: ListedRecord, item: Json, giver: str | None, *, named: bool
) -> list[Run]:
    if record.numbers is None:
        raise No("serial-outside-record")
    first, last = item["serial_first"], item["serial_last"]
    if not record.numbers[0] <= first <= last <= record.numbers[1]:
        raise No("serial-outside-record")
    run = ((first - record.numbers[0]) * CREDIT, (last + 1 - record.numbers[0]) * CREDIT)
    holders, marks = record.holders(run), {mark for mark, _ in record.runs(run)}
    if item["command"] == "sell":
        if giver == item["to"]:
            raise No("same-holder")
    elif not named:
        if len(holders) > 1 and not marks & {RETIRED, CANCELLED}:
            raise No("holder-required")
        giver = next(iter(holders), None)
    if marks == {HOLDERS.index(giver)}:
        return [run]
    # What ended any of the grams first is the reason; else that they were sold.
    for kind, (start, end) in record.acts:
        if kind != "already-sold" and start < run[1] and run[0] < end:
            raise No(kind)
    raise No("already-sold" if giver == record.first_holder else "not-held")
