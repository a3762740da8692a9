"""What is sent and what is answered."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class RecordCreate(BaseModel):
    """Credits to be recorded."""

    project_name: str = Field(min_length=1, max_length=500)
    registry: str = Field(min_length=1, max_length=100)
    vintage: int = Field(ge=1900, le=2199)
    quantity: float = Field(gt=0)
    serial_number: str = Field(min_length=1, max_length=500)


class Sale(BaseModel):
    """Who buys a record."""

    to: str = Field(min_length=1, max_length=64)


class EventOut(BaseModel):
    """An event as it is shown."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    event_type: str
    buyer: str | None
    created_at: datetime


class RecordOut(BaseModel):
    """A record with its details, all its events and its status."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    project_name: str
    registry: str = Field(validation_alias="registry_name")
    vintage: int
    quantity: float
    serial_number: str
    created_at: datetime
    status: str
    events: list[EventOut]
