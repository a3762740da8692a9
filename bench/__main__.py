"""Runs every measurement and writes bench/results.md: `python -m bench [--rows 1000000]`."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import proofs as log_proofs
from bench.bulk import Measured, measured
from bench.machine import described
from databases import PostgresDatabases, postgres_databases, prepare_template, sqlite_url_of
from offset.synthetic import write_registries

RESULTS: Final = Path(__file__).parent / "results.md"


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the bulk import")
    parser.add_argument("--events", type=int, default=1_000_000, help="events of the log")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where to write the results")
    asked = parser.parse_args()
    lines = [
        "# What was measured",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {described()}. Made by `make bench`.",
        "",
        *bulk(asked.rows),
        *proofs(asked.events),
    ]
    asked.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"{asked.output} is written.\n")


def bulk(rows: int) -> Iterator[str]:
    """Import synthetic exports of all registries, and load the finished rows plainly."""
    with TemporaryDirectory(prefix="offset-bench-") as folder, ExitStack() as stack:
        exports = Path(folder) / "exports"
        exports.mkdir()
        # The largest file of each registry counts; with the others it is half as many again.
        files = [one.path for one in write_registries(exports, rows=rows * 16 // 25, seed=1)]
        yield "## Bulk import"
        yield ""
        yield (
            f"Synthetic exports of eight registries, {len(files)} files. *Finished rows* are those "
            "of all tables that the import makes (records, claims, states, holdings, events, "
            "parts, details); *plain* loads the same finished rows with `COPY` or `executemany`."
        )
        yield ""
        yield "| database | what | rows of exports/s | finished rows/s | of plain | peak MB |"
        yield "|---|---|---:|---:|---:|---:|"
        postgres = stack.enter_context(postgres_databases())
        for engine in ("SQLite", "PostgreSQL"):
            with _ledgers(engine, Path(folder), postgres) as (ledger, guarded, bare):
                dump = Path(folder) / engine
                dump.mkdir()
                _say(f"{engine}: import")
                done = measured("import", ledger, *files)
                finished = measured("dump", ledger, dump).rows
                _say(f"{engine}: plain loads")
                plain = measured("guarded", guarded, dump)
                naked = measured("bare", bare, dump)
                yield from _table(engine, done, finished, plain, naked)
        yield ""


def proofs(count: int) -> Iterator[str]:
    """Publish a log of `count` events and prove some of them."""
    yield "## The log"
    yield ""
    yield (
        f"{count:,} events written plainly, published at once, 2,002 of them proven: each proof is "
        "made as the server makes it, without HTTP, then read and verified as a stranger does. "
        "Times are the median, the 99th percentile and the largest."
    )
    yield ""
    yield "| database | events published/s | proof made, ms | verified, ms | largest proof, bytes |"
    yield "|---|---:|---:|---:|---:|"
    with TemporaryDirectory(prefix="offset-bench-") as folder, ExitStack() as stack:
        postgres = stack.enter_context(postgres_databases())
        for engine in ("SQLite", "PostgreSQL"):
            own = Path(folder) / engine
            own.mkdir()
            with _ledgers(engine, own, postgres) as (ledger, _, _):
                _say(f"{engine}: the log of {count:,} events")
                found = log_proofs.measured(ledger, own, count)
                yield (
                    f"| {engine} | {found.published:,.0f} | {log_proofs.spread(found.made_ms)} | "
                    f"{log_proofs.spread(found.checked_ms)} | {found.largest:,} |"
                )
    yield ""


def _table(
    engine: str, done: Measured, finished: int, plain: Measured, naked: Measured
) -> Iterator[str]:
    plainly = "COPY" if engine == "PostgreSQL" else "executemany"
    for what, one in (
        ("import", done),
        (f"plain {plainly}, guarded tables", plain),
        (f"plain {plainly}, bare tables", naked),
    ):
        yield (
            f"| {engine} | {what} | {done.rows / one.seconds:,.0f} | "
            f"{finished / one.seconds:,.0f} | {plain.seconds / one.seconds:.0%} | {one.peak_mb} |"
        )


@contextmanager
def _ledgers(
    engine: str, folder: Path, postgres: PostgresDatabases
) -> Iterator[tuple[str, str, str]]:
    """Give the URLs of two prepared ledgers and of an empty database."""
    if engine == "PostgreSQL":
        with postgres.prepared() as ledger, postgres.prepared() as other, postgres.bare() as bare:
            yield ledger, other, bare
        return
    urls = [sqlite_url_of(folder / f"{name}.db") for name in ("ledger", "guarded", "bare")]
    for url in urls[:2]:
        prepare_template(url)
    yield urls[0], urls[1], urls[2]


def _say(words: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {words}\n")


if __name__ == "__main__":
    main()
