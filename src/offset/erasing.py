"""Erasing the details of an event, as the law may oblige: the log keeps only their salted hash."""

from collections.abc import Sequence
from uuid import UUID

from offset.core.commands import Erase
from offset.core.errors import OffsetError
from offset.database import Database
from offset.event_ids import new_event_id
from offset.ledger import Ledger
from offset.reading import Reader
from offset.units import Answer, Result, Unit


def erase_details(database: Database, origin: str, event_id: str) -> None:
    """Erase an event's details, and every copy that the database keeps of them.

    Raises:
        EventNotFound: there is no such event.
        NoDetails: it has no details.
        AlreadyErased: they were erased before; copies that were left are gone now.
        DatabaseUnavailable: the database did not take it.
    """
    record_id = Reader(database).record_of_event(event_id)
    erased = str(UUID(event_id))  # it was found, so it is one; the ledger knows one spelling
    command = Erase(event_id=new_event_id(), erased=erased, record_id=record_id)
    refused: list[OffsetError] = []

    def shape(results: Sequence[Result]) -> Answer:
        refused.extend(result for result in results if isinstance(result, OffsetError))
        return Answer(status=200, body={})

    (outcome,) = Ledger(database, origin=origin).commit([Unit(commands=(command,), shape=shape)])
    if isinstance(outcome, OffsetError):
        raise outcome
    database.forget()
    if refused:
        raise refused[0]
