"""What the code has, the documents name: read from the code, and looked for in the documents."""

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from fastapi.routing import APIRoute

from offset.cli import app
from offset.core.commands import CAUSES, PURPOSES
from offset.core.errors import BatchRefused, OffsetError, Unfit, tree
from offset.core.events import ACTS, Created
from offset.core.records import Status
from offset.main import ROUTERS
from offset.problems import status_of
from offset.settings import Settings, variable
from servers import ROOT, running_server

DOCUMENTS: Final = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))


def document(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def table(name: str, heading: str) -> dict[str, list[str]]:
    """The rows of a document's table whose first column has this heading, by first cell."""
    rows: dict[str, list[str]] = {}
    inside = False
    for line in document(name).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] == heading:
            inside = True
        elif inside and not line.startswith("|"):
            break
        elif inside and not set(cells[0]) <= {"-"}:
            rows[cells[0].strip("`")] = cells[1:]
    assert rows, f"{name} has no table whose first column is {heading}"
    return rows


# Errors that have no status of their own: a refusal to start, and a batch that failed as a whole.
NO_STATUS: Final[dict[type[OffsetError], str]] = {Unfit: "-", BatchRefused: "the failed command's"}


def test_every_error_code_is_documented_with_its_status_and_meaning() -> None:
    found = {}
    for kind in tree():
        if kind is not OffsetError and kind.__module__.startswith("offset."):
            status = NO_STATUS.get(kind) or str(status_of(kind.__new__(kind)))
            done = "if `outcome` says so" if kind.may_be_done else "no"
            found[kind.code] = (status, (kind.__doc__ or "").partition("\n")[0], done)
    rows = table("docs/errors.md", "code")
    assert {code: tuple(cells[:3]) for code, cells in rows.items()} == found
    with_outcome = {code for code, cells in rows.items() if "`outcome`:" in cells[3]}
    assert with_outcome == {kind.code for kind in tree() if kind.may_be_done}


def test_every_event_type_status_purpose_and_cause_is_documented() -> None:
    text = document("docs/api.md")
    words = {Created.TYPE, *ACTS, *(status.value for status in Status), *PURPOSES, *CAUSES}
    assert [word for word in sorted(words) if f"`{word}`" not in text] == []


def test_every_setting_is_documented_with_its_default() -> None:
    rows = table("docs/settings.md", "variable")
    assert set(rows) == {variable(name) for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        if field.default is not None:
            assert rows[variable(name)][0] == f"`{field.default}`", name


def test_every_variable_that_the_tests_read_is_documented() -> None:
    text = document("docs/settings.md")
    read = set()
    for path in (*(ROOT / "tests").glob("*.py"), *(ROOT / "src").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        read |= set(re.findall(r"""environ(?:\.get\(|\[)"(OFFSET_\w+)""", source))
    assert {"OFFSET_TEST_DATABASE_URL", "OFFSET_REAL_DATA", "OFFSET_TEST_NO_SKIPS"} <= read
    assert [name for name in sorted(read) if f"`{name}`" not in text] == []


def test_every_command_is_documented_with_its_options_and_defaults() -> None:
    rows = table("docs/operations.md", "command")
    commands = leaf_commands(typer.main.get_command(app))
    documented = {_words_of(first): first for first in rows}
    assert set(documented) == set(commands)
    for name, command in commands.items():
        for parameter in command.params:
            wanted = parameter.name.upper()
            if parameter.opts[0].startswith("--"):
                default = f" {parameter.default}" if parameter.default is not None else " "
                wanted = f"[{parameter.opts[0]}{']' if parameter.is_flag else default}"
            assert wanted in documented[name], f"docs/operations.md: offset {name} {wanted}"


def leaf_commands(command: Any, name: str = "") -> dict[str, Any]:
    """Every command by its name: `log key new` of the groups `log` and `key`."""
    if not hasattr(command, "commands"):
        return {name: command}
    found: dict[str, Any] = {}
    for word, inner in command.commands.items():
        found |= leaf_commands(inner, f"{name} {word}".lstrip())
    return found


def _words_of(row: str) -> str:
    """The command that a row of the table is of: what stands before its arguments."""
    return " ".join(takewhile(str.islower, (word for word in row.split()[1:] if word[0] != "[")))


def test_every_call_is_documented() -> None:
    text = document("docs/api.md")
    for route in (route for router in ROUTERS for route in router.routes):
        assert isinstance(route, APIRoute)
        path = re.sub(r"\{(\w+):path\}", r"{\1}", route.path)
        path = re.sub(r"\{\w+_id\}", "{id}", path)
        assert route.methods is not None
        (method,) = route.methods
        named = (f"`{method} {path}`", f"`{path}`")
        assert any(name in text for name in named), f"docs/api.md lacks {method} {path}"


def test_every_dependency_stands_in_the_readme_with_its_reason() -> None:
    project = tomllib.loads(document("pyproject.toml"))["project"]
    wanted = {re.split(r"[<>=~]", line)[0] for line in project["dependencies"]}
    rows = table("README.md", "dependency")
    assert {name for row in rows for name in row.split(", ")} == wanted
    assert all(reason for (reason,) in rows.values())


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


# the README's own commands ------------------------------------------------------------------

SETUP: Final = (
    (
        "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"
        " && .venv/bin/offset demo && .venv/bin/offset serve"
    ),
    "./check",
)
SPECIFICATION: Final = (
    "pip install -r requirements.txt",
    "python -m uvicorn main:app --reload",
    "python test_api.py",
)


def test_the_readme_has_the_two_commands_first_and_the_specifications_three() -> None:
    lines = [line.strip() for line in document("README.md").splitlines()]
    for command in (*SETUP, *SPECIFICATION):
        assert command in lines, f"README.md lacks: {command}"
    first_screen = lines[:40]
    assert set(SETUP) <= set(first_screen)


def test_what_the_readmes_commands_need_is_there() -> None:
    assert os.access(ROOT / "check", os.X_OK)
    for name in ("requirements.txt", "requirements.lock", "main.py", "test_api.py"):
        assert (ROOT / name).is_file(), name
    scripts = tomllib.loads(document("pyproject.toml"))["project"]["scripts"]
    assert scripts == {"offset": "offset.cli:main"}


def session() -> list[tuple[str, str]]:
    """The commands of the README's console session, each with the output that stands below it."""
    blocks = re.findall(r"^```console\n(.*?)^```$", document("README.md"), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1
    found: list[tuple[str, str]] = []
    lines = blocks[0].splitlines()
    while lines:
        line = lines.pop(0)
        assert line.startswith("$ "), line
        command = line.removeprefix("$ ")
        while not _is_whole(command):
            command += "\n" + lines.pop(0)
        output: list[str] = []
        while lines and not lines[0].startswith("$ "):
            output.append(lines.pop(0))
        found.append((command, "\n".join(output)))
    return found


def _is_whole(command: str) -> bool:
    """Tell whether a shell would run the command or ask for another line."""
    if command.endswith("\\"):
        return False
    try:
        shlex.split(command)
    except ValueError:  # a quotation is open
        return False
    return True


def _without_chance(output: str) -> str:
    """The output without what is new every time: ids of events, and times."""
    output = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID", output)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "TIME", output).rstrip()


def test_the_readmes_session_gives_the_output_that_it_shows(sqlite_url: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("The README's session needs curl, which is not installed.")
    with running_server(sqlite_url) as server:
        for command, output in session():
            assert "localhost:8000" in command
            address = server.url.removeprefix("http://").replace("127.0.0.1", "localhost")
            done = subprocess.run(
                ["bash", "-c", command.replace("localhost:8000", address)],
                capture_output=True,
                text=True,
                timeout=30,
            )
            assert done.stderr == ""
            assert _without_chance(done.stdout) == _without_chance(output), command
