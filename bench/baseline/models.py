"""Two tables: records, and the events that happened to them."""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bench.baseline.database import Base


class EventType(StrEnum):
    """What happened."""

    CREATED = "CREATED"
    SOLD = "SOLD"
    RETIRED = "RETIRED"


def _now() -> datetime:
    return datetime.now(UTC)


class Record(Base):
    """Carbon credits as they were issued."""

    __tablename__ = "records"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project_name: Mapped[str]
    registry_name: Mapped[str] = mapped_column("registry")  # the ORM keeps `registry` for itself
    vintage: Mapped[int]
    quantity: Mapped[float]
    serial_number: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now)

    events: Mapped[list["Event"]] = relationship(back_populates="record", order_by="Event.id")

    @property
    def status(self) -> str:
        """Where the credits are: what happened last."""
        return self.events[-1].event_type if self.events else EventType.CREATED


class Event(Base):
    """Something that happened to a record; never changed."""

    __tablename__ = "events"
    __table_args__ = (
        CheckConstraint("event_type IN ('CREATED', 'SOLD', 'RETIRED')", name="known_type"),
        # The database itself refuses a second retirement.
        Index(
            "retired_once",
            "record_id",
            unique=True,
            sqlite_where=text("event_type = 'RETIRED'"),
            postgresql_where=text("event_type = 'RETIRED'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[str] = mapped_column(ForeignKey("records.id"), index=True)
    event_type: Mapped[str]
    buyer: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now)

    record: Mapped[Record] = relationship(back_populates="events")
