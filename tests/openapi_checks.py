"""What schemathesis checks of each answer beside its own checks: loaded by test_openapi.py."""

import json
from typing import Any, Final

import schemathesis
from schemathesis import Case, CheckContext, GenerationMode, Response
from schemathesis.core.parameters import ParameterLocation

# Refused for what no schema can say: which characters Unicode assigns, what a grammar reads, how
# fields fit together, the ledger's own state.
BEYOND_A_SCHEMA: Final = {
    *("bad-cursor", "batch-refused", "holder-required", "idempotency-key-reused"),
    *("invalid-quantity", "invalid-text", "invalid-vintage", "precondition-failed"),
    *("quantity-mismatch", "registry-mismatch", "same-holder", "serial-malformed"),
    *(
        "vintage-mismatch",
        "serial-outside-record",
        "bad-header",
    ),  # If-Match gets a "0" in spite of its pattern
}
# Which countries there are, how many digits a price has, whether a grammar reads a serial number;
# "" is the body as a whole.
BEYOND_ITS_SHAPE: Final = {"", "/country", "/price", "/serial"}


@schemathesis.check
def what_fits_the_schema_is_refused_only_for_what_no_schema_can_say(
    ctx: CheckContext, response: Response, case: Case[Any]
) -> None:
    fits = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if not fits or response.status_code not in (400, 412, 413, 415, 422):
        return
    problem = json.loads(response.content)
    refusals = problem.get("errors") or [problem]
    assert all(map(_is_beyond, refusals)), f"it fits the schema: {problem}"


def _is_beyond(refusal: dict[str, Any]) -> bool:
    code, detail = refusal["code"], refusal["detail"]
    if code == "malformed-json":
        return "NUL" in detail
    if code == "invalid-field":
        pointer = refusal.get("pointer", "/" + detail.partition(":")[0])
        return pointer in BEYOND_ITS_SHAPE
    return code in BEYOND_A_SCHEMA


@schemathesis.check
def no_answer_is_a_fault_of_the_server(
    ctx: CheckContext, response: Response, case: Case[Any]
) -> None:
    if case.path.startswith("/log/") and response.status_code == 503:
        assert json.loads(response.content)["code"] == "not-published"
        return
    assert response.status_code < 500, f"{response.status_code}: {response.content!r}"


@schemathesis.check
def a_wrong_command_of_a_batch_is_refused_in_its_place(
    ctx: CheckContext, response: Response, case: Case[Any]
) -> None:
    """What `negative_data_rejection` asks of other calls, whose wrong body gets 422 as a whole."""
    body = case.meta and case.meta.components.get(ParameterLocation.BODY)
    if case.path != "/batch" or response.status_code != 200 or not body:
        return
    if body.mode is GenerationMode.NEGATIVE:
        statuses = [item["status"] for item in json.loads(response.content)["items"]]
        assert 422 in statuses, f"it breaks the schema: {statuses}"
