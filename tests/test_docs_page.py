"""/docs in a real browser, without internet: everything is there, on a desk and on a phone."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from asking import Connection
from servers import Server, running_server

SIZES: Final = {"desktop": (1280, 900), "phone": (390, 844)}  # width and height in pixels
OPTIONS: Final = (
    "--no-sandbox",  # as root there is none
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no internet
)


@dataclass(kw_only=True)
class Visit:
    """A page of /docs, with all that it asked for and all that the browser complained about."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def is_wider_than_the_screen(self) -> bool:
        wide = self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert isinstance(wide, bool)
        return wide

    def unfold(self, operation_id: str) -> None:
        operation = self.page.locator(f".opblock[id$='-{operation_id}']")
        operation.locator(".opblock-summary-control").click()
        operation.locator(".opblock-body .responses-wrapper").wait_for()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("docs") / "offset.db"
    with running_server(f"sqlite:///{path}") as server:
        yield server


@pytest.fixture(scope="module")
def api(server: Server) -> Iterator[Connection]:
    connection = Connection(server.url)
    yield connection
    connection.close()


@pytest.fixture(params=SIZES)
def visit(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Visit]:
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height})
    visit = Visit(page=context.new_page())
    visit.page.on("request", lambda asked: visit.asked.append(asked.url))
    visit.page.on("console", lambda said: visit.complaints.append(f"{said.type}: {said.text}"))
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.goto(f"{server.url}/docs")
    visit.page.locator(".opblock").first.wait_for()
    yield visit
    context.close()


def test_every_operation_is_listed(visit: Visit, api: Connection) -> None:
    document = api.get("/openapi.json").body
    listed = {
        (block.locator(".opblock-summary-method").inner_text(), block.get_attribute("id") or "")
        for block in visit.page.locator(".opblock").all()
    }
    assert listed == {
        (method.upper(), f"operations-{operation['tags'][0]}-{operation['operationId']}")
        for methods in document["paths"].values()
        for method, operation in methods.items()
    }
    assert not visit.is_wider_than_the_screen()


def test_an_operation_unfolds_with_its_fields_and_errors(visit: Visit) -> None:
    visit.unfold("retireRecord")
    body = visit.page.locator(".opblock.is-open .opblock-body")
    text = body.inner_text()
    for said in ("record_id", "Idempotency-Key", "If-Match", "whoever holds it", "Retry-After"):
        assert said in text
    statuses = body.locator(".responses-table .response-col_status").all_inner_texts()
    assert {"200", "404", "409", "412", "422", "503"} <= {status.strip() for status in statuses}
    assert '"beneficiary"' in body.locator("textarea").first.input_value()
    assert not visit.is_wider_than_the_screen()


def test_a_call_can_be_tried_out(visit: Visit) -> None:
    visit.unfold("createRecord")
    block = visit.page.locator(".opblock.is-open")
    block.locator("button.execute").click()
    answered = block.locator(".live-responses-table .response .response-col_status")
    answered.wait_for()
    assert answered.inner_text().split()[0] in ("201", "200")
    assert '"status": "CREATED"' in block.locator(".live-responses-table").inner_text()
    assert not visit.is_wider_than_the_screen()


def test_nothing_is_asked_of_another_host_and_nothing_is_wrong(
    visit: Visit, server: Server
) -> None:
    visit.unfold("batch")
    visit.page.locator("section.models button").first.click()
    visit.page.wait_for_load_state("networkidle")
    assert [url for url in visit.asked if not url.startswith(f"{server.url}/")] == []
    assert visit.complaints == []
    assert len(visit.asked) == 6  # the page, two sheets, two scripts, the document


@pytest.mark.parametrize("visit", ["desktop"], indirect=True)
def test_the_policy_holds(visit: Visit, api: Connection) -> None:
    policy = api.get("/docs").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    tried = visit.page.evaluate(
        """async () => {
          const add = (name, members) => document.body.append(
            Object.assign(document.createElement(name), members));
          add("script", {textContent: "window.ranInline = true"});
          add("style", {textContent: "body { visibility: hidden }"});
          const elsewhere = await fetch("http://127.0.0.1:9/").catch(() => "refused");
          return [window.ranInline === true, getComputedStyle(document.body).visibility, elsewhere];
        }"""
    )
    assert tried == [False, "visible", "refused"]
    assert len([told for told in visit.complaints if "Content Security Policy" in told]) >= 3


def test_without_scripts_the_page_says_where_the_document_is(
    browser: Browser, server: Server
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/")
    assert page.url == f"{server.url}/docs"
    assert page.locator("noscript a").get_attribute("href") == "/openapi.json"
    assert page.title() == "Offset API"
    context.close()
