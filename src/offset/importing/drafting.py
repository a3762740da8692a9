"""From what a row says to the commands that say it to the ledger."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from uuid import uuid4

from offset.core.canonical import canonical_serial, display_text
from offset.core.commands import Cancel, Create, Details, Retire
from offset.core.errors import Invalid, SerialMalformed
from offset.core.quantities import GRAMS_PER_CREDIT, tonnes_text
from offset.core.records import Part, issuance
from offset.core.serials import Serial
from offset.exports import Meaning, Row
from offset.registries import REGISTRIES
from offset.registries import read_serial as read_once
from offset.registries.stated import written_project

End = Retire | Cancel
read_serial = lru_cache(maxsize=256)(read_once)  # a row's text is looked at more than once
LONGEST_TEXT, LONGEST_FACT, LONGEST_WORDS = 500, 100, 4_000  # characters, as the API takes them


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


def create(row: Row, serial: Serial) -> Create:
    """Bring in the credits of a row, or of the part of it that `serial` is.

    Raises:
        Invalid: the row's texts cannot make a record.
    """
    count = serial.count
    ends = row.meaning in {Meaning.RETIRED, Meaning.CANCELLED}
    record = issuance(
        project_name=display_text(row.project_name, largest=LONGEST_TEXT),
        registry=REGISTRIES[row.registry].name if row.registry in REGISTRIES else row.registry,
        vintage=row.vintage,
        quantity_g=row.quantity_g if count is None else count * GRAMS_PER_CREDIT,
        serial_number=_serial_text(row, serial),
        read_serial=read_serial,
        extra={
            "project_id": project_of(row),
            "country": row.country,
            "methodology": _fact(row.methodology),
            "vintage_start": row.vintage_start,
            "vintage_end": row.vintage_end,
            "planned": row.planned,
        },
        effective_on=row.issued_on,
    )
    if (record.serial.series, record.serial.first, record.serial.last) != (
        *(serial.series, serial.first, serial.last),
    ):
        raise SerialMalformed(f"serial {serial.text}: it does not read back as what the row states")
    return Create(event_id=str(uuid4()), record=record, details=None if ends else details_of(row))


def end(
    row: Row,
    record_id: str,
    holder: str | None,
    *,
    parts: Sequence[Part] | None = None,
    quantity_g: int | None = None,
    claim: Serial | None = None,
) -> End:
    """Retire or cancel credits of a holder, as the row says."""
    event_id = str(uuid4())
    named = None if parts is None else tuple(parts)
    if row.meaning is Meaning.RETIRED:
        return Retire(
            event_id=event_id,
            record_id=record_id,
            holder=holder,
            parts=named,
            quantity_g=quantity_g,
            effective_on=row.ended_on,
            purpose=row.purpose,
            claim=claim,
        )
    return Cancel(
        event_id=event_id,
        record_id=record_id,
        holder=holder,
        parts=named,
        quantity_g=quantity_g,
        effective_on=row.ended_on,
        cause=row.cause or "other",
        converted_to=row.converted_to,
        claim=claim,
    )


def as_group(ends: Sequence[End], details: Details | None) -> list[End]:
    """Make one group of a row's ends; its words stand beside the first of them."""
    if not ends:
        return []
    group = ends[0].event_id if len(ends) > 1 else None
    first = replace(ends[0], group=group, details=details)
    return [first, *(replace(one, group=group) for one in ends[1:])]


def details_of(row: Row) -> Details | None:
    """Take the row's words, and a methodology that is too long to be one of the record's facts.

    Raises:
        Invalid: one of them is too long, or no text.
    """
    methodology = row.methodology if row.issues and _fact(row.methodology) is None else None
    words = {"account": row.account, "methodology": methodology, **row.details}
    content = {
        name: display_text(text, largest=LONGEST_WORDS)
        for name, text in words.items()
        if text and text.strip()
    }
    return Details(salt=secrets.token_bytes(16), content=content) if content else None


def _serial_text(row: Row, serial: Serial) -> str:
    """Take the row's own text where it says the same, else the text rendered for the part."""
    own = row.serial_text
    if own is not None and row.serial == serial:
        try:
            if read_serial(row.registry, canonical_serial(own)) == serial:
                return display_text(own, largest=LONGEST_TEXT)
        except Invalid:  # as some files write it, only their own reader can read it
            pass
    return serial.text


def _fact(text: str | None) -> str | None:
    """Take a text that is a record's own if it fits there."""
    if not text:
        return None
    line = display_text(text, largest=LONGEST_WORDS)
    return line if len(line) <= LONGEST_FACT else None
