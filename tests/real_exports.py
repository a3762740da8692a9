"""Where the real registry exports are, which are not part of the repository."""

import os
from pathlib import Path

import pytest

BESIDE_THE_PROJECT = Path(__file__).parents[2] / "shared" / "data" / "registry-exports"


def real_exports() -> Path:
    """Find the folder of real exports (`OFFSET_REAL_DATA`); without it the test is skipped."""
    folder = Path(os.environ.get("OFFSET_REAL_DATA", BESIDE_THE_PROJECT))
    if not folder.is_dir():
        pytest.skip("The real registry exports are not here: set OFFSET_REAL_DATA to their folder.")
    return folder
