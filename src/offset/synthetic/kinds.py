"""What a kind of synthetic file is, and what its rows are made with."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from offset.synthetic import words
from offset.synthetic.batches import Batch, Block, Shape

RENAMED: Final = 0.015  # of the rows between two editions: their account has another name
_ACCOUNTS: Final = 120
_BENEFICIARIES: Final = 1_000


@dataclass(slots=True, kw_only=True)
class Setting:
    """What the rows of one file are made with. `odd` asks for oddities, `edition` for its manners.

    The two tables are looked up with a block's bits: `accounts` with the lowest 10,
    `beneficiaries` with the 12 above.
    """

    edition: int
    odd: bool
    accounts: Sequence[str]
    beneficiaries: Sequence[str]
    oddities: Counter[str] = field(default_factory=Counter)
    issues: Counter[str] = field(default_factory=Counter)

    @property
    def other_manner(self) -> bool:
        """Whether days are written in the second of two manners: in every other edition."""
        return self.edition % 2 == 0

    def put(self, oddity: str, issue: str | None = None) -> None:
        """Count an oddity, and the issue that its row is."""
        self.oddities[oddity] += 1
        if issue:
            self.issues[issue] += 1


def setting(registry: str, *, seed: int, edition: int, odd: bool) -> Setting:
    """Make up the names that all files of a registry share.

    Few accounts do most of the work: the first of 120 has 19 % of the rows.
    """
    rng = Random(f"{seed} {registry} names")
    names = words.companies(rng, _ACCOUNTS + _BENEFICIARIES)
    accounts = words.weighted(names[:_ACCOUNTS], slots=1_024, evenness=1.0)
    beneficiaries = words.weighted(names[_ACCOUNTS:], slots=4_096, evenness=0.6)
    return Setting(
        edition=edition,
        odd=odd,
        accounts=words.renamed(accounts, share=RENAMED, times=edition - 1),
        beneficiaries=words.renamed(beneficiaries, share=RENAMED, times=edition - 1),
    )


def note(bits: int, name: str, year: int) -> str:
    """Write why credits were retired, for whom and for which year."""
    return words.NOTES[bits >> 22 & 7].format(name, year)


Maker = Callable[[Batch, Sequence[Block]], list[list[str]]]
"""Makes the rows of a batch: one for each block given, or one for the whole batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of file.

    `title` is what `offset.exports` calls it. Rows are of the blocks in one of these `states`, or
    of whole batches where there are none. `rates` are the shares of rows with an oddity of
    `offset.synthetic.oddities`, which stands in one of the columns `texts`; the last is the longest
    text. `encoding` is what the registry serves.
    """

    name: str
    title: str
    shape: Shape
    header: Sequence[str]
    maker: Callable[[Setting], Maker]
    texts: Sequence[str]
    rates: Mapping[str, float]
    states: frozenset[int] | None = None
    encoding: str = "utf-8"

    def header_of(self, edition: int) -> list[str]:
        """Give the columns' names; one of them was renamed in 2026."""
        newer = {"CCP Approved": "ICVCM CCP Eligible"} if self._renames(edition) else {}
        return [newer.get(name, name) for name in self.header]

    def _renames(self, edition: int) -> bool:
        return edition > 1 and self.shape.registry in {"acr", "car"}
