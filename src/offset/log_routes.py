"""The API of the log: checkpoints, tiles, entries, keys and proofs, named as C2SP names them."""

from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import PlainTextResponse

from offset.core.errors import EventNotFound
from offset.core.notes import base64_text
from offset.core.tiles import TILE_WIDTH, read_tile_path
from offset.log import Log
from offset.queries import ConsistencyQuery
from offset.receiving import LeanRoute, has_seen
from offset.responses import IF_NONE_MATCH, Shown, headers_of, problems, shown, unchanged
from offset.routes import api_of
from offset.sending import respond
from offset.units import Answer

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_LONGEST_POSITION: Final = 16  # digits, of what a JSON number keeps
_A_TICK: Final = "public, max-age=1"
EventOrPosition = Annotated[
    str, Path(description="The id of an event, or its position.", min_length=1, max_length=40)
]
TilePath = Annotated[
    str,
    Path(
        description="`0/x001/234`, `1/000.p/17`: level and number of a tile, of a partial one its "
        "width; `entries/` in place of the level gives the events themselves.",
        min_length=1,
        max_length=60,
    ),
]

router: Final = APIRouter(route_class=LeanRoute)


class Octets(Response):
    """Bytes, for the document's sake."""

    media_type = "application/octet-stream"


class Consistency(Shown):
    """That a tree begins with an older one: RFC 6962, section 2.1.2."""

    from_size: int
    to_size: int
    proof: list[str]


def log_of(request: Request) -> Log:
    """Give what the log serves."""
    return api_of(request).log


def _file(description: str, *headers: str, kind: str = "text/plain") -> dict[str, Any]:
    content: dict[str, Any] = {"type": "string"}
    if kind != "text/plain":
        content["format"] = "binary"
    return {
        "description": description,
        "content": {kind: {"schema": content}},
        "headers": headers_of("Cache-Control", *headers),
    }


def _send(
    content: bytes, *, kind: str, keep: str, headers: dict[str, str] | None = None
) -> Response:
    media_type = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
    return Response(
        content,
        media_type=media_type,
        headers={"Cache-Control": keep, "X-Content-Type-Options": "nosniff", **(headers or {})},
    )


@router.get(
    "/log/checkpoint",
    operation_id="getCheckpoint",
    response_class=PlainTextResponse,
    tags=["Log"],
    summary="Read the newest checkpoint",
    responses={
        200: _file("A signed note: origin, size, root", "ETag"),
        **unchanged("ETag", "Cache-Control"),
        **problems(503),
    },
    openapi_extra={"parameters": [IF_NONE_MATCH]},
)
async def get_checkpoint(request: Request) -> Response:
    """Read the newest signed size and root, with the cosignatures of witnesses."""
    note = (await api_of(request).read(log_of(request).checkpoint)).encode()
    tag = f'"{sha256(note).hexdigest()}"'  # of all of it: a witness may cosign again
    if has_seen(request, tag):
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": _A_TICK})
    return _send(note, kind="text/plain", keep=_A_TICK, headers={"ETag": tag})


@router.get(
    "/log/vkey",
    operation_id="getLogKeys",
    response_class=PlainTextResponse,
    tags=["Log"],
    summary="Read the log's public keys",
    responses={200: _file("A verifier key a line, the newest first"), **problems()},
)
async def get_vkey(request: Request) -> Response:
    """Read the keys that checkpoints are signed with.

    Who verifies should know them from elsewhere: a server that lies could serve another key.
    """
    keys = await api_of(request).read(log_of(request).keys)
    text = "".join(f"{key.vkey}\n" for key in keys)
    return _send(text.encode(), kind="text/plain", keep=_A_TICK)


@router.get(
    "/log/proof/{event}",
    operation_id="getProof",
    response_class=PlainTextResponse,
    tags=["Log"],
    summary="Prove that an event is in the log",
    responses={
        200: _file("A c2sp.org/tlog-proof@v1 file, with the event in it", "Content-Disposition"),
        **problems(404),
    },
)
async def get_proof(request: Request, event: EventOrPosition) -> Response:
    """Give a file that proves, offline, that an event is in the log: `offset verify FILE`."""
    log, read = log_of(request), api_of(request).read
    if event.isascii() and event.isdigit():
        if len(event) > _LONGEST_POSITION:
            raise EventNotFound(f"event at position {event}: not in this ledger")
        position = int(event)
    else:
        position = await read(log.position_of, event)
    proof = await read(log.proof, position)
    name = {"Content-Disposition": f'attachment; filename="event-{position}.tlog-proof"'}
    return _send(proof.encode(), kind="text/plain", keep=_A_TICK, headers=name)


@router.get(
    "/log/consistency",
    operation_id="getConsistency",
    tags=["Log"],
    summary="Prove that the log only grew",
    responses={200: shown(Consistency, "The proof, in base64"), **problems()},
)
async def get_consistency(
    request: Request, query: Annotated[ConsistencyQuery, Query()]
) -> Response:
    """Prove that the tree of `to` events begins with the tree of `from` events."""
    proof = await api_of(request).read(log_of(request).consistency, query.from_, query.to)
    body = {
        "from_size": query.from_,
        "to_size": query.to,
        "proof": [base64_text(one) for one in proof],
    }
    return respond(request, Answer(status=200, body=body))


@router.get(
    "/log/tile/{tile:path}",
    operation_id="getTile",
    response_class=Octets,
    tags=["Log"],
    summary="Read a tile or an entry bundle",
    responses={
        200: _file(
            "Hashes of 32 bytes, or entries with their lengths", kind="application/octet-stream"
        ),
        **problems(404),
    },
)
async def get_tile(request: Request, tile: TilePath) -> Response:
    """Read up to 256 hashes of the tree, or up to 256 events: C2SP's tlog-tiles."""
    wanted = read_tile_path(f"tile/{tile}")
    content = await api_of(request).read(log_of(request).file, wanted)
    keep = _FOR_EVER if wanted.width == TILE_WIDTH else _A_TICK
    return _send(content, kind="application/octet-stream", keep=keep)
