"""Logs to check: the leaves of made-up events, the tree over them, and its files."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from builders import CREDIT, ORIGIN, synthetic_serial
from offset.core.canonical import canonical_fields, canonical_json, canonical_record
from offset.core.checkpoints import Checkpoint, LogProof, sign_checkpoint
from offset.core.events import leaf_bytes, time_text
from offset.core.merkle import inclusion_proof, leaf_hash
from offset.core.notes import Kind, Note, SigningKey, VerifierKey
from offset.core.tiles import Bundle, Edge, Tile, bundle_bytes, tile_nodes, tiles_at

Json = dict[str, Any]
Edit = Callable[[Json], Json]

KEY: Final = SigningKey(name=ORIGIN, seed=sha256(b"a log's key").digest())
OTHER_KEY: Final = SigningKey(name=ORIGIN, seed=sha256(b"another key").digest())
START_US: Final = 1_767_225_600_000_000  # 2026-01-01
TIME_S: Final = 1_767_312_000
HASHED: Final = "5d" * 32


def witness(name: str) -> SigningKey:
    """A witness's key, the same for the same name."""
    seed = sha256(f"witness {name}".encode()).digest()
    return SigningKey(name=f"{name}.example/witness", seed=seed, kind=Kind.COSIGNATURE)


def like(words: str, pattern: str) -> bool:
    """Tell whether words are a pattern's, in which * stands for any."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), words) is not None


class Story:
    """Events told one after another and chained as a ledger chains them; nothing is judged."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self._last: dict[str, tuple[int, str | None]] = {}

    def create(self, first: int, last: int, *, serial: str | None = None, **data: Any) -> str:
        """Tell of a record of the credits `first` to `last`; its id."""
        sent = {
            "project_name": "Two Rivers forest conservation",
            "registry": "Verra",
            "vintage": "2020",
            "quantity": str(last - first + 1),
            "serial_number": serial or synthetic_serial(first, last),
        }
        made = canonical_record(
            project_name=sent["project_name"],
            registry=sent["registry"],
            vintage=int(sent["vintage"]),
            quantity_g=(last - first + 1) * CREDIT,
            serial_number=sent["serial_number"],
        )
        told = {
            "canonical": canonical_fields(made),
            "sent": sent,
            "holder": None,
            "effective_on": None,
            "details_sha256": None,
            **data,
        }
        self.tell(made.record_id.hex(), "CREATED", told)
        return made.record_id.hex()

    def sell(self, record: str, *parts: list[int], to: str, **data: Any) -> str:
        """Tell of a sale; the event's id."""
        told = {"parts": parts, "from": None, "to": to, "group": None}
        return self.tell(record, "SOLD", {**told, **_ENDS, **data})

    def retire(self, record: str, *parts: list[int], **data: Any) -> str:
        """Tell of a retirement; the event's id."""
        told = {"parts": parts, "holder": None, "purpose": "voluntary", "country": None}
        return self.tell(record, "RETIRED", {**told, "group": None, **_ENDS, **data})

    def cancel(self, record: str, *parts: list[int], **data: Any) -> str:
        """Tell of a cancellation; the event's id."""
        told = {"parts": parts, "holder": None, "cause": "buffer", "converted_to": None}
        return self.tell(record, "CANCELLED", {**told, "group": None, **_ENDS, **data})

    def erase(self, record: str, event: str) -> str:
        """Tell of an erasure; the event's id."""
        return self.tell(record, "ERASED", {"event": event})

    def tell(self, record: str, kind: str, data: Json, **members: Any) -> str:
        """Tell of any event; `members` replace those of the leaf."""
        number = len(self.leaves)
        seq, prev = self._last.get(record, (0, None))
        event_id = str(UUID(bytes=sha256(f"event {number}".encode()).digest()[:16], version=4))
        leaf = leaf_bytes(
            event_id=event_id,
            event_type=kind,
            data=data,
            at=time_text(START_US + number * 1_500_000),
            by=None,
            log=ORIGIN,
            prev=prev,
            record=record,
            seq=seq + 1,
        )
        if members:
            leaf = canonical_json({**json.loads(leaf), **members})
        self._last[record] = (seq + 1, b64encode(leaf_hash(leaf)).decode())
        self.leaves.append(leaf)
        return event_id


_ENDS: Final[Json] = {"effective_on": None, "details_sha256": None}


def chapter(story: Story, number: int) -> None:
    """Tell of a record of 100 credits that is sold, retired, cancelled and erased: 7 events."""
    first = 1 + number * 1_000
    if number % 3 == 2:  # an issuance without serial numbers, whose ends bring them
        record = story.create(first, first + 99, serial=f"issuance {number} of 2020")
        claim = synthetic_serial(first, first + 9)
    else:
        record, claim = story.create(first, first + 99), None
    sold = {"parts": [[0, 10 * CREDIT + 1], [50 * CREDIT, CREDIT]]}
    story.sell(record, to="acme", details_sha256=HASHED, **sold)
    ended = {"claim": claim} if claim else {}
    retired = story.retire(record, [20 * CREDIT, 10 * CREDIT], details_sha256=HASHED, **ended)
    story.sell(record, [0, 5 * CREDIT], to="zeta-3", **{"from": "acme"})
    story.retire(record, [0, 250_000], holder="zeta-3")
    story.cancel(record, [30 * CREDIT, 20 * CREDIT])
    story.erase(record, retired)


def sound_story(chapters: int) -> Story:
    """A ledger of so many records, with 7 events each, told in turns of four records."""
    story = Story()
    tellings = []
    for number in range(chapters):
        one = Story()
        chapter(one, number)
        tellings.append([json.loads(leaf) for leaf in one.leaves])
    for start in range(0, chapters, 4):
        turn = tellings[start : start + 4]
        for events in zip(*turn, strict=True):
            for said, own in zip(events, turn, strict=True):
                data = dict(said["data"])
                if said["type"] == "ERASED":  # an id is made from the place in the whole story
                    data["event"] = own[2]["id"]
                said["id"] = story.tell(said["record"], said["type"], data)
    return story


class BuiltLog:
    """A log over leaves, in memory: what it publishes, and its files."""

    def __init__(
        self,
        leaves: Sequence[bytes],
        *,
        key: SigningKey = KEY,
        witnesses: Sequence[SigningKey] = (),
    ) -> None:
        self.all_leaves = list(leaves)
        self.key = key
        self.witnesses = list(witnesses)
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.edge = Edge()
        self._grow(self.all_leaves)

    def append(self, leaves: Sequence[bytes]) -> None:
        """Append leaves."""
        self.all_leaves += leaves
        self._grow(leaves)

    def _grow(self, leaves: Sequence[bytes]) -> None:
        self.edge, wider = self.edge.append([leaf_hash(leaf) for leaf in leaves])
        self.tiles |= {(tile.level, tile.index): hashes for tile, hashes in wider}

    @property
    def note(self) -> Note:
        """The signed and cosigned checkpoint."""
        made = Checkpoint(origin=self.key.name, size=self.edge.size, root=self.edge.root)
        note = sign_checkpoint(made, self.key)
        cosigned = [witness.cosign(note.text, TIME_S) for witness in self.witnesses]
        return Note(text=note.text, signatures=(*note.signatures, *cosigned))

    @property
    def verifier(self) -> VerifierKey:
        """The key that verifies."""
        return self.key.verifier

    def proof(self, index: int) -> LogProof:
        """The proof file of a leaf."""
        nodes = tile_nodes(self._read, self.edge.size)
        hashes = tuple(inclusion_proof(index, self.edge.size, nodes))
        leaf = self.all_leaves[index]
        return LogProof(index=index, hashes=hashes, checkpoint=self.note, extra=leaf)

    def _read(self, tile: Tile) -> bytes:
        return self.tiles[tile.level, tile.index]

    def write(self, folder: Path) -> Path:
        """Write the log's files, also over those of an earlier time; their folder."""
        size = self.edge.size
        files = {"checkpoint": self.checkpoint(), "vkey": f"{self.vkey()}\n".encode()}
        for tile in tiles_at(size):
            files[tile.path] = self._read(tile)[: 32 * tile.width]
            if tile.level == 0:
                first = tile.index * 256
                entries = bundle_bytes(self.all_leaves[first : first + tile.width])
                files[Bundle(tile.index, tile.width).path] = entries
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        return folder

    # what `offset.logexport.LogReader` asks for

    def checkpoint(self) -> bytes:
        return self.note.encode()

    def vkey(self) -> str:
        return self.verifier.vkey

    def hashes(self, level: int, index: int) -> bytes:
        return self.tiles[level, index]

    def leaves(self, first: int, end: int) -> Iterator[bytes]:
        yield from self.all_leaves[first:end]
