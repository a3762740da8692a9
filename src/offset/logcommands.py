"""What the commands about a log say, line by line, through the function that prints.

Each gives the exit status: 0 if all holds, 1 if not. What cannot be judged at all (a file that
is not there, a server that does not answer, a wrong option) is raised as an `OffsetError`.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from offset.checking.logs import LARGEST_REPORT, Progress, Report, check_log
from offset.checking.proofs import Seen, Shown, check_pair, check_proof, see
from offset.checking.sources import read_tile, source_of
from offset.core.canonical import canonical_json
from offset.core.errors import Invalid, LogForked, Unfit
from offset.core.merkle import NodeReader
from offset.core.notes import VerifierKey, base64_text, read_vkey, utf8_text
from offset.core.policies import Policy, read_policy
from offset.core.quantities import tonnes_text
from offset.core.tiles import tile_nodes
from offset.logexport import LogReader, export_log

Say = Callable[[str], None]


def verify_proof(file: Path, keys: Sequence[str], policy: Path | None, say: Say) -> int:
    """Check a proof file: `offset verify FILE --key VKEY [--policy FILE]`."""
    accepted, judged = _trusted(keys, policy)
    try:
        shown = check_proof(_read(file), accepted, judged)
    except Invalid as error:
        say(f"{file}: does not verify: {error.detail}")
        return 1
    for line in _event_lines(shown):
        say(_printable(line))
    say(f"It stands at position {shown.position} of the log. {_signed(shown.seen)}")
    return 0


def verify_log(
    place: str,
    keys: Sequence[str],
    policy: Path | None,
    state: Path | None,
    say: Say,
    progress: Progress | None = None,
) -> int:
    """Check a whole log: `offset verify --log URL|DIR --key VKEY [--policy] [--state FILE]`."""
    accepted, judged = _trusted(keys, policy)
    report = check_log(source_of(place), accepted, policy=judged, state=state, progress=progress)
    for line in _report_lines(place, report):
        say(_printable(line))
    return 0 if report.sound else 1


def verify_checkpoints(
    files: Sequence[Path], place: str | None, keys: Sequence[str], policy: Path | None, say: Say
) -> int:
    """Hold two checkpoints against each other: `offset verify ONE OTHER [--log PLACE]`.

    Checkpoints of different sizes need the log's tiles, of which only a few are read.
    """
    accepted, judged = _trusted(keys, policy)
    try:
        one, other = (see(_read(file), accepted, judged) for file in files)
        check_pair(one, other, None if place is None else _nodes(place, one, other))
    except LogForked as error:
        say(f"Proof of fraud: {error.detail}. Keep both.")
        return 1
    except Invalid as error:
        say(f"not shown: {error.detail}")
        return 1
    say(f"The checkpoints agree. {_signed(max(one, other, key=_size))}")
    return 0


def export_files(log: LogReader, folder: Path, say: Say, progress: Progress | None = None) -> int:
    """Write the static copy of a log: `offset log export DIR`."""
    done = export_log(log, folder, progress)
    say(f"{folder}: {done.size} events, {done.files} files written.")
    say(f"Check it: offset verify --log {folder}")
    return 0


# What is trusted ------------------------------------------------------------------------------


def read_keys(text: str) -> list[VerifierKey]:
    """Read `--key`: a vkey, which always has a plus in it, or a file with one or more, a line each.

    Raises:
        LogMalformed: it is no vkey.
        Unfit: there is no such file.
    """
    if "+" in text:
        return [read_vkey(text)]
    return [read_vkey(line) for line in utf8_text(_read(Path(text)), text).splitlines()]


def _trusted(keys: Sequence[str], policy: Path | None) -> tuple[list[VerifierKey], Policy | None]:
    judged = None if policy is None else read_policy(_read(policy))
    if not keys and (judged is None or not judged.logs):
        raise Unfit("whose log it has to be is not said: --key VKEY, or a --policy with its log")
    return [key for text in keys for key in read_keys(text)], judged


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Unfit(f"{file}: {error.strerror}") from None


def _size(seen: Seen) -> int:
    return seen.checkpoint.size


def _nodes(place: str, one: Seen, other: Seen) -> NodeReader:
    source = source_of(place)
    return tile_nodes(lambda tile: read_tile(source, tile), max(_size(one), _size(other)))


# What is said ---------------------------------------------------------------------------------


def _event_lines(shown: Shown) -> list[str]:
    event = shown.event
    lines = [
        f"event      {event.id}",
        f"type       {event.type}",
        f"recorded   {event.at}",
        f"record     {event.record} (its event {event.seq})",
    ]
    parts = event.data.get("parts")
    if isinstance(parts, list) and all(_is_part(part) for part in parts):
        lines.append(f"quantity   {tonnes_text(sum(part[1] for part in parts))}")
    lines += [f"{name:10} {_plain(value)}" for name, value in event.data.items()]
    return [*lines, f"log        {event.log}"]


def _is_part(part: object) -> bool:
    return isinstance(part, list) and len(part) == 2 and all(type(one) is int for one in part)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else canonical_json(value).decode()


def _printable(line: str) -> str:
    """Escape what a terminal might act on: a log's texts are its operator's."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)


def _signed(seen: Seen) -> str:
    checkpoint = seen.checkpoint
    words = (
        f"Signed by {seen.key.name}+{seen.key.key_id.hex()} for size {checkpoint.size}, "
        f"root {base64_text(checkpoint.root)}"
    )
    cosigned = [
        f"{key.name} at {datetime.fromtimestamp(time_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
        for key, time_s in seen.witnesses.items()
        if time_s < 2**37  # a later one is no date, and no cosignature either
    ]
    return f"{words}; cosigned by {', '.join(cosigned)}." if cosigned else f"{words}."


def _report_lines(place: str, report: Report) -> list[str]:
    if report.sound:
        assert report.seen is not None
        new = (
            f"{report.events} new events behind {report.since}"
            if report.since
            else (f"{report.events} events")
        )
        return [
            f"Sound: {new}, {report.records} records.",
            "Checked: bundles, leaves, tiles, root; ids, times, chains, holdings, ends, serials.",
            "Details (names, notes, prices) are not in a log, so nothing is said of them.",
            _signed(report.seen),
        ]
    lines = [f"not sound: {words}" for words in report.findings]
    if len(report.findings) == LARGEST_REPORT:
        lines.append(f"these are the first {LARGEST_REPORT}; there may be more")
    for note in report.fork or ():
        lines += [
            "A checkpoint that contradicts the other one; keep both:",
            *note.decode().split("\n"),
        ]
    return [f"{place}:", *lines]
