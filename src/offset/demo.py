"""A ledger full of synthetic credits, to look at: made up from a seed, shaped like real ones.

Projects, holders and beneficiaries are invented; serial numbers have the registries' own form.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from uuid import UUID

from offset.core.commands import PURPOSES, Command
from offset.core.errors import OffsetError, Unfit
from offset.ledger import LARGEST_TRANSACTION, Ledger
from offset.reading import Reader
from offset.schemas import CreateRecord, RetirePart, SellPart
from offset.submitting import Submission, take
from offset.units import Answer, Result, Unit

_PLACES: Final = (
    ("Kenya", "KE"),
    ("Brazil", "BR"),
    ("Indonesia", "ID"),
    ("Türkiye", "TR"),
    ("Perú", "PE"),
    ("Cambodia", "KH"),
    ("Ghana", "GH"),
    ("Viet Nam", "VN"),
)
_STATES: Final = ("CA", "TX", "OH", "WV", "MI", "OK", "ME", "WA")
_KINDS: Final = (
    ("forest conservation", 14),
    ("efficient cookstoves", 3),
    ("wind power", 1),
    ("landfill gas", 13),
    ("mangrove restoration", 14),
    ("biochar", 14),
)
_NAMES: Final = (
    "Rimba",
    "Mto Mpya",
    "São Lourenço",
    "Cedar Fork",
    "Dağ Rüzgârı",
    "Two Rivers",
    "Laguna Clara",
    "Sunrise Valley",
    "Hòa Bình",
    "Stone Creek",
)
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
_SIZES: Final = (4, 40, 250, 1_000, 5_000, 20_000, 90_000, 250_000)


@dataclass(frozen=True, slots=True)
class Made:
    """What the demonstration put into the ledger."""

    records: int
    sales: int
    retirements: int


def fill(
    ledger: Ledger,
    reader: Reader,
    *,
    records: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Made:
    """Fill an empty ledger; `progress` is called with the number of records done and of all.

    Raises:
        Unfit: the ledger is not empty.
        DatabaseUnavailable: the database did not take it.
    """
    if reader.head() >= 0:
        raise Unfit("the ledger is not empty: the demonstration is for a new one")
    lives = _lives(random.Random(seed), records)
    done = sales = retirements = 0
    while batch := list(islice(lives, LARGEST_TRANSACTION // 4)):
        commands = [command for life in batch for command in life]
        _commit(ledger, commands)
        sales += sum(type(command).__name__ == "Sell" for command in commands)
        retirements += sum(type(command).__name__ == "Retire" for command in commands)
        done += len(batch)
        if progress:
            progress(done, records)
    return Made(records, sales, retirements)


def _commit(ledger: Ledger, commands: Sequence[Command]) -> None:
    refused: list[OffsetError] = []

    def shape(results: Sequence[Result]) -> Answer:
        refused.extend(result for result in results if isinstance(result, OffsetError))
        return Answer(status=200, body={})

    (outcome,) = ledger.commit([Unit(commands=tuple(commands), shape=shape, atomic=True)])
    if isinstance(outcome, OffsetError):
        raise outcome
    assert not refused, f"the demonstration contradicts itself: {refused[0]}"


def _lives(chance: random.Random, count: int) -> Iterator[list[Command]]:
    """Make records one by one, each with its sales and retirements."""
    number = 5_000_000  # where the next Verra block begins
    for index in range(count):
        quantity = max(1, int(chance.choice(_SIZES) * chance.uniform(0.3, 1.7)))
        sent = _issuance(chance, index, quantity, number)
        number += quantity
        yield _life(chance, sent, quantity)


def _life(chance: random.Random, sent: dict[str, Any], quantity: int) -> list[Command]:
    """Create a record, sell some of it, retire some of what was sold."""
    submission = Submission()
    create = submission.create(CreateRecord.model_validate(sent))
    commands: list[Command] = [create]
    if chance.random() < 0.35 or quantity < 8:
        return commands
    left = quantity
    for buyer in chance.sample(_HOLDERS, chance.randint(1, 3)):
        sold = max(1, left // chance.randint(2, 6))
        left -= sold
        sale = {"to": buyer, "quantity": sold, "price": str(chance.randint(200, 2400) / 100)}
        commands.append(
            take(create.record_id, SellPart.model_validate({**sale, "currency": "USD"}), None)
        )
        if chance.random() < 0.7:
            retired = chance.choice((sold, max(1, sold // 2), 0.25))
            commands.append(
                take(create.record_id, _retirement(chance, buyer, str(retired), sent), None)
            )
    if chance.random() < 0.1:
        commands.append(take(create.record_id, RetirePart(), None))
    return commands


def _retirement(
    chance: random.Random, holder: str, quantity: str, sent: dict[str, Any]
) -> RetirePart:
    return RetirePart.model_validate(
        {
            "holder": holder,
            "quantity": quantity,
            "beneficiary": chance.choice(_BENEFICIARIES),
            "purpose": chance.choice(PURPOSES),
            "effective_on": f"{sent['vintage'] + 2}-{chance.randint(1, 12):02}-15",
        }
    )


def _issuance(chance: random.Random, index: int, quantity: int, number: int) -> dict[str, Any]:
    """Make the body of one create."""
    place, country = chance.choice(_PLACES)
    kind, scope = chance.choice(_KINDS)
    year, project = chance.randint(2012, 2024), 1000 + index // 3
    name = f"{chance.choice(_NAMES)} {kind}, {place}"
    batch, last = 9_000 + index, number + quantity - 1
    registry, serial = chance.choice(
        (
            (
                "Verra",
                (
                    f"{batch}-{number}-{last}-VCS-VCU-999-VER-{country}-{scope}-{project}"
                    f"-0101{year}-3112{year}-0"
                ),
            ),
            (
                "Gold Standard",
                f"GS1-1-{country}-GS{project}-16-{year}-{90_000 + index}-1-{quantity}",
            ),
            ("ACR", f"ACR-US-{project}-{year}-{index + 1}-1 to {quantity}"),
            (
                "Climate Action Reserve",
                (
                    f"CAR-1-US-{project}-4-999-{chance.choice(_STATES)}-{year}-{90_000 + index}"
                    f"-1 to {quantity}"
                ),
            ),
            (
                "Puro.earth",
                (
                    f"PURO_PR_CORC100+_{country}_{500_000 + project}_{year}"
                    f"_{UUID(int=chance.getrandbits(128), version=4)}_1-{quantity}"
                ),
            ),
        )
    )
    return {
        "project_name": name,
        "registry": registry,
        "vintage": year,
        "quantity": quantity,
        "serial_number": serial,
        "holder": f"developer-{project}",
        "project_id": str(project),
        "country": "US" if registry in ("ACR", "Climate Action Reserve") else country,
        "effective_on": f"{year + 1}-03-01",
    }
