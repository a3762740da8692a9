"""Requests that are wrong as HTTP: framing, headers, hosts, paths, methods, sizes.

What the parser below Offset refuses has no code of ours: 400 as plain text, and the connection is
closed. Everything else is refused by name. No case changes the ledger.
"""

import json
import socket
import time
from collections.abc import Iterator
from typing import Final

import pytest

from asking import Connection, Json, Reply, new_issuance, served
from databases import ENGINES

Verdict = tuple[int, str | None]
PARSER: Final = (400, None)
FRAMING: Final = (400, "malformed-request")
JSON_TYPE: Final = b"Content-Type: application/json"
NOWHERE: Final = "0" * 64  # no record has this id
KIB: Final = 1024


@pytest.fixture(scope="module", params=ENGINES)
def api(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connection]:
    with served(request, tmp_path_factory) as server:
        connection = Connection(server.url)
        yield connection
        connection.close()
        assert "Traceback" not in server.log


@pytest.fixture(autouse=True)
def unchanged(api: Connection) -> Iterator[None]:
    """The ledger stands after the case where it stood before it, and the server answers."""
    before = api.get("/events?after=9007199254740991").headers["etag"]
    yield
    assert api.get("/events?after=9007199254740991").headers["etag"] == before


def create_content() -> bytes:
    return json.dumps(new_issuance()).encode()


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def request(line: bytes, *headers: bytes, content: bytes = b"") -> bytes:
    """A request as bytes; it has a Host unless one of the headers begins with Host."""
    named = (
        headers
        if any(header.startswith(b"Host") for header in headers)
        else (*(b"Host: 127.0.0.1", *headers),)
    )
    return b"\r\n".join([line, *named, b"", content])


def create_request(*headers: bytes, content: bytes) -> bytes:
    return request(b"POST /records HTTP/1.1", JSON_TYPE, *headers, content=content)


# --- framing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("headers, chunks, verdict", [
    ([b"Content-Length: %d", b"Content-Length: %d"], False, PARSER),
    ([b"Content-Length: %d", b"Content-Length: 5"], False, PARSER),
    ([b"Content-Length: 5", b"content-length: %d"], False, PARSER),
    ([b"Content-Length: %d, %d"], False, PARSER),
    ([b"Content-Length: %d", b"Transfer-Encoding: chunked"], True, PARSER),
    ([b"Transfer-Encoding: chunked", b"Content-Length: %d"], True, PARSER),
    ([b"Transfer-Encoding: chunked", b"Content-Length: %d"], False, PARSER),
    ([b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"], True, PARSER),
    ([b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"], True, FRAMING),
    ([b"Transfer-Encoding: gzip, chunked"], True, FRAMING),
    ([b"Transfer-Encoding: ,chunked"], True, FRAMING),
    ([b"Transfer-Encoding: chunked "], True, FRAMING),
    ([b"Transfer-Encoding: chunked, identity"], True, PARSER),
    ([b"Transfer-Encoding: identity"], True, PARSER),
    ([b"Transfer-Encoding: gzip"], True, PARSER),
    ([b"Transfer-Encoding: xchunked"], True, PARSER),
    ([b"Transfer-Encoding: chunked;a=b"], True, PARSER),
    ([b'Transfer-Encoding: "chunked"'], True, PARSER),
    ([b"Transfer-Encoding: \x0bchunked"], True, PARSER),
    ([b"Transfer-Encoding:\r\n chunked"], True, PARSER),
    ([b"Transfer-Encoding : chunked"], True, PARSER),
    ([b"Content-Length: +%d"], False, PARSER),
    ([b"Content-Length: -1"], False, PARSER),
    ([b"Content-Length: 0x10"], False, PARSER),
    ([b"Content-Length: 1e1"], False, PARSER),
    ([b"Content-Length: 1 0"], False, PARSER),
    ([b"Content-Length: \xc2\xb2"], False, PARSER),
    ([b"Content-Length:"], False, PARSER),
    ([b"Content-Length: 18446744073709551616"], False, PARSER),
    ([b"Content-Length : %d"], False, PARSER),
    ([b"Content-Length: 1"], False, PARSER),  # the rest is no request
    ([], False, PARSER),
    ([b"X-A: b\r\n folded", b"Content-Length: %d"], False, PARSER),
    ([b"X-A: b\x00c", b"Content-Length: %d"], False, PARSER),
    ([b"X-A: b\nX-B: c", b"Content-Length: %d"], False, PARSER),
    ([b"X A: b", b"Content-Length: %d"], False, PARSER),
    ([b": b", b"Content-Length: %d"], False, PARSER),
    ([b"no colon", b"Content-Length: %d"], False, PARSER),
    ([b"X\xe9: b", b"Content-Length: %d"], False, PARSER),
])  # fmt: skip
def test_a_body_whose_length_is_not_plain_is_refused(
    api: Connection, headers: list[bytes], chunks: bool, verdict: Verdict
) -> None:
    content = create_content()
    named = [header.replace(b"%d", b"%d" % len(content)) for header in headers]
    reply = api.raw(create_request(*named, content=chunked(content) if chunks else content))
    assert reply.verdict == verdict
    if verdict in (PARSER, FRAMING):
        assert reply.headers["connection"] == "close"


@pytest.mark.parametrize("sent, verdict", [
    (b"zz\r\n{}\r\n0\r\n\r\n", PARSER),
    (b"-2\r\n{}\r\n0\r\n\r\n", PARSER),
    (b"0x2\r\n{}\r\n0\r\n\r\n", PARSER),
    (b"2 \r\n{}\r\n0\r\n\r\n", PARSER),
    (b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n", PARSER),
    (b"2\n{}\r\n0\r\n\r\n", PARSER),
    (b"1\r\n{}\r\n0\r\n\r\n", PARSER),
    (b"2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n", PARSER),
    (b"2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", PARSER),
    (b"2\r\n{}\r\n0\r\nHost: example.org\r\n\r\n", (421, "misdirected")),
    (b"0\r\n\r\n", (400, "malformed-json")),
    (b"2;a=b\r\n{}\r\n0\r\n\r\n", (422, "invalid-field")),
    (b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", (422, "invalid-field")),
])  # fmt: skip
def test_chunks_that_are_none_are_refused(api: Connection, sent: bytes, verdict: Verdict) -> None:
    reply = api.raw(create_request(b"Transfer-Encoding: chunked", content=sent))
    assert reply.verdict == verdict


@pytest.mark.parametrize("line, verdict", [
    (b"GET /livez", (421, "misdirected")),  # HTTP/0.9 has no Host
    (b"GET /livez HTTP/1.2", PARSER),
    (b"GET /livez HTTP/9.9", PARSER),
    (b"GET /livez HTTP/x", PARSER),
    (b"GET\t/livez HTTP/1.1", PARSER),
    (b"GET /liv ez HTTP/1.1", PARSER),
    (b"get /livez HTTP/1.1", PARSER),
    (b"FETCH /livez HTTP/1.1", PARSER),
    (b"CONNECT 127.0.0.1:80 HTTP/1.1", PARSER),
    (b"PRI * HTTP/2.0", PARSER),
    (b"GET livez HTTP/1.1", PARSER),
    (b"GET /liv\xe9z HTTP/1.1", PARSER),
    (b"GET /liv\x00ez HTTP/1.1", PARSER),
    (b"GET /livez?" + b"x" * 70_000 + b" HTTP/1.1", PARSER),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", PARSER),  # TLS
    (b"OPTIONS * HTTP/1.1", (404, "page-not-found")),
])  # fmt: skip
def test_a_request_line_that_is_none_is_refused(
    api: Connection, line: bytes, verdict: Verdict
) -> None:
    headers = [b"Host:"] if line == b"GET /livez" else []
    assert api.raw(request(line, *headers)).verdict == verdict


def test_a_websocket_is_refused(api: Connection) -> None:
    reply = api.raw(
        request(
            *(b"GET /events HTTP/1.1", b"Upgrade: websocket", b"Connection: Upgrade"),
            *(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13"),
        )
    )
    assert reply.verdict == FRAMING


def test_a_second_request_in_a_body_is_never_done(api: Connection) -> None:
    hidden = create_request(b"Content-Length: 2", content=b"{}")
    reply = api.raw(
        request(b"GET /livez HTTP/1.1", b"Content-Length: %d" % len(hidden), content=hidden)
    )
    assert reply.verdict == (200, None)


def test_a_client_that_goes_away_midway_leaves_no_trace(api: Connection) -> None:
    content = create_content()
    sent = create_request(b"Content-Length: %d" % len(content), content=content[:-1])
    with socket.create_connection((api.host, api.port)) as connection:
        connection.sendall(sent)
        time.sleep(0.05)


# --- sizes ------------------------------------------------------------------------------------


def endless(api: Connection, *headers: bytes, path: bytes = b"/records", size: int) -> Reply:
    """Send a chunked body of `size` bytes of white space."""
    block = chunked(b" " * (64 * KIB), end=b"")
    content = block * (size // (64 * KIB)) + b"0\r\n\r\n"
    line = b"POST %s HTTP/1.1" % path
    return api.raw(
        request(line, JSON_TYPE, b"Transfer-Encoding: chunked", *headers, content=content)
    )


def test_a_body_that_says_it_is_too_large_is_refused_at_once(api: Connection) -> None:
    for length in (256 * KIB + 1, 10**18):
        reply = api.raw(create_request(b"Content-Length: %d" % length, content=b""))
        assert (reply.verdict, reply.body["largest"]) == ((413, "too-large"), 256 * KIB)
    reply = api.raw(request(b"POST /batch HTTP/1.1", b"Content-Length: 16777217"))
    assert (reply.verdict, reply.body["largest"]) == ((413, "too-large"), 16 * KIB * KIB)


def test_a_streamed_body_is_refused_where_it_becomes_too_large(api: Connection) -> None:
    assert endless(api, size=256 * KIB).verdict == (400, "malformed-json")
    assert endless(api, size=320 * KIB).verdict == (413, "too-large")
    assert endless(api, size=16 * KIB * KIB, path=b"/batch").verdict == (400, "malformed-json")
    assert endless(api, size=17 * KIB * KIB, path=b"/batch").verdict == (413, "too-large")


def test_a_path_that_takes_no_body_reads_none(api: Connection) -> None:
    content = b"x" * (1024 * KIB)
    sent = request(b"GET /livez HTTP/1.1", b"Content-Length: %d" % len(content), content=content)
    assert api.raw(sent).verdict == (200, None)


@pytest.mark.parametrize("headers", [
    [b"X-A: " + b"a" * (16 * KIB)],
    [b"X-%d: %s" % (number, b"a" * 100) for number in range(200)],
    [b"X-%d:" % number for number in range(3000)],
    [b"X" * (17 * KIB) + b": a"],
    [b"X-A: " + b"a" * (1024 * KIB)],
], ids=["one", "many", "empty", "name", "1 MiB"])  # fmt: skip
def test_headers_over_16_kib_are_refused(api: Connection, headers: list[bytes]) -> None:
    reply = api.raw(request(b"GET /livez HTTP/1.1", *headers))
    assert (reply.verdict, reply.headers["connection"]) == ((431, "headers-too-large"), "close")


def test_headers_of_16_kib_are_read(api: Connection) -> None:
    size = 16 * KIB - len("Host: 127.0.0.1\r\n") - len("X: \r\n")
    assert api.raw(request(b"GET /livez HTTP/1.1", b"X: " + b"a" * size)).status == 200
    assert api.raw(request(b"GET /livez HTTP/1.1", b"X: " + b"a" * (size + 1))).status == 431


# --- who may ask ------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [
    b"example.org", b"127.0.0.1.example.org", b"localhost.", b"127.0.0.2", b"0.0.0.0", b"::1",
    b"[::2]", b"127.0.0.1:", b"127.0.0.1:x", b"127.0.0.1:123456", b"127.1", b"2130706433", b"",
    b"localhost, localhost", b"localhost/x", b"user@localhost", b"LOCALHOST\xe9",
])  # fmt: skip
def test_another_host_is_misdirected(api: Connection, host: bytes) -> None:
    reply = api.raw(request(b"GET /records HTTP/1.1", b"Host: " + host))
    assert reply.verdict == (421, "misdirected")


def test_no_host_and_two_hosts_are_misdirected(api: Connection) -> None:
    assert api.raw(b"GET /livez HTTP/1.1\r\n\r\n").verdict == (421, "misdirected")
    two = request(b"GET /livez HTTP/1.1", b"Host: localhost", b"Host: localhost")
    assert api.raw(two).verdict == (421, "misdirected")


@pytest.mark.parametrize("host", [
    b"localhost", b"LocalHost", b"localhost:8000", b"127.0.0.1:1", b"[::1]", b"[::1]:65535",
])  # fmt: skip
def test_this_machines_names_are_answered(api: Connection, host: bytes) -> None:
    assert api.raw(request(b"GET /livez HTTP/1.1", b"Host: " + host)).status == 200


@pytest.mark.parametrize("header", [
    "Origin: https://example.org", "Origin: null", "Origin: http://localhost:1",
    "Origin: http://127.0.0.1.example.org", "Origin: http://127.0.0.1, http://127.0.0.1",
    "Origin:", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site",
    "Sec-Fetch-Site: Cross-Site", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: localhost",
    "X-Forwarded-Proto: https", "X-Forwarded-Anything: x", "Forwarded: for=127.0.0.1",
    "Via: 1.1 proxy", "x-forwarded-for:",
])  # fmt: skip
def test_what_comes_from_elsewhere_is_refused(api: Connection, header: str) -> None:
    content = create_content()
    for sent in (
        request(b"GET /records HTTP/1.1", header.encode()),
        create_request(
            *(header.encode(), b"Content-Length: %d" % len(content)),
            content=content,
        ),
    ):
        assert api.raw(sent).verdict == (403, "open-mode-is-local")


@pytest.mark.parametrize("header", [
    "Origin: http://127.0.0.1", "Origin: HTTP://127.0.0.1", "Origin: https://127.0.0.1",
    "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none", "X-Real-IP: 1.2.3.4",
])  # fmt: skip
def test_what_comes_from_here_is_answered(api: Connection, header: str) -> None:
    assert api.raw(request(b"GET /livez HTTP/1.1", header.encode())).status == 200


# --- media types ------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [
    {}, {"Content-Type": ""}, {"Content-Type": "text/plain"}, {"Content-Type": "text/json"},
    {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "*/*"},
    {"Content-Type": "multipart/form-data; boundary=x"}, {"Content-Type": "application/jsonx"},
    {"Content-Type": "application/problem+json"}, {"Content-Type": "application/json-seq"},
    {"Content-Type": "application/json; charset=latin-1"},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": "application/json; version=1"},
    {"Content-Type": "application/json, text/plain"}, {"Content-Type": "application/json "},
    {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    {"Content-Type": "application/json", "Content-Encoding": "br"},
    {"Content-Type": "application/json", "Content-Encoding": "identity, gzip"},
    {"Content-Type": "application/json", "Content-Encoding": "x"},
])  # fmt: skip
def test_another_media_type_is_refused(api: Connection, sent: dict[str, str]) -> None:
    for path in ("/records", "/batch", f"/records/{NOWHERE}/retire"):
        reply = api.send("POST", path, create_content(), sent)
        assert reply.verdict == (415, "unsupported-media-type")


def test_two_media_types_are_refused(api: Connection) -> None:
    for second in (b"Content-Type: text/plain", b"Content-Encoding: gzip"):
        sent = create_request(second, b"Content-Length: 2", content=b"{}")
        assert api.raw(sent).verdict == (415, "unsupported-media-type")


@pytest.mark.parametrize("sent", [
    "application/json", "Application/JSON", "application/json;charset=utf-8",
    'application/json ; charset="UTF-8"', "application/json; charset=utf-8 ",
])  # fmt: skip
def test_json_in_utf_8_is_read(api: Connection, sent: str) -> None:
    headers = {"Content-Type": sent, "Content-Encoding": "identity"}
    assert api.send("POST", "/records", b"{}", headers).verdict == (422, "invalid-field")


# --- conditions and keys ----------------------------------------------------------------------

WRITES: Final = ("/records", "/batch", "/imports?name=x.csv", f"/records/{NOWHERE}/sell")


@pytest.mark.parametrize("path, headers", [
    *((path, {"If-Match": '"1-0-open"'}) for path in WRITES[:3]),
    *((path, {"If-None-Match": "*"}) for path in WRITES),
    *((path, {"If-Unmodified-Since": "Sat, 01 Jan 2022 00:00:00 GMT"}) for path in WRITES),
    (WRITES[2], {"Idempotency-Key": "a-key-of-one"}),
])  # fmt: skip
def test_a_write_is_not_done_by_a_condition_that_it_does_not_read(
    api: Connection, path: str, headers: dict[str, str]
) -> None:
    sent = {"Content-Type": "text/csv" if "imports" in path else "application/json", **headers}
    reply = api.send("POST", path, create_content(), sent)
    (name,) = headers
    assert (reply.verdict, reply.body["header"]) == ((400, "bad-header"), name)
    assert reply.body["detail"].startswith(f"{name}: this call does not read it")


@pytest.mark.parametrize(
    "sent", ["x", "bytes=9-1", "bytes=99999999-", "bytes=0-10", "bytes=0-1,3-4"]
)
def test_a_static_file_is_sent_whole(api: Connection, sent: str) -> None:
    assert api.get("/static/docs.js", range=sent).content == api.get("/static/docs.js").content


# --- paths ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [
    "//records", "/records/", "/records//", "//", "/Records", "/records%2F", "/record", "/.",
    "/%2e%2e/records", "/records/%2e%2e/records", "/./records", "/records;a=b", "/records%00",
    "/records%20", "/records%0a", "/events%0a", "/serials/x%0a", f"/records/{NOWHERE}/",
    f"/records/{NOWHERE}//retire", f"/records/{NOWHERE}/events/", "/events/", "/livez/", "/docs/",
    "/static", "/static/",
    "/static/%00", "/static/..", "/static/../main.py", "/static/%2e%2e/main.py", "/static//",
    "/static/..%2fmain.py", "/static/%5c..%5cmain.py", "/static/etc/passwd",
    f"/static/{'a' * 300}", f"/static/{'a/' * 3000}", "/static/%ff", "/errors/", "/errors",
    "/errors/%00", "/errors/no-such-code", f"/errors/{'x' * 10_000}", "/retirements/", "/redoc",
    "/serials", "/openapi.yaml", "/favicon.ico", "/.env", "/.git/config", "/wp-login.php", "/%",
    "/%zz", "/%e2%82", "/\\records", "/records\\",
])  # fmt: skip
def test_nothing_else_is_at_another_path(api: Connection, path: str) -> None:
    reply = api.send("GET", path)
    assert reply.verdict == (404, "page-not-found")
    assert reply.body["status"] == 404


@pytest.mark.parametrize("record_id", [
    "x", "%00", "%ff", "%20", "null", NOWHERE[1:], NOWHERE + "0", "A" * 64, "g" * 64,
    "0x" + "0" * 62, "-" + "0" * 63, "_" * 64, f"{NOWHERE}%0a", "../" + NOWHERE, "%2e%2e",
    "%C3%A9" * 20, "%EF%BC%90" * 64,
])  # fmt: skip
def test_what_is_no_id_finds_no_record(api: Connection, record_id: str) -> None:
    for path in (f"/records/{record_id}", f"/records/{record_id}/events"):
        reply = api.send("GET", path)
        assert reply.status == 404
        assert reply.code in ("record-not-found", "page-not-found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"])
@pytest.mark.parametrize("path", [
    "/records", f"/records/{NOWHERE}", f"/records/{NOWHERE}/retire", "/batch", "/events", "/livez",
    "/docs", "/openapi.json", "/static/docs.js", "/serials/x", "/errors/busy",
])  # fmt: skip
def test_another_method_is_refused(api: Connection, method: str, path: str) -> None:
    reply = api.send(method, path)
    assert reply.verdict == (405, "method-not-allowed")
    assert method not in reply.headers["allow"].split(", ")
    assert set(reply.headers["allow"].split(", ")) <= {"GET", "HEAD", "POST"}


def test_answers_say_that_they_are_not_to_be_guessed_or_kept(api: Connection) -> None:
    for path in ("/records", "/livez", "/nowhere", "/events", f"/records/{NOWHERE}"):
        headers = api.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-cache"
        assert "set-cookie" not in headers


def problem_of(reply: Reply) -> Json:
    body: Json = reply.body
    return {name: body[name] for name in ("type", "title", "status", "detail", "instance", "code")}


@pytest.mark.parametrize(
    "path", ["/%1b[31mred", "/%0d%0aSet-Cookie:%20a=b", "/<b>x</b>", "/%E2%80%AE"]
)
def test_an_error_repeats_a_path_as_json_and_in_no_header(api: Connection, path: str) -> None:
    reply = api.send("GET", path)
    shown = problem_of(reply)
    assert (reply.status, shown["code"]) == (404, "page-not-found")
    assert reply.content.decode().isprintable()
    assert not {letter for letter in reply.body["detail"] if not letter.isprintable()}
    assert shown["instance"].isascii()
    assert "set-cookie" not in reply.headers
