"""The check of a whole log from its files: a sound one passes, and every change is named."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from builders import CREDIT, ORIGIN
from logs import KEY, OTHER_KEY, BuiltLog, like, sound_story, witness
from offset.checking.logs import LARGEST_REPORT, Report, check_log
from offset.checking.sources import Folder
from offset.core.errors import Unfit
from offset.core.notes import SigningKey, VerifierKey
from offset.core.policies import read_policy
from offset.core.tiles import bundle_bytes

LEAVES: Final = sound_story(100).leaves
LOG: Final = BuiltLog(LEAVES)


def checked(folder: Path, *keys: VerifierKey, **options: Any) -> Report:
    return check_log(Folder(folder), keys or (KEY.verifier,), **options)


def found(folder: Path) -> list[str]:
    return checked(folder).findings


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return LOG.write(tmp_path_factory.mktemp("log"))


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    """The files of a sound log, to be changed."""
    return shutil.copytree(sound, tmp_path / "copy")


def test_a_sound_log_has_no_findings(sound: Path) -> None:
    told: list[tuple[int, int]] = []
    report = checked(sound, progress=lambda done, total: told.append((done, total)))
    assert report.findings == []
    assert (report.events, report.records, report.since) == (700, 100, 0)
    assert report.seen is not None
    assert (report.seen.checkpoint.origin, report.seen.checkpoint.size) == (ORIGIN, 700)
    assert report.seen.checkpoint.root == LOG.edge.root
    assert told == [(256, 700), (512, 700), (700, 700)]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512])
def test_sound_logs_of_all_shapes_have_no_findings(tmp_path: Path, size: int) -> None:
    report = checked(BuiltLog(LEAVES[:size]).write(tmp_path))
    assert (report.findings, report.events) == ([], size)


def test_full_tiles_serve_where_the_partial_ones_are_gone(tmp_path: Path) -> None:
    later = BuiltLog(LEAVES).write(tmp_path)
    (later / "checkpoint").write_bytes(BuiltLog(LEAVES[:300]).checkpoint())
    for path in ("tile/1/000.p/2",):
        shutil.rmtree((later / path).parent)
    (later / "tile/1/000.p").mkdir()
    (later / "tile/1/000.p/1").write_bytes(LOG.tiles[1, 0][:32])
    assert found(later) == []


# Changed files --------------------------------------------------------------------------------


def flipped(path: str, place: int) -> Callable[[Path], None]:
    """Change one bit of a file's byte."""

    def change(folder: Path) -> None:
        data = bytearray((folder / path).read_bytes())
        data[place] ^= 1
        (folder / path).write_bytes(data)

    return change


def removed(path: str) -> Callable[[Path], None]:
    return lambda folder: (folder / path).unlink()


def put(path: str, data: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / path).write_bytes(data)

    return change


def bundled(edit: Callable[[list[bytes]], object]) -> Callable[[Path], None]:
    """Change the list of the leaves 512 to 699, and write their bundle again."""

    def change(folder: Path) -> None:
        leaves = LEAVES[512:]
        edit(leaves)
        (folder / "tile/entries/002.p/188").write_bytes(bundle_bytes(leaves))

    return change


def place_in_bundle(position: int, byte: int) -> int:
    """The place in its bundle of a byte of a leaf."""
    first = position - position % 256
    return sum(2 + len(leaf) for leaf in LEAVES[first:position]) + 2 + byte


NOTE: Final = LOG.checkpoint()
NO_ROOT: Final = "checkpoint: the 700 leaves do not make its root"
CHANGED: Final[dict[str, tuple[Callable[[Path], None], list[str]]]] = {
    # leaves and bundles: the tile names the leaf, the root says that it is not the tile's fault
    "a byte of a leaf": (
        flipped("tile/entries/001", place_in_bundle(300, 40)),
        [
            "tile/0/001: its hash 44 is not that of the leaf at position 300",
            "position 300: the leaf: is not JSON of the kind that a log has",
            "position 304, record *: its event 7 follows event 5",
            "tile/1/000.p/2: its hash 1 is not made of them",
            NO_ROOT,
        ],
    ),
    "a byte of a length in a bundle": (
        flipped("tile/entries/001", 0),
        ["tile/entries/001: * bytes, which are not 256 entries; nothing behind it was checked"],
    ),
    "a bundle that ends early": (
        put("tile/entries/000", bundle_bytes(LEAVES[:255])),
        ["tile/entries/000: * bytes, which are not 256 entries; nothing behind it was checked"],
    ),
    "a bundle that is gone": (
        removed("tile/entries/001"),
        ["tile/entries/001: is not there; nothing behind it was checked"],
    ),
    "two leaves in another order": (
        bundled(lambda leaves: leaves.insert(0, leaves.pop(1))),
        [
            "position 513: its time goes back, from *",
            "tile/0/002.p/188: its hash 0 is not that of the leaf at position 512",
            NO_ROOT,
        ],
    ),
    "a leaf in place of another": (
        bundled(lambda leaves: leaves.__setitem__(9, leaves[8])),
        [
            "position 521: its id is the one of the event at 520",
            "position 521, record *: its event 5 follows event 5",
            "position 525, record *: its event 6 follows event 4",
            "tile/0/002.p/188: its hash 9 is not that of the leaf at position 521",
            NO_ROOT,
        ],
    ),
    # tiles
    "a byte of a full tile of level 0": (
        flipped("tile/0/000", 32 * 17 + 5),
        ["tile/0/000: its hash 17 is not that of the leaf at position 17"],
    ),
    "a byte of a partial tile of level 0": (
        flipped("tile/0/002.p/188", 32 * 187),
        ["tile/0/002.p/188: its hash 187 is not that of the leaf at position 699"],
    ),
    "a byte of a tile of level 1": (
        flipped("tile/1/000.p/2", 33),
        ["tile/1/000.p/2: its hash 1 is not made of them"],
    ),
    "a tile that ends early": (
        put("tile/0/001", LOG.tiles[0, 1][:-1]),
        ["tile/0/001: has 8191 bytes, not 8192"],
    ),
    "a tile that goes on": (
        put("tile/1/000.p/2", LOG.tiles[1, 0] + b"\0"),
        ["tile/1/000.p/2: has 65 bytes, not 64"],
    ),
    "a full tile that goes on": (
        put("tile/0/001", LOG.tiles[0, 1] + b"\0"),
        ["tile/0/001: is larger than 8192 bytes"],
    ),
    "a tile that is gone": (removed("tile/1/000.p/2"), ["tile/1/000.p/2: is not there"]),
    # the checkpoint
    "no checkpoint": (removed("checkpoint"), ["checkpoint: is not there"]),
    "another origin": (
        put("checkpoint", NOTE.replace(b"ledger", b"ledgex", 1)),
        ["checkpoint: the signature of ledger.example/log+0cabce82: is wrong"],
    ),
    "another size": (
        put("checkpoint", NOTE.replace(b"\n700\n", b"\n699\n")),
        ["checkpoint: the signature of ledger.example/log+0cabce82: is wrong"],
    ),
    "another root": (
        flipped("checkpoint", NOTE.index(b"\n700\n") + 8),
        ["checkpoint: the signature of ledger.example/log+0cabce82: is wrong"],
    ),
    "a byte of the signature": (
        flipped("checkpoint", len(NOTE) - 20),
        ["checkpoint: the signature of ledger.example/log+0cabce82: is wrong"],
    ),
    "a signature of another key": (
        put("checkpoint", BuiltLog(LEAVES, key=OTHER_KEY).checkpoint()),
        ["checkpoint: no log that is accepted here signed it"],
    ),
    "no signature": (
        put("checkpoint", NOTE[: NOTE.index("\N{EM DASH}".encode())]),
        ["checkpoint: a note: has 0 signatures"],
    ),
    # the key beside the log
    "another key beside the log": (
        put("vkey", OTHER_KEY.verifier.vkey.encode()),
        ["vkey: no key in it signed the checkpoint"],
    ),
    "a byte of the key beside the log": (
        flipped("vkey", 30),
        ["vkey: *"],
    ),
}


@pytest.mark.parametrize("what", CHANGED)
def test_a_changed_file_is_found_and_named(copy: Path, what: str) -> None:
    change, expected = CHANGED[what]
    change(copy)
    findings = found(copy)
    assert len(findings) == len(expected), findings
    assert [one for one in zip(findings, expected, strict=True) if not like(*one)] == []


def test_a_changed_byte_of_any_file_is_found(sound: Path, tmp_path: Path) -> None:
    paths = [path.relative_to(sound) for path in sorted(sound.rglob("*")) if path.is_file()]
    assert len(paths) == 9
    for path in paths:
        data = (sound / path).read_bytes()
        for place in {0, len(data) // 7, len(data) // 2, len(data) - 2}:
            folder = shutil.copytree(sound, tmp_path / "copy")
            flipped(str(path), place)(folder)
            assert found(folder) != [], f"{path}, byte {place}"
            shutil.rmtree(folder)


def test_the_first_twenty_findings_are_told(copy: Path) -> None:
    (copy / "tile/0/000").write_bytes(bytes(8192))
    put("tile/entries/000", bundle_bytes([b"{}"] * 256))(copy)
    assert len(found(copy)) == LARGEST_REPORT


# What is new of a log ---------------------------------------------------------------------------


def grown(folder: Path, *sizes: int) -> list[Report]:
    """Check a log at growing sizes, each time from the state of the last."""
    state = folder / "state"
    return [checked(BuiltLog(LEAVES[:size]).write(folder / "log"), state=state) for size in sizes]


def test_only_what_is_new_is_checked_again(tmp_path: Path) -> None:
    reports = grown(tmp_path, 0, 300, 301, 512, 512, 700)
    assert [report.findings for report in reports] == [[]] * 6
    assert [(report.since, report.events) for report in reports] == [
        *((0, 0), (0, 300), (300, 1), (301, 211), (512, 0), (512, 188)),
    ]
    assert reports[-1].records == 100


def test_the_state_stays_as_it_was_where_something_is_wrong(tmp_path: Path) -> None:
    grown(tmp_path, 300)
    before = (tmp_path / "state").read_bytes()
    folder = LOG.write(tmp_path / "log")
    bundled(list.reverse)(folder)
    assert not checked(folder, state=tmp_path / "state").sound
    assert (tmp_path / "state").read_bytes() == before
    shutil.rmtree(folder)
    report = checked(LOG.write(folder), state=tmp_path / "state")
    assert (report.findings, report.since) == ([], 300)


def state_of(folder: Path, size: int) -> Path:
    grown(folder, size)
    shutil.rmtree(folder / "log")
    return folder / "state"


FORKED: Final = BuiltLog([*LEAVES[:5], LEAVES[6], LEAVES[5], *LEAVES[7:]])


BEGINS_OTHERWISE: Final = (
    "its tree of size 700 does not begin with the tree that it signed for size 300"
)


def test_a_forked_log_is_refused_and_the_proof_of_fraud_kept(tmp_path: Path) -> None:
    state = state_of(tmp_path, 300)
    before = state.read_bytes()
    report = checked(FORKED.write(tmp_path / "log"), state=state)
    assert report.findings == [f"checkpoint: the log is forked: log {ORIGIN}: {BEGINS_OTHERWISE}"]
    assert report.fork == (BuiltLog(LEAVES[:300]).checkpoint(), FORKED.checkpoint())
    assert report.events == 0
    assert state.read_bytes() == before


def test_two_roots_of_one_size_are_a_fork(tmp_path: Path) -> None:
    state = state_of(tmp_path, 700)
    report = checked(FORKED.write(tmp_path / "log"), state=state)
    assert report.findings == [
        f"checkpoint: the log is forked: log {ORIGIN}: two roots are signed for size 700"
    ]
    assert report.fork == (LOG.checkpoint(), FORKED.checkpoint())


def test_a_log_that_became_shorter_is_refused(tmp_path: Path) -> None:
    state = state_of(tmp_path, 700)
    report = checked(BuiltLog(LEAVES[:300]).write(tmp_path / "log"), state=state)
    assert report.findings == ["checkpoint: has 300 leaves, and 700 were seen before"]


def test_a_changed_tile_is_not_taken_for_a_fork(tmp_path: Path) -> None:
    state = state_of(tmp_path, 300)
    folder = LOG.write(tmp_path / "log")
    flipped("tile/0/001", 32 * 100)(folder)
    report = checked(folder, state=state)
    assert report.fork is None
    assert report.findings == [
        "checkpoint: from size 300 to 700: from 300 to 700 leaves: the proof leads to other roots",
        "tile/0/001: its hash 100 is not that of the leaf at position 356",
    ]


def test_a_bundle_may_not_begin_with_other_leaves_than_before(tmp_path: Path) -> None:
    state = state_of(tmp_path, 600)
    folder = LOG.write(tmp_path / "log")
    bundled(lambda leaves: leaves.__setitem__(3, leaves[4]))(folder)
    assert checked(folder, state=state).findings == [
        "tile/entries/002.p/188: begins with other leaves than were seen before"
    ]


def test_events_are_judged_by_what_an_earlier_run_saw(tmp_path: Path) -> None:
    record = json.loads(LEAVES[0])["record"]
    story = sound_story(100)
    story.sell(record, [20 * CREDIT, CREDIT], to="acme")
    story.create(50, 60)
    story.tell("77" * 32, "ERASED", {"event": ""}, id=json.loads(LEAVES[3])["id"])
    state = state_of(tmp_path, 700)
    report = checked(BuiltLog(story.leaves).write(tmp_path / "log"), state=state)
    expected = [
        f"position 700, record {record}: it sells grams 20000000 to 20999999: some of them *",
        "position 701, record *: its serial numbers 50 to 60 of verra * overlap 1 to 100 of *",
        "position 702: its id is the one of the event at 3",
        f"position 702, record {'77' * 32}: its first event is ERASED, not CREATED",
    ]
    assert [one for one in zip(report.findings, expected, strict=True) if not like(*one)] == []


def test_what_is_no_state_of_this_log_is_refused(sound: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a state, but some text that is long enough to see it")
    with pytest.raises(Unfit, match=r"the state .*text: file is not a database"):
        checked(sound, state=tmp_path / "text")
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE records (id)")
    other.close()
    with pytest.raises(Unfit, match="other is not a state of this program's"):
        checked(sound, state=tmp_path / "other")
    with pytest.raises(Unfit, match="unable to open database file"):
        checked(sound, state=tmp_path / "nowhere" / "state")
    state = state_of(tmp_path, 700)
    key = SigningKey(name="other.example/log", seed=KEY.seed)
    folder = BuiltLog([], key=key).write(tmp_path / "log")
    with pytest.raises(Unfit, match=r"the state is of log ledger.example/log, not of other"):
        checked(folder, key.verifier, state=state)


def test_a_state_that_was_changed_or_is_in_use_is_refused(sound: Path, tmp_path: Path) -> None:
    state = state_of(tmp_path, 700)
    connection = sqlite3.connect(state)
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unfit, match="database is locked"):
        checked(sound, state=state)
    connection.rollback()
    for change in (
        "UPDATE edge SET hashes = zeroblob(length(hashes)) WHERE level = 0",
        "UPDATE edge SET hashes = zeroblob(5) WHERE level = 0",
        "DELETE FROM edge",
    ):
        connection.execute(change)
        connection.commit()
        with pytest.raises(Unfit, match="the state was changed"):
            checked(sound, state=state)
    connection.close()


# Keys and witnesses -----------------------------------------------------------------------------


def test_one_of_several_keys_has_to_have_signed(sound: Path) -> None:
    assert checked(sound, OTHER_KEY.verifier, KEY.verifier).sound
    assert checked(sound, OTHER_KEY.verifier).findings == [
        "checkpoint: no log that is accepted here signed it"
    ]


def test_a_log_that_changes_its_key_is_checked_by_the_old_and_the_new_one(tmp_path: Path) -> None:
    folder = LOG.write(tmp_path)
    signatures = (*LOG.note.signatures, OTHER_KEY.sign(LOG.note.text))
    (folder / "checkpoint").write_bytes(replace(LOG.note, signatures=signatures).encode())
    (folder / "vkey").write_text(f"{OTHER_KEY.verifier.vkey}\n", encoding="utf-8")
    for keys in ([KEY], [OTHER_KEY], [KEY, OTHER_KEY]):
        assert checked(folder, *(key.verifier for key in keys)).sound


def test_a_policys_quorum_has_to_have_cosigned(tmp_path: Path) -> None:
    one, two = witness("one"), witness("two")
    policy = read_policy(
        f"log {KEY.verifier.vkey}\nwitness 1 {one.verifier.vkey}\n"
        f"witness 2 {two.verifier.vkey}\ngroup both all 1 2\nquorum both\n".encode()
    )
    folder = BuiltLog(LEAVES[:3], witnesses=[one, two, witness("three")]).write(tmp_path / "2")
    report = check_log(Folder(folder), (), policy=policy)
    assert report.sound
    assert report.seen is not None
    assert set(report.seen.witnesses) == {one.verifier, two.verifier}
    folder = BuiltLog(LEAVES[:3], witnesses=[one]).write(tmp_path / "1")
    assert check_log(Folder(folder), (), policy=policy).findings == [
        "checkpoint: 1 of the policy's 2 witnesses cosigned it, which is not its quorum both"
    ]
