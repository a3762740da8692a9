"""The engine and a session for each request."""

import os
from collections.abc import Iterator
from typing import Final

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

DATABASE_URL: Final = os.environ.get("DATABASE_URL", "sqlite:///credits.db")
# Of SQLite's one writer the others wait their turn: after the usual 5 s some would be refused.
_OPTIONS: Final = (
    {"check_same_thread": False, "timeout": 60} if DATABASE_URL.startswith("sqlite") else {}
)

engine: Final = create_engine(DATABASE_URL, connect_args=_OPTIONS, pool_size=64)
SessionLocal: Final = sessionmaker(bind=engine, autoflush=False)


class Base(DeclarativeBase):
    """What the tables are declared with."""


def get_session() -> Iterator[Session]:
    """Open a session for one request."""
    session = SessionLocal()
    try:
        yield session
    finally:
        session.close()
