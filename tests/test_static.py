"""The files that Offset serves but did not write are the ones that VENDORED.md names."""

import hashlib
import re
from pathlib import Path

import offset

STATIC = Path(offset.__file__).parent / "static"
SWAGGER_UI = STATIC / "swagger-ui"


def test_swagger_ui_is_what_its_note_says() -> None:
    note = (SWAGGER_UI / "VENDORED.md").read_text(encoding="utf-8")
    stated = dict(re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", note, re.MULTILINE))
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in SWAGGER_UI.iterdir()
        if path.name != "VENDORED.md"
    }
    assert found == stated


def test_no_static_file_asks_for_a_source_map_that_is_not_there() -> None:
    asking = [
        path.name
        for path in STATIC.rglob("*")
        if path.suffix in {".css", ".js"} and "sourceMappingURL=" in path.read_text("utf-8")
    ]
    assert asking == []


def test_our_own_scripts_name_no_other_host() -> None:
    ours = sorted(STATIC.glob("*.js"))
    assert [path.name for path in ours if re.search(r"https?:|//[a-z]", path.read_text())] == []
    assert ours != []
