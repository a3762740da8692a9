"""Synthetic exports, a folder for each kind of file, and how what they say is written down."""

from pathlib import Path
from typing import Any, Final

from offset.exports import Export, Row, RowIssue, open_exports

SAMPLES: Final = Path(__file__).parent / "exports"


def open_export(path: Path) -> Export:
    """Open a file that is one export."""
    (export,) = open_exports(path).exports
    return export


def spoken(path: Path) -> dict[str, Any]:
    """What a file says, as JSON has it; fields that say nothing are left out."""
    file = open_exports(path)
    if not file.exports:
        return {"passed_over": file.passed_over}
    (export,) = file.exports
    return {
        "kind": export.kind.title,
        "row_count": export.row_count,
        "rows": [said(row) for row in export.rows()],
    }


def said(row: Row | RowIssue) -> dict[str, Any]:
    """What one row says; a serial number as its series, numbers and text."""
    fields = {
        name: value
        for name, value in row._asdict().items()
        if value not in (None, {}, False) and name != "listed"
    }
    if isinstance(row, Row) and row.serial is not None:
        serial = row.serial
        fields["serial"] = (
            [serial.series, serial.first, serial.last, serial.text] if serial.parsed else "opaque"
        )
    return fields
