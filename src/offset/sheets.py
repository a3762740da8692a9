"""CSV and XLSX files as rows of cells, as they come from registries, spreadsheets and data sets.

A CSV file is read line by line, so that memory does not grow with it. A row is what the quotes make
of it, which may be several physical lines; it is numbered as a spreadsheet numbers it. A quote that
nothing closes would swallow the rows behind it: its physical line is given alone, marked torn, and
reading goes on with the next one.

Titles may stand above the header, so it is looked for among the first rows: a caller ranks them.

A workbook is read as a whole, because the library does so; `LARGEST_WORKBOOK` bounds it.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TextIO
from zipfile import BadZipFile, ZipFile

import python_calamine
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

from offset.core.errors import UnreadableFile
from offset.file_signatures import ZIP, describe_foreign_format

LONGEST_TEXT: Final = 2_000  # characters of a row that a report shows
LONGEST_ROW: Final = 1_000_000  # characters; the longest that was met has 77,236
LARGEST_WORKBOOK: Final = 1_000_000_000  # bytes of its parts, unpacked
MOST_TORN: Final = 100  # rows; behind each, up to LONGEST_ROW characters are read again
_DELIMITERS: Final = (",", ";", "\t", "|")
_PIECE: Final = 1 << 20  # bytes
_FIRST_ROWS: Final = 30  # among which the header is looked for
# A first line of its own, with which spreadsheets tell their delimiter, and which they do not show.
_SEP: Final = re.compile(r'"?sep=(?P<mark>[^"\r\n])"?\r?\n?', re.IGNORECASE)

Rank = Callable[[Sequence[str]], float]
"""Ranks the cells of a row as a header: 0 for none that is known, 1 for one that surely is."""

csv.field_size_limit(LONGEST_ROW)  # for the whole process: the module knows no other way

_Value = str | int | float | bool | date | datetime | time | timedelta


class Line(NamedTuple):
    """One row of a sheet.

    `number` counts rows from 1, titles, the header and empty rows among them. `text` is the row as
    it stood, on one line and cut to `LONGEST_TEXT`. Of a torn row the quotes do not come out even.
    """

    number: int
    cells: Sequence[str]
    text: str
    torn: bool = False


class Sheet(Protocol):
    """A table, which can be read as often as asked."""

    @property
    def name(self) -> str:
        """The sheet's name in its workbook; empty for a CSV file."""

    @property
    def header(self) -> Sequence[str]:
        """The cells of the row that ranks highest, the first of equals; none without a row."""

    def lines(self) -> Iterator[Line]:
        """Read the rows below the header, without those of which every cell is empty."""


def _rank_none(_cells: Sequence[str]) -> float:
    return 0


def open_sheets(path: Path, rank: Rank = _rank_none) -> Sequence[Sheet]:
    """Open a CSV or XLSX file: one sheet, or those of the workbook.

    Args:
        path: the file.
        rank: tells how much a row looks like a header.

    Raises:
        UnreadableFile: it is neither, is damaged or too large, or is text in no encoding known.
    """
    try:
        foreign = describe_foreign_format(path)
        if foreign is not None:
            raise UnreadableFile(f"{path.name}: the file {foreign}")
        with path.open("rb") as file:
            start = file.read(len(ZIP))
        return _workbook(path, rank) if start == ZIP else (_CsvSheet(path, rank),)
    except OSError as error:
        raise UnreadableFile(f"{path.name}: {error.strerror or error}") from None


def _encoding(path: Path) -> str:
    """Find how a file is encoded: UTF-16 by how it begins, UTF-8 if all of it is, Windows-1252."""
    with path.open("rb") as file:
        start = file.read(4)
    for encoding in _likely_encodings(start):
        if _is_encoded(path, encoding):
            return encoding
    raise UnreadableFile(
        f"{path.name}: the text is neither UTF-8 nor UTF-16 nor Windows-1252; save it as UTF-8"
    )


def _likely_encodings(start: bytes) -> Sequence[str]:
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return ("utf-16",)
    zeros = [byte == 0 for byte in start]
    if zeros == [False, True, False, True]:  # two plain letters
        return ("utf-16-le",)
    if zeros == [True, False, True, False]:
        return ("utf-16-be",)
    return ("utf-8-sig", "cp1252")


def _is_encoded(path: Path, encoding: str) -> bool:
    """Check whether all of a file can be decoded.

    Raises:
        UnreadableFile: it is not text.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while piece := file.read(_PIECE):
                if "\0" in decoder.decode(piece):
                    raise UnreadableFile(
                        f"{path.name}: a binary file, neither CSV nor XLSX; download the export "
                        "again as one of them"
                    )
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


class _PhysicalLines:
    """The physical lines of a file, for `csv.reader`; knows which of them a row took."""

    def __init__(self, file: TextIO, name: str) -> None:
        self._file = file
        self._name = name
        self._back: deque[str] = deque()
        self._size = 0
        self.taken: list[str] = []
        self.starved = False  # the row wanted more than there is, so a quote is not closed

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._file.readline(LONGEST_ROW + 1)
        if len(line) > LONGEST_ROW:
            raise UnreadableFile(f"{self._name}: a line has more than {LONGEST_ROW:,} characters")
        if not line or (self.taken and self._size + len(line) > LONGEST_ROW):
            self._back.extendleft([line] if line else [])
            self.starved = bool(self.taken)
            raise StopIteration
        self.taken.append(line)
        self._size += len(line)
        return line

    def begin(self) -> None:
        """Begin a new row."""
        self.taken = []
        self._size = 0
        self.starved = False

    def give_back(self) -> None:
        """Leave the row its first line, and give the others back, to be read again."""
        self._back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


class _CsvSheet:
    """A CSV file, opened anew for each reading."""

    name = ""

    def __init__(self, path: Path, rank: Rank) -> None:
        self._path = path
        self._encoding = _encoding(path)
        said = self._said_delimiter()
        self._has_sep = said is not None
        self._header_number = 0
        delimiters = (said, *_DELIMITERS) if said else _DELIMITERS
        self._delimiter, first = self._find_header(delimiters, rank)
        if first.torn:
            raise UnreadableFile(f"{path.name}: a quote in the header is not closed")
        self.header = first.cells
        self._header_number = first.number

    def lines(self) -> Iterator[Line]:
        for line in self._rows(self._delimiter, len(self.header)):
            if line.number > self._header_number:
                yield line

    def _find_header(self, delimiters: Sequence[str], rank: Rank) -> tuple[str, Line]:
        """Find the delimiter and the row that rank highest.

        Of rows that rank alike the first one counts, by the delimiter that cuts it into most cells.
        """
        best: tuple[float, int, int] = (-1, 0, 0)
        found = delimiters[0], Line(0, (), "")
        for delimiter in delimiters:
            for line in islice(self._rows(delimiter, None), _FIRST_ROWS):
                key = (rank(line.cells), -line.number, len(line.cells))
                if key > best:
                    best, found = key, (delimiter, line)
                if key[0] >= 1:
                    return found
        return found

    def _said_delimiter(self) -> str | None:
        """Read the delimiter from a first line like `sep=;`; None where there is none."""
        with self._path.open(encoding=self._encoding, newline="") as file:
            said = _SEP.fullmatch(file.readline(20))
        return said["mark"] if said else None

    def _rows(self, delimiter: str, width: int | None) -> Iterator[Line]:
        """Read all rows that are not empty; `width` is the header's, None to look for it."""
        torn = number = 0
        with self._path.open(encoding=self._encoding, newline="") as file:
            if self._has_sep:
                file.readline()
            physical = _PhysicalLines(file, self._path.name)
            reader = csv.reader(physical, delimiter=delimiter)
            while True:
                physical.begin()
                cells = next(reader, None)
                if cells is None:
                    return
                number += 1
                fault = physical.starved or (
                    width is not None
                    and number > self._header_number
                    and len(physical.taken) > 1
                    and not _sound(physical.taken, delimiter, width)
                )
                if fault:
                    torn += 1
                    if torn > MOST_TORN:
                        raise UnreadableFile(
                            f"{self._path.name}: more than {MOST_TORN} rows have a quote that is "
                            f"not closed, the last of them row {number}"
                        )
                    physical.give_back()
                    cells = next(csv.reader(physical.taken, delimiter=delimiter))
                if any(map(str.strip, cells)):
                    yield Line(number, cells, _one_line("".join(physical.taken)), fault)


def _sound(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Tell whether several physical lines are one row that a careful program wrote."""
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return [len(row) for row in rows] == [width]


def _one_line(text: str) -> str:
    text = text.strip("\r\n")
    if "\n" in text or "\r" in text:
        text = " ".join(text.splitlines())
    return text[:LONGEST_TEXT]


def _workbook(path: Path, rank: Rank) -> Sequence[Sheet]:
    try:
        with ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > LARGEST_WORKBOOK:
            raise UnreadableFile(
                f"{path.name}: the workbook has {size:,} bytes unpacked, at most "
                f"{LARGEST_WORKBOOK:,} are read; save the sheet as CSV"
            )
        workbook = python_calamine.load_workbook(path)
        return [
            _WorkbookSheet(workbook, sheet.name, rank)
            for sheet in workbook.sheets_metadata
            if sheet.typ is SheetTypeEnum.WorkSheet
        ]
    except (BadZipFile, CalamineError) as error:
        raise UnreadableFile(
            f"{path.name}: no workbook that can be read ({error}); download it again"
        ) from None


class _WorkbookSheet:
    """A sheet of an XLSX workbook. Days and times are written in ISO 8601."""

    def __init__(self, workbook: CalamineWorkbook, name: str, rank: Rank) -> None:
        self._sheet = workbook.get_sheet_by_name(name)
        self.name = name
        rows = islice(self._rows(), _FIRST_ROWS)
        first = max(rows, key=lambda line: rank(line.cells), default=Line(0, (), ""))
        self.header = first.cells
        self._header_number = first.number

    def lines(self) -> Iterator[Line]:
        for line in self._rows():
            if line.number > self._header_number:
                yield line

    def _rows(self) -> Iterator[Line]:
        for number, values in enumerate(self._sheet.iter_rows(), start=1):
            cells = [_cell_text(value) for value in values]
            if any(map(str.strip, cells)):
                yield Line(number, cells, _joined(cells))


def _cell_text(value: _Value) -> str:
    match value:
        case str():
            return value
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return str(int(value)) if value.is_integer() else f"{Decimal(repr(value)):f}"
        case datetime():
            return value.isoformat(" ")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _joined(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return _one_line(text.getvalue())
