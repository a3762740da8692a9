"""The static copy of a log: its files, what is written again, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from logs import KEY, OTHER_KEY, BuiltLog, sound_story
from offset.core.errors import LogForked, LogMalformed, Unfit
from offset.core.notes import SigningKey
from offset.core.tiles import Bundle, read_bundle
from offset.logexport import Exported, export_log

LEAVES = sound_story(100).leaves


def files(folder: Path) -> dict[str, int]:
    """Every file below a folder, with its time of change."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


FILES_OF_700 = [
    *("checkpoint", "tile/0/000", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"),
    *("tile/entries/000", "tile/entries/001", "tile/entries/002.p/188", "vkey"),
]


def test_all_files_of_a_log_are_written(tmp_path: Path) -> None:
    log = BuiltLog(LEAVES)
    assert export_log(log, tmp_path / "made" / "log") == Exported(size=700, files=9)
    folder = tmp_path / "made" / "log"
    assert list(files(folder)) == FILES_OF_700
    assert (folder / "checkpoint").read_bytes() == log.checkpoint()
    assert (folder / "vkey").read_text(encoding="utf-8") == f"{log.vkey()}\n"
    bundle = (folder / "tile/entries/002.p/188").read_bytes()
    assert read_bundle(Bundle(2, 188), bundle) == LEAVES[512:]
    assert (folder / "tile/0/001").read_bytes() == log.tiles[0, 1]


@pytest.mark.parametrize("size", [0, 1, 256, 300, 512, 700])
def test_the_copy_has_what_the_log_has(tmp_path: Path, size: int) -> None:
    log = BuiltLog(LEAVES[:size])
    export_log(log, tmp_path / "copy")
    log.write(tmp_path / "own")
    assert list(files(tmp_path / "copy")) == list(files(tmp_path / "own"))
    for path in files(tmp_path / "own"):
        assert (tmp_path / "copy" / path).read_bytes() == (tmp_path / "own" / path).read_bytes()


def test_an_empty_log_has_a_checkpoint(tmp_path: Path) -> None:
    assert export_log(BuiltLog([]), tmp_path) == Exported(size=0, files=2)
    assert list(files(tmp_path)) == ["checkpoint", "vkey"]


def test_full_tiles_and_bundles_are_not_written_again(tmp_path: Path) -> None:
    log = BuiltLog(LEAVES[:300])
    export_log(log, tmp_path)
    before = files(tmp_path)
    log.append(LEAVES[300:])
    assert export_log(log, tmp_path) == Exported(size=700, files=7)
    after = files(tmp_path)
    assert set(FILES_OF_700) <= set(after)
    for path in ("tile/0/000", "tile/entries/000"):
        assert after[path] == before[path]


def test_a_copy_whose_export_was_broken_off_is_completed(tmp_path: Path) -> None:
    export_log(BuiltLog(LEAVES), tmp_path)
    for path in ("checkpoint", "tile/0/001", "tile/entries/001"):
        (tmp_path / path).unlink()
    assert export_log(BuiltLog(LEAVES), tmp_path).files == 7
    assert list(files(tmp_path)) == FILES_OF_700


class Breaking(BuiltLog):
    """A log whose leaves cannot all be read."""

    def leaves(self, first: int, end: int) -> Iterator[bytes]:
        if first >= 512:
            raise OSError(5, "Input/output error")
        return super().leaves(first, end)


def test_the_old_checkpoint_stands_until_all_else_is_written(tmp_path: Path) -> None:
    old = BuiltLog(LEAVES[:300])
    export_log(old, tmp_path)
    with pytest.raises(Unfit, match="Input/output error"):
        export_log(Breaking(LEAVES), tmp_path)
    assert (tmp_path / "checkpoint").read_bytes() == old.checkpoint()
    assert not [path for path in files(tmp_path) if path.endswith(".new")]


def test_progress_is_told_by_bundles(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    export_log(BuiltLog(LEAVES), tmp_path, lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def refused(log: BuiltLog, folder: Path, kind: type[Exception], words: str) -> None:
    before = files(folder)
    with pytest.raises(kind, match=words):
        export_log(log, folder)
    assert files(folder) == before


def test_a_copy_of_another_history_is_not_overwritten(tmp_path: Path) -> None:
    export_log(BuiltLog(LEAVES[:300]), tmp_path)
    other = BuiltLog([LEAVES[1], LEAVES[0], *LEAVES[2:]])
    refused(other, tmp_path, LogForked, "its 300 leaves are not those that the log begins with")


def test_a_copy_of_another_log_is_not_overwritten(tmp_path: Path) -> None:
    export_log(BuiltLog(LEAVES[:300]), tmp_path)
    other = SigningKey(name="other.example/log", seed=KEY.seed)
    refused(BuiltLog(LEAVES, key=other), tmp_path, Unfit, "a copy of log ledger.example/log")


def test_a_newer_copy_is_not_overwritten(tmp_path: Path) -> None:
    export_log(BuiltLog(LEAVES), tmp_path)
    refused(BuiltLog(LEAVES[:300]), tmp_path, Unfit, "has 700 leaves, and the log only 300")


def test_a_new_key_of_the_log_may_sign_the_copy(tmp_path: Path) -> None:
    export_log(BuiltLog(LEAVES[:300]), tmp_path)
    log = BuiltLog(LEAVES, key=OTHER_KEY)
    assert export_log(log, tmp_path).size == 700
    assert (tmp_path / "vkey").read_text(encoding="utf-8") == f"{log.vkey()}\n"


def test_a_log_whose_tiles_were_changed_is_not_exported(tmp_path: Path) -> None:
    log = BuiltLog(LEAVES)
    log.tiles[1, 0] = bytes(32) + log.tiles[1, 0][32:]
    refused(log, tmp_path, LogMalformed, "its tiles do not make its checkpoint's root")


def test_a_log_that_lacks_leaves_or_hashes_is_not_exported(tmp_path: Path) -> None:
    log = BuiltLog(LEAVES)
    log.all_leaves.pop()
    with pytest.raises(LogMalformed, match=r"entries/002.p/188: the log has 187 of its leaves"):
        export_log(log, tmp_path)
    log = BuiltLog(LEAVES)
    log.tiles[0, 0] = log.tiles[0, 0][:-32]
    with pytest.raises(LogMalformed, match="tile/0/000: the log has 8160 bytes of it"):
        export_log(log, tmp_path)
    assert not (tmp_path / "checkpoint").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"")
    with pytest.raises(Unfit, match="File exists"):
        export_log(BuiltLog(LEAVES), tmp_path / "log")
