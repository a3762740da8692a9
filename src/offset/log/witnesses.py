"""Witnesses: each new checkpoint is sent to them, and what they sign is kept beside it.

C2SP's tlog-witness: `POST <url>/add-checkpoint` with `old <size>`, a consistency proof and the
checkpoint. A witness that is away never stops the ledger; one that knows a larger tree does, since
this database is then older than what was published.
"""

import logging
import socket
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import Final
from urllib.parse import urlsplit

from offset.core.checkpoints import read_checkpoint
from offset.core.errors import LogMalformed, LogRolledBack, NotSigned
from offset.core.notes import (
    Kind,
    Note,
    VerifierKey,
    base64_text,
    read_number,
    read_signatures,
    read_vkey,
    verify_note,
)
from offset.database import Database
from offset.log import Log
from offset.log.store import add_cosignature, tree_of, witnessed_size

TIMEOUT_S: Final = 5.0
_LARGEST_ANSWER: Final = 10_000  # bytes
_log: Final = logging.getLogger("uvicorn.error")


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness: where it is, and the key that its cosignatures are judged by."""

    url: str
    key: VerifierKey


def read_witnesses(text: str) -> list[Witness]:
    """Read the setting: `vkey url` for each, with commas between.

    Raises:
        LogMalformed: one of them is not that.
    """
    found: list[Witness] = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        vkey, _, url = entry.partition(" ")
        key = read_vkey(vkey)
        if key.kind is not Kind.COSIGNATURE or not _is_address(url.strip()):
            raise LogMalformed(f"witness {key.name}: needs a key of type 0x04 and an http(s) URL")
        if key.name in {witness.key.name for witness in found}:
            raise LogMalformed(f"witness {key.name}: is there twice")
        found.append(Witness(url.strip().rstrip("/"), key))
    return found


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return plain and usable and bool(parts.hostname) and not (parts.query or parts.fragment)


class Witnesses:
    """Asks witnesses to cosign."""

    def __init__(self, database: Database, witnesses: list[Witness]) -> None:
        self._database = database
        self._witnesses = witnesses
        self._log = Log(database)

    def ask(self, note: Note) -> None:
        """Send a checkpoint to every witness and keep what they sign.

        Raises:
            LogRolledBack: one of them knows more of this log than its own database.
        """
        for witness in self._witnesses:
            try:
                self._ask(witness, note)
            except (OSError, HTTPException, LogMalformed, NotSigned, ValueError) as error:
                _log.warning("Witness %s did not cosign: %s", witness.key.name, error)

    def _ask(self, witness: Witness, note: Note) -> None:
        size = read_checkpoint(note.text).size
        with self._database.reading() as connection:
            old = witnessed_size(connection, witness.key.name)
        answer = self._send(witness, note, min(old, size), size)
        if isinstance(answer, int) and answer > size:
            with self._database.reading() as connection:
                newest = tree_of(connection).size
            if answer > newest:
                raise LogRolledBack(
                    f"witness {witness.key.name} has seen {answer} events of this log, the "
                    f"database has {newest}: it is older than what was published"
                )
            return  # another process has shown it more meanwhile
        if isinstance(answer, int):  # it knows another size
            answer = self._send(witness, note, answer, size)
        if isinstance(answer, int):
            raise LogMalformed(f"it answers that it knows {answer} events")
        signatures = read_signatures(answer)
        signed = Note(text=note.text, signatures=signatures)
        if witness.key not in verify_note(signed, [witness.key]):
            raise NotSigned("its answer has no signature of its key")
        with self._database.writing() as connection:
            for signature in signatures:
                if (signature.name, signature.key_id) == (witness.key.name, witness.key.key_id):
                    add_cosignature(connection, size, signature)

    def _send(self, witness: Witness, note: Note, old: int, size: int) -> str | int:
        """Send a checkpoint; give the witness's signature lines, or the size that it knows."""
        proof = self._log.consistency(old, size) if 0 < old < size else []
        lines = [f"old {old}", *map(base64_text, proof), ""]
        body = "".join(f"{line}\n" for line in lines).encode() + note.encode()
        status, answer = _post(f"{witness.url}/add-checkpoint", body)
        if status == 200:
            return answer.decode()
        if status == 409:
            return read_number(answer.decode().strip(), "the size that it knows")
        raise LogMalformed(f"it answers {status}")


def _post(url: str, body: bytes) -> tuple[int, bytes]:
    """Send a request and read the answer, within `TIMEOUT_S` however slowly it comes.

    No redirect is followed, and no proxy of the environment is asked.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
    open_socket: socket.socket | None = None

    def cut() -> None:
        """End the connection under the thread that waits for it: its call then fails."""
        found = open_socket or connection.sock  # which is gone where the answer ends with it
        if found is not None:
            with suppress(OSError):
                socket.socket.shutdown(found, socket.SHUT_RDWR)

    too_late = Timer(TIMEOUT_S, cut)
    too_late.daemon = True
    too_late.start()
    try:
        connection.connect()
        open_socket = connection.sock
        connection.request("POST", parts.path, body)
        answer = connection.getresponse()
        read = answer.read(_LARGEST_ANSWER + 1)
    finally:
        too_late.cancel()
        connection.close()
    if len(read) > _LARGEST_ANSWER:
        raise LogMalformed(f"it answers with more than {_LARGEST_ANSWER} bytes")
    return answer.status, read
