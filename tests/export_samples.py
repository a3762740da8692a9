"""Synthetic exports, a folder for each kind of file, and how what they say is written down."""

from pathlib import Path
from typing import Any, Final

from offset.exports import Row, RowIssue, open_export

SAMPLES: Final = Path(__file__).parent / "exports"


def spoken(path: Path) -> dict[str, Any]:
    """What a file says, as JSON has it; fields that say nothing are left out."""
    export = open_export(path)
    return {
        "kind": export.kind.title,
        "row_count": export.row_count,
        "rows": [said(row) for row in export.rows()],
    }


def said(row: Row | RowIssue) -> dict[str, Any]:
    """What one row says; a serial number as its series, numbers and text."""
    fields = {
        name: value for name, value in row._asdict().items() if value not in (None, {}, False)
    }
    if isinstance(row, Row) and row.serial is not None:
        serial = row.serial
        fields["serial"] = (
            [serial.series, serial.first, serial.last, serial.text] if serial.parsed else "opaque"
        )
    return fields
