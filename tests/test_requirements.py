"""The lock pins whatever pyproject.toml asks for, and says nothing about where it comes from."""

import re
import tomllib
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def is_met(asked: Requirement, pins: dict[str, str]) -> bool:
    """Whether the pins have what is asked for, in a version within its range."""
    pinned = pins.get(canonicalize_name(asked.name))
    return pinned is not None and asked.specifier.contains(pinned)


def test_the_lock_pins_every_dependency_within_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", LOCK, re.MULTILINE))
    asked = [
        Requirement(line)
        for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    ]
    unmet = [str(one) for one in asked if not is_met(one, pins)]
    assert unmet == []


def test_the_lock_names_no_place_that_packages_come_from() -> None:
    options_and_urls = [
        line for line in LOCK.splitlines() if re.search(r"^-|://| @ ", line) and line[0] != "#"
    ]
    assert options_and_urls == []
