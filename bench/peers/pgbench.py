"""The limit on PostgreSQL: pgbench inserts a batch's rows into the guarded tables, SQL alone.

The statements are those of a batch of creates: the head moves, then one INSERT for each table,
all with rows of Offset's sizes that PostgreSQL makes itself. There are no rules, no leaves worth
their name, no answers, and nothing is sent but a few numbers. One client, as Offset has one
writer; durable commits.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import psycopg

from bench.ledgers import Ledgers, say
from bench.rounds import Json, Plan

SIZES: Final = (1, 16, 64, 256)  # creates of one transaction
_SCRIPT: Final = """
BEGIN;
UPDATE ledger_head SET position = position + {size}, at_us = at_us + 1 RETURNING position \\gset
\\set base :position - {size}
INSERT INTO records SELECT n, sha256(int8send(n)), 'Forest conservation of valley ' || n % 10000,
  'verra', 2020, 100000000, n || repeat('-VCS-VCU', 6), repeat('s', 240), NULL, '{{}}', NULL, 1
  FROM generate_series(:base + 1, :base + {size}) AS n;
INSERT INTO events SELECT n, n, 1, decode(md5(n::text), 'hex'), 'CREATED',
  convert_to(repeat('l', 860), 'UTF8'), sha256(int8send(n))
  FROM generate_series(:base + 1, :base + {size}) AS n;
INSERT INTO serial_claims SELECT 0, n * 100 + 1, n * 100 + 100, n, repeat('f', 70), NULL
  FROM generate_series(:base + 1, :base + {size}) AS n;
INSERT INTO record_state SELECT n, 1, sha256(int8send(n)), 'CREATED', 100000000, 0, 0, 0, 0,
  NULL, NULL, NULL FROM generate_series(:base + 1, :base + {size}) AS n;
INSERT INTO holdings SELECT n, 0, 100000000, NULL
  FROM generate_series(:base + 1, :base + {size}) AS n;
COMMIT;
"""


def limits(ledgers: Ledgers, plan: Plan) -> Json | None:
    """Give creates a second by the size of a batch; None where pgbench is not installed."""
    program = shutil.which("pgbench")
    if program is None:
        say("  pgbench is not installed")
        return None
    url = ledgers.prepared("postgresql")
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO series VALUES (0, 'verra', 'VCS-VCU')")
    found: Json = {}
    for size in SIZES:
        path = ledgers.new_path("script.sql")
        path.write_text(_SCRIPT.format(size=size), encoding="utf-8")
        found[str(size)] = size * _transactions(program, url, path, plan.seconds)
        say(f"  pgbench, {size} a transaction: {found[str(size)]:,.0f}/s")
    return found


def _transactions(program: str, url: str, path: Path, seconds: int) -> float:
    address = urlsplit(url)
    done = subprocess.run(
        [
            *(program, "--no-vacuum", "--client", "1", "--time", str(seconds)),
            *("--protocol", "prepared", "--file", str(path), "--username", "postgres"),
            *("--host", parse_qs(address.query)["host"][0], address.path.lstrip("/")),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    match = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    assert match is not None, done.stdout + done.stderr
    return float(match[1])
