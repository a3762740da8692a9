"""What is wrong in registries' exports, told from the files alone: no ledger is needed.

The files are read once. Of each row some sixty bytes are kept, whatever its length: which numbers
of which series it is about, and what it says of them. Then the rows are sorted by series and first
number, so that each has to be held only against those that reach into it. The rows that something
is wrong with are read once more, for their text.

A row of which the serial number and the quantity differ is a finding of its own and takes part in
nothing else, so that one wrong number does not make its neighbours look wrong.

Rows that say the same in two files are one row: editions of an export repeat each other, and so do
the exports of two searches. Inside one file each row is about credits of its own.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Final

from offset.core.canonical import canonical_serial
from offset.core.quantities import GRAMS_PER_CREDIT, tonnes, tonnes_text
from offset.exports import ISSUES, Export, Meaning, Row, RowIssue, open_export
from offset.registries import REGISTRIES, acr, art, car, cercarbono, gold_standard, puro, verra
from offset.registries.stated import Stated, same_project

CODES: Final[Mapping[str, str]] = {
    **ISSUES,
    "unparsed-serial": "No grammar reads the serial number, so which credits it is of is unknown.",
    "serial-project": "The serial number names another project than the row.",
    "serial-vintage": "The serial number names another vintage than the row.",
    "serial-country": "The serial number names another country than the row.",
    "planned-ended": "Planned credits, which do not exist yet, are retired or cancelled.",
    "duplicate-row": "The same row stands in the file twice.",
    "repeated-serial": "A serial number or id that states no range is of two different rows.",
    "issued-twice": "Two rows list the same credits as issued.",
    "held-twice": "Two rows list the same credits as held.",
    "retired-twice": "Two rows retire the same credits.",
    "cancelled-twice": "Two rows cancel the same credits.",
    "retired-and-cancelled": "One row retires credits that another one cancels.",
    "held-and-ended": "Credits are listed as held that another row retires or cancels.",
    "never-issued": "Credits of a project's vintage ended, and no file shows any that were issued.",
    "retired-more-than-issued": "More of a project's vintage is retired than was issued.",
    "ended-more-than-issued": "More of a project's vintage is retired and cancelled than issued.",
}
"""Every kind of finding, and what it means. A code never changes its meaning."""

@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong at a row: a code of `CODES`, the row's text, a sentence that names the fact.

    `line` counts rows, the header being 1. `file` is the file's name, with its folder where two
    files have one name.
    """

    file: str
    line: int
    code: str
    text: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What the files say of a vintage of a registry, in grams."""

    registry: str
    vintage: int
    issued_g: int
    retired_g: int
    cancelled_g: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found, by file and line, and the sums of what it read.

    `repeated` counts rows that stand in an earlier file, too, and are counted once. `planned_g` is
    in no total. `passed_over` has a sentence for each file that says nothing of credits.
    """

    rows: int
    findings: Sequence[Finding]
    totals: Sequence[Total]
    repeated: int
    planned_g: int
    passed_over: Sequence[str]

    def as_json(self) -> dict[str, object]:
        """Give the audit as JSON values, quantities in tonnes."""
        return {
            "rows": self.rows,
            "findings": [
                {
                    "file": finding.file,
                    "line": finding.line,
                    "code": finding.code,
                    "text": finding.text,
                    "detail": finding.detail,
                }
                for finding in self.findings
            ],
            "totals": [
                {
                    "registry": total.registry,
                    "vintage": total.vintage,
                    "issued": tonnes(total.issued_g),
                    "retired": tonnes(total.retired_g),
                    "cancelled": tonnes(total.cancelled_g),
                }
                for total in self.totals
            ],
        }


def audit(paths: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> Audit:
    """Look for what is wrong in registries' exports.

    Args:
        paths: the files; which of them belong together is told from their rows.
        progress: called with the rows read and their number, now and then.

    Raises:
        UnreadableFile, UnknownFile, UnknownColumn, AmbiguousDates: as `open_export`.
    """
    exports = [open_export(path) for path in paths]
    names = _names(paths)
    row_count = sum(export.row_count for export in exports if export.kind.meaning)
    claims = _Claims()
    findings: list[tuple[int, Finding]] = []
    rows = 0
    for file, export in enumerate(exports):
        for row in export.rows():
            rows += 1
            if progress is not None and rows % 1_000 == 0:
                progress(rows, row_count)
            for code, detail in claims.take(file, row, export):
                finding = Finding(
                    file=names[file], line=row.line, code=code, text=row.text, detail=detail
                )
                findings.append((file, finding))
    if progress is not None:
        progress(rows, row_count)
    reckoning = _Reckoning(claims)
    reckoning.run()
    late = [*reckoning.conflicts, *reckoning.shortfalls()]
    findings += _described(late, claims, exports, names)
    findings.sort(key=lambda one: (one[0], one[1].line))
    return Audit(
        rows=rows,
        findings=[finding for _, finding in findings],
        totals=claims.totals(),
        repeated=reckoning.repeated,
        planned_g=claims.planned_g,
        passed_over=[
            f"{name}: {export.kind.about}"
            for name, export in zip(names, exports, strict=True)
            if export.kind.meaning is None
        ],
    )


def _names(paths: Sequence[Path]) -> list[str]:
    count = Counter(path.name for path in paths)
    return [path.name if count[path.name] == 1 else str(path) for path in paths]


def _described(
    late: Sequence[_Late], claims: _Claims, exports: Sequence[Export], names: Sequence[str]
) -> Iterator[tuple[int, Finding]]:
    """Read the rows of findings once more, and put the findings into words; by file."""
    wanted = {row for one in late for row in (one.row, one.other) if row is not None}
    rows: dict[int, Row] = {}
    for file, export in enumerate(exports):
        places = {claims.line[place]: place for place in wanted if claims.file[place] == file}
        if places:
            rows |= {
                places[row.line]: row
                for row in export.rows()
                if row.line in places and isinstance(row, Row)
            }
    for one in late:
        row, detail = rows[one.row], one.detail
        if one.other is not None:
            where = f"line {claims.line[one.other]}"
            if claims.file[one.other] != claims.file[one.row]:
                where += f" of {names[claims.file[one.other]]}"
            detail = _conflict_detail(one.code, row, rows[one.other], where)
        file = claims.file[one.row]
        yield (
            file,
            Finding(file=names[file], line=row.line, code=one.code, text=row.text, detail=detail),
        )


def _conflict_detail(code: str, row: Row, other: Row, where: str) -> str:
    if code == "duplicate-row":
        return f"the row stands in {where} already"
    verbs = [_VERBS[_MEANINGS.index(one.meaning)] for one in (row, other)]
    if row.serial is None or other.serial is None or not row.serial.parsed:
        return (
            f"serial {row.serial_text}: {tonnes_text(row.quantity_g)} {verbs[0]} here, "
            f"{tonnes_text(other.quantity_g)} {verbs[1]} in {where}"
        )
    first = max(row.serial.first, other.serial.first)
    last = min(row.serial.last, other.serial.last)
    facts = [
        " of ".join(
            filter(
                None,
                (
                    verb,
                    f"project {one.project_id}, vintage {one.vintage}"
                    if (row.project_id, row.vintage) != (other.project_id, other.vintage)
                    else "",
                ),
            )
        )
        + (f" on {one.ended_on}" if one.ended_on and row.ended_on != other.ended_on else "")
        for verb, one in zip(verbs, (row, other), strict=True)
    ]
    return (
        f"{last - first + 1} credits, {row.serial.part(first, last).text}: {facts[0]} here, "
        f"{facts[1]} in {where}"
    )
    def totals(self) -> list[Total]:
        """Sum the groups by registry and vintage."""
        sums: dict[tuple[str, int], list[int]] = {}
        for group in self.groups:
            one = sums.setdefault((group.registry, group.vintage), [0, 0, 0])
            one[0] += group.issued_g
            one[1] += group.all_retired_g
            one[2] += group.all_cancelled_g
        return [
            Total(
                registry=registry,
                vintage=vintage,
                issued_g=issued_g,
                retired_g=retired_g,
                cancelled_g=cancelled_g,
            )
            for (registry, vintage), (issued_g, retired_g, cancelled_g) in sorted(sums.items())
        ]


