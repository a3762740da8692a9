"""A ledger full of synthetic credits, to look at: made up from a seed, shaped like real ones.

Exports of several registries are written and imported as real ones would be; then some of what is
active is sold, and some of what was sold is retired by its buyers.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from offset.core.commands import PURPOSES, Take
from offset.core.errors import OffsetError, Unfit
from offset.importing import import_files
from offset.ledger import Ledger
from offset.listing import Filters
from offset.reading import LARGEST_PAGE, Reader
from offset.schemas import RetirePart, SellPart
from offset.submitting import take
from offset.synthetic import write_registries
from offset.units import Answer, Result, Unit

_HOLDERS: Final = ("acme-climate", "northwind", "greenleaf.trading", "carbon_desk", "harbor-fund")
_BENEFICIARIES: Final = (
    "Example Airlines, Inc.",
    "Musterstadt GmbH",
    "Ejemplo y Cía. S.A.",
    "Harbour Coffee Roasters",
    "Sample University",
    "Lighthouse Film Festival 2025",
    "Jane Example",
)


@dataclass(frozen=True, slots=True)
class Made:
    """What the demonstration put into the ledger.

    `rows` of synthetic exports were read, of which some were reported: they are as odd as real
    ones.
    """

    rows: int
    reported: int
    records: int
    sales: int
    retirements: int


def fill(
    ledger: Ledger,
    reader: Reader,
    *,
    rows: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Made:
    """Fill an empty ledger with about so many rows; `progress` is called with rows done and all.

    Raises:
        Unfit: the ledger is not empty.
        DatabaseUnavailable: the database did not take it.
    """
    if reader.head() >= 0:
        raise Unfit("the ledger is not empty: the demonstration is for a new one")
    with TemporaryDirectory(prefix="offset-demo-") as folder:
        written = write_registries(Path(folder), rows=rows, seed=seed)
        paths = [file.path for file in written]
        imported = import_files(ledger, paths, report=lambda _: None, progress=progress)
    chance = random.Random(seed)
    records = sales = retirements = 0
    for page in _pages(reader):
        takes = [
            one
            for record in page
            if not record["planned"]
            for one in _trade(chance, record["id"], record["balance"]["available"])
        ]
        _commit(ledger, takes)
        records += len(page)
        sales += sum(one.verb == "sell" for one in takes)
        retirements += sum(one.verb == "retire" for one in takes)
    return Made(imported.rows, imported.reported, records, sales, retirements)


def _pages(reader: Reader) -> Iterator[list[dict[str, Any]]]:
    after: int | None = -1
    while after is not None:
        page = reader.records(Filters(), after=after, limit=LARGEST_PAGE, count=False)
        yield page.items
        after = page.next


def _commit(ledger: Ledger, takes: Sequence[Take]) -> None:
    refused: list[OffsetError] = []

    def shape(results: Sequence[Result]) -> Answer:
        refused.extend(result for result in results if isinstance(result, OffsetError))
        return Answer(status=200, body={})

    (outcome,) = ledger.commit(
        [Unit(commands=tuple(takes), shape=shape, atomic=True, shows_events=False)]
    )
    if isinstance(outcome, OffsetError):
        raise outcome
    assert not refused, f"the demonstration contradicts itself: {refused[0]}"


def _trade(chance: random.Random, record_id: str, available: float) -> Iterator[Take]:
    """Sell some of a record, and retire some of what was sold."""
    if available < 8 or chance.random() < 0.5:
        return
    left = int(available)
    for buyer in chance.sample(_HOLDERS, chance.randint(1, 3)):
        sold = max(1, left // chance.randint(2, 6))
        left -= sold
        price = str(chance.randint(200, 2400) / 100)
        sale = {"to": buyer, "quantity": sold, "price": price, "currency": "USD"}
        yield take(record_id, SellPart.model_validate(sale), None)
        if chance.random() < 0.7:
            quantity = chance.choice((sold, max(1, sold // 2), 0.25))
            retirement = {
                "holder": buyer,
                "quantity": str(quantity),
                "beneficiary": chance.choice(_BENEFICIARIES),
                "purpose": chance.choice(PURPOSES),
                "effective_on": f"2026-{chance.randint(1, 12):02}-15",
            }
            yield take(record_id, RetirePart.model_validate(retirement), None)
