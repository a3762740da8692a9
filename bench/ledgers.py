"""The ledgers that are measured: Offset's and the plain one's with N records, and `null`."""

import json
import random
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import count as counting
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

from sqlalchemy import create_engine, text

from bench import servers
from bench.baseline.filling import fill_baseline
from bench.filling import fill, untouched
from bench.load import Request, Stream
from bench.machine import shared_buffers
from bench.null import RECORDS as RECORDS_OF_NULL
from bench.samples import baseline_record_id, json_body, offset_id
from databases import PostgresDatabases, postgres_databases, prepare_template, sqlite_url_of
from offset.database import Database
from offset.ledger import ensure_origin
from offset.log.keys import KeyFile
from offset.log.publisher import Publisher
from offset.queries import cursor_of
from offset.synthetic import write_registries

ENGINES: Final = ("sqlite", "postgresql")
ORIGIN: Final = "bench.example/log"
_FAR: Final = 1_000_000_000  # numbers that nothing else comes to
_SETTLING_S: Final = 0.2
_PARTED: Final = 100_000  # records that parts are retired of
_READ: Final = 20_000  # records that reads choose from, of all


@dataclass(kw_only=True)
class Subject:
    """What is measured: an application, its ledger of `count` records, and requests to it.

    `creates`, `sales` and `retirements` are used up; all servers of a ledger share them.
    """

    name: str
    app: str
    url: str
    count: int
    settings: dict[str, object]
    id_of: Callable[[int], str]
    events: str | None  # SQL that counts them
    creates: Stream = field(init=False)
    keyed: Stream = field(init=False)  # creates with an Idempotency-Key and details
    sales: Stream | Sequence[Request] = field(init=False)
    retirements: Stream | Sequence[Request] = field(init=False)

    def __post_init__(self) -> None:
        self.creates = Stream(
            lambda number: Request("POST", "/records", json_body(self.count + number))
        )
        self.keyed = Stream(
            lambda number: _keyed(self.count + number, json_body(_FAR + self.count + number))
        )
        self.sales = Stream(lambda number: self._sale(untouched(2 * number)))
        self.retirements = Stream(lambda number: self._retirement(untouched(2 * number + 1)))
        if self.events is None:
            self.sales = [self._sale(number) for number in range(self.count)]
            self.retirements = [self._retirement(number) for number in range(self.count)]

    def _sale(self, number: int) -> Request:
        return Request("POST", f"/records/{self.id_of(number)}/sell", '{"to":"acme"}')

    def _retirement(self, number: int) -> Request:
        return Request("POST", f"/records/{self.id_of(number)}/retire")

    @cached_property
    def reads(self) -> Sequence[Request]:
        """Requests for records at random."""
        chance = random.Random(1)
        return [
            Request("GET", f"/records/{self.id_of(chance.randrange(self.count))}")
            for _ in range(_READ)
        ]

    @cached_property
    def parts(self) -> Sequence[Request]:
        """Requests that retire a kilogram each of records that nothing else takes from."""
        chance, last = random.Random(4), self.count // 2
        first = last * 4 // 5
        some = chance.sample(range(first, last), min(_PARTED, last - first))
        return [retire_part(self.id_of(untouched(number))) for number in some]

    @cached_property
    def pages(self) -> Sequence[Request]:
        """Requests for pages of a list, from anywhere on."""
        chance = random.Random(3)
        return [
            Request("GET", f"/records?cursor={cursor_of(chance.randrange(self.count))}")
            for _ in range(_READ)
        ]

    @contextmanager
    def served(self, app: str | None = None) -> Iterator[servers.Served]:
        """Start a server of this, or another application on its ledger."""
        with servers.serving(app or self.app, self.url, **self.settings) as server:
            yield server

    def count_events(self) -> int | None:
        """Count the events that are stored, when nothing more comes of what was under way."""
        if self.events is None:
            return None
        engine, counted = create_engine(self.url), [-1]
        try:
            while True:
                with engine.connect() as connection:
                    counted.append(int(connection.execute(text(self.events)).scalar_one()))
                if counted[-1] == counted[-2]:
                    return counted[-1]
                time.sleep(_SETTLING_S)
        finally:
            engine.dispose()


class Ledgers:
    """Makes ledgers when they are asked for, each once, and removes them at the end."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        folder = self._stack.enter_context(TemporaryDirectory(prefix="offset-bench-"))
        self.folder: Final = Path(folder)
        self._ordinals = counting()
        self.offset = cache(self._offset)
        self.baseline = cache(self._baseline)
        self.null = cache(self._null)
        self.exports = cache(self._exports)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove all ledgers."""
        self._stack.close()

    @cached_property
    def postgres(self) -> PostgresDatabases:
        """The PostgreSQL server, started when it is needed."""
        say("PostgreSQL starts")
        return self._stack.enter_context(postgres_databases(shared_buffers=shared_buffers()))

    def empty(self, engine: str) -> Subject:
        """Make another empty ledger of Offset's."""
        return self._offset(engine, 0)

    def _exports(self, rows: int) -> Sequence[Path]:
        """Write synthetic exports of all registries with about so many rows together."""
        folder = self.new_path("exports")
        folder.mkdir()
        # The largest file of each registry counts; with the others it is half as many again.
        return [one.path for one in write_registries(folder, rows=rows * 16 // 25, seed=1)]

    def ordinal(self) -> int:
        """Give another number each time."""
        return next(self._ordinals)

    def prepared(self, engine: str) -> str:
        """Make a ledger with its schema and nothing in it; give its URL."""
        if engine == "postgresql":
            return self._stack.enter_context(self.postgres.prepared())
        url = sqlite_url_of(self.new_path("ledger.db"))
        prepare_template(url)
        return url

    def bare(self, engine: str) -> str:
        """Make a database with nothing in it; give its URL."""
        if engine == "postgresql":
            return self._stack.enter_context(self.postgres.bare())
        return sqlite_url_of(self.new_path("bare.db"))

    def new_path(self, name: str) -> Path:
        """Name a file in a folder of its own."""
        folder = Path(self._stack.enter_context(TemporaryDirectory(dir=self.folder)))
        return folder / name

    def _offset(self, engine: str, count: int) -> Subject:
        url, key_file = self.prepared(engine), KeyFile(self.new_path("log-key"))
        with closing(Database(url, pool_size=2)) as database:
            ensure_origin(database, ORIGIN, None)
            key_file.make(ORIGIN)
            if count:
                start = time.monotonic()
                fill(url, ORIGIN, count)
                say(f"{engine}: {count:,} records in {time.monotonic() - start:.0f} s")
            Publisher(database, origin=ORIGIN, key_file=key_file).publish()
        return Subject(
            name="offset",
            app=servers.OFFSET,
            url=url,
            count=count,
            settings={"origin": ORIGIN, "log_key": key_file.path},
            id_of=offset_id,
            events="SELECT position + 1 FROM ledger_head",
        )

    def _baseline(self, engine: str, count: int) -> Subject:
        url = self.bare(engine)
        start = time.monotonic()
        fill_baseline(url, count)
        say(f"{engine}: {count:,} plain records in {time.monotonic() - start:.0f} s")
        return Subject(
            name="baseline",
            app=servers.BASELINE,
            url=url,
            count=count,
            settings={},
            id_of=baseline_record_id,
            events="SELECT count(*) FROM events",
        )

    def _null(self) -> Subject:
        # The application wants a database to start with; nothing asks it.
        return Subject(
            name="null",
            app=servers.NULL,
            url=self.prepared("sqlite"),
            count=RECORDS_OF_NULL,
            settings={"origin": ORIGIN},
            id_of=offset_id,
            events=None,
        )


def retire_part(record_id: str) -> Request:
    """Ask to retire a kilogram of a record."""
    return Request("POST", f"/records/{record_id}/retire", '{"quantity":0.001}')


def _keyed(number: int, body: str) -> Request:
    details = f',"details":{{"note":"as agreed in letter {number}"}}}}'
    return Request("POST", "/records", body[:-1] + details, f"bench-{number:010}")


def ask(url: str, path: str, body: object) -> dict[str, Any]:
    """Send one request, a GET without a body, and give what is answered."""
    request = urllib.request.Request(
        url + path,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def say(words: str) -> None:
    """Tell whoever waits what happens."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {words}\n")
