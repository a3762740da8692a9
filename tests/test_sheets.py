"""CSV and XLSX files as rows of cells: encodings, delimiters, quotes that do not close, memory."""

import csv
import tracemalloc
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offset import sheets
from offset.core.errors import UnreadableFile
from offset.sheets import LONGEST_TEXT, Sheet, open_sheets
from workbooks import write_workbook


def csv_sheet(folder: Path, content: str | bytes) -> Sheet:
    path = folder / "export.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (sheet,) = open_sheets(path)
    return sheet


def rows(sheet: Sheet) -> list[tuple[int, list[str]]]:
    return [(line.number, list(line.cells)) for line in sheet.lines()]


def torn(sheet: Sheet) -> list[tuple[int, str]]:
    return [(line.number, line.text) for line in sheet.lines() if line.torn]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("Café,b\nÅre,2\n".encode(), id="UTF-8"),
        pytest.param("\ufeffCafé,b\r\nÅre,2\r\n".encode(), id="a byte order mark and CRLF"),
        pytest.param("Café,b\rÅre,2\r".encode("cp1252"), id="Windows-1252 and CR"),
        pytest.param("Café;b\nÅre;2".encode(), id="semicolons and no last line end"),
        pytest.param("Café\tb\nÅre\t2\n".encode(), id="tabs"),
        pytest.param("Café|b\nÅre|2\n".encode(), id="bars"),
        pytest.param('"Café","b"\n"Åre","2"\n'.encode(), id="quotes"),
    ],
)
def test_however_a_file_is_written_its_cells_are_the_same(tmp_path: Path, content: bytes) -> None:
    sheet = csv_sheet(tmp_path, content)
    assert (sheet.name, list(sheet.header)) == ("", ["Café", "b"])
    assert rows(sheet) == [(2, ["Åre", "2"])]


def test_one_byte_that_is_not_utf_8_makes_a_whole_file_windows_1252(tmp_path: Path) -> None:
    content = "name\nÅre\n".encode() + (b"x" * 99 + b"\n") * 11_000 + "fin –\n".encode("cp1252")
    found = rows(csv_sheet(tmp_path, content))
    assert found[0] == (2, ["Ã…re"])
    assert found[-1] == (11_003, ["fin –"])


def test_a_character_may_lie_across_two_pieces_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "_PIECE", 1)
    assert rows(csv_sheet(tmp_path, "a\n– Å\n")) == [(2, ["– Å"])]


def test_cells_may_hold_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    content = '"Issuance \nYear",b\n"1,5","say ""so"""\n"two\r\nlines",4\n'
    sheet = csv_sheet(tmp_path, content)
    assert list(sheet.header) == ["Issuance \nYear", "b"]
    assert rows(sheet) == [(2, ["1,5", 'say "so"']), (3, ["two\r\nlines", "4"])]


def test_rows_are_numbered_as_a_spreadsheet_numbers_them(tmp_path: Path) -> None:
    sheet = csv_sheet(tmp_path, '\na,b\n"1\n1",2\n\n , \n,\n3,4\n')
    assert list(sheet.header) == ["a", "b"]
    assert rows(sheet) == [(3, ["1\n1", "2"]), (7, ["3", "4"])]


def test_a_row_keeps_its_own_number_of_cells(tmp_path: Path) -> None:
    assert rows(csv_sheet(tmp_path, "a,b\n1\n1,2\n1,2,3\n")) == [
        (2, ["1"]),
        (3, ["1", "2"]),
        (4, ["1", "2", "3"]),
    ]


def test_a_row_is_shown_as_it_stood_on_one_line_and_not_too_long(tmp_path: Path) -> None:
    sheet = csv_sheet(tmp_path, 'a,b\n"say ""so""\r\nand so", 2\n' + "x" * 5_000 + ",\n")
    assert [line.text for line in sheet.lines()] == ['"say ""so"" and so", 2', "x" * LONGEST_TEXT]


def test_quotes_inside_a_quoted_cell_make_too_many_cells_and_spoil_no_other_row(
    tmp_path: Path,
) -> None:
    sheet = csv_sheet(tmp_path, 'a,b\n1,"for "Acme, Inc." only"\n2,x\n')
    assert rows(sheet) == [(2, ["1", "for Acme", ' Inc." only"']), (3, ["2", "x"])]
    assert torn(sheet) == []


@pytest.mark.parametrize(
    "content, expected",
    [
        ('a,b\n1,"open\n2,x\n3,y\n', [(2, '1,"open')]),
        ('a,b\n1,"open\n2,"x"\n3,y\n', [(2, '1,"open')]),
        ('a,b\n1,"open\n2,"open, too\n3,y\n', [(2, '1,"open'), (3, '2,"open, too')]),
        ('a,b\n1,"open\n2,x, and ""so"" on\n3,y\n', [(2, '1,"open')]),
        ('a,b\n1,x\n2,x\n3,"open', [(4, '3,"open')]),
    ],
)
def test_a_quote_that_is_not_closed_spoils_its_own_row_alone(
    tmp_path: Path, content: str, expected: list[tuple[int, str]]
) -> None:
    sheet = csv_sheet(tmp_path, content)
    assert torn(sheet) == expected
    assert [line.number for line in sheet.lines()] == [2, 3, 4]
    whole = [line.text for line in sheet.lines() if not line.torn]
    assert whole == [text for text in content.split("\n")[1:] if text and '"open' not in text]


def test_a_quote_that_is_not_closed_reaches_no_further_than_the_longest_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "LONGEST_ROW", 1_000)
    good = "".join(f"{n},x\n" for n in range(3, 1_003))
    sheet = csv_sheet(tmp_path, 'a,b\n2,"open\n' + good)
    assert torn(sheet) == [(2, '2,"open')]
    assert [line.number for line in sheet.lines()] == list(range(2, 1_003))


def test_a_file_full_of_open_quotes_is_refused(tmp_path: Path) -> None:
    fewer = "a,b\n" + '1,"open\n2,x\n' * sheets.MOST_TORN
    assert len(torn(csv_sheet(tmp_path, fewer))) == sheets.MOST_TORN
    sheet = csv_sheet(tmp_path, fewer + '1,"open\n')
    with pytest.raises(UnreadableFile, match=r"export\.csv: more than 100 rows .* row 202"):
        list(sheet.lines())


@pytest.mark.parametrize(
    "content, message",
    [
        (b"a,b\n1,\0\n", "a binary file, neither CSV nor XLSX"),
        ("a,b\n".encode("utf-16")[:-1], "neither UTF-8 nor UTF-16 nor Windows-1252"),
        (b"a,b\n\xff\x81\n", "neither UTF-8 nor UTF-16 nor Windows-1252"),
        (b'a,"b\n1,2\n', "a quote in the header is not closed"),
        (b"PK\x03\x04 and so on", "no workbook that can be read"),
        (b"a," + b"b" * 1_000_001, "a line has more than 1,000,000 characters"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message):
        csv_sheet(tmp_path, content)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"none\.csv: No such file"):
        open_sheets(tmp_path / "none.csv")


def test_an_empty_file_has_neither_header_nor_rows(tmp_path: Path) -> None:
    sheet = csv_sheet(tmp_path, "\n\n")
    assert (list(sheet.header), rows(sheet)) == ([], [])


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('",\n'))


@given(table=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1))
def test_what_a_careful_program_wrote_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]
) -> None:
    header = ["first", "second", "third"]
    path = tmp_path_factory.mktemp("table") / "export.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *table])
    (sheet,) = open_sheets(path)
    lines = list(sheet.lines())
    assert [list(line.cells) for line in lines] == [row for row in table if "".join(row).strip()]
    assert not any(line.torn for line in lines)


def test_memory_does_not_grow_with_a_csv_file(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        row = '12345,"Somewhere, on two\nlines",4567\n'
        sheet = csv_sheet(tmp_path, "a,b,c\n" + row * count)
        tracemalloc.start()
        try:
            assert sum(1 for _ in sheet.lines()) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(20_000) < peak(1_000) + 50_000


def test_a_workbook_gives_its_sheets_with_numbers_and_days_as_text(tmp_path: Path) -> None:
    path = write_workbook(
        tmp_path / "export.xlsx",
        {
            "Notes": [["Anything"]],
            "Retirements": [
                [],
                ["Day", "Credits", "Share", "Buffer", "Name", None],
                [date(2024, 5, 1), 1_234_567_890_123, 0.00001, True, "a, <b>", None],
                [],
                [45413.75, 2.5, None, False, "x", " y"],
            ],
            "Empty": [],
        },
    )
    notes, retirements, empty = open_sheets(path)
    assert (notes.name, list(notes.header), rows(notes)) == ("Notes", ["Anything"], [])
    assert list(retirements.header) == ["Day", "Credits", "Share", "Buffer", "Name", ""]
    assert rows(retirements) == [
        (3, ["2024-05-01", "1234567890123", "0.00001", "TRUE", "a, <b>", ""]),
        (5, ["45413.75", "2.5", "", "FALSE", "x", " y"]),
    ]
    assert next(retirements.lines()).text == '2024-05-01,1234567890123,0.00001,TRUE,"a, <b>",'
    assert (list(empty.header), rows(empty)) == ([], [])


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_workbook(tmp_path / "export.xlsx", {"Sheet": [["x" * 1_000]] * 100})
    monkeypatch.setattr(sheets, "LARGEST_WORKBOOK", path.stat().st_size * 2)
    with pytest.raises(UnreadableFile, match="bytes unpacked"):
        open_sheets(path)
