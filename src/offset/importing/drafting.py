"""From what a row says to the commands that say it to the ledger."""

import os
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from offset.core.canonical import SALT_SIZE, canonical_serial, display_text
from offset.core.commands import Cancel, Create, Details, Retire
from offset.core.errors import Invalid, SerialMalformed
from offset.core.holdings import Part
from offset.core.quantities import GRAMS_PER_CREDIT, tonnes_text
from offset.core.records import issuance
from offset.core.serials import Serial
from offset.event_ids import event_id_of
from offset.exports import Meaning, Row
from offset.registries import REGISTRIES, read_serial
from offset.registries.stated import written_project
from offset.registries.vintages import check_vintage

End = Retire | Cancel
ENDS: Final = (Meaning.RETIRED, Meaning.CANCELLED)
LONGEST_TEXT, LONGEST_FACT, LONGEST_WORDS = 500, 100, 4_000  # characters, as the API takes them
_DRAWN_AT_A_TIME: Final = 256
# Breaks of the line and tabs, which spreadsheets have in their cells.
_BREAKS: Final = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")


class Random:
    """Event ids and salts, drawn some hundred at a time: each draw asks the system."""

    def __init__(self) -> None:
        self._drawn = b""

    def salt(self) -> bytes:
        """Draw a salt for the details of an event."""
        if not self._drawn:
            self._drawn = os.urandom(SALT_SIZE * _DRAWN_AT_A_TIME)
        salt, self._drawn = self._drawn[:SALT_SIZE], self._drawn[SALT_SIZE:]
        return salt

    def event_id(self) -> str:
        """Draw the id of an event."""
        return event_id_of(self.salt())


class Taking(NamedTuple):
    """Credits of one holder that a row ends: exactly these grams, or any so many.

    `claim` are their serial numbers, where the issuance had none.
    """

    record_id: str
    holder: str | None
    parts: tuple[Part, ...] | None = None
    quantity_g: int | None = None
    claim: Serial | None = None


def project_of(row: Row) -> str | None:
    """Give the row's project in the one way in which records name it."""
    return written_project(row.registry, row.project_id) if row.project_id else None


def issued_serial(row: Row) -> str:
    """Make the serial number of an issuance that has none, of its facts that never change.

    Equal rows are told apart by an ordinal, which comes behind it.
    """
    project = project_of(row) or row.project_name
    quantity = tonnes_text(row.quantity_g).removesuffix(" t")
    return f"{row.registry}-issuance:{project}/{row.vintage}/{row.issued_on or ''}/{quantity}"


def create(row: Row, serial: Serial, details: Details | None, random: Random) -> Create:
    """Bring in the credits of a row, or of the part of it that `serial` is.

    Raises:
        Invalid: the row's texts cannot make a record.
    """
    count = serial.count
    record = issuance(
        project_name=_one_line(row.project_name, largest=LONGEST_TEXT),
        registry=REGISTRIES[row.registry].name if row.registry in REGISTRIES else row.registry,
        vintage=row.vintage,
        quantity_g=row.quantity_g if count is None else count * GRAMS_PER_CREDIT,
        serial_number=_serial_text(row, serial),
        read_serial=read_serial,
        extra={
            "project_id": _project(row),
            "country": row.country,
            "methodology": _fact(row.methodology),
            "vintage_start": row.vintage_start,
            "vintage_end": row.vintage_end,
            "planned": row.planned,
        },
        effective_on=row.issued_on,
    )
    check_vintage(record)
    if (record.serial.series, record.serial.first, record.serial.last) != (
        *(serial.series, serial.first, serial.last),
    ):
        raise SerialMalformed(f"serial {serial.text}: it does not read back as what the row states")
    return Create(event_id=random.event_id(), record=record, details=details)


def ends_of(
    row: Row, takings: Sequence[Taking], details: Details | None, random: Random
) -> list[End]:
    """Retire or cancel credits, as the row says; several ends are one group.

    The row's words stand beside the first of them.
    """
    ids = [random.event_id() for _ in takings]
    group = ids[0] if len(ids) > 1 else None
    made: list[End] = []
    for event_id, taking in zip(ids, takings, strict=True):
        words = details if event_id is ids[0] else None
        if row.meaning is Meaning.RETIRED:
            made.append(
                Retire(
                    event_id=event_id,
                    record_id=taking.record_id,
                    holder=taking.holder,
                    parts=taking.parts,
                    quantity_g=taking.quantity_g,
                    effective_on=row.ended_on,
                    group=group,
                    details=words,
                    purpose=row.purpose,
                    claim=taking.claim,
                )
            )
        else:
            made.append(
                Cancel(
                    event_id=event_id,
                    record_id=taking.record_id,
                    holder=taking.holder,
                    parts=taking.parts,
                    quantity_g=taking.quantity_g,
                    effective_on=row.ended_on,
                    group=group,
                    details=words,
                    cause=row.cause or "other",
                    converted_to=row.converted_to,
                    claim=taking.claim,
                )
            )
    return made


def details_of(row: Row, random: Random) -> Details | None:
    """Take the row's words, and a methodology that is too long to be one of the record's facts.

    Raises:
        Invalid: one of them is too long, or no text.
    """
    content: dict[str, str] = {}
    if row.account:
        content["account"] = row.account
    if row.issues and row.methodology and _fact(row.methodology) is None:
        content["methodology"] = row.methodology
    content.update(row.details)
    content = {
        name: _one_line(text, largest=LONGEST_WORDS)
        for name, text in content.items()
        if text.strip()
    }
    return Details(salt=random.salt(), content=content) if content else None


def _one_line(text: str, *, largest: int) -> str:
    """Write a cell's text on one line, as the ledger keeps it.

    Raises:
        InvalidText: as `display_text`.
    """
    if not text.isprintable():
        text = _BREAKS.sub(" ", text.strip())
    return display_text(text, largest=largest)


def _serial_text(row: Row, serial: Serial) -> str:
    """Take the row's own text where it says the same, else the text rendered for the part."""
    own = row.serial_text
    if own is not None and row.serial == serial:
        try:
            if read_serial(row.registry, canonical_serial(own)) == serial:
                return _one_line(own, largest=LONGEST_TEXT)
        except Invalid:  # as some files write it, only their own reader can read it
            pass
    return serial.text


def _project(row: Row) -> str | None:
    project = project_of(row)
    return None if project is None else _one_line(project, largest=LONGEST_TEXT)


def _fact(text: str | None) -> str | None:
    """Take a text that is a record's own if it fits there."""
    if not text:
        return None
    line = _one_line(text, largest=LONGEST_WORDS)
    return line if len(line) <= LONGEST_FACT else None
