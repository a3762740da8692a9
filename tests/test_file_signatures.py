"""A file that is neither CSV nor XLSX is named as what it is, and the sentence says what to do."""

import gzip
import io
from pathlib import Path
from zipfile import ZipFile

import pytest

from offset.core.errors import UnreadableFile
from offset.sheets import open_sheets


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "a,b\n1,2\n")
    return content.getvalue()


def container(*names: str) -> bytes:
    """An OLE container, as far as its signature and its directory's names go."""
    entries = b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in names)
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0") + entries


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "is empty. Download"),
        (container("Root Entry", "Workbook"), "is an XLS workbook, .* save it as XLSX or CSV"),
        (container("Root Entry", "Book"), "is an XLS workbook"),
        (container("EncryptionInfo", "EncryptedPackage"), "is protected with a password"),
        (container("WordDocument"), "is a document of an old office program"),
        (zipped("vcus.csv", "more/a.csv"), r"is a ZIP archive \(vcus.csv, more/a.csv\). Unpack"),
        (zipped("a", "b", "c", "d", "e"), r"is a ZIP archive \(a, b, c and 2 more\)"),
        (zipped(), "is an empty ZIP archive"),
        (zipped("[Content_Types].xml", "xl/workbook.bin"), "is an XLSB workbook"),
        (zipped("mimetype", "content.xml"), "is an OpenDocument file"),
        (zipped("[Content_Types].xml", "word/document.xml"), "is an Office document without"),
        (gzip.compress(b"a,b\n"), "is compressed with gzip. Unpack"),
        (b"%PDF-1.7\n", "is a PDF document. Download"),
        (b'\r\n <!DOCTYPE html><html lang="en"><body>Log in', "is an HTML page, .*again as CSV"),
        ("\ufeff<html>".encode(), "is an HTML page"),
        ("<table><tr><td>a".encode("utf-16"), "is an HTML page"),
        (b"<div>\n<table>", "is an HTML page"),
        (b"<!-- x -->\n<div class='error'>Please log in</div>", "is an HTML page"),
        (
            b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
            "is a workbook in Excel's XML of 2003",
        ),
        (
            b'<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Table>',
            "is a workbook in Excel's XML of 2003",
        ),
        (b'<?xml version="1.0"?><rows/>', "is an XML document"),
        (b'<?xml version="1.0"?><rows><a>1</a></rows>', "is an XML document"),
        (b'{"items": []}', "is JSON"),
        (b' [\n {"id": 1}]', "is JSON"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "export.xls"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=rf"^export\.xls: the file {said}"):
        open_sheets(path)


@pytest.mark.parametrize("header", ["<b,c", "[a],b", "{a},b", "PK,b", "BZ,b", "%,PDF"])
def test_a_header_may_begin_like_something_else(tmp_path: Path, header: str) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n1,2\n", encoding="utf-8")
    (sheet,) = open_sheets(tmp_path / "a.csv")
    assert ",".join(sheet.header) == header
