"""Witnesses cosign checkpoints; none of them can stop the log, but one that knows more."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from builders import ORIGIN
from log_ledgers import LogLedger, copied, opened_log, size_of
from offset.core.checkpoints import read_checkpoint, verify_checkpoint, verify_proof
from offset.core.errors import LogMalformed, LogRolledBack
from offset.core.notes import Kind, SigningKey, read_note
from offset.log import Log
from offset.log.witnesses import Witness, Witnesses, read_witnesses
from offset.models import log_cosignatures
from servers import free_port
from witness_servers import (
    COSIGNED_S,
    Misbehaviour,
    WitnessServer,
    dripping,
    raw,
    saying,
    witness_server,
)

OTHER: Final = SigningKey(name="w.example/one", seed=b"\x07" * 32, kind=Kind.COSIGNATURE)


@pytest.fixture
def log(database_url: str, tmp_path: Path) -> Iterator[LogLedger]:
    with opened_log(database_url, tmp_path) as made:
        yield made


@pytest.fixture
def sqlite_log(sqlite_url: str, tmp_path: Path) -> Iterator[LogLedger]:
    with opened_log(sqlite_url, tmp_path) as made:
        yield made


def asking(log: LogLedger, *servers: WitnessServer) -> Witnesses:
    return Witnesses(log.database, [server.witness for server in servers])


def cosignatures(log: LogLedger) -> list[tuple[int, str]]:
    with log.database.reading() as connection:
        rows = connection.execute(log_cosignatures.select()).all()
    return sorted((row.size, row.name) for row in rows)


# Cosigning ------------------------------------------------------------------------------------


def test_what_witnesses_cosign_is_served_with_the_checkpoint_and_its_proofs(
    log: LogLedger,
) -> None:
    names = ["w.example/one", "w.example/two"]
    with ExitStack() as stack:
        servers = [stack.enter_context(witness_server(name, log.key)) for name in names]
        publisher = log.publisher(witnesses=asking(log, *servers))
        for count in (1, 256, 3):
            log.write(count)
            publisher.publish()
            log.check()
        keys = [server.key.verifier for server in servers]
        times = dict.fromkeys(keys, COSIGNED_S)
        served = Log(log.database)
        checkpoint, signed = verify_checkpoint(served.checkpoint(), log.key, keys)
        assert (checkpoint.size, signed) == (260, times)
        for position in (0, 255, 259):
            proof = served.proof(position)
            assert proof.extra is not None
            assert verify_proof(proof, proof.extra, log.key, keys)[1] == times
        assert publisher.publish() == served.checkpoint()
        for server in servers:
            assert (server.asked, server.statuses) == ([1, 257, 260], [200] * 3)
            assert server.root == checkpoint.root
    assert cosignatures(log) == sorted((size, name) for size in (1, 257, 260) for name in names)


def test_a_new_process_asks_about_the_newest_checkpoint_before_it_signs(log: LogLedger) -> None:
    log.write(3)
    log.publish()
    with witness_server("w.example/one", log.key) as server:
        log.write(2)
        publisher = log.publisher(witnesses=asking(log, server))
        assert size_of(publisher.publish()) == 5
        assert server.asked == [3, 5]
        assert cosignatures(log) == [(3, "w.example/one"), (5, "w.example/one")]
        log.write(1)
        publisher.publish()
        assert server.asked == [3, 5, 6]


def test_a_witness_that_was_away_is_caught_up_with(log: LogLedger) -> None:
    with witness_server("w.example/one", log.key) as server:
        publisher = log.publisher(witnesses=asking(log, server))
        log.write(3)
        publisher.publish()
        server.misbehave = saying(503, b"")
        log.write(300)
        assert size_of(publisher.publish()) == 303
        server.size, server.root = 3, root_of(log, 3)  # it has not kept what it refused
        server.misbehave = None
        log.write(4)
        publisher.publish()
        assert server.statuses == [200, 503, 200]
        assert cosignatures(log) == [(3, "w.example/one"), (307, "w.example/one")]


@pytest.mark.parametrize("known", [1, 2, 200, 256, 299])
def test_a_witness_that_knows_another_size_is_sent_the_proof_from_there(
    known: int, log: LogLedger
) -> None:
    """The database does not say what it knows: its last answer was lost."""
    with witness_server("w.example/one", log.key) as server:
        publisher = log.publisher(witnesses=asking(log, server))
        server.misbehave = saying(503, b"")
        log.write(known)
        publisher.publish()
        assert (server.size, cosignatures(log)) == (known, [])
        server.misbehave = None
        log.write(300 - known)
        publisher.publish()
        assert (server.size, server.statuses) == (300, [503, 409, 200])
        assert cosignatures(log) == [(300, "w.example/one")]


def test_a_witness_that_has_forgotten_is_told_all_again(log: LogLedger) -> None:
    with witness_server("w.example/one", log.key) as server:
        publisher = log.publisher(witnesses=asking(log, server))
        log.write(3)
        publisher.publish()
        server.size, server.asked, server.statuses = 0, [], []
        log.write(2)
        publisher.publish()
        assert (server.statuses, server.size) == ([409, 200], 5)


def root_of(log: LogLedger, size: int) -> bytes:
    return read_checkpoint(read_note(log.signed()[size].encode()).text).root


# Misbehaving ----------------------------------------------------------------------------------


KEY: Final = SigningKey(
    name="w.example/one",
    seed=WitnessServer(name="w.example/one", log=OTHER.verifier).key.seed,
    kind=Kind.COSIGNATURE,
)
MISBEHAVING: Final[dict[str, Misbehaviour]] = {
    "nothing": raw(b""),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "half an answer": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"),
    "a status that is none": raw(b"HTTP/1.1 9x9 OK\r\n\r\n"),
    "an endless header": raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"),
    "a thousand headers": raw(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 1_000 + b"\r\n"),
    "chunks of no size": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "nothing to read": saying(200, b""),
    "no text": saying(200, b"\xff\xfe"),
    "words": saying(200, b"thank you\n"),
    "a huge answer": saying(200, b"\xe2\x80\x94 w.example/one AAAA\n" * 100_000),
    "a huge number": saying(409, b"9" * 6_000),
    "no number": saying(409, b"many\n"),
    "less than nothing": saying(409, b"-1\n"),
    "always another size": saying(409, b"1\n"),
    "a fault": saying(500, b"oops"),
    "a refusal": saying(403, b""),
    "a redirect": saying(301, b""),
    "a signature of another key": saying(200, OTHER.cosign("x\n", 1).line.encode()),
    "a signature of another text": saying(
        200, KEY.cosign("another text\n", COSIGNED_S).line.encode()
    ),
    "a right signature and a wrong one": saying(
        200, lambda right: right[1] + KEY.cosign("another\n", 1).line.encode()
    ),
    "a changed signature": saying(200, lambda right: right[1].replace(b"A", b"B")),
    "no newline at the end": saying(200, lambda right: right[1].rstrip()),
}


@pytest.mark.parametrize("how", MISBEHAVING)
def test_a_witness_that_answers_nonsense_does_not_stop_the_log(
    how: str, sqlite_log: LogLedger, caplog: pytest.LogCaptureFixture
) -> None:
    log = sqlite_log
    with (
        witness_server("w.example/one", log.key) as bad,
        witness_server("w.example/two", log.key) as good,
    ):
        bad.misbehave = MISBEHAVING[how]
        publisher = log.publisher(witnesses=asking(log, bad, good))
        for count in (3, 2):
            log.write(count)
            assert size_of(publisher.publish()) == log.events()
            log.check()
    assert cosignatures(log) == [(3, "w.example/two"), (5, "w.example/two")]
    assert caplog.text.count("Witness w.example/one did not cosign: ") == 2
    note = Log(log.database).checkpoint()
    assert {one.name for one in note.signatures} == {ORIGIN, "w.example/two"}


def test_only_what_a_witness_signed_is_kept_of_its_answer(sqlite_log: LogLedger) -> None:
    """A line under another name is nobody's word, also if it has the id of the witness's key."""
    log = sqlite_log
    with witness_server("w.example/one", log.key) as server:
        server.misbehave = saying(
            200,
            lambda right: (
                right[1]
                + right[1].replace(b"w.example/one", b"w.example/two")
                + right[1].replace(b"w.example/one", ORIGIN.encode())
            ),
        )
        log.write(3)
        log.publish(witnesses=asking(log, server))
    assert cosignatures(log) == [(3, "w.example/one")]


@pytest.mark.parametrize("what", ["silent", "dripping", "dripping headers", "away", "closed"])
def test_a_witness_that_is_slow_or_away_costs_a_bounded_time(
    what: str, sqlite_log: LogLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = sqlite_log
    monkeypatch.setattr("offset.log.witnesses.TIMEOUT_S", 0.4)
    with witness_server("w.example/one", log.key) as server:
        ways: dict[str, Misbehaviour] = {
            "silent": lambda *_: time.sleep(2),
            "dripping": partial(dripping, headers=False),
            "dripping headers": partial(dripping, headers=True),
        }
        server.misbehave = ways.get(what)
        if what == "closed":
            server.url = f"http://127.0.0.1:{free_port()}"
        if what == "away":
            server.url = "http://witness.invalid"
        log.write(3)
        publisher = log.publisher(witnesses=asking(log, server))
        begun = time.monotonic()
        assert size_of(publisher.publish()) == 3
        assert time.monotonic() - begun < 1.5
    assert cosignatures(log) == []
    log.check()


# One that knows more --------------------------------------------------------------------------


def test_a_database_that_is_behind_a_witness_is_not_signed(
    database_url: str, tmp_path: Path
) -> None:
    """The guard beside the key is lost too; the witness remembers."""
    with ExitStack() as stack:
        with opened_log(database_url, tmp_path) as log:
            server = stack.enter_context(witness_server("w.example/one", log.key))
            log.write(20)
            log.publish(witnesses=asking(log, server))
        older = stack.enter_context(copied(database_url, tmp_path))
        with opened_log(database_url, tmp_path) as log:
            log.write(10)
            log.publish(witnesses=asking(log, server))
            log.key_file.guard.unlink()
        with opened_log(older, tmp_path) as log:
            log.write(5)
            publisher = log.publisher(witnesses=asking(log, server))
            for _ in range(2):
                with pytest.raises(LogRolledBack, match=r"has seen 30 events .* database has 25"):
                    publisher.publish()
            assert log.sizes() == [20]
            assert log.key_file.last_signed() is None
            log.check()


def test_a_publisher_stops_when_a_witness_turns_out_to_know_more(log: LogLedger) -> None:
    with witness_server("w.example/one", log.key) as server:
        publisher = log.publisher(witnesses=asking(log, server))
        log.write(3)
        publisher.publish()
        server.size = 100  # somebody else signs with this key
        log.write(2)
        with pytest.raises(LogRolledBack, match="has seen 100 events"):
            publisher.publish()
        assert log.sizes() == [3, 5]
        log.write(1)
        with pytest.raises(LogRolledBack, match="has seen 100 events"):
            publisher.publish()
        assert log.sizes() == [3, 5]


def test_a_witness_that_another_process_has_shown_more_is_no_reason_to_stop(
    log: LogLedger,
) -> None:
    with witness_server("w.example/one", log.key) as server:
        witnesses = asking(log, server)
        publisher = log.publisher(witnesses=witnesses)
        log.write(3)
        older = publisher.publish()
        log.write(2)
        publisher.publish()
        assert older is not None
        witnesses.ask(older)  # as a process does that was slower
        assert server.size == 5


# The setting ----------------------------------------------------------------------------------


def test_the_setting_names_keys_and_urls() -> None:
    one, two = KEY.verifier, SigningKey(name="w.two", seed=bytes(32), kind=Kind.COSIGNATURE)
    text = f"{one.vkey} https://w.example/base/, {two.verifier.vkey}  http://[::1]:80,"
    assert read_witnesses(text) == [
        Witness("https://w.example/base", one),
        Witness("http://[::1]:80", two.verifier),
    ]
    assert read_witnesses("") == read_witnesses(" , ") == []


@pytest.mark.parametrize(
    "url",
    [
        *("", "w.example", "ftp://w.example", "https://", "https:w", "file:///etc/passwd"),
        *("https://w.example:port", "https://w.example:0", "https://[::1", "https://w.ex ample"),
        *("https://user@w.example", "https://w.example/?a=b", "https://w.example/#a"),
        *("https://w.example/a\r\nX: y", "https://w.example/\u00e4"),
    ],
)
def test_a_witness_without_a_usable_url_is_refused(url: str) -> None:
    with pytest.raises(LogMalformed, match=r"witness w\.example/one: needs a key .* and an http"):
        read_witnesses(f"{KEY.verifier.vkey} {url}")


@pytest.mark.parametrize(
    "text",
    [
        "https://w.example",
        "w.example/one+00000000+BAAA https://w.example",
        f"{SigningKey(name='w.one', seed=bytes(32)).verifier.vkey} https://w.example",
        f"{KEY.skey} https://w.example",
        f"{KEY.verifier.vkey} https://a.example, {KEY.verifier.vkey} https://b.example",
    ],
    ids=["no key", "a damaged key", "a log's key", "a secret key", "twice"],
)
def test_a_witness_without_a_key_of_its_own_is_refused(text: str) -> None:
    with pytest.raises(LogMalformed) as refused:
        read_witnesses(text)
    assert KEY.skey.split("+")[-1] not in str(refused.value)
