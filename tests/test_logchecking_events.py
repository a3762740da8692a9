"""Events that a log signed and that no ledger can have: each is found, with its position."""

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from builders import CREDIT, synthetic_serial
from logs import HASHED, KEY, BuiltLog, Story, chapter, like, sound_story
from offset.checking import replaying
from offset.checking.logs import check_log
from offset.checking.sources import Folder
from offset.core.canonical import canonical_json
from offset.core.events import time_text
from offset.core.merkle import leaf_hash

LEAVES: Final = sound_story(1).leaves

A: Final = 7  # the position of the first event that is told in addition
HALF: Final = [0, 5 * CREDIT]


def wrong(tell: Callable[[Story, str], object]) -> Callable[[Story], object]:
    """Tell of a new record of 10 credits, then of something else about it."""
    return lambda story: tell(story, story.create(900_001, 900_010))


def edited(story: Story, **members: Any) -> None:
    story.tell(json.loads(story.leaves[0])["record"], "ERASED", {"event": ""}, **members)


def twice(story: Story, record: str) -> None:
    story.retire(record, HALF)
    story.sell(record, HALF, to="acme")


def claiming(*claims: object) -> Callable[[Story], object]:
    """Tell of a record without serial numbers, and of ends that claim some."""

    def tell(story: Story) -> None:
        record = story.create(1, 1_000, serial="an issuance of 2020")
        for number, claim in enumerate(claims):
            story.retire(record, [number * 10 * CREDIT, 10 * CREDIT], claim=claim)

    return tell


def claimed_first(story: Story) -> None:
    claiming(synthetic_serial(2_001, 2_010))(story)
    story.create(2_005, 2_005)


def created(**data: Any) -> Callable[[Story], object]:
    return lambda story: story.create(800_001, 800_010, **data)


def raw(change: Callable[[bytes], bytes]) -> Callable[[Story], object]:
    """Tell of a new record, whose leaf is then changed."""

    def tell(story: Story) -> None:
        story.create(900_001, 900_010)
        story.leaves[-1] = change(story.leaves[-1])

    return tell


def replaced(old: bytes, new: bytes) -> Callable[[Story], object]:
    def change(leaf: bytes) -> bytes:
        assert old in leaf
        return leaf.replace(old, new)

    return raw(change)


NOT_CANONICAL: Final = f"position {A}: the leaf: is not in canonical form"
NOT_JSON: Final = f"position {A}: the leaf: is not JSON of the kind that a log has"
EARLIER: Final = str(UUID(json.loads(LEAVES[0])["id"]))
TOLD: Final[dict[str, tuple[Callable[[Story], object], str]]] = {
    # the canonical form
    "a member twice": (replaced(b'"v":1', b'"v":1,"v":1'), NOT_CANONICAL),
    "a type twice": (
        replaced(b'"type":"CREATED"', b'"type":"SOLD","type":"CREATED"'),
        NOT_CANONICAL,
    ),
    "a space": (replaced(b'"v":1', b'"v": 1'), NOT_CANONICAL),
    "members in another order": (
        raw(lambda leaf: json.dumps(dict(reversed(json.loads(leaf).items()))).encode()),
        NOT_CANONICAL,
    ),
    "an escape that is not needed": (replaced(b'"CREATED"', b'"\\u0043REATED"'), NOT_CANONICAL),
    "a newline at the end": (raw(lambda leaf: leaf + b"\n"), NOT_CANONICAL),
    "a float": (replaced(b'"v":1', b'"v":1.0'), NOT_JSON),
    "a number with an exponent": (replaced(b'"v":1', b'"v":1e0'), NOT_JSON),
    "a number that not every parser reads": (
        replaced(b'"quantity_g":10000000', b'"quantity_g":9007199254740993'),
        NOT_JSON,
    ),
    "a number that is none": (replaced(b'"v":1', b'"v":NaN'), NOT_JSON),
    "half a character": (replaced(b'"by":null', b'"by":"\\ud800"'), NOT_JSON),
    "bytes that are not UTF-8": (
        replaced(b"Two Rivers", b"Two\xffRivers"),
        f"position {A}: the leaf: is not UTF-8",
    ),
    "a key beyond ASCII": (
        raw(lambda leaf: canonical_json({**json.loads(leaf), "data": {"\N{BUTTERFLY}": 1}})),
        NOT_CANONICAL,
    ),
    "nested too deep": (replaced(b'"by":null', b'"by":' + b"[" * 30_000), NOT_JSON),
    "nothing": (raw(lambda _: b""), NOT_JSON),
    "no object": (
        raw(lambda _: b"[]"),
        f"position {A}: the leaf: does not have the members of an event",
    ),
    "a member more": (
        replaced(b'{"at"', b'{"Type":"SOLD","at"'),
        f"position {A}: the leaf: does not have the members of an event",
    ),
    "another version": (
        replaced(b'"v":1', b'"v":2'),
        f"position {A}: the leaf: its member v cannot be one of an event",
    ),
    "a version that equals 1 in some languages": (
        replaced(b'"v":1', b'"v":true'),
        f"position {A}: the leaf: its member v cannot be one of an event",
    ),
    "an unknown type": (
        replaced(b'"CREATED"', b'"MINTED"'),
        f"position {A}: the leaf: its member type cannot be one of an event",
    ),
    "a day that is none": (
        replaced(b"2026-01-01", b"2026-02-30"),
        f"position {A}: the leaf: its member at cannot be one of an event",
    ),
    "a predecessor that is no hash": (
        replaced(b'"prev":null', b'"prev":"AAAA"'),
        f"position {A}: the leaf: its member prev is not a hash",
    ),
    # the log and its order
    "another log": (
        lambda story: edited(story, log="other.example/log"),
        f"position {A}: the leaf is of log other.example/log",
    ),
    "a time that goes back": (
        lambda story: edited(story, at=time_text(0)),
        f"position {A}: its time goes back, from 2026-01-01T00:00:09.000000Z to 1970-*",
    ),
    "an id twice": (
        lambda story: edited(story, id=EARLIER),
        f"position {A}: its id is the one of the event at 0",
    ),
    # chains
    "a gap in seq": (
        lambda story: edited(story, seq=9),
        f"position {A}, record *: its event 9 follows event 7",
    ),
    "a seq twice": (
        lambda story: edited(story, seq=7),
        f"position {A}, record *: its event 7 follows event 7",
    ),
    "another predecessor": (
        lambda story: edited(story, prev=b64encode(leaf_hash(b"")).decode()),
        f"position {A}, record *: prev is not the leaf hash of its event 7",
    ),
    "no predecessor": (
        lambda story: edited(story, prev=None),
        f"position {A}, record *: prev is not the leaf hash of its event 7",
    ),
    "a record that begins with a sale": (
        lambda story: story.sell("77" * 32, HALF, to="acme"),
        f"position {A}, record {'77' * 32}: its first event is SOLD, not CREATED",
    ),
    "a record that is created again": (
        lambda story: story.create(1, 100),
        f"position {A}, record *: it is created again",
    ),
    # creations
    "an id that is not the hash": (
        created(canonical={**json.loads(LEAVES[0])["data"]["canonical"], "vintage": 2021}),
        f"position {A}, record *: its id is not the hash of its canonical form",
    ),
    "a canonical form of something else": (
        created(sent={**json.loads(LEAVES[0])["data"]["sent"]}),
        f"position {A}, record *: its canonical form is not that of what was sent",
    ),
    "a creation without what was sent": (
        created(sent={}),
        f"position {A}, record *: what was sent is not five texts",
    ),
    "more than what was sent": (
        created(sent={**json.loads(LEAVES[0])["data"]["sent"], "note": "for Ada"}),
        f"position {A}, record *: what was sent is not five texts",
    ),
    "what was sent as a number": (
        created(sent={**json.loads(LEAVES[0])["data"]["sent"], "vintage": 2020}),
        f"position {A}, record *: cannot be replayed: AttributeError *",
    ),
    "a serial of another number of credits": (
        created(serial=synthetic_serial(800_001, 800_011)),
        f"position {A}, record *: its serial covers 11 credits, the record has 10000000 g",
    ),
    "a holder that is no text": (
        created(holder=5),
        f"position {A}, record *: its holder is not one",
    ),
    # serial numbers
    "serials that begin within another record's": (
        lambda story: story.create(100, 109),
        f"position {A}, record *: its serial numbers 100 to 109 of verra * overlap *position 0",
    ),
    "serials within another record's": (
        lambda story: story.create(50, 60),
        f"position {A}, record *: its serial numbers 50 to 60 of verra * overlap 1 to 100 of *",
    ),
    "serials around another record's": (
        wrong(lambda story, _: story.create(900_000, 900_011)),
        f"position {A + 1}, record *: its serial numbers 900000 to 900011 of verra * overlap *",
    ),
    "the same text that no grammar reads": (
        lambda story: [story.create(1, n, serial="some text") for n in (1, 2)],
        f"position {A + 1}, record *: its serial numbers 0 to 0 of verra S0METEXT overlap *",
    ),
    "a claim on another record's serials": (
        claiming(synthetic_serial(91, 100)),
        f"position {A + 1}, record *: its serial numbers 91 to 100 of verra * overlap 1 to 100 *",
    ),
    "two claims on the same serials": (
        claiming(synthetic_serial(2_001, 2_010), synthetic_serial(2_010, 2_019)),
        f"position {A + 2}, record *: its serial numbers 2010 to 2019 of verra * overlap 2001 to *",
    ),
    "a record of serials that an end claims": (
        claimed_first,
        f"position {A + 2}, record *: its serial numbers 2005 to 2005 of verra * overlap 2001 to *",
    ),
    "a claim on fewer credits than end": (
        claiming(synthetic_serial(2_001, 2_009)),
        f"position {A + 1}, record *: its serial covers 9 credits, RETIRED is of 10000000 g",
    ),
    "a claim on a spoilt serial": (
        claiming(synthetic_serial(2_001, 2_010) + "-"),
        f"position {A + 1}, record *: cannot be replayed: SerialMalformed *",
    ),
    "a claim that is no text": (
        claiming(5),
        f"position {A + 1}, record *: cannot be replayed: AttributeError *",
    ),
    # grams
    "sold after its retirement": (
        wrong(twice),
        f"position {A + 2}, record *: it sells grams 0 to 4999999: some of them have ended",
    ),
    "retired twice": (
        wrong(lambda story, record: (story.retire(record, HALF), story.retire(record, HALF))),
        f"position {A + 2}, record *: it retires grams 0 to 4999999: some of them have ended",
    ),
    "cancelled by one who does not hold it": (
        wrong(lambda story, record: story.cancel(record, HALF, holder="acme")),
        f"position {A + 1}, record *: it cancels grams 0 to 4999999: acme does not hold them",
    ),
    "grams behind the record's end": (
        wrong(lambda story, record: story.sell(record, [0, 10 * CREDIT + 1], to="acme")),
        f"position {A + 1}, record *: it sells grams 0 to 10000000: the unnamed issuer does not *",
    ),
    "parts that overlap": (
        wrong(lambda story, record: story.retire(record, [0, 10], [9, 10])),
        f"position {A + 1}, record *: its parts are empty, or not in order and disjoint",
    ),
    "parts in another order": (
        wrong(lambda story, record: story.retire(record, [20, 10], [0, 10])),
        f"position {A + 1}, record *: its parts are empty, or not in order and disjoint",
    ),
    "a part of nothing": (
        wrong(lambda story, record: story.retire(record, [0, 0])),
        f"position {A + 1}, record *: its parts are empty, or not in order and disjoint",
    ),
    "a part before the record": (
        wrong(lambda story, record: story.retire(record, [-5, 5])),
        f"position {A + 1}, record *: its parts are empty, or not in order and disjoint",
    ),
    "a part of a truth": (
        wrong(lambda story, record: story.retire(record, [False, 5])),
        f"position {A + 1}, record *: a part is not two integers",
    ),
    "no parts": (
        wrong(lambda story, record: story.retire(record)),
        f"position {A + 1}, record *: it has no parts",
    ),
    "a part of three numbers": (
        wrong(lambda story, record: story.retire(record, [0, 5, 5])),
        f"position {A + 1}, record *: cannot be replayed: ValueError *",
    ),
    "a sale to nobody": (
        wrong(lambda story, record: story.sell(record, HALF, to=None)),  # type: ignore[arg-type]
        f"position {A + 1}, record *: it is sold to nobody",
    ),
    "an end without its holder": (
        wrong(lambda story, record: story.tell(record, "RETIRED", {"parts": [HALF]})),
        f"position {A + 1}, record *: cannot be replayed: TypeError *",
    ),
    # codes
    "a name for a holder": (
        wrong(lambda story, record: story.sell(record, HALF, to="Ada Lovelace")),
        f"position {A + 1}, record *: its to is not one",
    ),
    "a sentence for a purpose": (
        wrong(lambda story, record: story.retire(record, HALF, purpose="for Ada")),
        f"position {A + 1}, record *: its purpose is not one",
    ),
    "a hash of details that is none": (
        wrong(lambda story, record: story.retire(record, HALF, details_sha256=5)),
        f"position {A + 1}, record *: its details_sha256 is not one",
    ),
    "a day that is another text": (
        wrong(lambda story, record: story.retire(record, HALF, effective_on="today")),
        f"position {A + 1}, record *: its effective_on is not one",
    ),
    # erasures
    "an erasure of another record's details": (
        wrong(lambda story, record: story.erase(record, json.loads(story.leaves[1])["id"])),
        f"position {A + 1}, record *: it erases details of event *, which it has not",
    ),
    "an erasure of what never was": (
        wrong(lambda story, record: story.erase(record, str(UUID(int=5)))),
        f"position {A + 1}, record *: it erases details of event *, which it has not",
    ),
    "an erasure of an event without details": (
        wrong(lambda story, record: story.erase(record, story.retire(record, HALF))),
        f"position {A + 2}, record *: it erases details of event *, which it has not",
    ),
    "an erasure twice": (
        wrong(
            lambda story, record: [
                story.erase(record, event)
                for event in [story.retire(record, HALF, details_sha256=HASHED)] * 2
            ]
        ),
        f"position {A + 3}, record *: it erases the details of event * twice",
    ),
}


def found(log: BuiltLog, folder: Path) -> list[str]:
    return check_log(Folder(log.write(folder)), [KEY.verifier]).findings


def story_of(tell: Callable[[Story], object]) -> list[bytes]:
    story = Story()
    chapter(story, 0)
    assert len(story.leaves) == A
    tell(story)
    return story.leaves


@pytest.mark.parametrize("what", TOLD)
def test_a_wrong_event_is_found_although_the_log_signed_it(tmp_path: Path, what: str) -> None:
    tell, expected = TOLD[what]
    findings = found(BuiltLog(story_of(tell)), tmp_path)
    assert findings
    assert like(findings[0], expected), findings
    assert not [words for words in findings if words.startswith(("tile", "checkpoint"))]


def test_what_each_wrong_event_is_added_to_is_sound(tmp_path: Path) -> None:
    assert found(BuiltLog(story_of(lambda _: None)), tmp_path) == []


def test_claims_of_ends_that_do_not_overlap_are_sound(tmp_path: Path) -> None:
    claims = (synthetic_serial(2_001, 2_010), synthetic_serial(2_011, 2_020), "no grammar's")
    assert found(BuiltLog(story_of(claiming(*claims))), tmp_path) == []


def test_what_went_from_memory_to_the_tables_still_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "_KEPT", 1)
    assert found(BuiltLog(sound_story(8).leaves), tmp_path / "sound") == []
    for what in ("an id twice", "an erasure twice", "sold after its retirement", "a seq twice"):
        tell, expected = TOLD[what]
        findings = found(BuiltLog(story_of(tell)), tmp_path / what)
        assert like(findings[0], expected), what


def test_of_a_record_only_the_first_wrong_event_is_told(tmp_path: Path) -> None:
    def tell(story: Story) -> None:
        record = story.create(900_001, 900_010)
        for _ in range(3):
            story.retire(record, HALF)

    (words,) = found(BuiltLog(story_of(tell)), tmp_path)
    assert words.startswith(f"position {A + 2}, ")
