"""Registries' exports: which kind of file it is, and what each of its rows says.

A file is known by its headers. It is read twice: once to see whether every column with text in it
is known and in which order its dates are written, once for its rows. Every row gives exactly one
`Row` or one `RowIssue`; nothing is left out, and nothing is mended.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from offset.cells import DateColumn, Order, folded_header, is_unnamed
from offset.core.errors import AmbiguousDates, UnknownColumn, UnknownFile
from offset.registries import (
    acr_files,
    arb_files,
    art_files,
    car_files,
    cercarbono_files,
    gold_standard_files,
    isometric_files,
    verra_files,
)
from offset.registries.files import Detail, Field, FileKind, Meaning
from offset.rows import ISSUES, Row, RowIssue, RowReader
from offset.sheets import Sheet, open_sheets

__all__ = ["ISSUES", "KINDS", "Export", "FileKind", "Meaning", "Row", "RowIssue", "open_export"]

KINDS: Final[Sequence[FileKind]] = (
    *verra_files.FILES,
    *gold_standard_files.FILES,
    *acr_files.FILES,
    *car_files.FILES,
    *art_files.FILES,
    *cercarbono_files.FILES,
    *isometric_files.FILES,
    *arb_files.FILES,
)

_DATED: Final = frozenset(
    {
        Field.ISSUED_ON,
        Field.ENDED_ON,
        Field.VINTAGE,
        Field.VINTAGE_START,
        Field.VINTAGE_END,
        Field.VINTAGE_PERIOD,
    }
)


class Export:
    """An opened file: its kind, how many rows it has, and what they say.

    A file of a kind without a meaning (`kind.about` says why) gives no rows for the ledger.
    """

    def __init__(self, kind: FileKind, sheet: Sheet) -> None:
        self.kind = kind
        self._sheet = sheet
        self._header = [folded_header(name) for name in sheet.header]
        _check_columns(kind, self._header)
        self.row_count, self._orders = _survey(kind, sheet, self._header)

    def rows(self) -> Iterator[Row | RowIssue]:
        """Read the rows, each of which gives one answer."""
        if self.kind.meaning is None:
            return
        reader = RowReader(self.kind, self._header, self._orders)
        for line in self._sheet.lines():
            yield reader.read(line)


def open_export(path: Path) -> Export:
    """Open a registry's export, CSV or XLSX.

    Args:
        path: the file.

    Raises:
        UnreadableFile: neither CSV nor XLSX, damaged, or too large.
        UnknownFile: its headers are none that are known, or several sheets are exports.
        UnknownColumn: a column that its kind of file does not have, with text in it.
        AmbiguousDates: a column of which the dates do not tell day from month.
    """
    sheets = open_sheets(path)
    known = [(kind, one) for one in sheets if (kind := recognised(one.header))]
    exports = [(kind, one) for kind, one in known if kind.meaning] or known
    if not exports:
        raise _unknown(path, sheets)
    if len(exports) > 1:
        names = [one.name for _, one in exports]
        raise UnknownFile(
            f"{path.name}: {len(names)} of its sheets are exports ({', '.join(names)}): leave one",
            sheets=list(names),
        )
    return Export(*exports[0])


def recognised(header: Sequence[str]) -> FileKind | None:
    """Find the kind of file that has these headers; None where there is none.

    Where the marks of several are there, the kind that knows most of the columns.
    """
    names = {folded_header(name) for name in header}
    fitting = [kind for kind in KINDS if not _missing(kind, names)]
    return min(fitting, key=lambda kind: len(names - kind.columns.keys()), default=None)


def _missing(kind: FileKind, names: set[str]) -> list[str]:
    """List the marks of a kind for which there is no column."""
    spellings = [(mark,) if isinstance(mark, str) else mark for mark in kind.marks]
    return [mark[0] for mark in spellings if names.isdisjoint(mark)]


def _unknown(path: Path, sheets: Sequence[Sheet]) -> UnknownFile:
    headers = [name for sheet in sheets for name in sheet.header if name.strip()]
    names = {folded_header(name) for name in headers}
    nearest = min(KINDS, key=lambda kind: len(_missing(kind, names)) / len(kind.marks))
    missing = _missing(nearest, names)
    hint = ""
    if missing and len(missing) < len(nearest.marks):
        hint = f"; nearest are {nearest.title}, without {', '.join(map(repr, missing))}"
    shown = ", ".join(repr(name) for name in headers[:40]) or "none"
    return UnknownFile(
        f"{path.name}: no export that is known has these columns: {shown}{hint}",
        headers=list(headers[:100]),
    )


def _check_columns(kind: FileKind, header: Sequence[str]) -> None:
    """Refuse two columns that hold the same."""
    held: dict[object, str] = {}
    for name in header:
        column = kind.columns.get(name)
        if column is None:
            continue
        key = column if isinstance(column, Field | Detail) else name
        if key in held:
            raise UnknownColumn(
                f"columns {held[key]!r} and {name!r} hold the same, so neither can be taken",
                column=name,
            )
        held[key] = name


def _survey(kind: FileKind, sheet: Sheet, header: Sequence[str]) -> tuple[int, Mapping[int, Order]]:
    """Read a file through: how many rows it has, and how the dates of each column are written."""
    if kind.meaning is None:
        return sum(1 for _ in sheet.lines()), {}
    unknown = [
        place
        for place, name in enumerate(header)
        if name not in kind.columns and not is_unnamed(name)
    ]
    dated = {
        place: DateColumn() for place, name in enumerate(header) if kind.columns.get(name) in _DATED
    }
    row_count = 0
    for line in sheet.lines():
        row_count += 1
        if line.torn or len(line.cells) != len(header):
            continue
        for place in unknown:
            if line.cells[place].strip():
                raise UnknownColumn(
                    f"column {header[place]!r} is not known in {kind.title} and has text in line "
                    f"{line.number}",
                    column=header[place],
                    line=line.number,
                )
        for place, column in dated.items():
            column.note(line.number, line.cells[place])
    return row_count, _orders(dated, header)


def _orders(dated: Mapping[int, DateColumn], header: Sequence[str]) -> Mapping[int, Order]:
    """Decide how the dates of each column are written.

    A column that has nothing to decide by takes the order of the file's others, because one
    program wrote them all; where they have none, or two, its dates cannot be read.
    """
    decided = {place: column.order for place, column in dated.items() if column.order}
    common = set(decided.values())
    orders = dict(decided)
    for place, column in dated.items():
        if column.undecided and len(common) == 1:
            orders[place] = next(iter(common))
        elif column.fault:
            raise AmbiguousDates(f"column {header[place]!r}: {column.fault}", column=header[place])
    return orders
