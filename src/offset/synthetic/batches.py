"""Synthetic credits: projects, batches of credits, and the blocks that a batch is cut into.

A batch is one issuance: of one project and one vintage, its credits numbered from 1. Its blocks
are active, retired or cancelled; they tile it, with cuts at round numbers. Everything follows from
the seed, batch after batch, and nothing is kept but some open projects, so that memory stays flat.

An edition is a snapshot of the same credits, half a year after the one before: some active blocks
were cut anew and retired, some rows are gone, and there are further batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final, NamedTuple

from offset.synthetic import days, sizes, words
from offset.synthetic.sizes import SLOTS, Quantiles, spread
from offset.synthetic.words import Place

ACTIVE, RETIRED, CANCELLED = range(3)

Block = tuple[int, int, int, int, int]
"""First and last number, state, day of its end (0 while active), and 64 random bits of its own.

Names, notes and oddities are taken from the bits, so that a block looks alike in every edition.
"""

LAST_EDITION: Final = 9
OPEN_PROJECTS: Final = 48  # batches of so many projects take turns
HALF_YEAR: Final = 182
FIRST_SNAPSHOT: Final = days.number(2026, 4, 14)
LAST_YEAR: Final = 2024  # the newest vintage; planned credits aside

RETIRED_OF_RECUT: Final = 0.6
REWRITTEN: Final = 0.01  # of the projects, which change hands between two editions


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a registry's credits look like.

    `issuances` is None where the blocks come first and a batch is their sum. Of all batches the
    shares `cancelled` and `retired` are cancelled as a whole and retired in part. `repeats` is the
    share of batches that are of the same vintage as the project's batch before. Between two
    editions the share `recut` of the active blocks is cut anew, and `vanishing` of the retired
    ones is gone. Batches issued before `old_until` have a series of numbers of their own.
    """

    registry: str
    blocks: Quantiles
    issuances: Quantiles | None
    rows: Quantiles = sizes.ACR_ROWS
    cancelled: float = 0.0
    retired: float = 0.5
    repeats: float = 0.15
    planned: float = 0.0
    old_until: int = 0
    recut: float = 0.1
    vanishing: float = 0.01
    places: Sequence[Place] = words.WORLD
    first_years: tuple[int, int] = (2005, 2015)
    first_project: int = 9_001
    first_batch: int = 9_001


@dataclass(slots=True, kw_only=True)
class Project:
    """A project while it has batches left; `ordinal` and `year` are those of its last batch."""

    number: int
    place: Place
    name: str
    developer: str
    developer_code: int
    moved_in: int  # the edition before which it changes hands; 0 for never
    bits: int
    year: int
    left: int
    ordinal: int = 0


class Batch(NamedTuple):
    """One issuance. `before` counts the credits of its series that were issued before it."""

    number: int
    project: Project
    ordinal: int
    year: int
    start: int
    end: int
    issued: int
    quantity: int
    before: int
    old: bool
    planned: bool
    bits: int


class Stream:
    """Draws one batch after the other, as an edition shows it."""

    def __init__(self, shape: Shape, *, seed: int, edition: int) -> None:
        self._shape = shape
        self._edition = edition
        self._rng = Random(f"{seed} {shape.registry}")
        # Each edition has its own draws, so that the one before stays what it was.
        self._later = [Random(f"{seed} {shape.registry} {n}") for n in range(edition + 1)]
        self._blocks = spread(shape.blocks, rounded=True)
        self._rows = spread(shape.rows)
        self._waiting = spread(sizes.WAITING_DAYS)
        self._issuances = spread(shape.issuances) if shape.issuances else ()
        self._projects = 0
        self._batches = 0
        self._before = [0, 0]
        self._companies = words.companies(self._rng, 150)
        self._open = [self._project() for _ in range(OPEN_PROJECTS)]

    def draw(self, born: int) -> tuple[Batch, list[Block], list[Block]]:
        """Draw the next batch, new in the edition `born`.

        Returns:
            The batch, its blocks in that edition, and in this one.
        """
        rng, shape = self._rng, self._shape
        first = self._batches == 0
        place = int(rng.random() * OPEN_PROJECTS)
        project = self._open[place]
        if not project.left:
            project = self._open[place] = self._project()
        project.left -= 1
        project.ordinal += 1
        if project.ordinal == 1 or rng.random() >= shape.repeats:
            project.year = min(project.year + 1, LAST_YEAR)
        start, end = _period(project.year, rng.random())
        issued = self._issued(born, end, rng.random())
        planned = rng.random() < shape.planned and not first
        if first:
            issued = days.after_the_twelfth(issued)
        old = issued < shape.old_until
        snapshot = _snapshot(born)
        if self._issuances:
            quantity = self._issuances[int(rng.random() * SLOTS)]
            quantity = max(quantity, 300) if first else quantity
            blocks = self._cut(quantity, issued, snapshot, planned=planned)
        else:
            blocks = self._piled(issued, snapshot)
            quantity = blocks[-1][1]
        batch = Batch(
            number=shape.first_batch + self._batches,
            project=project,
            ordinal=project.ordinal,
            year=project.year + 3 if planned else project.year,
            start=start,
            end=end,
            issued=issued,
            quantity=quantity,
            before=self._before[old],
            old=old,
            planned=planned,
            bits=rng.getrandbits(64),
        )
        self._before[old] += quantity
        self._batches += 1
        now = blocks
        for edition in range(born + 1, self._edition + 1):
            now = self._moved_on(batch, now, edition)
        return batch, blocks, now

    def _project(self) -> Project:
        rng, shape = self._rng, self._shape
        random, bits = rng.random, rng.getrandbits(64)
        low, high = shape.first_years
        self._projects += 1
        moves = random() < REWRITTEN * (LAST_EDITION - 1)
        return Project(
            number=shape.first_project + self._projects - 1,
            place=shape.places[int(random() * len(shape.places))],
            name=words.site(bits >> 32),
            developer=self._companies[int(random() * len(self._companies))],
            developer_code=100 + int(random() * 900),
            moved_in=2 + int(random() * (LAST_EDITION - 1)) if moves else 0,
            bits=bits,
            year=low + int(random() * (high - low)) - 1,
            left=1 + int(random() * 9),
        )

    def _issued(self, born: int, end: int, share: float) -> int:
        """Choose the day of issue, from the end of the vintage to the edition's snapshot."""
        if born == 1:
            return end + 30 + int(share * share * min(1_200, FIRST_SNAPSHOT - end - 30))
        return _snapshot(born - 1) + 1 + int(share * (HALF_YEAR - 10))

    def _ended(self, issued: int, snapshot: int) -> int:
        day = issued + self._waiting[int(self._rng.random() * SLOTS)] - 1
        if day > snapshot:
            day = issued + int(self._rng.random() * (snapshot - issued + 1))
        # The first batch tells how a file writes its days, however short the file is.
        return day if self._batches else days.after_the_twelfth(day)

    def _piled(self, issued: int, snapshot: int) -> list[Block]:
        """Pile up blocks; three of four are retired."""
        rng, table = self._rng, self._blocks
        random, bits = rng.random, rng.getrandbits
        blocks: list[Block] = []
        last = 0
        for _ in range(self._rows[int(random() * SLOTS)]):
            first, last = last + 1, last + table[int(random() * SLOTS)]
            if random() < 0.76 or not blocks:
                blocks.append((first, last, RETIRED, self._ended(issued, snapshot), bits(64)))
            else:
                blocks.append((first, last, ACTIVE, 0, bits(64)))
        return blocks

    def _cut(self, quantity: int, issued: int, snapshot: int, *, planned: bool) -> list[Block]:
        """Cut a batch: retired blocks from its first number on, gaps between, the rest active."""
        rng, table, shape = self._rng, self._blocks, self._shape
        random, bits = rng.random, rng.getrandbits
        if not self._batches:  # rows for every file
            third = quantity // 3
            return [
                (1, third, RETIRED, self._ended(issued, snapshot), bits(64)),
                (third + 1, 2 * third, CANCELLED, self._ended(issued, snapshot), bits(64)),
                (2 * third + 1, quantity, ACTIVE, 0, bits(64)),
            ]
        fate = 1.0 if planned else random()
        if fate < shape.cancelled:
            return [(1, quantity, CANCELLED, self._ended(issued, snapshot), bits(64))]
        blocks: list[Block] = []
        last = 0
        if fate < shape.cancelled + shape.retired:
            for _ in range(self._rows[int(random() * SLOTS)]):
                first, last = last + 1, min(quantity, last + table[int(random() * SLOTS)])
                if random() < 0.15:
                    blocks.append((first, last, ACTIVE, 0, bits(64)))
                else:
                    blocks.append((first, last, RETIRED, self._ended(issued, snapshot), bits(64)))
                if last == quantity:
                    return blocks
        blocks.append((last + 1, quantity, ACTIVE, 0, bits(64)))
        return blocks

    def _moved_on(self, batch: Batch, blocks: Sequence[Block], edition: int) -> list[Block]:
        """Tell what became of a batch's blocks in the half year before an edition."""
        if batch.planned:
            return list(blocks)
        rng = self._later[edition]
        vanishing = self._shape.vanishing if batch.number > self._shape.first_batch else 0.0
        moved: list[Block] = []
        for block in blocks:
            state = block[2]
            if state == ACTIVE and rng.random() < self._shape.recut:
                moved += self._recut(block, rng, edition)
            elif state != RETIRED or rng.random() >= vanishing:
                moved.append(block)
        return moved

    def _recut(self, block: Block, rng: Random, edition: int) -> list[Block]:
        """Cut an active block into up to five, most of them retired since the last edition.

        What is left behind the last cut stays active.
        """
        first, end = block[:2]
        pieces: list[Block] = []
        left = 2 + int(rng.random() * 4)
        while first <= end:
            left -= 1
            size = self._blocks[int(rng.random() * SLOTS)]
            last = min(end, first + size - 1) if left else end
            if left and rng.random() < RETIRED_OF_RECUT:
                day = _snapshot(edition) - int(rng.random() * HALF_YEAR)
                pieces.append((first, last, RETIRED, day, rng.getrandbits(64)))
            else:
                pieces.append((first, last, ACTIVE, 0, rng.getrandbits(64)))
            first = last + 1
        return pieces


def _snapshot(edition: int) -> int:
    return FIRST_SNAPSHOT + (edition - 1) * HALF_YEAR


def _period(year: int, share: float) -> tuple[int, int]:
    """Choose the days of a vintage: four of five are a calendar year. The last is a month's."""
    full, spanning, part = _periods(year)
    return full if share < 0.78 else spanning if share < 0.9 else part


@cache
def _periods(year: int) -> Sequence[tuple[int, int]]:
    return (
        (days.number(year, 1, 1), days.number(year, 12, 31)),
        (days.number(year, 7, 1), days.number(year + 1, 6, 30)),
        (days.number(year, 4, 16), days.number(year, 10, 31)),
    )
