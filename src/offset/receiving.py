"""Requests as this server reads them: strict JSON, bounded bodies, a lean route.

FastAPI's own request machinery costs more than the ledger; `LeanRoute` keeps its signatures, and
with them the OpenAPI document, and reads the request itself.
"""

import inspect
import json
import re
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from itertools import islice
from typing import Any, Final, get_type_hints
from urllib.parse import parse_qsl, unquote_to_bytes

from anyio import to_thread
from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, ValidationError

from offset.core.errors import (
    BadHeader,
    InvalidField,
    Malformed,
    MalformedJson,
    PageNotFound,
    TooLarge,
    UnsupportedMediaType,
)
from offset.problems import invalid, printable

LARGEST_BODY: Final = 256 * 1024  # bytes
LARGEST_BATCH_BODY: Final = 16 * 1024 * 1024
LARGEST_DEPTH: Final = 32
# The parser lets no other thread go on before it has read an object or an array of texts.
LARGEST_COUNT: Final = 1_000_000  # commas between values
_LONG: Final = 64 * 1024  # bytes; a longer body is read in a thread, or it would hold the loop
_JSON_TYPE: Final = re.compile(
    r'application/json\s*(;\s*charset="?utf-8"?\s*)?', re.ASCII | re.IGNORECASE
)
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"')  # RFC 8941, section 3.3.3
_LONE_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# Headers by which a client makes a write depend on something.
RELIED_ON: Final = ("If-Match", "If-None-Match", "If-Unmodified-Since", "Idempotency-Key")
_TEXT_OR_COMMA: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|,', re.DOTALL)
_KEY: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", re.ASCII)


class LeanRoute(APIRoute):
    """A route whose endpoint takes `request`, path parameters, a `query` and a `body` model.

    Dependencies would be skipped without a word, so a route that has them is refused; those of
    an application and of `include_router` no route is told of, so there must be none. A query
    that an endpoint does not read is refused, too: `/retire?quantity=1` would retire all there is.
    So is a condition or a key in the headers of a write that the route does not document: a client
    that sends it relies on it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Read the request by the endpoint's signature and call it."""
        assert not self.dependencies, f"{self.path}: a lean route has no dependencies"
        endpoint = self.endpoint
        hints = get_type_hints(endpoint)
        parameters = inspect.signature(endpoint).parameters
        names = set(parameters)
        known = {"request", "query", "body", *self.param_convertors}
        assert names <= known, f"{self.path}: {names - known} would not be filled"
        query_model = hints.get("query", NoQuery)
        body_model = hints.get("body")
        required = "body" in names and parameters["body"].default is inspect.Parameter.empty
        largest = LARGEST_BATCH_BODY if self.path == "/batch" else LARGEST_BODY

        unasked = None if _asks(query_model) else query_model.model_validate({})
        unread = {} if "GET" in (self.methods or ()) else _unread_headers(self)

        async def handle(request: Request) -> Response:
            scope = request.scope
            if scope["path"].endswith("\n"):  # which the end of a pattern overlooks
                raise PageNotFound("a path does not end with a new line")
            if unread:
                _refuse_headers(request, unread)
            arguments: dict[str, Any] = dict(request.path_params)
            if "request" in names:
                arguments["request"] = request
            asked = bool(scope["query_string"])
            query = _read_query(query_model, request) if asked or unasked is None else unasked
            if "query" in names:
                arguments["query"] = query
            if body_model is not None:
                raw = await read_body(request, largest)
                if raw or required:
                    check_media_type(request)
                    read = partial(_read_sent, raw, body_model)
                    sent, body = await to_thread.run_sync(read) if len(raw) > _LONG else read()
                    request.state.sent = sent
                    arguments["body"] = body
            response: Response = await endpoint(**arguments)
            return response

        self.answer: Callable[[Request], Coroutine[Any, Any, Response]] = handle
        return handle


class NoQuery(BaseModel):
    """No parameters at all."""

    model_config = ConfigDict(extra="forbid")


def _asks(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _unread_headers(route: APIRoute) -> dict[bytes, str]:
    """Return the headers that change what a write does and that the route does not document."""
    parameters = (route.openapi_extra or {}).get("parameters", ())
    documented = {one["name"] for one in parameters}
    return {name.lower().encode(): name for name in RELIED_ON if name not in documented}


def _refuse_headers(request: Request, unread: Mapping[bytes, str]) -> None:
    for key, _ in request.scope["headers"]:
        if key in unread:
            name = unread[key]
            raise BadHeader(f"{name}: this call does not read it; leave it out", header=name)


def _read_query(model: type[BaseModel], request: Request) -> BaseModel:
    raw: bytes = request.scope["query_string"]
    if b"%" in raw or not raw.isascii():
        _check_escapes(raw)
    sent: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode(), keep_blank_values=True):
        if name in sent:
            raise InvalidField(f"{_shown(name)}: given twice")
        sent[name] = value
    known = [field.alias or name for name, field in model.model_fields.items()]
    for name in sent:
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise InvalidField(f"{_shown(name)}: this call has no such parameter; {has}")
    return read_model(model, sent)


def _check_escapes(raw: bytes) -> None:
    """Refuse a query that would decode to another text than was meant.

    Raises:
        Malformed: a percent sign without two hexadecimal digits, or no UTF-8.
    """
    if _LONE_PERCENT.search(raw):
        raise Malformed("the query has a % that is not followed by two hexadecimal digits")
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise Malformed("the query is not UTF-8") from None


def _shown(name: str) -> str:
    return printable(name) or "a parameter without a name"


def _read_sent(raw: bytes, model: type[BaseModel]) -> tuple[Any, BaseModel]:
    value = read_json(raw)
    return value, read_model(model, value)


def read_model(model: type[BaseModel], value: Any) -> BaseModel:
    """Read a value as a model.

    Raises:
        Invalid: what is wrong, with JSON pointers.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from None


def check_media_type(request: Request) -> None:
    """Refuse a body that is not plain JSON.

    Raises:
        UnsupportedMediaType: another type, or an encoded body.
    """
    sent = _header(request, b"content-type")
    if sent != "application/json" and not _JSON_TYPE.fullmatch(sent):
        raise UnsupportedMediaType("send the body as application/json")
    if _header(request, b"content-encoding").lower() not in ("", "identity"):
        raise UnsupportedMediaType("send the body without a content encoding")


def _header(request: Request, name: bytes) -> str:
    """Give a header as one text; its lines belong together (RFC 9110, section 5.3)."""
    return b", ".join(_lines(request, name)).decode("latin-1").strip(" \t")


def _lines(request: Request, name: bytes) -> list[bytes]:
    """Give a header's lines; `name` is in small letters, as ASGI has them."""
    return [value for key, value in request.scope["headers"] if key == name]


async def read_body(request: Request, largest: int) -> bytes:
    """Read the body, and stop as soon as it is too large.

    Raises:
        TooLarge: it has more than `largest` bytes.
        Malformed: the client went away before its end.
    """
    for declared in _lines(request, b"content-length"):
        if declared.isdigit() and int(declared[:20]) > largest:
            raise TooLarge(f"the body has more than {largest} bytes", largest=largest)
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Malformed("the body ends too early")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > largest:
            raise TooLarge(f"the body has more than {largest} bytes", largest=largest)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def is_gone(request: Request) -> bool:
    """Check whether the client of a request, whose body was read, has closed its connection.

    The server is asked without waiting: it has the answer at hand, or it would wait for one.
    """
    asked = request.receive()
    try:
        asked.send(None)  # type: ignore[attr-defined]
    except StopIteration as answered:
        return bool(answered.value["type"] == "http.disconnect")
    finally:
        asked.close()  # type: ignore[attr-defined]
    return False


def read_json(raw: bytes) -> Any:
    """Read JSON strictly; numbers with a point or an exponent become exact decimals.

    Raises:
        MalformedJson: no JSON, a duplicate key, NaN, Infinity, NUL, a lone surrogate, too deep,
            an exponent beyond 18 digits.
        TooLarge: more than `LARGEST_COUNT` values.
    """
    if raw.count(b",") > LARGEST_COUNT:
        _check_count(raw)
    try:
        text = raw.decode("utf-8")
        if text.startswith("\ufeff"):
            raise MalformedJson("the body is not JSON: Unexpected UTF-8 BOM")
        value = _decode(text)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # also what is not UTF-8
        raise MalformedJson(f"the body is not JSON: {error}") from None
    if b"\\u" in raw or raw.count(b"[") + raw.count(b"{") > LARGEST_DEPTH:
        _check(value)
    return value


def _check_count(raw: bytes) -> None:
    """Count the commas that do not stand in texts."""
    commas = (found for found in _TEXT_OR_COMMA.finditer(raw) if found.group() == b",")
    if next(islice(commas, LARGEST_COUNT, None), None) is not None:
        raise TooLarge(f"the body has more than {LARGEST_COUNT} values", largest=LARGEST_COUNT)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedJson("the body has an object with the same key twice")
    return value


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) < 64 else Decimal(text)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise MalformedJson("the body has a number whose exponent is out of reach") from None


def _no_number(text: str) -> Any:
    raise MalformedJson(f"the body has {text}, which is not a JSON number")


_decode: Final = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_float=_decimal,
    parse_int=_integer,
    parse_constant=_no_number,
).decode


def _check(value: Any) -> None:
    level = [value]
    for _ in range(LARGEST_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                _check_text(item)
            elif isinstance(item, dict):
                below += item.keys()
                below += item.values()
            elif isinstance(item, list):
                below += item
        if not below:
            return
        level = below
    raise _too_deep()


def _check_text(text: str) -> None:
    if "\0" in text:
        raise MalformedJson("the body has a text with the character NUL")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise MalformedJson("the body has a text with a lone surrogate")


def _too_deep() -> MalformedJson:
    return MalformedJson(f"the body is nested deeper than {LARGEST_DEPTH} levels")


def idempotency_key(request: Request) -> str | None:
    """Read the Idempotency-Key, bare or quoted as a structured field.

    Raises:
        BadHeader: not 8 to 255 printable ASCII characters.
    """
    lines = _lines(request, b"idempotency-key")
    if not lines:
        return None
    if len(lines) > 1:
        raise BadHeader("Idempotency-Key is given twice", header="Idempotency-Key")
    key = lines[0].decode("latin-1")
    if len(key) >= 2 and key[0] == key[-1] == '"':
        quoted = _QUOTED.fullmatch(key)
        if quoted is None:
            raise BadHeader("Idempotency-Key is no quoted string", header="Idempotency-Key")
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    if not 8 <= len(key) <= 255 or not _KEY.fullmatch(key):
        raise BadHeader(
            "Idempotency-Key has to have 8 to 255 printable ASCII characters",
            header="Idempotency-Key",
        )
    return key


def expected_seq(request: Request) -> int | None:
    """Read the version of a record that If-Match names.

    Raises:
        BadHeader: not one entity tag of a record.
    """
    if not _lines(request, b"if-match") or (tag := _header(request, b"if-match")) == "*":
        return None
    found = re.fullmatch(r'"([0-9]{1,9})-[0-9]{1,9}-[a-z]+"', tag)
    if not found:
        raise BadHeader("If-Match has to be one entity tag of a record", header="If-Match")
    return int(found.group(1))


def has_seen(request: Request, tag: str) -> bool:
    """Tell whether If-None-Match names this entity tag, compared weakly (RFC 9110, 8.8.3.2)."""
    if not _lines(request, b"if-none-match"):
        return False
    named = {
        one.strip().removeprefix("W/") for one in _header(request, b"if-none-match").split(",")
    }
    return not named.isdisjoint({"*", tag.removeprefix("W/")})


def wants_count(request: Request) -> bool:
    """Tell whether Prefer asks for the number of all items."""
    wishes = _header(request, b"prefer").lower().split(",")
    return any(wish.strip().replace('"', "") == "count=exact" for wish in wishes)
