"""Who gives which grams of a record, and what is refused, with the facts of the refusal."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from builders import (
    CREDIT,
    batching,
    cancelling,
    check_history,
    create,
    created,
    creating,
    do,
    do_all,
    leaves,
    opened,
    retiring,
    selling,
    synthetic_serial,
)
from offset.core.errors import QuantityMismatch
from offset.ledger import Ledger
from offset.reading import Reader
from offset.units import Answer, Unit

NO_RECORD: Final = "0" * 64
Taking = Callable[..., Unit]


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """An empty ledger; whatever a test did, its history is sound at the end."""
    with opened(database_url) as opened_ledger:
        yield opened_ledger
        check_history(opened_ledger.database)


def taken(answer: Answer) -> list[tuple[float, float]]:
    """What an answer says was taken, as (from, quantity) in credits."""
    assert answer.status == 200, answer.body
    (act,) = (answer.body[name] for name in ("sold", "retired", "cancelled") if name in answer.body)
    return [(part["from_g"] / CREDIT, part["quantity_g"] / CREDIT) for part in act["parts"]]


def held(ledger: Ledger, record_id: str) -> list[tuple[float, float, str | None]]:
    """Who holds what, as (from, quantity, holder) in credits."""
    view = Reader(ledger.database).record(record_id)[1]
    return [
        (part["from_g"] / CREDIT, part["quantity_g"] / CREDIT, part["holder"])
        for part in view["holdings"]
    ]


def sell_from(record_id: str, seller: str | None, **body: Any) -> Unit:
    return selling(record_id, **{"from": seller, **body})


def shared(ledger: Ledger) -> str:
    """A record of 10 credits: 0 to 3 are acme's, 3 to 5 beta's, the rest the unnamed issuer's."""
    record_id = created(ledger)
    do_all(ledger, selling(record_id, quantity=3, to="acme"))
    do_all(ledger, selling(record_id, quantity=2, to="beta"))
    return record_id


def refusal(answer: Answer, *facts: str) -> tuple[Any, ...]:
    return (answer.status, answer.body["code"], *(answer.body[fact] for fact in facts))


def test_grams_are_taken_lowest_first(ledger: Ledger) -> None:
    record_id = created(ledger)
    assert taken(do(ledger, retiring(record_id, quantity=2))) == [(0, 2)]
    assert taken(do(ledger, cancelling(record_id, serial_first=4, serial_last=5))) == [(3, 2)]
    assert taken(do(ledger, selling(record_id, quantity="1.5", to="acme"))) == [(2, 1), (5, 0.5)]
    assert taken(do(ledger, retiring(record_id, holder="acme", quantity="1.25"))) == [
        (2, 1),
        (5, 0.25),
    ]
    assert taken(do(ledger, retiring(record_id, holder=None))) == [(5.5, 4.5)]
    assert held(ledger, record_id) == [(5.25, 0.25, "acme")]


def test_a_sale_without_a_seller_takes_only_what_was_never_sold(ledger: Ledger) -> None:
    record_id = created(ledger, holder="maker")
    assert taken(do(ledger, selling(record_id, quantity=4, to="acme"))) == [(0, 4)]
    assert taken(do(ledger, selling(record_id, quantity=4, to="beta"))) == [(4, 4)]
    too_much = do(ledger, selling(record_id, quantity=4, to="beta"))
    assert refusal(too_much, "available") == (409, "insufficient-quantity", 2)
    assert taken(do(ledger, selling(record_id, to="beta"))) == [(8, 2)]
    assert held(ledger, record_id) == [(0, 4, "acme"), (4, 6, "beta")]
    sale = leaves(ledger.database)[-1]
    none_left = do(ledger, selling(record_id, to="gamma"))
    assert refusal(none_left, "sale_id", "sold_at") == (
        *(409, "already-sold"),
        *(sale["id"], sale["at"]),
    )


def test_a_resale_names_its_seller(ledger: Ledger) -> None:
    record_id = shared(ledger)
    assert taken(do(ledger, sell_from(record_id, "acme", quantity=1, to="beta"))) == [(0, 1)]
    assert taken(do(ledger, sell_from(record_id, "beta", to="gamma"))) == [(0, 1), (3, 2)]
    assert taken(do(ledger, sell_from(record_id, None, quantity=1, to="gamma"))) == [(5, 1)]
    assert held(ledger, record_id) == [
        *[(0, 1, "gamma"), (1, 2, "acme"), (3, 3, "gamma"), (6, 4, None)]
    ]
    answer = do(ledger, sell_from(record_id, "gamma", serial_first=4, serial_last=5, to="acme"))
    assert taken(answer) == [(3, 2)]
    assert held(ledger, record_id)[1] == (1, 4, "acme")


def test_what_comes_back_to_the_first_holder_is_for_sale_again(ledger: Ledger) -> None:
    record_id = created(ledger, holder="maker")
    do(ledger, selling(record_id, to="acme"))
    assert do(ledger, selling(record_id, quantity=1, to="beta")).status == 409
    do(ledger, sell_from(record_id, "acme", quantity=3, to="maker"))
    assert taken(do(ledger, selling(record_id, to="beta"))) == [(0, 3)]


@pytest.mark.parametrize("take", [retiring, cancelling])
def test_without_a_quantity_all_that_is_left_goes_whoever_holds_it(
    take: Taking, ledger: Ledger
) -> None:
    record_id = shared(ledger)
    answer = do(ledger, take(record_id))
    assert sorted(taken(answer)) == [(0, 3), (3, 2), (5, 5)]
    assert held(ledger, record_id) == []
    made = leaves(ledger.database)[-3:]
    first = made[0]["id"]
    assert {leaf["data"]["group"] for leaf in made} == {first}
    by_holder = {leaf["data"]["holder"]: leaf["data"]["parts"] for leaf in made}
    assert by_holder == {
        "acme": [[0, 3 * CREDIT]],
        "beta": [[3 * CREDIT, 2 * CREDIT]],
        None: [[5 * CREDIT, 5 * CREDIT]],
    }
    (act,) = (answer.body[name] for name in ("retired", "cancelled") if name in answer.body)
    assert (act["id"], act["quantity"]) == (first, 10)
    assert act["event_ids"] == [leaf["id"] for leaf in made]


@pytest.mark.parametrize("take", [retiring, cancelling])
def test_a_quantity_or_serials_need_one_holder_that_can_be_meant(
    take: Taking, ledger: Ledger
) -> None:
    record_id = shared(ledger)
    for part in ({"quantity": 1}, {"serial_first": 3, "serial_last": 4}):
        refused = do(ledger, take(record_id, **part))
        assert refusal(refused, "record_id")[:3] == (422, "holder-required", record_id)
    assert refused.body["holders"] == ["acme", "beta"]
    assert do(ledger, take(record_id, quantity=1)).body["holders"] == ["acme", "beta", None]
    assert taken(do(ledger, take(record_id, serial_first=2, serial_last=3))) == [(1, 2)]
    assert taken(do(ledger, take(record_id, holder="beta", quantity=1))) == [(3, 1)]
    assert taken(do(ledger, take(record_id, holder="beta"))) == [(4, 1)]
    assert taken(do(ledger, take(record_id, holder=None))) == [(5, 5)]
    assert taken(do(ledger, take(record_id, quantity="0.25"))) == [(0, 0.25)]  # one is left


def test_more_than_a_thousand_parts_become_one_group_with_one_certificate(
    ledger: Ledger,
) -> None:
    record_id = created(ledger, first=1, last=2_010)
    every_other = [
        {"command": "cancel", "record_id": record_id, "serial_first": n, "serial_last": n}
        for n in range(2, 2_003, 2)
    ]
    do(ledger, batching(*every_other, atomic=True))
    answer = do(ledger, retiring(record_id, beneficiary="Jane Roe", purpose="third-party"))
    assert answer.status == 200
    one, two = leaves(ledger.database)[-2:]
    assert [len(leaf["data"]["parts"]) for leaf in (one, two)] == [1_000, 2]
    assert one["data"]["group"] == two["data"]["group"] == one["id"]
    assert two["data"]["parts"] == [[2_000 * CREDIT, CREDIT], [2_002 * CREDIT, 8 * CREDIT]]
    assert answer.body["retired"]["event_ids"] == [one["id"], two["id"]]
    reader = Reader(ledger.database)
    certificate = reader.retirement(one["id"])
    assert certificate == reader.retirement(two["id"])
    assert (certificate["id"], certificate["quantity"]) == (one["id"], 1_009)
    assert certificate["beneficiary"] == "Jane Roe"
    assert (len(certificate["parts"]), certificate["parts_total"]) == (1_000, 1_002)


@pytest.mark.parametrize(
    "take, name", [(retiring, "retired"), (cancelling, "cancelled"), (selling, "sold")]
)
def test_a_serial_range_is_taken_as_it_is_named(take: Taking, name: str, ledger: Ledger) -> None:
    record_id = created(ledger, first=101, last=110)
    to = {"to": "acme"} if name == "sold" else {}
    answer = do(ledger, take(record_id, serial_first=103, serial_last=105, **to))
    assert taken(answer) == [(2, 3)]
    (part,) = answer.body[name]["parts"]
    assert part["serial_number"] == synthetic_serial(103, 105)
    assert (part["serial_first"], part["serial_last"], part["in_part"]) == (103, 105, [])
    left = [held_part["serial_number"] for held_part in answer.body["holdings"]]
    assert synthetic_serial(101, 102) in left
    assert synthetic_serial(106, 110) in left
    whole = do(ledger, take(record_id, serial_first=106, serial_last=110, **to))
    assert taken(whole) == [(5, 5)]


def test_a_part_of_a_credit_is_shown_as_such(ledger: Ledger) -> None:
    record_id = created(ledger, first=1_042, last=1_045)
    answer = do(ledger, retiring(record_id, quantity="2.25"))
    (part,) = answer.body["retired"]["parts"]
    assert part["serial_number"] == synthetic_serial(1_042, 1_043)
    assert part["in_part"] == [
        {
            "serial": 1_044,
            "serial_number": synthetic_serial(1_044, 1_044),
            "quantity": 0.25,
            "first_gram": 0,
            "last_gram": 249_999,
        }
    ]


@pytest.mark.parametrize("take", [retiring, cancelling])
def test_what_has_ended_names_what_ended_it(take: Taking, ledger: Ledger) -> None:
    name = "retirement" if take is retiring else "cancellation"
    past = "retired" if take is retiring else "cancelled"
    record_id = created(ledger)
    do(ledger, take(record_id))
    (end,) = leaves(ledger.database)[1:]
    expected = (409, f"already-{past}", record_id, end["id"], end["at"])
    facts = ("record_id", f"{name}_id", f"{past}_at")
    for unit in (
        retiring(record_id),
        cancelling(record_id),
        selling(record_id, to="acme"),
        retiring(record_id, holder="acme"),
        retiring(record_id, serial_first=3, serial_last=4),
        cancelling(record_id, serial_first=1, serial_last=10),
        selling(record_id, serial_first=1, serial_last=1, to="acme"),
    ):
        assert refusal(do(ledger, unit), *facts) == expected
    for unit in (retiring(record_id, quantity=1), selling(record_id, quantity=1, to="acme")):
        assert refusal(do(ledger, unit), "available") == (409, "insufficient-quantity", 0)


def test_a_refusal_names_an_event_of_its_own_batch_with_its_time(ledger: Ledger) -> None:
    record_id = created(ledger)
    answers = do_all(
        ledger,
        selling(record_id, serial_first=1, serial_last=2, to="acme"),
        selling(record_id, serial_first=2, serial_last=3, to="beta"),
        retiring(record_id, serial_first=1, serial_last=2),
        retiring(record_id, serial_first=2, serial_last=3),
        retiring(record_id),
        retiring(record_id),
    )
    sold, first, last = (leaf for leaf in leaves(ledger.database)[1:])
    assert [answer.status for answer in answers] == [200, 409, 200, 409, 200, 409]
    assert refusal(answers[1], "sale_id", "sold_at")[1:] == (
        *("already-sold", sold["id"], sold["at"]),
    )
    for answer, end in ((answers[3], first), (answers[5], last)):
        found = refusal(answer, "retirement_id", "retired_at")[1:]
        assert found == ("already-retired", end["id"], end["at"])


def test_more_than_the_holder_has_is_refused_with_what_it_has(ledger: Ledger) -> None:
    record_id = shared(ledger)
    facts = ("record_id", "available")
    for unit, available in (
        (retiring(record_id, holder="acme", quantity="3.000001"), 3),
        (cancelling(record_id, holder="beta", quantity=3), 2),
        (selling(record_id, quantity=6, to="acme"), 5),
        (sell_from(record_id, "acme", quantity=4, to="beta"), 3),
        (retiring(record_id, holder="nobody", quantity=1), 0),
        (retiring(record_id, holder="nobody"), 0),
    ):
        answer = do(ledger, unit)
        assert refusal(answer, *facts) == (409, "insufficient-quantity", record_id, available)
    assert taken(do(ledger, retiring(record_id, holder="acme", quantity=3))) == [(0, 3)]


def test_what_another_holds_is_refused_by_the_one_who_does_not_hold_it(ledger: Ledger) -> None:
    record_id = shared(ledger)
    acmes: dict[str, Any] = {"serial_first": 1, "serial_last": 3}
    refused = do(ledger, retiring(record_id, holder="beta", **acmes))
    assert refusal(refused, "record_id", "holder") == (409, "not-held", record_id, "beta")
    refused = do(ledger, sell_from(record_id, "beta", to="gamma", **acmes))
    assert refusal(refused, "holder") == (409, "not-held", "beta")
    sale = leaves(ledger.database)[1]
    refused = do(ledger, selling(record_id, to="gamma", **acmes))
    assert refusal(refused, "sale_id", "sold_at") == (409, "already-sold", sale["id"], sale["at"])
    assert taken(do(ledger, retiring(record_id, holder="acme", **acmes))) == [(0, 3)]


def test_nobody_sells_to_itself(ledger: Ledger) -> None:
    record_id = created(ledger, holder="maker")
    refused = do(ledger, selling(record_id, quantity=1, to="maker"))
    assert refusal(refused) == (422, "same-holder")
    do(ledger, selling(record_id, quantity=1, to="acme"))
    assert refusal(do(ledger, sell_from(record_id, "acme", to="acme"))) == (422, "same-holder")
    assert do(ledger, sell_from(record_id, "acme", to="maker")).status == 200


@pytest.mark.parametrize("first, last", [(100, 101), (110, 111), (1, 5), (0, 0), (100, 111)])
def test_serial_numbers_of_another_record_are_refused(
    first: int, last: int, ledger: Ledger
) -> None:
    record_id = created(ledger, first=101, last=110)
    refused = do(ledger, retiring(record_id, serial_first=first, serial_last=last))
    assert refusal(refused, "serial_first", "serial_last") == (
        *(422, "serial-outside-record"),
        *(101, 110),
    )
    assert do(ledger, retiring(record_id, serial_first=101, serial_last=110)).status == 200


def test_no_serial_numbers_of_an_unread_serial_can_be_named(ledger: Ledger) -> None:
    record_id = created(ledger, registry="Nowhere", serial_number="opaque 1")
    refused = do(ledger, retiring(record_id, serial_first=0, serial_last=0))
    assert refusal(refused, "serial") == (422, "serial-outside-record", "OPAQUE 1")
    assert do(ledger, retiring(record_id, quantity=1)).status == 200


def test_a_record_that_is_not_there_is_not_found(ledger: Ledger) -> None:
    record_id = created(ledger)
    for take in (retiring, cancelling):
        assert refusal(do(ledger, take(NO_RECORD)), "record_id") == (
            *(404, "record-not-found"),
            NO_RECORD,
        )
    assert do(ledger, selling(NO_RECORD, to="acme")).status == 404
    assert do(ledger, retiring(record_id)).status == 200


def test_a_record_that_has_moved_on_since_the_caller_looked_is_refused(ledger: Ledger) -> None:
    record_id = created(ledger)
    assert do(ledger, retiring(record_id, quantity=1, seq=1)).status == 200
    for unit in (retiring(record_id, seq=1), selling(record_id, seq=3, to="acme")):
        answer = do(ledger, unit)
        assert refusal(answer, "record_id", "seq") == (412, "precondition-failed", record_id, 2)
    assert do(ledger, cancelling(record_id, seq=2)).status == 200


def test_a_quantity_that_is_not_the_serial_ranges_is_refused_with_both_numbers(
    ledger: Ledger,
) -> None:
    for quantity in (9, 11, "10.000001", "0.000001"):
        with pytest.raises(QuantityMismatch) as refused:
            creating(first=1, last=10, quantity=quantity)
        facts = refused.value.facts
        assert facts == {"quantity": float(quantity), "serial_quantity": 10}
        item = {"command": "create", **create(first=1, last=10, quantity=quantity)}
        answer = do(ledger, batching(item))
        assert refusal(Answer(**answer.body["items"][0]), "serial_quantity") == (
            *(422, "quantity-mismatch"),
            10,
        )
    assert do(ledger, creating(first=1, last=10, quantity="10.0")).status == 201


def test_one_word_says_where_the_credits_of_a_record_are(ledger: Ledger) -> None:
    record_id = created(ledger, first=1, last=4)
    seen = []
    for unit in (
        retiring(record_id, quantity=1),
        selling(record_id, quantity=1, to="acme"),
        cancelling(record_id, holder=None, quantity=1),
        cancelling(record_id, holder="acme"),
        cancelling(record_id),
    ):
        body = do(ledger, unit).body
        seen.append((body["status"], *body["balance"].values()))
    assert seen == [
        ("CREATED", 4, 3, 0, 1, 0),
        ("SOLD", 4, 2, 1, 1, 0),
        ("SOLD", 4, 1, 1, 1, 1),
        ("SOLD", 4, 1, 0, 1, 2),
        ("RETIRED", 4, 0, 0, 1, 3),
    ]
