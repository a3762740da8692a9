"""The environment: every setting is read, a wrong value is one sentence, strangers are ignored."""

import stat
from pathlib import Path
from typing import Final

import httpx2
import pytest

from builders import ORIGIN, create
from commands import run_offset, said
from logs import witness
from offset.core.errors import Unfit
from offset.log.keys import KeyFile
from offset.settings import Settings, read_settings, variable
from servers import running_server

DEFAULTS: Final = {
    "database_url": "sqlite:///offset.db",
    "origin": None,
    "unparsed": "keep",
    "log_key": None,
    "witnesses": "",
    "import_max_bytes": 200_000_000,
}
OPAQUE: Final = "KLMN 0042 (block 7)"  # no registry's grammar finds anything in it


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from an environment in which no setting is given."""
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


def test_the_defaults_are_those_of_the_documents() -> None:
    assert read_settings().model_dump() == DEFAULTS


def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "DATABASE_URL": "postgresql://offset_server@localhost/offset_ledger",
        "OFFSET_ORIGIN": "registry.example/log",
        "OFFSET_UNPARSED": "refuse",
        "OFFSET_LOG_KEY": Path("/etc/offset/log-key"),
        "OFFSET_WITNESSES": "tower.example+a1b2c3d4+BA== https://tower.example",
        "OFFSET_IMPORT_MAX_BYTES": 5_000_000,
    }
    assert {variable(name) for name in Settings.model_fields} == set(given)
    for name, value in given.items():
        monkeypatch.setenv(name, str(value))
    assert list(read_settings().model_dump().values()) == list(given.values())


def test_variables_of_others_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OFFSET_DATABASE_URL", "OFFSET_NO_SUCH_SETTING", "ORIGIN", "UNPARSED"):
        monkeypatch.setenv(name, "refuse")
    assert read_settings().model_dump() == DEFAULTS


@pytest.mark.parametrize(
    "origin",
    [
        "ledger.example",
        "ledger.example/log",
        "localhost:8000/a/b-c.d_e~f",
        f"localhost/{'0' * 32}",
    ],
)
def test_an_origin_is_a_url_without_its_scheme(
    origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFSET_ORIGIN", origin)
    assert read_settings().origin == origin


@pytest.mark.parametrize(
    "origin",
    [
        *("", "https://ledger.example/log", "Ledger.example", "ledger.example/", "/log", "a b"),
        *("ledger.example/log\n", "ledger.example//log", "ledger.example/log?x", "lëdger.example"),
    ],
)
def test_anything_else_is_no_origin(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFSET_ORIGIN", origin)
    with pytest.raises(Unfit, match=r"^OFFSET_ORIGIN: has to be a URL without its scheme"):
        read_settings()


@pytest.mark.parametrize("value", ["", "Refuse", "no", "keep "])
def test_what_becomes_of_unparsed_serials_is_one_of_two_words(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFSET_UNPARSED", value)
    with pytest.raises(Unfit, match=r"^OFFSET_UNPARSED: input should be 'keep' or 'refuse'$"):
        read_settings()


@pytest.mark.parametrize("value", ["", "0", "-1", "200 MB", "1.5"])
def test_the_largest_file_is_a_number_of_bytes(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFSET_IMPORT_MAX_BYTES", value)
    with pytest.raises(Unfit, match=r"^OFFSET_IMPORT_MAX_BYTES: input should be "):
        read_settings()


def test_a_command_says_which_setting_is_wrong_and_ends(sqlite_url: str) -> None:
    done = run_offset("serve", database_url=sqlite_url, unparsed="perhaps")
    assert said(done) == "OFFSET_UNPARSED: input should be 'keep' or 'refuse'"


def test_serial_numbers_that_no_grammar_reads_are_kept_unless_they_are_to_be_refused(
    sqlite_url: str,
) -> None:
    opaque = create(registry="Elsewhere", serial_number=OPAQUE)
    with running_server(sqlite_url, unparsed="refuse", no_such_setting=1) as server:
        refused = httpx2.post(f"{server.url}/records", json=opaque)
        batch = {"commands": [{"command": "create", **opaque}, {"command": "create", **create()}]}
        answers = httpx2.post(f"{server.url}/batch", json=batch).json()["items"]
    assert (refused.status_code, refused.json()["code"]) == (422, "serial-unparsed")
    assert refused.json()["serial_number"] == OPAQUE.upper()
    assert [answer["status"] for answer in answers] == [422, 201]
    with running_server(sqlite_url) as server:
        kept = httpx2.post(f"{server.url}/records", json=opaque)
    assert (kept.status_code, kept.json()["serial"]["unparsed"]) == (201, True)


# --- the log's ----------------------------------------------------------------------------------


def refused(url: str, **settings: object) -> str:
    """What a server that does not start says."""
    with pytest.raises(RuntimeError) as raised, running_server(url, **settings):  # type: ignore[arg-type]
        pass
    return "".join(raised.value.__notes__)


def test_a_server_on_sqlite_makes_its_key_once_and_only_its_owner_can_read_it(
    sqlite_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "offset.db.log-key"
    keys = []
    for _ in range(2):
        with running_server(sqlite_url, origin=ORIGIN):
            keys.append(KeyFile(path).keys(ORIGIN))
    assert keys[0] == keys[1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_that_is_named_is_not_made(sqlite_url: str, tmp_path: Path) -> None:
    assert "there is no such key: offset log key new" in refused(
        sqlite_url, log_key=tmp_path / "nothing"
    )
    assert not (tmp_path / "offset.db.log-key").exists()


def test_the_key_of_another_log_keeps_a_server_from_starting(
    sqlite_url: str, tmp_path: Path
) -> None:
    key = tmp_path / "other-key"
    KeyFile(key).make("other.example/log")
    words = refused(sqlite_url, origin=ORIGIN, log_key=key)
    assert f"it has keys of other.example/log, the ledger's origin is {ORIGIN}" in words
    assert "Traceback" not in words


@pytest.mark.parametrize(
    "witnesses", ["tower", f"{witness('tower').verifier.vkey}", "a+b+c https://tower.example"]
)
def test_a_witness_without_a_key_or_an_address_is_refused(sqlite_url: str, witnesses: str) -> None:
    words = refused(sqlite_url, witnesses=witnesses)
    assert "OFFSET_WITNESSES: " in words
    assert "Traceback" not in words
