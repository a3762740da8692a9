"""The tree of errors: drawn as it is, each class with a code, a title and a sentence."""

import inspect
import pickle
import re
from collections import Counter

import pytest

from offset.core import errors
from offset.core.errors import Internal, OffsetError, RecordNotFound, tree

CLASSES = [kind for kind in tree() if kind.__module__ == errors.__name__]
# Clients compare with these for ever: one may be added, none may go or change its class.
CODES = {
    "AlreadyCancelled": "already-cancelled",
    "AlreadyErased": "already-erased",
    "AlreadyRetired": "already-retired",
    "AlreadySold": "already-sold",
    "BadCursor": "bad-cursor",
    "BadHeader": "bad-header",
    "BatchRefused": "batch-refused",
    "Busy": "busy",
    "DatabaseUnavailable": "database-unavailable",
    "HeadersTooLarge": "headers-too-large",
    "HolderRequired": "holder-required",
    "InsufficientQuantity": "insufficient-quantity",
    "Internal": "internal",
    "ImportNotFound": "import-not-found",
    "InvalidField": "invalid-field",
    "InvalidHolder": "invalid-holder",
    "InvalidQuantity": "invalid-quantity",
    "InvalidText": "invalid-text",
    "InvalidVintage": "invalid-vintage",
    "KeyReused": "idempotency-key-reused",
    "LogForked": "log-forked",
    "LogUnreachable": "log-unreachable",
    "MalformedJson": "malformed-json",
    "MethodNotAllowed": "method-not-allowed",
    "Misdirected": "misdirected",
    "NoDetails": "no-details",
    "NotHeld": "not-held",
    "NotLocal": "open-mode-is-local",
    "NotWitnessed": "not-witnessed",
    "PreconditionFailed": "precondition-failed",
    "QuantityMismatch": "quantity-mismatch",
    "RecordDiffers": "record-differs",
    "RecordNotFound": "record-not-found",
    "RegistryMismatch": "registry-mismatch",
    "RetirementNotFound": "retirement-not-found",
    "SameHolder": "same-holder",
    "VintageMismatch": "vintage-mismatch",
    "SerialMalformed": "serial-malformed",
    "SerialNotFound": "serial-not-found",
    "SerialOutsideRecord": "serial-outside-record",
    "SerialOverlap": "serial-overlap",
    "SerialUnparsed": "serial-unparsed",
    "Stopping": "server-stopping",
    "TooLarge": "too-large",
    "UnsupportedMediaType": "unsupported-media-type",
}


def drawn() -> dict[str, str]:
    """Read the drawing in the module's docstring: each class and its parent."""
    parents: dict[str, str] = {}
    above = {0: "OffsetError"}
    for line in inspect.getdoc(errors).splitlines():  # type: ignore[union-attr]
        branch = re.match(r" *((?:│   )*)[├└]── (.*)", line)
        if branch is None:
            continue
        depth = len(branch[1]) // 4
        for name in re.findall(r"\b[A-Z][A-Za-z]+\b", branch[2]):
            assert name not in parents, f"{name} is drawn twice"
            parents[name] = above[depth]
            above[depth + 1] = name
    return parents


def test_the_tree_is_drawn_as_it_is() -> None:
    assert drawn() == {
        kind.__name__: kind.__base__.__name__
        for kind in CLASSES
        if kind is not OffsetError and kind.__base__ is not None
    }


def test_every_error_has_a_code_of_its_own() -> None:
    counts = Counter(kind.code for kind in tree())
    assert [code for code, count in counts.items() if count > 1] == []
    assert all("code" in vars(kind) and "title" in vars(kind) for kind in CLASSES)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", kind.code) for kind in CLASSES)


def test_no_code_was_taken_back_or_given_to_another_error() -> None:
    today = {kind.__name__: kind.code for kind in CLASSES}
    assert {name: today.get(name) for name in CODES} == CODES


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_says_what_it_is_in_one_line(kind: type[OffsetError]) -> None:
    first, _, rest = (kind.__doc__ or "").partition("\n")
    assert re.fullmatch(r"[A-Z].{10,90}\.", first), "one sentence, as GET /errors shows it"
    assert rest.strip() == ""
    assert re.fullmatch(r"[A-Z].*[^.]", kind.title)


def test_an_error_carries_its_detail_and_facts_also_into_another_process() -> None:
    error = RecordNotFound("record 5d5d: not in this ledger", record_id="5d5d")
    again = pickle.loads(pickle.dumps(error))
    assert str(error) == str(again) == error.detail == again.detail
    assert (type(again), again.facts) == (RecordNotFound, {"record_id": "5d5d"})


def test_a_fault_of_the_server_is_kept_and_not_told() -> None:
    fault = KeyError("a name that nobody has to know")
    error = Internal(fault)
    assert (error.fault, error.detail) == (fault, "the server failed; nothing was done")
    assert error.facts == {}


def test_only_three_errors_can_say_that_something_may_be_done() -> None:
    assert {kind.__name__ for kind in tree() if kind.may_be_done} == {
        *("DatabaseUnavailable", "Internal", "Stopping"),
    }
    for kind in CLASSES:
        if kind is Internal:
            continue
        if kind.may_be_done:
            assert kind("lost", outcome="unknown").facts == {"outcome": "unknown"}
        else:
            with pytest.raises(AssertionError):
                kind("lost", outcome="unknown")


def test_a_fault_after_the_commit_does_not_say_that_nothing_was_done() -> None:
    error = Internal(KeyError("x"), committed=True)
    assert error.facts == {"outcome": "unknown"}
    assert "nothing was done" not in error.detail


def test_the_tree_is_walked_from_any_branch() -> None:
    found = {kind.__name__ for kind in tree(errors.Missing)}
    assert {"Missing", "RecordNotFound", "SerialNotFound"} <= found
    assert all(issubclass(kind, errors.Missing) for kind in tree(errors.Missing))
