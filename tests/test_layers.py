"""What may import what, and how long a file or a function may be: read from the source."""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = ROOT / "src" / "offset"

RULES: Final = {"core"}
STORAGE: Final = RULES | {"models", "database", "objections"}
LEDGER: Final = {
    "ledger",
    "units",
    "reading",
    "listing",
    "log",
}  # what others see of the way to write
BESIDE: Final = RULES | {"database", "registries"} | LEDGER
SERVICES: Final = {"importing", "auditing", "certificates", "verifying"}
SHAPES: Final = RULES | {
    "schemas",
    "answers",
    "responses",
    "problems",
}  # what comes in and goes out
API: Final = (
    STORAGE
    | BESIDE
    | {"writer", "queueing", "submitting", "queries", "guard", "receiving", "sending"}
    | SERVICES
    | SHAPES
)

# A module or package of offset, and which others it may import. A package imports within itself.
MAY_IMPORT: Final[Mapping[str, set[str]]] = {
    "core": set(),
    "models": RULES,
    "connections": RULES | {"statements", "journal", "objections", "waiting"},
    "database": RULES
    | {"connections", "database_file", "holdings_cache", "journal", "statements"}
    | {"objections", "turns"},
    "database_file": RULES,
    "holdings_cache": RULES,
    "statements": {"waiting"},
    "objections": set(),
    "turns": {"waiting"},
    "journal": set(),
    "waiting": set(),
    "migrations": STORAGE,
    "migrating": RULES | {"database", "objections"},
    "registries": RULES,
    # The one way to write, each downwards.
    "units": RULES,
    "deciding": RULES | {"units"},
    "loading": STORAGE | {"units", "statements", "waiting"},
    "appending": STORAGE | {"units", "deciding", "loading", "names"},
    "needed_locks": RULES | {"database", "units"},
    "ledger": STORAGE
    | {"units", "deciding", "loading", "appending", "needed_locks", "reading", "waiting"},
    "names": STORAGE,
    "walks": {"names"},
    "listing": STORAGE | {"names", "walks"},
    "reading": STORAGE
    | {"units", "loading", "ledger", "tracing", "answers", "listing", "registries", "waiting"},
    "tracing": STORAGE | {"loading", "answers"},
    "log": STORAGE | {"units", "loading", "ledger", "reading"},
    "queueing": RULES | {"waiting"},
    "writer": STORAGE | LEDGER | {"queueing"},
    "importing": STORAGE
    | BESIDE
    | {"statements", "exports", "event_ids", "rows", "loading", "migrating"},
    "imports": STORAGE | {"ledger", "importing", "reports", "exports"},
    "import_queue": RULES | {"ledger", "importing", "imports", "exports"},
    "reports": RULES | {"importing"},
    "auditing": RULES | {"registries", "rows", "exports"},
    "certificates": BESIDE,
    "verifying": STORAGE | BESIDE | {"loading", "appending", "stretches"},
    "stretches": STORAGE,
    "erasing": BESIDE | {"event_ids"},
    "event_ids": set(),
    # A log from its files alone: no database.
    "checking": RULES | {"registries"},
    "logexport": RULES,
    "logcommands": RULES | {"checking", "logexport"},
    # A registry's export, from a file's bytes to what its rows say.
    "cells": RULES,
    "countries": RULES | {"cells"},
    "file_signatures": set(),
    "sheets": RULES | {"file_signatures"},
    "rows": RULES | {"registries", "cells", "countries", "sheets"},
    "headers": RULES | {"registries", "cells"},
    "exports": RULES | {"registries", "cells", "countries", "headers", "sheets", "rows"},
    "synthetic": set(),
    "demo": BESIDE | SHAPES | {"submitting", "importing", "synthetic"},
    "schemas": RULES,
    "answers": RULES,
    "responses": RULES,
    "problems": RULES,
    "submitting": SHAPES | {"registries", "units", "event_ids"},
    "queries": SHAPES | {"registries", "reading", "listing"},
    "settings": RULES,
    "guard": RULES | {"sending"},
    "dispatching": RULES | {"receiving"},
    "receiving": SHAPES | {"units"},
    "sending": SHAPES | {"units"},
    "routes": API,
    "import_routes": API | {"routes", "exports", "imports", "import_queue"},
    "log_routes": API | {"routes"},
    "serving": SHAPES | {"guard", "units"},
    "terminal": RULES | {"database"},
    "pages": API,
    "client": RULES | {"schemas"},
}
# Of these only the command line imports another.
ANYTHING: Final = {"main", "cli", "cli_log", "__main__"}
IMPORTED_BY: Final = {
    "main": {"cli", "cli_log"},
    "cli_log": {"cli"},
    "cli": {"__main__"},
    "__main__": set[str](),
}

# What comes from elsewhere than offset and Python itself.
CORE_LIBRARIES: Final = {
    "canonical": {"orjson"},
    "events": {"orjson"},
    "notes": {"cryptography"},
}
NOT_IN_REGISTRIES: Final = {"fastapi", "psycopg", "sqlalchemy", "sqlite3"}
# The clock, randomness and I/O, as modules and as calls.
IMPURE_MODULES: Final = {
    *("asyncio", "http", "importlib", "io", "logging", "multiprocessing", "os", "pathlib"),
    *("random", "secrets", "shutil", "socket", "sqlite3", "ssl", "subprocess", "tempfile"),
    *("threading", "time", "urllib"),
}
IMPURE_CALLS: Final = {
    *("input", "monotonic", "now", "open", "perf_counter", "print", "today", "utcnow"),
    *("uuid1", "uuid4", "uuid6", "uuid7"),
}

LONGEST_FILE: Final = 710  # lines; a subject that grows becomes a package
LONGEST_FUNCTION: Final = 70  # lines, from its def to its end


@dataclass(frozen=True, kw_only=True)
class Module:
    """A source file of offset: its dotted name below the package, and the tree it parses to."""

    name: str
    is_package: bool
    tree: ast.Module

    @property
    def layer(self) -> str:
        """The name in the table: `core` of `core.records`."""
        return self.name.partition(".")[0]

    def imports(self) -> Iterator[str]:
        """Every imported name, wherever the import stands, absolute: `offset.core.errors.Busy`."""
        here = ["offset", *self.name.split(".")] if self.name else ["offset"]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                up = node.level - self.is_package
                start = here[: len(here) - up] if node.level else []
                origin = ".".join([*start, *filter(None, [node.module])])
                yield from (f"{origin}.{alias.name}" for alias in node.names)

    def outside(self) -> set[str]:
        """The top-level names of what it imports from elsewhere than offset and Python itself."""
        tops = {name.partition(".")[0] for name in self.imports()}
        return tops - {"offset"} - sys.stdlib_module_names


def read(folder: Path) -> list[Module]:
    """Parse every module below `folder`, a package called offset."""
    modules = []
    for path in sorted(folder.rglob("*.py")):
        parts = list(path.relative_to(folder).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        modules.append(Module(name=name, is_package=is_package, tree=tree))
    return modules


def inner_imports(module: Module, names: set[str]) -> set[str]:
    """The modules of offset that `module` imports, by their longest name in `names`.

    The package itself, imported for its version, is none.
    """
    found = set()
    for imported in module.imports():
        if imported.partition(".")[0] != "offset":
            continue
        parts = imported.split(".")[1:]
        known = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
        found.add(next((name for name in known if name in names), ""))
    return found - {"", module.name}


def breaches(modules: list[Module]) -> list[str]:
    """Every import that the table does not allow, and every module that it does not know."""
    names = {module.name for module in modules}
    found = []
    for module in modules:
        if module.name == "":
            allowed: set[str] = set()
        elif module.layer in ANYTHING:
            allowed = names
        elif module.layer in MAY_IMPORT:
            allowed = MAY_IMPORT[module.layer] | {module.layer}
        else:
            found.append(f"{module.name} is not in the table")
            continue
        for target in sorted(inner_imports(module, names)):
            layer = target.partition(".")[0]
            fine = (
                module.layer in IMPORTED_BY[layer]
                if layer in ANYTHING
                else layer in allowed or module.layer in ANYTHING
            )
            if not fine:
                found.append(f"{module.name or 'offset'} imports {target}")
    return found


MODULES: Final = read(PACKAGE)


def test_each_module_imports_only_what_the_table_allows() -> None:
    assert breaches(MODULES) == []


@pytest.mark.parametrize(
    "path, text, breach",
    [
        ("core/records.py", "from offset.ledger import commit", "core.records imports ledger"),
        ("core/records.py", "from ..ledger import commit", "core.records imports ledger"),
        ("core/records.py", "def f():\n    import offset.ledger", "core.records imports ledger"),
        ("registries/verra.py", "from offset import ledger", "registries.verra imports ledger"),
        ("client.py", "from offset.ledger import commit", "client imports ledger"),
        ("routes.py", "from offset.main import app", "routes imports main"),
        ("main.py", "from offset import cli", "main imports cli"),
        ("__init__.py", "from .ledger import commit", "offset imports ledger"),
        ("helpers.py", "", "helpers is not in the table"),
        ("helpers/text.py", "", "helpers.text is not in the table"),
    ],
    ids=lambda value: value.replace("\n", " ") if isinstance(value, str) else None,
)
def test_a_breach_of_the_table_is_found(tmp_path: Path, path: str, text: str, breach: str) -> None:
    for name in ("ledger.py", "main.py", "cli.py", path):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text if name == path else "", encoding="utf-8")
    assert breaches(read(tmp_path)) == [breach]


def test_no_two_modules_import_each_other() -> None:
    names = {module.name for module in MODULES}
    try:
        TopologicalSorter({m.name: inner_imports(m, names) for m in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {' <- '.join(error.args[1])}")


def test_the_core_needs_only_python_itself() -> None:
    needed = {
        module.name: libraries
        for module in MODULES
        if module.layer == "core"
        and (libraries := module.outside() - CORE_LIBRARIES.get(module.name[5:], set()))
    }
    assert needed == {}


def test_the_core_has_no_clock_no_randomness_and_no_io() -> None:
    found = [
        f"{module.name}:{node.lineno} calls {called}"
        for module in MODULES
        if module.layer == "core"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and (called := last_name(node.func)) in IMPURE_CALLS
    ]
    for module in MODULES:
        if module.layer == "core":
            tops = {name.partition(".")[0] for name in module.imports()}
            found += [f"{module.name} imports {name}" for name in sorted(tops & IMPURE_MODULES)]
    assert found == []


def last_name(called: ast.expr) -> str:
    """`now` of `datetime.now`; empty for what has no name."""
    match called:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def test_registries_know_neither_database_nor_web() -> None:
    imported = {
        (module.name, name)
        for module in MODULES
        if module.layer == "registries"
        for name in {name.partition(".")[0] for name in module.imports()} & NOT_IN_REGISTRIES
    }
    assert imported == set()


def test_the_environment_is_read_by_the_settings_alone() -> None:
    readers = {
        module.name
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    }
    assert readers <= {"settings"}


def written_files() -> list[Path]:
    """The Python files of the repository that people write."""
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *ROOT.glob("*.py")]
    return sorted(files)


def test_no_file_is_longer_than_its_limit() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in written_files()
    }
    assert {path: n for path, n in lengths.items() if n > LONGEST_FILE} == {}


def test_no_function_is_longer_than_70_lines() -> None:
    too_long = {}
    for path in written_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                length = node.end_lineno - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    too_long[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = length
    assert too_long == {}
