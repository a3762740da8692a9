"""The calls: create, read, retire, sell."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Response
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bench.baseline.database import get_session
from bench.baseline.models import Event, EventType, Record
from bench.baseline.schemas import RecordCreate, RecordOut, Sale
from bench.baseline.utils import record_id

router: Final = APIRouter()
OpenSession = Annotated[Session, Depends(get_session)]


@router.post("/records", response_model=RecordOut, status_code=201)
def create_record(body: RecordCreate, response: Response, session: OpenSession) -> Record:
    """Create a record, or give the one that is there."""
    key = record_id(**body.model_dump())
    existing = session.get(Record, key)
    if existing is None:
        record = Record(
            id=key,
            project_name=body.project_name,
            registry_name=body.registry,
            vintage=body.vintage,
            quantity=body.quantity,
            serial_number=body.serial_number,
        )
        record.events.append(Event(event_type=EventType.CREATED))
        session.add(record)
        try:
            session.commit()
        except IntegrityError:  # another request was first
            session.rollback()
            existing = session.get_one(Record, key)
        else:
            return record
    response.status_code = 200
    return existing


@router.get("/records/{key}", response_model=RecordOut)
def get_record(key: str, session: OpenSession) -> Record:
    """Read a record with its events."""
    return _found(session, key)


@router.post("/records/{key}/retire", response_model=RecordOut)
def retire_record(key: str, session: OpenSession) -> Record:
    """Retire a record, once and for ever."""
    record = _found(session, key)
    _refuse_retired(record)
    record.events.append(Event(event_type=EventType.RETIRED))
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
        raise HTTPException(409, "The record is retired already") from None
    return record


@router.post("/records/{key}/sell", response_model=RecordOut)
def sell_record(key: str, body: Sale, session: OpenSession) -> Record:
    """Sell a record that is not retired."""
    record = _found(session, key)
    _refuse_retired(record)
    record.events.append(Event(event_type=EventType.SOLD, buyer=body.to))
    session.commit()
    return record


def _found(session: Session, key: str) -> Record:
    record = session.get(Record, key)
    if record is None:
        raise HTTPException(404, "There is no such record")
    return record


def _refuse_retired(record: Record) -> None:
    if any(event.event_type == EventType.RETIRED for event in record.events):
        raise HTTPException(409, "The record is retired already")
