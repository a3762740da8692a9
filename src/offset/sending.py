"""Answers as this server sends them: JSON bytes, and the headers that every answer has."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from fastapi import Request, Response

from offset.core.errors import OffsetError
from offset.problems import RETRY_AFTER_S, problem
from offset.units import Answer, json_bytes

_JSON, _PROBLEM = b"application/json", b"application/problem+json"
_ALWAYS: Final = ((b"cache-control", b"no-cache"), (b"x-content-type-options", b"nosniff"))


class Reply(Response):
    """A JSON body with its headers as they go out: Starlette would put them together anew."""

    def __init__(
        self, body: bytes, *, status: int, media_type: bytes, headers: Mapping[str, str]
    ) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        given = [
            (name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()
        ]
        named = {name for name, _ in given}
        self.raw_headers = [
            (b"content-length", b"%d" % len(body)),
            (b"content-type", media_type),
            *(header for header in _ALWAYS if header[0] not in named),
            *given,
        ]


def respond(
    request: Request, answer: Answer, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Send an answer; a refusal goes out as a problem document."""
    refused = answer.status >= 400
    body = {**answer.body, "instance": _instance(request)} if refused else answer.body
    return Reply(
        json_bytes(body),
        status=answer.status,
        media_type=_PROBLEM if refused else _JSON,
        headers={**answer.headers, **headers} if headers else answer.headers,
    )


def respond_error(request: Request, error: OffsetError) -> Response:
    """Send an error."""
    body = problem(error, instance=_instance(request))
    headers = {"Retry-After": str(RETRY_AFTER_S)} if body["status"] == 503 else {}
    return Reply(json_bytes(body), status=body["status"], media_type=_PROBLEM, headers=headers)


def _instance(request: Request) -> str:
    """Return the path that was asked as a URI reference (RFC 9457, section 3.1.5)."""
    return quote(request.scope["path"], safe="/:@!$&'()*+,;=~")
