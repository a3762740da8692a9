"""What reads requests, on plain values: JSON, headers, who may ask, and the lean route."""

import json
from decimal import Decimal
from typing import Any

import pytest
from fastapi import APIRouter, Depends, Request, Response
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Scope

from offset.core.errors import (
    BadHeader,
    HeadersTooLarge,
    Malformed,
    MalformedJson,
    Misdirected,
    NotLocal,
    OffsetError,
    TooLarge,
    UnsupportedMediaType,
)
from offset.guard import LARGEST_HEADERS, refusal
from offset.receiving import (
    LARGEST_COUNT,
    LARGEST_DEPTH,
    LeanRoute,
    check_media_type,
    expected_seq,
    has_seen,
    idempotency_key,
    read_json,
    wants_count,
)
from offset.units import json_bytes


def asked(*headers: tuple[str, str], path: str = "/records") -> Request:
    """A request with these headers."""
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b""}
    return Request({**scope, "headers": encoded, "server": ("127.0.0.1", 80), "scheme": "http"})


# --- JSON -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, value", [
    ("0.1", Decimal("0.1")),
    ("0.1000000000000000000001", Decimal("0.1000000000000000000001")),
    ("1e2", Decimal("1e2")),
    ("1.0", Decimal("1.0")),
    ("9007199254740993", 9007199254740993),
    ("9" * 63, int("9" * 63)),
    ("9" * 64, Decimal("9" * 64)),
    ("-0", 0),
    ('"\\ud83c\\udf33"', "🌳"),
    (' {"a":\r\n[true, null]}\t', {"a": [True, None]}),
])  # fmt: skip
def test_json_is_read_exactly(text: str, value: object) -> None:
    read = read_json(text.encode())
    assert (read, type(read)) == (value, type(value))


def test_a_body_has_a_million_values_at_most_and_as_many_commas_in_texts_as_it_likes() -> None:
    largest = f"[{'1,' * LARGEST_COUNT}1]"
    assert len(read_json(largest.encode())) == LARGEST_COUNT + 1
    text = '\\",' * LARGEST_COUNT
    assert read_json(f'["{text}", "a\\\\", 1]'.encode()) == ['",' * LARGEST_COUNT, "a\\", 1]
    with pytest.raises(TooLarge, match="more than 1000000 values"):
        read_json(largest.replace("1]", "1,1]").encode())
    with pytest.raises(TooLarge):
        read_json(f'["{text}", {"0," * LARGEST_COUNT}1]'.encode())


@pytest.mark.parametrize("raw, told", [
    (b"NaN", "the body has NaN, which is not a JSON number"),
    (b"[-Infinity]", "the body has -Infinity, which is not a JSON number"),
    (b"1e1000000000000000000", "the body has a number whose exponent is out of reach"),
    (b'{"a":1,"a":1}', "the body has an object with the same key twice"),
    (b'{"a":1,"\\u0061":2}', "the body has an object with the same key twice"),
    (b'"\\u0000"', "the body has a text with the character NUL"),
    (b'{"\\u0000":1}', "the body has a text with the character NUL"),
    (b'[["\\ud800"]]', "the body has a text with a lone surrogate"),
    (b'{"\\udfff":1}', "the body has a text with a lone surrogate"),
    (b"\xff", "the body is not JSON: 'utf-8' codec can't decode byte 0xff"),
    (b"\xed\xa0\x80", "the body is not JSON: 'utf-8' codec can't decode byte 0xed"),
    (b"\xef\xbb\xbf{}", "the body is not JSON: Unexpected UTF-8 BOM"),
    (b"", "the body is not JSON: Expecting value"),
    (b"{} {}", "the body is not JSON: Extra data"),
    (b"[" * 33 + b"]" * 33, "the body is nested deeper than 32 levels"),
    (b"[" * 100_000, "the body is nested deeper than 32 levels"),
])  # fmt: skip
def test_what_is_not_strict_json_says_why(raw: bytes, told: str) -> None:
    with pytest.raises(MalformedJson) as refused:
        read_json(raw)
    assert refused.value.detail.startswith(told)


@pytest.mark.parametrize("open_, close", [("[", "]"), ('{"a":', "}")])
def test_json_may_be_32_levels_deep(open_: str, close: str) -> None:
    def nested(depth: int) -> bytes:
        return (open_ * (depth - 1) + "[1]" + close * (depth - 1)).encode()

    read_json(nested(LARGEST_DEPTH))
    with pytest.raises(MalformedJson):
        read_json(nested(LARGEST_DEPTH + 1))


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=20,
    )
)
def test_what_is_written_is_read_again(value: object) -> None:
    assert read_json(json_bytes(value)) == value
    assert read_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=40) | st.text('{}[]",:\\u0d8eE+-.12 ').map(str.encode))
def test_any_bytes_are_read_or_refused_by_name(raw: bytes) -> None:
    try:
        value = read_json(raw)
    except MalformedJson:
        return
    assert json.loads(raw, parse_float=Decimal) == value


# --- headers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sent, key", [
    ("12345678", "12345678"),
    ('"12345678"', "12345678"),
    ('"a \\"quoted\\" key"', 'a "quoted" key'),
    ('"back\\\\slash"', "back\\slash"),
    ('"12345678', '"12345678'),
    ("a key of words", "a key of words"),
])  # fmt: skip
def test_a_key_is_read_bare_or_quoted(sent: str, key: str) -> None:
    assert idempotency_key(asked(("Idempotency-Key", sent))) == key
    assert idempotency_key(asked()) is None


@pytest.mark.parametrize("sent", [
    ["1234567"], ['"1234567"'], ["é" * 8], ["12345678"] * 2, [""], ['"12345678\\"'],
    ['"1234"5678"'], ['"1234\\5678"'], ['"12345678", "12345678"'],
])  # fmt: skip
def test_another_key_is_refused(sent: list[str]) -> None:
    with pytest.raises(BadHeader):
        idempotency_key(asked(*(("Idempotency-Key", key) for key in sent)))


def test_if_match_gives_the_seq_that_was_seen() -> None:
    assert expected_seq(asked()) is None
    assert expected_seq(asked(("If-Match", "*"))) is None
    assert expected_seq(asked(("If-Match", ' "12-3-open" '))) == 12
    for tag in ("", '"12"', 'W/"12-3-open"', '"12-3-open", "13-3-open"', '"1234567890-0-open"'):
        with pytest.raises(BadHeader):
            expected_seq(asked(("If-Match", tag)))
    with pytest.raises(BadHeader):
        expected_seq(asked(("If-Match", '"1-0-open"'), ("If-Match", '"2-0-open"')))


@pytest.mark.parametrize("tag", ['"5"', 'W/"5"'])
@pytest.mark.parametrize("sent, seen", [
    ([], False), ([""], False), (['"5"'], True), (['W/"5"'], True), (["*"], True), (["5"], False),
    (['"15"'], False), (['"4", "5"'], True), (['"4"', '"5"'], True), (['"4","6"'], False),
])  # fmt: skip
def test_an_etag_is_compared_weakly(tag: str, sent: list[str], seen: bool) -> None:
    assert has_seen(asked(*(("If-None-Match", one) for one in sent)), tag) is seen


@pytest.mark.parametrize("sent, wanted", [
    ([], False), (["count=exact"], True), (['count="exact"'], True), (["a, Count=exact"], True),
    (["a", "count=exact"], True), (["count=exactly"], False), (["nocount=exact"], False),
])  # fmt: skip
def test_prefer_asks_for_a_count(sent: list[str], wanted: bool) -> None:
    assert wants_count(asked(*(("Prefer", one) for one in sent))) is wanted


def test_only_json_in_utf_8_without_an_encoding_is_taken() -> None:
    check_media_type(asked(("Content-Type", 'application/json; charset="UTF-8"')))
    check_media_type(asked(("Content-Type", "application/json"), ("Content-Encoding", "identity")))
    for headers in (
        [],
        [("Content-Type", "text/plain")],
        [("Content-Type", "application/json"), ("Content-Type", "text/plain")],
        [("Content-Type", "application/json"), ("Content-Encoding", "gzip")],
    ):
        with pytest.raises(UnsupportedMediaType):
            check_media_type(asked(*headers))


# --- the guard --------------------------------------------------------------------------------


def scope_of(
    *headers: tuple[bytes, bytes],
    client: tuple[str, int] | None = ("127.0.0.1", 5),
    kind: str = "http",
) -> Scope:
    return {"type": kind, "client": client, "headers": list(headers)}


HOST = (b"host", b"localhost:8000")


@pytest.mark.parametrize("scope, kind", [
    (scope_of(HOST), None),
    (scope_of(HOST, client=("::1", 5)), None),
    (scope_of(HOST, client=("127.8.8.8", 5)), None),
    (scope_of(HOST, client=("::ffff:127.0.0.1", 5)), None),
    (scope_of(HOST, (b"origin", b"http://localhost:8000")), None),
    (scope_of(HOST, (b"transfer-encoding", b"Chunked")), None),
    (scope_of(HOST, client=("192.168.0.7", 5)), NotLocal),
    (scope_of(HOST, client=("::ffff:192.168.0.7", 5)), NotLocal),
    (scope_of(HOST, client=("unix", 5)), NotLocal),
    (scope_of(HOST, client=None), NotLocal),
    (scope_of(HOST, (b"origin", b"http://localhost:8001")), NotLocal),
    (scope_of(HOST, (b"origin", b"null")), NotLocal),
    (scope_of(HOST, (b"sec-fetch-site", b"Cross-Site")), NotLocal),
    (scope_of(HOST, (b"via", b"")), NotLocal),
    (scope_of(HOST, (b"x-forwarded-ssl", b"on")), NotLocal),
    (scope_of(), Misdirected),
    (scope_of(HOST, HOST), Misdirected),
    (scope_of((b"host", b"localhost:8000@example.org")), Misdirected),
    (scope_of((b"host", b"localhost\n")), Misdirected),
    (scope_of(HOST, (b"content-length", b"1"), (b"content-length", b"1")), Malformed),
    (scope_of(HOST, (b"content-length", b"1"), (b"transfer-encoding", b"chunked")), Malformed),
    (scope_of(HOST, *[(b"transfer-encoding", b"chunked")] * 2), Malformed),
    (scope_of(HOST, (b"transfer-encoding", b"gzip, chunked")), Malformed),
    (scope_of(HOST, kind="websocket"), Malformed),
    (scope_of(HOST, (b"x", b"a" * LARGEST_HEADERS)), HeadersTooLarge),
])  # fmt: skip
def test_the_guard_turns_away_what_is_not_plain_and_local(
    scope: Scope, kind: type[OffsetError] | None
) -> None:
    refused = refusal(scope)
    assert (None if refused is None else type(refused)) is kind


# --- the lean route ---------------------------------------------------------------------------


async def plain(request: Request) -> Response:
    return Response()


async def depending(request: Request, who: Any = Depends(plain)) -> Response:  # noqa: B008
    return Response(who)


async def with_a_header(request: Request, accept: str) -> Response:
    return Response(accept)


def test_a_lean_route_refuses_what_it_would_skip() -> None:
    router = APIRouter(route_class=LeanRoute)
    with pytest.raises(AssertionError, match="a lean route has no dependencies"):
        router.add_api_route("/x", plain, dependencies=[Depends(plain)])
    with pytest.raises(AssertionError, match=r"\{'who'\} would not be filled"):
        router.add_api_route("/x", depending)
    with pytest.raises(AssertionError, match=r"\{'accept'\} would not be filled"):
        router.add_api_route("/x", with_a_header)
    guarded = APIRouter(route_class=LeanRoute, dependencies=[Depends(plain)])
    with pytest.raises(AssertionError, match="a lean route has no dependencies"):
        guarded.add_api_route("/x", plain)
    router.add_api_route("/x", plain)
