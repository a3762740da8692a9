"""File signatures: a file that is neither CSV nor XLSX is named as what it is, with what to do."""

import re
from pathlib import Path
from typing import BinaryIO, Final
from zipfile import BadZipFile, ZipFile

ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_START: Final = 4_096  # bytes that are looked at
_PIECE: Final = 1 << 20  # bytes
_MOST_NAMES: Final = 3  # of an archive's files that a sentence names

_UNPACK: Final = "Unpack it and give the CSV or XLSX file in it."
_CONVERT: Final = "Open it in a spreadsheet program and save it as XLSX or CSV."
_DOWNLOAD: Final = "Download the export from the registry as CSV or XLSX."
_BINARY: Final = (
    (b"\x1f\x8b", "is compressed with gzip", _UNPACK),
    (b"BZh", "is compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\x00", "is compressed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "is a RAR archive", _UNPACK),
    (b"PK\x05\x06", "is an empty ZIP archive", _DOWNLOAD),
    (b"%PDF-", "is a PDF document", _DOWNLOAD),
    (b"{\\rtf", "is an RTF document", _DOWNLOAD),
    (b"SQLite format 3\x00", "is a SQLite database", _DOWNLOAD),
    (b"PAR1", "is a Parquet file", "Convert it to CSV."),
    (b"\x89PNG", "is a picture", _DOWNLOAD),
    (b"\xff\xd8\xff", "is a picture", _DOWNLOAD),
)
_PAGE: Final = (
    "is an HTML page, perhaps a login page or an error that was saved under this name. Download "
    "the export again as CSV or XLSX; a table in the page can be opened in a spreadsheet program "
    "and saved as XLSX."
)
_MARKUP: Final = re.compile(r"<(\?|!|/?[a-z][a-z0-9:-]*[\s/>])", re.IGNORECASE)
_HTML: Final = re.compile(
    r"<(!doctype html|html|head|body|table|meta|script)\b"
    r"|^(<!--.*?-->\s*)*<(div|span|form|title|p|h[1-6]|a|ul|br|center)\b",
    re.IGNORECASE | re.DOTALL,
)
_JSON: Final = re.compile(r"(\{\s*[\"}]|\[\s*[\[{\"\]])")


def describe_foreign_format(path: Path) -> str | None:
    """Describe a file that is no table which can be read; None for what may be CSV or XLSX.

    The sentence goes on behind the file's name.

    Raises:
        OSError: the file cannot be opened or read.
    """
    with path.open("rb") as file:
        start = file.read(_START)
        if not start:
            return f"is empty. {_DOWNLOAD}"
        if start.startswith(_OLE):
            return _describe_ole(file)
    if start.startswith(ZIP):
        return _describe_zip(path)
    for signature, what, advice in _BINARY:
        if start.startswith(signature):
            return f"{what}. {advice}"
    return _describe_text(start)


def _describe_ole(file: BinaryIO) -> str:
    """Tell an encrypted workbook from an old one, by the names in the container's directory."""
    protected, old = ("EncryptedPackage".encode("utf-16-le"), "Workbook".encode("utf-16-le"))
    file.seek(0)
    tail, is_old = b"", False
    while piece := file.read(_PIECE):
        window = tail + piece
        if protected in window:
            return (
                "is protected with a password. Open it in a spreadsheet program and save it "
                "without one."
            )
        is_old = is_old or old in window or b"B\0o\0o\0k\0" in window
        tail = window[-len(protected) :]
    if is_old:
        return f"is an XLS workbook, the format of Excel 97 to 2003. {_CONVERT}"
    return f"is a document of an old office program. {_DOWNLOAD}"


def _describe_zip(path: Path) -> str | None:
    """Tell an archive from a workbook, which is one, too; None where it cannot be opened."""
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
    except BadZipFile:
        return None  # opened as a workbook it is called damaged
    if "xl/workbook.xml" in names:
        return None
    if "xl/workbook.bin" in names:
        return f"is an XLSB workbook. {_CONVERT}"
    if "content.xml" in names:
        return f"is an OpenDocument file. {_CONVERT}"
    if "[Content_Types].xml" in names:
        return f"is an Office document without a workbook. {_DOWNLOAD}"
    files = [name for name in names if not name.endswith("/")]
    shown = ", ".join(name[:60] for name in files[:_MOST_NAMES])
    more = f" and {len(files) - _MOST_NAMES} more" if len(files) > _MOST_NAMES else ""
    return f"is a ZIP archive ({shown or 'nothing in it'}{more}). {_UNPACK}"


def _describe_text(start: bytes) -> str | None:
    """Recognize HTML, XML and JSON by how they begin, in any encoding that CSV is read in."""
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = start.decode(encoding, errors="replace").lstrip()
    if _MARKUP.match(text):
        if "urn:schemas-microsoft-com:office:spreadsheet" in text:
            return f"is a workbook in Excel's XML of 2003. {_CONVERT}"
        if _HTML.search(text):
            return _PAGE
        return f"is an XML document. {_DOWNLOAD}"
    if _JSON.match(text):
        return f"is JSON. {_DOWNLOAD}"
    return None
