"""The log's signing keys: a file that only its owner can read, beside it what was last signed.

The file has a key a line, as `SigningKey.skey` writes them; every checkpoint is signed by each of
them, so that a verifier who knows an older key goes on. The first one is the log's.
"""

import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from offset.core.errors import LogMalformed, Unfit
from offset.core.merkle import HASH_SIZE
from offset.core.notes import Kind, SigningKey, read_skey
from offset.log.store import Tree

_OWNER_ONLY: Final = 0o600


class KeyFile:
    """The file of the signing keys, and the small file beside it that guards against rollback."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.guard: Final = path.with_name(f"{path.name}.signed")

    def keys(self, origin: str) -> list[SigningKey]:
        """Read the keys.

        Raises:
            Unfit: the file is not there, others can read it, or its keys are another log's.
        """
        try:
            mode = self.path.stat().st_mode
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise Unfit(f"{self.path}: there is no such key: offset log key new") from None
        except (OSError, UnicodeDecodeError):
            raise Unfit(f"{self.path}: the key cannot be read") from None
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Unfit(f"{self.path}: others can read the key; it has to have the mode 0600")
        try:
            keys = [read_skey(line) for line in text.split("\n") if line]
        except LogMalformed:
            raise Unfit(f"{self.path}: it is not a file of keys") from None
        names = {key.name for key in keys}
        if any(key.kind is not Kind.SIGNATURE for key in keys):
            raise Unfit(f"{self.path}: it has a witness's key, the log needs its own")
        if names != {origin}:
            raise Unfit(
                f"{self.path}: it has keys of {', '.join(sorted(names)) or 'no log'}, "
                f"the ledger's origin is {origin}. A new ledger needs its own: move this one"
            )
        return keys

    def make(self, origin: str) -> SigningKey:
        """Make the first key.

        Raises:
            Unfit: there is a file already, or it cannot be written.
        """
        key = SigningKey(name=origin, seed=secrets.token_bytes(32))
        with self._changing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._alone():
                if self.path.exists():
                    raise Unfit(f"{self.path}: there is a key already")
                _replace(self.path, f"{key.skey}\n")
        return key

    def rotate(self, origin: str, *, keep: int = 1) -> list[SigningKey]:
        """Put a new key before the others, of which the newest `keep` go on signing.

        Raises:
            Unfit: as `keys`.
        """
        new = SigningKey(name=origin, seed=secrets.token_bytes(32))
        with self._changing(self.path), self._alone():
            keys = [new, *self.keys(origin)[:keep]]
            _replace(self.path, "".join(f"{key.skey}\n" for key in keys))
        return keys

    def last_signed(self) -> Tree | None:
        """Read what was last signed with these keys; None before the first signature.

        Raises:
            Unfit: the file is not what this writes.
        """
        try:
            said = json.loads(self.guard.read_text(encoding="utf-8"))
            size, root = said["size"], bytes.fromhex(said["root"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            raise Unfit(f"{self.guard}: it does not say what was last signed") from None
        if type(size) is not int or size < 1 or len(root) != HASH_SIZE:
            raise Unfit(f"{self.guard}: it does not say what was last signed")
        return Tree(size, root)

    def remember(self, tree: Tree) -> None:
        """Keep what is about to be signed, unless another process was further already.

        Raises:
            Unfit: the file cannot be written.
        """
        with self._changing(self.guard), self._alone():
            last = self.last_signed()
            if last is None or last.size < tree.size:
                said = {"size": tree.size, "root": tree.root.hex()}
                _replace(self.guard, json.dumps(said) + "\n")

    @contextmanager
    def _changing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unfit(f"{path}: cannot be written: {error.strerror}") from None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other process changes a file here, and let none begin."""
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def _replace(path: Path, text: str) -> None:
    """Write a file beside the old one and put it in its place, so that one of them is there."""
    beside = path.with_name(f"{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(handle, _OWNER_ONLY)  # also where a crash or somebody left the file
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
