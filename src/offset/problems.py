"""Errors as RFC 9457 problem documents: the one place where they become HTTP."""

import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError

from offset.core.errors import (
    Fact,
    HeadersTooLarge,
    Invalid,
    InvalidField,
    Malformed,
    MethodNotAllowed,
    Misdirected,
    Missing,
    NotLocal,
    OffsetError,
    PreconditionFailed,
    Refused,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
    tree,
)
from offset.core.unicode14 import CONTROL, characters

_STATUS: Final[tuple[tuple[type[OffsetError], int], ...]] = (
    (Malformed, 400),
    (NotLocal, 403),
    (Missing, 404),
    (MethodNotAllowed, 405),
    (Refused, 409),
    (PreconditionFailed, 412),
    (TooLarge, 413),
    (UnsupportedMediaType, 415),
    (Misdirected, 421),
    (Invalid, 422),
    (HeadersTooLarge, 431),
    (Unavailable, 503),
)
_CONTROL: Final = re.compile(f"[{re.escape(characters(CONTROL))}\ud800-\udfff]")
RETRY_AFTER_S: Final = 1
LARGEST_ERRORS: Final = 50  # more than a body has fields


def status_of(error: OffsetError) -> int:
    """Give an error's HTTP status; 500 only for a fault of the server."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem(error: OffsetError, *, instance: str | None = None) -> dict[str, Any]:
    """Make an error's problem document, with its facts as members."""
    body: dict[str, Any] = {
        "type": f"/errors/{error.code}",
        "title": error.title,
        "status": status_of(error),
        "detail": _visible(error.detail),
    }
    if instance is not None:
        body["instance"] = instance
    body["code"] = error.code
    facts = {name: _visible(fact) for name, fact in error.facts.items() if name not in body}
    return {**body, **facts}


def _visible(fact: Fact) -> Fact:
    """Put U+FFFD for control characters, so that what a client sent forges no line of a log."""
    match fact:
        case str():
            return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", fact)
        case list():
            return [_visible(one) for one in fact]
        case dict():
            return {name: _visible(one) for name, one in fact.items()}
    return fact


def invalid(error: ValidationError) -> OffsetError:
    """Turn what a model found wrong into one of our errors, with JSON pointers.

    At most `LARGEST_ERRORS` are listed: a body may have tens of thousands of unknown fields.
    """
    found: list[Fact] = [
        {
            "pointer": pointer(item["loc"]),
            "code": item["type"] if item["type"] in CODES else InvalidField.code,
            "detail": _sentence(item["type"], item["msg"]),
        }
        for item in error.errors(include_url=False, include_input=False)
    ]
    first = found[0]
    assert isinstance(first, dict)
    codes = {item["code"] for item in found if isinstance(item, dict)}
    kind = CODES[str(first["code"])] if len(codes) == 1 else InvalidField
    where = str(first["pointer"]).lstrip("/")
    detail = str(first["detail"])
    if not detail.startswith(where):
        detail = f"{where}: {detail}"
    if len(found) > 1:
        detail += f" (and {len(found) - 1} more)"
    return kind(detail, errors=found[:LARGEST_ERRORS])


def pointer(location: Sequence[int | str]) -> str:
    """Write where in the body something stands, as a JSON pointer (RFC 6901)."""
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in location]
    return "".join(f"/{printable(step)}" for step in steps if not step.startswith("function-"))


def printable(text: str) -> str:
    """Return a name that a client sent, cut to 100 characters and without control characters."""
    return _CONTROL.sub("?", text[:100])


def _sentence(kind: str, message: str) -> str:
    known = {
        "extra_forbidden": "there is no such field",
        "missing": "has to be given",
        "bool_type": "has to be true or false",
        "model_type": "the body has to be a JSON object",
    }
    if kind == "literal_error":
        return message.replace("Input should be", "has to be")
    return known.get(kind, message)


CODES: Final = {kind.code: kind for kind in tree()}
