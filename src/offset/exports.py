"""Registries' exports: which kind of file it is, and what each of its rows says.

A file is known by its headers, above which titles may stand. It is read twice: once to see whether
every column with text in it is known and in which order its dates are written, once for its rows.
Every row gives exactly one `Row` or one `RowIssue`; nothing is left out, and nothing is mended.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from offset.cells import DateColumn, Order, folded_header, is_unnamed, short
from offset.core.errors import AmbiguousDates, Fact, UnknownColumn, UnknownFile, UnreadableFile
from offset.countries import country_code, names_no_country
from offset.headers import (
    KINDS,
    LIST_OF_PROJECTS,
    describe_unknown,
    has_known_columns,
    is_of_several_kinds,
    lists_projects,
    may_matter,
    rank,
    recognised,
    says_what_became,
)
from offset.registries.files import Detail, Field, FileKind, Meaning
from offset.rows import ISSUES, Row, RowIssue, RowReader
from offset.sheets import Line, Sheet, open_sheets

__all__ = [
    "DATES",
    "ISSUES",
    "KINDS",
    "Export",
    "ExportFile",
    "FileKind",
    "Meaning",
    "Order",
    "Row",
    "RowIssue",
    "open_exports",
    "recognised",
]

DATES: Final[Mapping[str, Order]] = {
    "dmy": Order.DAY_FIRST,
    "mdy": Order.MONTH_FIRST,
    "ymd": Order.YEAR_FIRST,
}
"""How to say in which order dates are written, where a file's own do not tell."""

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
_ROW_NUMBER: Final = "row number"  # the name that a column of row numbers gets which has none
_MOST_COUNTRIES: Final = 20  # unknown spellings of countries that notes name; more are counted


class Export:
    """A table of credits: its kind, how many rows it has, and what they say.

    `sheet_name` is its sheet's in a workbook, else empty. `notes` has a sentence for each column
    that is not taken though it has text, and for each country that is not known.
    """

    def __init__(self, kind: FileKind, sheet: Sheet, survey: "_Survey") -> None:
        self.kind = kind
        self.sheet_name = sheet.name
        self.row_count = survey.row_count
        self.notes = survey.notes
        self._sheet = sheet
        self._survey = survey

    def rows(self) -> Iterator[Row | RowIssue]:
        """Read the rows, each of which gives one answer."""
        survey = self._survey
        reader = RowReader(self.kind, survey.header, survey.orders)
        for line in self._sheet.lines():
            yield reader.read(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFile:
    """A file: its exports, one for each sheet that is one, and a sentence for each other sheet."""

    exports: Sequence[Export]
    passed_over: Sequence[str]


def open_exports(path: Path, dates: Order | None = None) -> ExportFile:
    """Open what a registry published, CSV or XLSX.

    Args:
        path: the file.
        dates: in which order days and months stand where a column's dates do not tell.

    Raises:
        UnreadableFile: neither CSV nor XLSX, damaged, empty, or too large.
        UnknownFile: its headers are none that are known; nor is any other sheet an export.
        UnknownColumn: a column that its kind of file does not have and that may matter, with text.
        AmbiguousDates: a column of which the dates do not tell day from month.
    """
    sheets = [sheet for sheet in open_sheets(path, rank) if sheet.header]
    if not sheets:
        raise UnreadableFile(
            f"{path.name}: the file is empty: no cell has text. Download the export again"
        )
    exports: list[Export] = []
    lists: list[Sheet] = []
    unknown: list[Sheet] = []
    for sheet in sheets:
        kind = recognised(sheet.header)
        if kind is not None and kind.meaning is not None:
            exports.append(_open_sheet(path, kind, sheet, dates, only=len(sheets) == 1))
        else:
            (lists if lists_projects(sheet.header) else unknown).append(sheet)
    if not exports and not lists:
        raise _unknown(path, sheets)
    sentences = [_about(sheet, LIST_OF_PROJECTS) for sheet in lists]
    sentences += [_about(sheet, _describe_unread(sheet.header)) for sheet in unknown]
    return ExportFile(exports=exports, passed_over=sentences)


def _about(sheet: Sheet, sentence: str) -> str:
    return f"sheet {sheet.name}: {sentence}" if sheet.name else sentence


def _describe_unread(header: Sequence[str]) -> str:
    """Describe a sheet that is no export; a first row that is no header is not quoted."""
    if has_known_columns(header):
        return describe_unknown(header)
    return "no export that is known has the columns of its first rows"


def _open_sheet(
    path: Path, kind: FileKind, sheet: Sheet, dates: Order | None, *, only: bool
) -> Export:
    header = [folded_header(name) for name in sheet.header]
    where = path.name if only else f"{path.name}, sheet {sheet.name}"
    _check_columns(kind, header, where)
    return Export(kind, sheet, _Surveyor(kind, header, where).survey(sheet, dates))


def _unknown(path: Path, sheets: Sequence[Sheet]) -> UnknownFile:
    nearest = max(sheets, key=lambda sheet: rank(sheet.header))
    headers = [name for name in nearest.header if name.strip()]
    quoted: list[Fact] = [*headers[:100]] if has_known_columns(headers) else []
    where = path.name if len(sheets) == 1 else f"{path.name}, sheet {nearest.name}"
    return UnknownFile(
        f"{where}: {describe_unknown(nearest.header)}",
        headers=quoted,
    )


def _check_columns(kind: FileKind, header: Sequence[str], where: str) -> None:
    """Refuse two columns that hold the same."""
    held: dict[object, str] = {}
    for name in header:
        column = kind.columns.get(name)
        if column is None:
            continue
        key = column if isinstance(column, Field | Detail) else name
        if key in held:
            raise UnknownColumn(
                f"{where}: columns {held[key]!r} and {name!r} hold the same, so neither can be "
                "taken; remove one of them",
                column=name,
            )
        held[key] = name


class _Survey(NamedTuple):
    """What a first reading tells of a table.

    `header` is folded, and names a first column of row numbers that has no name. `orders` says how
    the dates of a column are written, by its place.
    """

    header: Sequence[str]
    row_count: int
    orders: Mapping[int, Order]
    notes: Sequence[str]


class _Surveyor:
    """Reads a table through: how many rows it has, how its dates are written, what is not known."""

    def __init__(self, kind: FileKind, header: Sequence[str], where: str) -> None:
        self._kind = kind
        self._header = header
        self._where = where
        self._several = is_of_several_kinds(header)
        named = [(place, name) for place, name in enumerate(header) if not is_unnamed(name)]
        self._unknown = [place for place, name in named if name not in kind.columns]
        self._with_text: dict[int, int] = {}  # the first line with text, by place
        self._dated = {
            place: DateColumn() for place, name in named if kind.columns.get(name) in _DATED
        }
        at = [place for place, name in named if kind.columns.get(name) is Field.COUNTRY]
        self._country = at[0] if at else None
        self._counts_rows = is_unnamed(header[0])  # by whole numbers that grow in every row
        self._last_number = -1
        self._seen: set[str] = set()
        self._countries: dict[str, int] = {}  # unknown ones, with the first line that has each

    def survey(self, sheet: Sheet, dates: Order | None) -> _Survey:
        """Read the rows.

        Raises:
            UnknownColumn, AmbiguousDates: as `open_exports`.
        """
        row_count = 0
        for line in sheet.lines():
            row_count += 1
            if not line.torn and len(line.cells) == len(self._header):
                self._note(line)
        header = self._header
        if self._counts_rows and self._last_number >= 0:
            header = [_ROW_NUMBER, *header[1:]]
        return _Survey(
            header,
            row_count,
            self._orders(dates),
            self._notes(sheet.name),
        )

    def _note(self, line: Line) -> None:
        if self._counts_rows:
            number = line.cells[0].strip()
            self._counts_rows = (
                number.isdecimal() and len(number) < 10 and int(number) > self._last_number
            )
            self._last_number = int(number) if self._counts_rows else -1
        for place in self._unknown:
            if line.cells[place].strip():
                self._check_unknown(place, line)
                self._with_text.setdefault(place, line.number)
        for place, column in self._dated.items():
            column.note(line.number, line.cells[place])
        if self._country is not None:
            self._note_country(line.cells[self._country], line.number)

    def _check_unknown(self, place: int, line: Line) -> None:
        """Refuse text in a column that is not known where it may change what the row says."""
        name = self._header[place]
        matters = self._several or (place not in self._with_text and may_matter(name, self._kind))
        if matters or says_what_became(line.cells[place]):
            raise UnknownColumn(
                f"{self._where}: column {short(name)!r} is not known in {self._kind.title} and has "
                f"text in line {line.number}, which may change what the row says; if it does not, "
                "remove the column",
                column=name,
                line=line.number,
            )

    def _note_country(self, text: str, line: int) -> None:
        if text in self._seen:
            return
        if len(self._seen) < 10_000:
            self._seen.add(text)
        if not names_no_country(text) and country_code(text) is None:
            self._countries.setdefault(short(text), line)

    def _notes(self, sheet_name: str) -> list[str]:
        sheet = f"sheet {sheet_name}: " if sheet_name else ""
        notes = [
            f"{sheet}column {short(self._header[place])!r} is not known in {self._kind.title} and "
            f"is not taken; it has text from line {line} on"
            for place, line in self._with_text.items()
        ]
        named = list(self._countries.items())
        notes += [
            f"{sheet}country {text!r} (line {line}) is not known, so its records have none"
            for text, line in named[:_MOST_COUNTRIES]
        ]
        if (more := len(named) - _MOST_COUNTRIES) > 0:
            notes.append(f"{sheet}and {more} other countries that are not known")
        return notes

    def _orders(self, dates: Order | None) -> Mapping[int, Order]:
        """Decide how the dates of each column are written.

        A column that has nothing to decide by takes the order that was given, else the order of
        the file's others, because one program wrote them all; where they have none, or two, its
        dates cannot be read.
        """
        if dates is Order.YEAR_FIRST:
            return self._year_first()
        decided = {place: column.order for place, column in self._dated.items() if column.order}
        common: set[Order] = set(decided.values())
        if dates is not None and common and dates not in common:
            place = next(iter(decided))
            raise self._ambiguous(place, f"its own dates are {decided[place]}, not {dates}")
        order = dates or (min(common) if len(common) == 1 else None)
        orders = dict(decided)
        for place, column in self._dated.items():
            if column.undecided and order is not None:
                orders[place] = order
            elif column.fault:
                advice = "; give --dates dmy or --dates mdy (over HTTP: dates=dmy)"
                fault = column.fault + (advice if column.undecided else "")
                raise self._ambiguous(place, fault)
        return orders

    def _year_first(self) -> Mapping[int, Order]:
        """Read all dates with slashes as year, month and day: `24/03/02`."""
        for place, column in self._dated.items():
            if column.long_year:
                line, text = column.long_year
                raise self._ambiguous(place, f"line {line} has {text}, which ends with its year")
        return dict.fromkeys(self._dated, Order.YEAR_FIRST)

    def _ambiguous(self, place: int, fault: str) -> AmbiguousDates:
        name = self._header[place]
        return AmbiguousDates(f"{self._where}: column {name!r}: {fault}", column=name)
