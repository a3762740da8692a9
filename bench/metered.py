"""Offset with its threads named in a file, so that their processor time can be read outside."""

import json
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from bench.starting import started_with

THREADS: Final = "BENCH_THREADS"  # the environment variable that names the file


@asynccontextmanager
async def _named(_: FastAPI) -> AsyncIterator[None]:
    _write_names()
    yield


def _write_names() -> None:
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    Path(os.environ[THREADS]).write_text(json.dumps(names), encoding="utf-8")


app: Final = started_with(_named)
