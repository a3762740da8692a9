"""What is wrong in registries' exports, told from the files alone: no ledger is needed.

The files are read once, and of each row only numbers are kept (`claims`). Sorted by series and
first number, each row has to be held against those alone that reach into it (`reckoning`). The rows
that something is wrong with are then read again, for their text.

A row of which serial number and quantity differ is a finding and takes part in nothing else, so
that one wrong number does not make its neighbours look wrong.

Inside one file each row is about credits of its own. Rows that say the same in two files are one
row: editions of an export repeat each other, and so do the results of two searches.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from offset.auditing.claims import Claims
from offset.auditing.columns import differences
from offset.auditing.reckoning import DUPLICATE, Conflict, Reckoning, Shortfall
from offset.core.quantities import tonnes, tonnes_text
from offset.core.serials import Serial
from offset.exports import ISSUES, Export, ExportFile, Meaning, Order, Row, RowIssue, open_exports

CODES: Final[Mapping[str, str]] = {
    **ISSUES,
    "unparsed-serial": "No grammar reads the serial number, so which credits it is of is unknown.",
    "serial-project": "The serial number names another project than the row.",
    "serial-vintage": "The serial number names another vintage than the row.",
    "serial-country": "The serial number names another country than the row.",
    "serial-flag": "One of serial number and row tells of a second standard, the other of none.",
    "planned-ended": "Planned credits, which do not exist yet, are retired or cancelled.",
    "duplicate-row": "The same row stands in one file twice.",
    "repeated-serial": "One id, or one serial number without numbers, stands at different rows.",
    "issued-twice": "Two rows list the same credits as issued.",
    "held-twice": "Two rows list the same credits as held.",
    "retired-twice": "Two rows retire the same credits.",
    "cancelled-twice": "Two rows cancel the same credits.",
    "retired-and-cancelled": "One row retires credits that another one cancels.",
    "held-and-ended": "One row lists credits as held that another one retires or cancels.",
    "never-issued": "Credits of a project's vintage ended, and the files show none issued.",
    "retired-more-than-issued": "More of a project's vintage is retired than was issued.",
    "ended-more-than-issued": "More of a project's vintage is retired and cancelled than issued.",
}
"""Every kind of finding, and what it means. A code never changes its meaning."""

_VERBS: Final[Mapping[Meaning, str]] = {
    Meaning.ISSUED: "issued",
    Meaning.HELD: "held",
    Meaning.RETIRED: "retired",
    Meaning.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong with a row: a code of `CODES`, and a sentence that names the fact.

    `file` is the file's name, with its folder where two of the files have one name. `line` counts
    rows, the header being 1; `text` is the row as it stood, on one line.
    """

    file: str
    line: int
    code: str
    text: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What the files say of a registry's vintage, in grams."""

    registry: str
    vintage: int
    issued_g: int
    retired_g: int
    cancelled_g: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What is wrong in the files, by file and line, and what their rows add up to.

    `repeated` counts the rows that an earlier file has, too, which are in the totals once.
    `planned_g` is in no total. `passed_over` has a sentence for each file or sheet that is not
    about credits, `notes` one for each column and country that is not known and not taken.
    """

    rows: int
    findings: Sequence[Finding]
    totals: Sequence[Total]
    repeated: int
    planned_g: int
    passed_over: Sequence[str]
    notes: Sequence[str]

    def as_json(self) -> dict[str, object]:
        """Give rows, findings and totals as JSON values, quantities in tonnes."""
        return {
            "rows": self.rows,
            "findings": [asdict(finding) for finding in self.findings],
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
            "passed_over": self.passed_over,
            "notes": self.notes,
        }


def audit(
    paths: Sequence[Path],
    progress: Callable[[int, int], None] | None = None,
    dates: Order | None = None,
) -> Audit:
    """Look for what is wrong in registries' exports, each for itself and all together.

    Args:
        paths: CSV and XLSX files, of any registries.
        progress: called with the rows read so far and the rows there are, now and then.
        dates: in which order days and months stand where a file's own dates do not tell.

    Raises:
        UnreadableFile, UnknownFile, UnknownColumn, AmbiguousDates: as `open_exports`.
    """
    files = list(zip(_names(paths), (open_exports(path, dates) for path in paths), strict=True))
    exports = [export for _, file in files for export in file.exports]
    names = [_export_name(name, file, one) for name, file in files for one in file.exports]
    claims = Claims()
    findings: list[tuple[int, Finding]] = []
    rows = 0
    for file, row in _counted(exports, progress):
        rows += 1
        for code, detail in _taken(claims, file, row, exports[file]):
            findings.append((file, _finding(names[file], row, code, detail)))
    reckoning = Reckoning(claims)
    reckoning.run()
    late: list[Conflict | Shortfall] = [*reckoning.conflicts, *reckoning.shortfalls()]
    findings += _described(late, claims, exports, names)
    findings.sort(key=lambda one: (one[0], one[1].line))
    return Audit(
        rows=rows,
        findings=[finding for _, finding in findings],
        totals=_totals(claims),
        repeated=reckoning.repeated,
        planned_g=claims.planned_g,
        passed_over=[f"{name}: {one}" for name, file in files for one in file.passed_over],
        notes=[
            f"{name}: {one}" for name, file in files for each in file.exports for one in each.notes
        ],
    )


def _names(paths: Sequence[Path]) -> list[str]:
    """Name the files, so that no two have one name unless they are one file."""
    count = Counter(path.name for path in paths)
    return [path.name if count[path.name] == 1 else str(path) for path in paths]


def _export_name(name: str, file: ExportFile, export: Export) -> str:
    """Name an export as its file, and by its sheet where the file has several."""
    return f"{name}, sheet {export.sheet_name}" if len(file.exports) > 1 else name


def _counted(
    exports: Sequence[Export], progress: Callable[[int, int], None] | None
) -> Iterator[tuple[int, Row | RowIssue]]:
    total = sum(export.row_count for export in exports)
    done = 0
    for file, export in enumerate(exports):
        for row in export.rows():
            yield file, row
            done += 1
            if progress is not None and (done % 1_000 == 0 or done == total):
                progress(done, total)


def _taken(
    claims: Claims, file: int, row: Row | RowIssue, export: Export
) -> Iterator[tuple[str, str]]:
    """Keep what a row says; give the code and the sentence of all that is wrong with it alone."""
    if isinstance(row, RowIssue):
        if export.kind.issues:
            claims.unread_issuances.update(export.kind.registries)
        yield row.code, row.detail
        return
    claims.keep(file, row)
    if row.planned and row.meaning in {Meaning.RETIRED, Meaning.CANCELLED}:
        yield "planned-ended", f"{tonnes_text(row.quantity_g)} {_VERBS[row.meaning]}, only planned"
    yield from differences(row)


def _finding(name: str, row: Row | RowIssue, code: str, detail: str) -> Finding:
    if not detail.isprintable():  # a cell may hold what a terminal obeys
        detail = "".join(
            one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in detail
        )
    return Finding(file=name, line=row.line, code=code, text=row.text, detail=detail)


def _described(
    late: Sequence[Conflict | Shortfall],
    claims: Claims,
    exports: Sequence[Export],
    names: Sequence[str],
) -> Iterator[tuple[int, Finding]]:
    """Put what was found among all rows into words, with the number of its file."""
    others = {one.other for one in late if isinstance(one, Conflict) and one.code != DUPLICATE}
    sides = {place: _Side.of(row) for place, row in _read_again(others, claims, exports)}
    by_row: dict[int, list[Conflict | Shortfall]] = {}
    for one in late:
        by_row.setdefault(one.row, []).append(one)
    for place, row in _read_again(by_row, claims, exports):
        file = claims.file[place]
        for one in by_row[place]:
            if isinstance(one, Shortfall):
                detail = one.detail
            else:
                other = claims.file[one.other]
                where = f"line {claims.line[one.other]}"
                where += f" of {names[other]}" if other != file else ""
                if one.code == DUPLICATE:
                    detail = f"the same row stands in {where}"
                else:
                    detail = _conflict_detail(_Side.of(row), sides[one.other], where)
            yield file, _finding(names[file], row, one.code, detail)


def _read_again(
    wanted: Iterable[int], claims: Claims, exports: Sequence[Export]
) -> Iterator[tuple[int, Row]]:
    """Read the rows with these places in the claims from their files again, in their order."""
    places: dict[int, dict[int, int]] = {}
    for place in wanted:
        places.setdefault(claims.file[place], {})[claims.line[place]] = place
    for file, lines in sorted(places.items()):
        for row in exports[file].rows():
            if isinstance(row, Row) and row.line in lines:
                yield lines[row.line], row


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """What a row says that a conflict may be about: a row itself is four times as large."""

    meaning: Meaning
    serial: Serial
    quantity_g: int
    project_id: str | None
    vintage: int
    ended_on: str | None

    @staticmethod
    def of(row: Row) -> "_Side":
        assert row.serial is not None  # what has no serial number is in no such conflict
        return _Side(
            meaning=row.meaning,
            serial=row.serial,
            quantity_g=row.quantity_g,
            project_id=row.project_id,
            vintage=row.vintage,
            ended_on=row.ended_on,
        )


def _conflict_detail(row: _Side, other: _Side, where: str) -> str:
    here, there = (_VERBS[one.meaning] for one in (row, other))
    if (row.project_id, row.vintage) != (other.project_id, other.vintage):
        here += f" of project {row.project_id}, vintage {row.vintage}"
        there += f" of project {other.project_id}, vintage {other.vintage}"
    if row.ended_on and other.ended_on and row.ended_on != other.ended_on:
        here, there = f"{here} on {row.ended_on}", f"{there} on {other.ended_on}"
    one, two = row.serial, other.serial
    if not one.parsed:
        return (
            f"serial {one.text}: {tonnes_text(row.quantity_g)} {here}, and "
            f"{tonnes_text(other.quantity_g)} {there} in {where}"
        )
    shared = one.part(max(one.first, two.first), min(one.last, two.last))
    count = "1 credit" if shared.count == 1 else f"{shared.count} credits"
    return f"{count} ({shared.text}): {here}, and {there} in {where}"


def _totals(claims: Claims) -> list[Total]:
    sums: dict[tuple[str, int], Counter[str]] = {}
    for group in claims.groups:
        one = sums.setdefault((group.registry, group.vintage), Counter())
        one["issued"] += group.issued_g
        one["retired"] += group.retired_g
        one["cancelled"] += group.cancelled_g
    return [
        Total(
            registry=registry,
            vintage=vintage,
            issued_g=one["issued"],
            retired_g=one["retired"],
            cancelled_g=one["cancelled"],
        )
        for (registry, vintage), one in sorted(sums.items())
    ]
