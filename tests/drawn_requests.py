"""Requests drawn at random, mostly of what a ledger has and can give."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from builders import (
    batching,
    cancelling,
    command_of,
    create,
    creating,
    erasing,
    retiring,
    selling,
    synthetic_serial,
)
from offset.core.quantities import tonnes_text
from offset.units import Unit
from reference import CREDIT, HOLDERS, Json, ListedLedger

NAMED: Final = HOLDERS[1:]
SERIALS: Final = range(1, 6)  # the numbers of one series, so few that ranges meet
KEYS: Final = tuple(f"key-{number}" for number in range(12))
NO_RECORD: Final = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request, as plain JSON: a single command, or a batch of some."""

    items: tuple[Json, ...]
    single: bool
    atomic: bool = False
    key: str | None = None

    def unit(self) -> Unit:
        """Make what the ledger commits."""
        bodies = [_body(item) for item in self.items]
        if not self.single:
            return batching(*bodies, atomic=self.atomic, key=self.key)
        (item,) = self.items
        body = {name: value for name, value in bodies[0].items() if name != "command"}
        if item["command"] == "create":
            return creating(key=self.key, **body)
        record_id = body.pop("record_id")
        if item["command"] == "erase":
            return erasing(record_id, item["event"])
        make = {"sell": selling, "retire": retiring, "cancel": cancelling}[item["command"]]
        return make(record_id, key=self.key, seq=item.get("seq"), **body)


def _body(item: Json) -> Json:
    """The body that a caller sends; the rest is what the list of grams has to know."""
    return {name: value for name, value in item.items() if name not in ("id", "numbers", "seq")}


@st.composite
def creates(draw: st.DrawFn) -> Json:
    """A record of few credits with serial numbers, or of few grams without."""
    numbers = None
    if draw(st.booleans()):
        first = draw(st.sampled_from(SERIALS))
        last = min(first + draw(st.integers(0, 2)), SERIALS[-1])
        numbers = (first, last)
        quantity = str(last - first + 1)
        serial, registry = synthetic_serial(first, last), "Verra"
    else:
        grams = draw(st.integers(1, 12))
        quantity = tonnes_text(grams).removesuffix(" t")
        serial, registry = draw(st.sampled_from(["LOT-A", "LOT-B"])), "Acme Registry"
    optional: Json = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "holder": st.sampled_from(["developer", "acme"]),
                "country": st.sampled_from(["KE", "UG"]),
            },
        )
    )
    name = draw(st.sampled_from(["Mto Mpya", "MTO  MPYA", "Two Rivers"]))
    body = create(
        project_name=name,
        registry=registry,
        serial_number=serial,
        quantity=quantity,
        **optional,
    )
    return {"command": "create", "id": command_of(body).record_id, "numbers": numbers, **body}


def openings() -> st.SearchStrategy[Asked]:
    """A batch of creates."""
    items = st.lists(creates(), min_size=1, max_size=4).map(tuple)
    return st.builds(Asked, items=items, single=st.just(False), atomic=st.booleans())


@st.composite
def takes(draw: st.DrawFn, ledger: ListedLedger, new: Sequence[str]) -> Json:
    """A sale, a retirement or a cancellation, mostly of what is there."""
    command = draw(st.sampled_from(["sell", "sell", "retire", "cancel"]))
    left = [record_id for record_id, record in ledger.records.items() if record.holders()]
    record_id = draw(mostly([*left, *new], [*ledger.records, NO_RECORD]))
    there = ledger.records.get(record_id)
    item: Json = {"command": command, "record_id": record_id}
    if command == "sell":
        item["to"] = draw(st.sampled_from(NAMED))
    holders = there.holders() if there else []
    giver = draw(mostly(holders, HOLDERS))
    if draw(st.integers(0, 3)):
        item["from" if command == "sell" else "holder"] = giver
    how = draw(st.sampled_from(["quantity"] * 4 + ["serials"] * 3 + ["all"]))
    if how == "serials" and not (there and there.numbers) and draw(st.integers(0, 5)):
        how = "quantity"
    if how == "quantity":
        held_g = there.held_by(giver) if there else 0
        item["quantity"] = tonnes_text(draw(quantities(held_g))).removesuffix(" t")
    elif how == "serials":
        near = there.numbers if there and there.numbers else (SERIALS[0], SERIALS[-1])
        first = draw(st.integers(near[0], near[1]))
        last = draw(st.integers(first, near[1] + (draw(st.integers(0, 9)) == 9)))
        item |= {"serial_first": first, "serial_last": last}
    if draw(st.integers(0, 2)) == 0:
        item["details"] = {"beneficiary": "Jane Example"}
    return item


def mostly(usual: Sequence[Any], any_: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Choose one of the usual, nine times of ten where there are any."""
    return st.integers(0, 9).flatmap(
        lambda number: st.sampled_from(usual if usual and number != 9 else any_)
    )


def quantities(held_g: int) -> st.SearchStrategy[int]:
    """A quantity near what matters: a gram, a credit, all that the holder has."""
    borders = [1, 2, held_g // 2, held_g - 1, held_g, held_g + 1]
    if held_g > CREDIT:
        borders += [CREDIT // 4, CREDIT - 1, CREDIT, CREDIT + 1]
    near = [quantity_g for quantity_g in borders if quantity_g > 0]
    return st.sampled_from(near) | st.integers(1, max(1, held_g)) | st.integers(1, 5)


@st.composite
def requests(draw: st.DrawFn, ledger: ListedLedger) -> Asked:
    """A request of one command, or of some; sometimes with a key, or with a version."""
    key = draw(mostly([None], KEYS))
    few = len(ledger.records) < 3
    if draw(st.integers(0, 2)):
        item = draw(creates() if draw(st.integers(0, 9)) < 2 + 3 * few else takes(ledger, []))
        there = ledger.records.get(item.get("record_id", ""))
        if there is not None and draw(st.integers(0, 9)) == 9:
            item["seq"] = max(1, there.events - draw(st.integers(0, 1)))
        return Asked(items=(item,), single=True, key=key)
    items: list[Json] = []
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.integers(0, 9)) < 2 + 3 * few:
            item = draw(creates())
            if item["numbers"] and draw(st.integers(0, 5)) == 5:
                item["quantity"] = "7"  # no range here has so many
            items.append(item)
        else:
            new = [item["id"] for item in items if item["command"] == "create"]
            items.append(draw(takes(ledger, new)))
    return Asked(items=tuple(items), single=False, atomic=draw(st.booleans()), key=key)
