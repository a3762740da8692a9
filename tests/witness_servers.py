"""A witness as C2SP's tlog-witness asks for one, and the ways in which it can misbehave."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

from offset.core.checkpoints import verify_checkpoint
from offset.core.errors import OffsetError
from offset.core.merkle import EMPTY_ROOT, verify_consistency
from offset.core.notes import Kind, SigningKey, VerifierKey, read_base64, read_note
from offset.log.witnesses import Witness

COSIGNED_S: Final = 1_767_225_600
Answer = tuple[int, bytes]
Misbehaviour = Callable[[BaseHTTPRequestHandler, Answer], Answer | None]


@dataclass(kw_only=True)
class WitnessServer:
    """A started witness: what it has seen, and what it was asked.

    `misbehave` may change its answer, or write one by itself and give None.
    """

    name: str
    log: VerifierKey
    url: str = ""
    size: int = 0
    root: bytes = EMPTY_ROOT
    asked: list[int] = field(default_factory=list)  # the sizes of the checkpoints it was sent
    statuses: list[int] = field(default_factory=list)
    misbehave: Misbehaviour | None = None

    @property
    def key(self) -> SigningKey:
        seed = sha256(self.name.encode()).digest()
        return SigningKey(name=self.name, seed=seed, kind=Kind.COSIGNATURE)

    @property
    def witness(self) -> Witness:
        return Witness(self.url, self.key.verifier)

    def answer(self, body: bytes) -> Answer:
        """Judge a request: cosign, or say why not."""
        head, _, rest = body.partition(b"\n\n")
        first, *lines = head.decode().split("\n")
        assert first.startswith("old ")
        old = int(first.removeprefix("old "))
        note = read_note(rest)
        try:
            checkpoint, _ = verify_checkpoint(note, self.log)
        except OffsetError:
            return 403, b""
        self.asked.append(checkpoint.size)
        if old > checkpoint.size:
            return 400, b""
        if old != self.size:
            return 409, f"{self.size}\n".encode()
        try:
            proof = [read_base64(line, "a hash") for line in lines]
            if old:
                verify_consistency(old, checkpoint.size, proof, self.root, checkpoint.root)
            else:
                assert proof == []
        except OffsetError:
            return 422, b""
        self.size, self.root = checkpoint.size, checkpoint.root
        return 200, self.key.cosign(note.text, COSIGNED_S).line.encode()


@contextmanager
def witness_server(name: str, log: VerifierKey) -> Iterator[WitnessServer]:
    """A witness of one log that listens on 127.0.0.1."""
    state = WitnessServer(name=name, log=log)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/base/add-checkpoint"
            answer: Answer | None = state.answer(body)
            if state.misbehave is not None and answer is not None:
                answer = state.misbehave(self, answer)
            if answer is not None:
                state.statuses.append(answer[0])
                reply(self, *answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/base"
    try:
        yield state
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """Answer a request."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def dripping(handler: BaseHTTPRequestHandler, _: Answer, *, headers: bool) -> None:
    """Send a byte now and then, for ever."""
    begin = b"HTTP/1.0 200 OK\r\nX: " if headers else b"HTTP/1.0 200 OK\r\n\r\n"
    handler.wfile.write(begin)
    while True:
        handler.wfile.write(b"a")
        handler.wfile.flush()
        time.sleep(0.05)


def raw(data: bytes) -> Misbehaviour:
    """Answer with these bytes, whatever they are, and end the connection."""

    def misbehave(handler: BaseHTTPRequestHandler, _: Answer) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return misbehave


def saying(status: int, body: bytes | Callable[[Answer], bytes]) -> Misbehaviour:
    """Answer with this status and body; the body may be made from the right answer."""
    return lambda _, right: (status, body(right) if callable(body) else body)
