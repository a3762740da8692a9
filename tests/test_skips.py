"""In a run that allows no skips, a skipped test is a failed one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = """
import pytest

@pytest.mark.skip(reason="no chromium")
def test_marked(): ...

def test_midway():
    pytest.skip("no second core")

@pytest.mark.xfail(reason="known")
def test_known():
    assert False

def test_plain(): ...
"""
WHOLE_FILE = 'import pytest\npytest.importorskip("no_such_module_as_this")\n'


def closing_line(folder: Path, *, no_skips: str) -> tuple[int, str]:
    """Run pytest with our conftest on the tests in `folder`; its exit status and last line."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
        "OFFSET_TEST_NO_SKIPS": no_skips,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # it starts five times as fast
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "--rootdir", folder, folder],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout.splitlines()[-1].strip("= ").partition(" in ")[0]


@pytest.mark.parametrize(
    "text, allowed, forbidden",
    [
        pytest.param(
            SKIPS,
            (0, "1 passed, 2 skipped, 1 xfailed"),
            (1, "1 failed, 1 passed, 1 xfailed, 1 error"),
            id="tests",
        ),
        pytest.param(WHOLE_FILE, (5, "1 skipped"), (2, "1 error"), id="file"),
    ],
)
def test_a_skip_fails_only_where_skips_are_forbidden(
    tmp_path: Path, text: str, allowed: tuple[int, str], forbidden: tuple[int, str]
) -> None:
    (tmp_path / "test_sample.py").write_text(text, encoding="utf-8")
    assert closing_line(tmp_path, no_skips="") == allowed
    assert closing_line(tmp_path, no_skips="1") == forbidden
