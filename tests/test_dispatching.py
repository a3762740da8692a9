"""The short way finds what FastAPI's own routers find, and passes on everything else."""

import re
from collections.abc import Iterator
from typing import Final

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.testclient import TestClient
from starlette.types import Scope

from offset.core.errors import Internal, OffsetError, PageNotFound
from offset.dispatching import Dispatcher
from offset.main import LEAN_ROUTES
from offset.receiving import LeanRoute
from offset.sending import respond_error

refused: list[OffsetError] = []


async def plain(request: Request) -> Response:
    return Response("plain")


async def named(request: Request, name: str) -> Response:
    return Response(f"named {name} {request.app.title}")


async def deep(request: Request, rest: str) -> Response:
    return Response(f"deep {rest}")


async def broken(request: Request) -> Response:
    raise ZeroDivisionError("a fault")


async def missing(request: Request) -> Response:
    raise PageNotFound("nothing is here")


def refuse(request: Request, error: OffsetError) -> Response:
    refused.append(error)
    return respond_error(request, error)


def dispatcher() -> Dispatcher:
    router = APIRouter(route_class=LeanRoute)
    router.add_api_route("/things", plain)
    router.add_api_route("/things/{name}", named)
    router.add_api_route("/things/{name}", named, methods=["POST"])
    router.add_api_route("/deep/{rest:path}", deep)
    router.add_api_route("/broken", broken)
    router.add_api_route("/missing", missing)
    app = FastAPI(title="Things", redirect_slashes=False)
    app.include_router(router)
    app.add_api_route("/page", lambda: "page")
    lean = [route for route in router.routes if isinstance(route, LeanRoute)]
    return Dispatcher(app, lean, refuse=refuse)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(dispatcher(), base_url="http://localhost") as asking:
        yield asking


@pytest.mark.parametrize("method, path, status, text", [
    ("GET", "/things", 200, "plain"),
    ("GET", "/things/a%20b", 200, "named a b Things"),
    ("POST", "/things/a", 200, "named a Things"),
    ("GET", "/deep/a/b", 200, "deep a/b"),
    ("GET", "/page", 200, '"page"'),
    ("GET", "/things/a/b", 404, None),
    ("GET", "/nowhere", 404, None),
    ("GET", "/", 404, None),
    ("DELETE", "/things", 405, None),
    ("GET", "/things/", 404, None),
])  # fmt: skip
def test_a_path_is_answered_by_its_lean_route_or_passed_on(
    method: str, path: str, status: int, text: str | None, client: TestClient
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert text is None or answer.text == text


def test_an_error_is_refused_and_a_fault_is_told_as_ours(client: TestClient) -> None:
    refused.clear()
    assert client.get("/missing").status_code == 404
    assert client.get("/broken").json()["code"] == "internal"
    missing_one, fault = refused
    assert isinstance(missing_one, PageNotFound)
    assert isinstance(fault, Internal)
    assert isinstance(fault.fault, ZeroDivisionError)


@pytest.mark.parametrize("route", LEAN_ROUTES, ids=lambda route: route.operation_id)
def test_every_route_is_the_first_that_its_own_path_finds(route: LeanRoute) -> None:
    path = re.sub(r"\{[a-z_]+(:path)?\}", "abc", route.path)
    for method in route.methods or ():
        assert ROUTES._find(scope_of(method, path)) is route


def scope_of(method: str, path: str) -> Scope:
    return {"type": "http", "method": method, "path": path, "root_path": ""}


ROUTES: Final = Dispatcher(FastAPI(), LEAN_ROUTES, refuse=refuse)
