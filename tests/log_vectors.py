"""Where the published test vectors of transparency logs are, which the repository does not hold."""

import os
from pathlib import Path

import pytest

BESIDE_THE_PROJECT = Path(__file__).parents[2] / "shared" / "data" / "tlog-vectors"


def log_vectors() -> Path:
    """Find the folder of vectors (`OFFSET_LOG_VECTORS`); without it the test is skipped."""
    folder = Path(os.environ.get("OFFSET_LOG_VECTORS", BESIDE_THE_PROJECT))
    if not folder.is_dir():
        pytest.skip("The logs' test vectors are not here: set OFFSET_LOG_VECTORS to their folder.")
    return folder
