"""The application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from bench.baseline.database import Base, engine
from bench.baseline.routes import router


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Make the tables that are not there."""
    Base.metadata.create_all(engine)
    yield


app: Final = FastAPI(title="Carbon credits", lifespan=lifespan)
app.include_router(router)
