"""Synthetic exports of registries: made up from a seed, shaped like the real ones.

Each file has its registry's own columns, serial numbers, sizes of blocks and oddities; projects,
accounts and beneficiaries are invented. The same seed and arguments give the same bytes. Rows are
written as they are drawn, so that memory does not grow with them.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from offset.synthetic import acr_car, gold_standard, others, verra
from offset.synthetic.batches import LAST_EDITION, Batch, Block, Stream
from offset.synthetic.kinds import Kind, setting
from offset.synthetic.oddities import MISQUOTED, Oddities

__all__ = [
    "KINDS",
    "LAST_EDITION",
    "REGISTRIES",
    "Kind",
    "Written",
    "write",
    "write_registries",
    "write_registry",
]

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind for kind in (*verra.KINDS, *gold_standard.KINDS, *acr_car.KINDS, *others.KINDS)
}
"""Every kind of file that can be written, by its name: `acr retirements`."""

# The files of each registry; the last of each has the most rows, and is the one that is counted.
REGISTRIES: Final[Mapping[str, Sequence[str]]] = {
    "verra": ("verra transactions",),
    "gold-standard": ("gold-standard issuances", "gold-standard retirements"),
    "acr": ("acr issuances", "acr cancellations", "acr retirements"),
    "car": ("car issuances", "car cancellations", "car retirements"),
    "art": ("art issuances", "art cancellations", "art retirements"),
    "cercarbono": ("cercarbono issuances", "cercarbono retirements"),
    "isometric": ("isometric issuances", "isometric retirements"),
    "arb": ("arb issuances",),
}

# Of a hundred rows of all registries, how many are of a registry's largest file.
_SHARES: Final[Mapping[str, int]] = {
    "verra": 38,
    "gold-standard": 22,
    "acr": 12,
    "car": 12,
    "art": 2,
    "cercarbono": 6,
    "isometric": 6,
    "arb": 2,
}

NEW_ROWS: Final = 30  # a later edition has one new row for so many of the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that was written.

    `oddities` counts what was put in, by name; `issues` the rows that cannot be taken, by the code
    that reading the file gives them. `batches` counts those drawn, by the edition they are new in.
    """

    path: Path
    kind: str
    rows: int
    oddities: Mapping[str, int]
    issues: Mapping[str, int]
    batches: Sequence[int]


def write(
    path: Path, kind: str, *, rows: int, seed: int, edition: int = 1, oddities: bool = True
) -> Written:
    """Write one file as CSV.

    Args:
        path: the file, which is replaced.
        kind: one of `KINDS`.
        rows: of the first edition, exactly; a later one has about a tenth more.
        seed: what everything is drawn from.
        edition: 2 is the same credits half a year later, and so on up to `LAST_EDITION`: some
            rows are gone, some blocks cut anew and retired, accounts renamed, days written in
            another manner, and there are new rows.
        oddities: whether to spoil some rows as real ones are; else every row can be read.

    Raises:
        ValueError: no such kind or edition, or fewer rows than one.
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r}: has to be one of {', '.join(KINDS)}")
    if rows < 1 or not 1 <= edition <= LAST_EDITION:
        raise ValueError(
            f"{rows} rows, edition {edition}: has to be 1 or more, 1 to {LAST_EDITION}"
        )
    one = KINDS[kind]
    stream = Stream(one.shape, seed=seed, edition=edition)
    new = [rows, *[rows // NEW_ROWS + 1] * (edition - 1)]
    drawn = [0] * edition
    return _write(path, one, _by_rows(one, stream, new, drawn), drawn, seed, edition, oddities)


def write_registry(
    folder: Path, registry: str, *, rows: int, seed: int, edition: int = 1, oddities: bool = True
) -> list[Written]:
    """Write a registry's files, which agree: no more ends than is issued, and nothing ends twice.

    Args:
        folder: where to; a file is named after its kind: `acr-retirements.csv`.
        registry: one of `REGISTRIES`.
        rows: of its largest file, the retirements; the others follow.
        seed: as in `write`.
        edition: as in `write`.
        oddities: as in `write`.

    Raises:
        ValueError: no such registry or edition, or fewer rows than one.
    """
    if registry not in REGISTRIES:
        raise ValueError(f"registry {registry!r}: has to be one of {', '.join(REGISTRIES)}")
    *smaller, largest = REGISTRIES[registry]
    counted = write(
        _path(folder, largest), largest, rows=rows, seed=seed, edition=edition, oddities=oddities
    )
    files = []
    for kind in smaller:
        stream = Stream(KINDS[kind].shape, seed=seed, edition=edition)
        drawn = _by_batches(KINDS[kind], stream, counted.batches)
        path = _path(folder, kind)
        files.append(_write(path, KINDS[kind], drawn, counted.batches, seed, edition, oddities))
    return [*files, counted]


def write_registries(
    folder: Path, *, rows: int, seed: int, edition: int = 1, oddities: bool = True
) -> list[Written]:
    """Write the files of all registries, in about the proportions of the real ones.

    Args:
        folder: as in `write_registry`.
        rows: of the registries' largest files together; the others come on top.
        seed: as in `write`.
        edition: as in `write`.
        oddities: as in `write`.
    """
    return [
        written
        for registry, share in _SHARES.items()
        for written in write_registry(
            folder,
            registry,
            rows=max(1, rows * share // 100),
            seed=seed,
            edition=edition,
            oddities=oddities,
        )
    ]


def _path(folder: Path, kind: str) -> Path:
    return folder / f"{kind.replace(' ', '-')}.csv"


def _of(kind: Kind, blocks: Sequence[Block]) -> Sequence[Block]:
    """Choose the blocks that a file of this kind has rows for; all where it is of batches."""
    states = kind.states
    return blocks if states is None else [block for block in blocks if block[2] in states]


def _by_rows(
    kind: Kind, stream: Stream, new: Sequence[int], drawn: list[int]
) -> Iterator[tuple[Batch, Sequence[Block]]]:
    """Draw batches until each edition has its new rows; count the batches in `drawn`.

    What is new in this edition is cut off where there is enough of it.
    """
    for born, wanted in enumerate(new, start=1):
        left = wanted
        while left > 0:
            batch, then, now = stream.draw(born)
            drawn[born - 1] += 1
            blocks = _of(kind, now)
            if kind.states is None:
                left -= 1
            else:
                if born == len(new):
                    blocks = blocks[:left]
                left -= len(_of(kind, then))
            yield batch, blocks


def _by_batches(
    kind: Kind, stream: Stream, batches: Sequence[int]
) -> Iterator[tuple[Batch, Sequence[Block]]]:
    for born, count in enumerate(batches, start=1):
        for _ in range(count):
            batch, _, now = stream.draw(born)
            yield batch, _of(kind, now)


def _write(
    path: Path,
    kind: Kind,
    batches: Iterator[tuple[Batch, Sequence[Block]]],
    drawn: Sequence[int],
    seed: int,
    edition: int,
    oddities: bool,
) -> Written:
    made = setting(kind.shape.registry, seed=seed, edition=edition, odd=oddities)
    header = kind.header_of(edition)
    spoil = Oddities(kind.rates if oddities else {}, kind.encoding)
    places = [header.index(name) for name in kind.texts]
    make = kind.maker(made)
    rows = 0
    with path.open("w", encoding=kind.encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for batch, blocks in batches:
            if not blocks:
                continue
            table = make(batch, blocks)
            bits = [batch.bits] if kind.states is None else [block[4] for block in blocks]
            rows += len(table)
            misquoted = False
            for row, own in zip(table, bits, strict=True):
                if own >> 44 < spoil.limit:
                    name = spoil.put(row, places, own)
                    misquoted |= name == MISQUOTED
                    made.put(name, "field-count" if name == MISQUOTED else None)
            if misquoted:
                file.write(_misquoted(table))
            else:
                writer.writerows(table)
    return Written(
        path=path,
        kind=kind.name,
        rows=rows,
        oddities=dict(made.oddities),
        issues=dict(made.issues),
        batches=tuple(drawn),
    )


def _misquoted(table: Sequence[Sequence[str]]) -> str:
    """Give rows as text, in which quotes inside a cell are not doubled."""
    text = io.StringIO()
    csv.writer(text).writerows(table)
    return text.getvalue().replace('""', '"')
