"""A key makes a request safe to repeat: its first answer again, and its effect once."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from builders import check_history, created, creating, do, do_all, opened, retiring, selling
from offset.core.errors import KeyReused
from offset.ledger import Ledger
from offset.models import idempotency_keys
from offset.reading import Reader
from offset.units import Answer


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with opened(database_url) as opened_ledger:
        yield opened_ledger
        check_history(opened_ledger.database)


def keys_kept(ledger: Ledger) -> int:
    with ledger.database.reading() as connection:
        counted = select(func.count()).select_from(idempotency_keys)
        return int(connection.execute(counted).scalar_one())


def events_kept(ledger: Ledger) -> int:
    return Reader(ledger.database).head() + 1


def test_a_key_gets_its_first_answer_again_and_nothing_is_done_twice(ledger: Ledger) -> None:
    record_id = created(ledger)
    unit = retiring(record_id, quantity=6, beneficiary="Jane Roe", key="a-key-of-one")
    first = do(ledger, unit)
    again = do(ledger, retiring(record_id, quantity=6, beneficiary="Jane Roe", key="a-key-of-one"))
    assert again.body == first.body
    assert again.headers == {**first.headers, "Idempotent-Replayed": "true"}
    assert again.body["balance"]["retired"] == 6
    refused = do(ledger, retiring(record_id, quantity=5, key="a-key-of-two"))
    created(ledger, first=11, last=20)
    do(ledger, selling(record_id, to="acme"))
    assert do(ledger, retiring(record_id, quantity=5, key="a-key-of-two")).body == refused.body
    assert keys_kept(ledger) == 2


def test_a_key_is_one_callers(ledger: Ledger) -> None:
    record_id = created(ledger)
    unit = retiring(record_id, quantity=6, key="a-key-of-one")
    assert unit.key is not None
    assert do(ledger, unit).status == 200
    other = retiring(record_id, quantity=6, key="a-key-of-one")
    assert other.key is not None
    other = replace(other, key=replace(other.key, caller="another"))
    assert do(ledger, other).body["code"] == "insufficient-quantity"


def test_a_key_of_another_request_is_refused_and_nothing_is_stored(ledger: Ledger) -> None:
    record_id = created(ledger)
    do(ledger, retiring(record_id, quantity=1, key="a-key-of-one"))
    before = (keys_kept(ledger), events_kept(ledger))
    for reused in (
        retiring(record_id, quantity=2, key="a-key-of-one"),
        selling(record_id, quantity=1, to="acme", key="a-key-of-one"),
        creating(key="a-key-of-one"),
    ):
        (outcome,) = ledger.commit([reused])
        assert isinstance(outcome, KeyReused)
        assert outcome.facts == {"key": "a-key-of-one"}
    assert (keys_kept(ledger), events_kept(ledger)) == before


def test_of_two_equal_keys_in_one_batch_the_second_takes_the_firsts_answer(
    ledger: Ledger,
) -> None:
    record_id = created(ledger)
    first, again, other = ledger.commit(
        [retiring(record_id, quantity=n, key="a-key-of-one") for n in (1, 1, 2)]
    )
    assert isinstance(first, Answer)
    headers = {**first.headers, "Idempotent-Replayed": "true"}
    assert again == replace(first, headers=headers)
    assert isinstance(other, KeyReused)
    assert keys_kept(ledger) == 1
    assert Reader(ledger.database).record(record_id)[1]["balance"]["retired"] == 1


def test_what_can_never_be_right_is_not_kept_under_its_key(ledger: Ledger) -> None:
    record_id = created(ledger)
    do(ledger, selling(record_id, quantity=1, to="acme"))
    units = [retiring(record_id, quantity=1, key="a-key-of-one") for _ in range(2)]
    answers = do_all(ledger, *units)
    assert [answer.body["code"] for answer in answers] == ["holder-required"] * 2
    assert answers[1].headers == {"Idempotent-Replayed": "true"}  # the first one's, in one batch
    stale = retiring(record_id, seq=1, key="a-key-of-two")
    assert do(ledger, stale).status == 412
    assert keys_kept(ledger) == 0
    do(ledger, retiring(record_id, holder="acme"))
    assert do(ledger, retiring(record_id, quantity=1, key="a-key-of-one")).status == 200
    assert keys_kept(ledger) == 1


def test_keys_are_looked_up_by_their_index_whoever_sent_them(database_url: str) -> None:
    with opened(database_url) as ledger, ledger.database.reading(by_key=True) as connection:
        if ledger.database.is_sqlite:
            asked = "EXPLAIN QUERY PLAN " + ledger._keys.text("(?, ?)")
            plan = connection.exec_driver_sql(asked, ("one", "two")).all()
            assert "sqlite_autoindex_idempotency_keys_1 (key=?)" in str(plan)
        else:
            asked = "EXPLAIN " + ledger._keys.text("%s")
            plan = connection.exec_driver_sql(asked, (["one", "two"],)).all()
            assert "Index Cond: (key = ANY" in str(plan)
