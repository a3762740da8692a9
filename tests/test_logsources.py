"""A log read over HTTP: a sound one passes, and what a server can do wrong is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import pytest

from logs import KEY, BuiltLog, sound_story
from offset.checking.logs import check_log
from offset.checking.sources import Folder, Site, source_of
from offset.core.errors import LogMalformed, LogUnreachable, Unfit

LOG: Final = BuiltLog(sound_story(40).leaves)


@contextmanager
def served(handler: object) -> Iterator[str]:
    """Serve on this machine; the URL of what is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:  # type: ignore[arg-type]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def test_a_sound_log_is_checked_from_a_url_as_from_its_folder(tmp_path: Path) -> None:
    folder = LOG.write(tmp_path / "some" / "log")
    with served(partial(Quiet, directory=tmp_path / "some")) as url:
        for place in (f"{url}/log", f"{url}/log/"):
            report = check_log(source_of(place), [KEY.verifier])
            assert (report.findings, report.events) == ([], 280)
        (folder / "tile/0/000").unlink()
        assert check_log(source_of(f"{url}/log"), [KEY.verifier]).findings == [
            "tile/0/000: is not there"
        ]


class Wrong(BaseHTTPRequestHandler):
    """Answers wrongly, in the way that the path names."""

    def do_GET(self) -> None:
        match self.path:
            case "/busy":
                self.send_error(503)
                return
            case "/gone":
                self.send_error(410)
                return
            case "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "file:///etc/hostname")
            case "/short":
                self.send_response(200)
                self.send_header("Content-Length", "100")
            case "/long":
                self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * 50)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def test_what_a_server_does_wrong_is_told() -> None:
    with served(Wrong) as url:
        source = Site(url)
        assert source.read("gone", 100) is None
        assert source.read("long", 50) == b"x" * 50
        with pytest.raises(LogMalformed, match="long: is larger than 49 bytes"):
            source.read("long", 49)
        with pytest.raises(LogUnreachable, match="busy: the server answers 503"):
            source.read("busy", 100)
        with pytest.raises(LogUnreachable, match="short: the connection broke off"):
            source.read("short", 1_000)
        with pytest.raises(LogUnreachable, match="elsewhere: the server answers 302"):
            source.read("elsewhere", 100)
    with pytest.raises(LogUnreachable, match=r"busy: cannot be fetched: .*refused"):
        source.read("busy", 100)


@pytest.mark.parametrize("place", ["file:///var/log", "ftp://127.0.0.1/log", "gopher://x"])
def test_only_http_is_spoken(place: str) -> None:
    with pytest.raises(Unfit, match="a log is read from http, https or a folder"):
        source_of(place)


def test_a_folder_is_told_apart_from_what_is_not_one(tmp_path: Path) -> None:
    assert isinstance(source_of(str(tmp_path)), Folder)
    with pytest.raises(Unfit, match="there is no folder"):
        source_of(str(tmp_path / "nowhere"))
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(LogUnreachable, match="checkpoint: Is a directory"):
        Folder(tmp_path).read("checkpoint", 100)
    (tmp_path / "vkey").write_bytes(b"123")
    with pytest.raises(LogMalformed, match="larger than 2 bytes"):
        Folder(tmp_path).read("vkey", 2)
