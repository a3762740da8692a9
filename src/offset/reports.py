"""The report file of an import: what was not taken, as CSV for a spreadsheet.

It has the rows' own text, for whoever has the file; the ledger keeps none of it.
"""

import csv
import json
import re
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, Self, TextIO

from offset.core.errors import Unfit
from offset.importing import Issue

COLUMNS: Final = ("file", "line", "code", "detail", "text")

# What makes a spreadsheet compute a cell instead of showing it; the last four are full-width.
_FORMULA: Final = "=+\\-@＝＋－＠"
# Where another delimiter than the comma is the custom, a cell may be cut at its semicolons.
_CUT: Final = re.compile(rf"(;[\s\"']*)([{_FORMULA}])")
_BEGINS: Final = re.compile(rf"[\s\"]*[{_FORMULA}]|[\t\r\n]")


class ReportFile:
    """A report that is being written, one issue after the other.

    Raises:
        Unfit: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        try:
            # The BOM tells spreadsheets that it is UTF-8.
            self._file = path.open("w", encoding="utf-8-sig", newline="")
        except OSError as error:
            raise _unwritable(path, error) from error
        self._writer = csv.writer(self._file, quoting=csv.QUOTE_ALL)
        self._write(COLUMNS)

    def add(self, issue: Issue) -> None:
        """Write a line."""
        line = "" if issue.line is None else str(issue.line)
        self._write((issue.file, line, issue.code, issue.detail, issue.text))

    def _write(self, cells: tuple[str, ...]) -> None:
        try:
            self._writer.writerow([safe_cell(cell) for cell in cells])
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise _unwritable(self.path, error) from error


class Reported:
    """What an import has reported so far: by code how often, and the first of them.

    Each goes into the report file `path`, if one is given: opened at once, or with the first of
    them. Where they are to be `listed`, each is kept in a temporary file, too.

    Raises:
        Unfit: the report cannot be written.
    """

    def __init__(self, path: Path | None, *, at_once: bool, listed: bool) -> None:
        self.path: Final = path
        self.examples: Final[dict[str, tuple[int, Issue]]] = {}
        self._files: Final = ExitStack()
        self._report: ReportFile | None = None
        if at_once:
            self._open()
        self._list: TextIO | None = None
        if listed:
            file = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed with the report
            self._list = self._files.enter_context(file)

    def add(self, issue: Issue) -> None:
        """Take an issue."""
        count, first = self.examples.get(issue.code, (0, issue))
        self.examples[issue.code] = (count + 1, first)
        self._open()
        if self._report is not None:
            self._report.add(issue)
        if self._list is not None:
            shown = {
                "file": issue.file,
                "line": issue.line,
                "code": issue.code,
                "text": visible(issue.text),
                "detail": visible(issue.detail),
            }
            self._list.write(json.dumps(shown, ensure_ascii=False) + "\n")

    def listed(self) -> Iterator[str]:
        """Walk all of them, each as one line of JSON."""
        assert self._list is not None
        self._list.seek(0)
        for line in self._list:
            yield line.rstrip("\n")

    def _open(self) -> None:
        if self._report is None and self.path is not None:
            self._report = self._files.enter_context(ReportFile(self.path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()


def safe_cell(text: str) -> str:
    """Make a text a cell that every spreadsheet shows and none computes."""
    begins = _BEGINS.match(text)
    cell = _CUT.sub(r"\1'\2", visible(text))
    return f"'{cell}" if begins or _BEGINS.match(cell) else cell


def visible(text: str) -> str:
    """Put U+FFFD for control characters, lone surrogates and what reorders or hides text."""
    if text.isprintable():
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_hidden(one) else one for one in text)


def _is_hidden(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "C" or category in {"Zl", "Zp"}


def _unwritable(path: Path, error: OSError) -> Unfit:
    return Unfit(f"the report {path} cannot be written: {error.strerror or error}")
