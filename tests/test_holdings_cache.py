"""The holdings of a record with many are loaded once, and never taken for those of another time."""

from collections.abc import Iterator
from typing import Any

import pytest

from builders import check_history, created, do, do_all, opened, retiring, selling
from offset.core.holdings import Holding, Holdings
from offset.holdings_cache import HoldingsCache
from offset.ledger import Ledger
from offset.reading import Reader
from offset.statements import Question

MANY, SOLD = 20, 30


def fragmented(ledger: Ledger) -> str:
    """Create a record that two holders hold in turns, credit by credit."""
    record_id = created(ledger, first=1, last=2 * SOLD)
    sales = [
        selling(record_id, to=f"holder-{n % 2}", serial_first=n, serial_last=n)
        for n in range(1, SOLD + 1)
    ]
    assert {answer.status for answer in do_all(ledger, *sales)} == {200}
    return record_id


@pytest.fixture
def ledgers(database_url: str) -> Iterator[tuple[Ledger, Ledger]]:
    """One ledger as two processes have it."""
    with opened(database_url) as one, opened(database_url) as other:
        for ledger in (one, other):
            ledger.database.holdings_cache = HoldingsCache(smallest=MANY)
        yield one, other


def test_a_sale_of_a_record_with_many_holdings_loads_none_of_them_again(
    ledgers: tuple[Ledger, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, _ = ledgers
    record_id = fragmented(ledger)
    asked: list[Any] = []

    def watched(connection: Any, question: Question, values: Any) -> Any:
        if "FROM holdings" in question.text("?"):
            asked.extend(values)
        return ask(connection, question, values)

    ask = ledger.database.ask
    monkeypatch.setattr(ledger.database, "ask", watched)
    assert do(ledger, selling(record_id, to="acme", quantity=1)).status == 200
    assert do(ledger, retiring(record_id, holder="acme")).status == 200
    assert asked == []


def test_processes_that_write_in_turns_never_work_on_old_holdings(
    ledgers: tuple[Ledger, Ledger],
) -> None:
    record_id = fragmented(ledgers[0])
    for n, ledger in enumerate((*ledgers, *ledgers)):
        answer = do(ledger, selling(record_id, to=f"buyer-{n}", quantity=2))
        assert answer.body["sold"]["parts"][0]["serial_first"] == SOLD + 1 + 2 * n
        for one in ledgers:
            assert Reader(one.database).record(record_id)[1]["holdings_total"] == SOLD + 2 + n
        retired = retiring(record_id, holder=f"holder-{n % 2}", quantity=1)
        assert do(ledger, retired).status == 200
        own: dict[str, Any] = {"from": f"buyer-{n}"}
        do(ledger, selling(record_id, to="last", quantity=1, **own))
    check_history(ledgers[0].database)


def test_what_a_rolled_back_transaction_kept_is_not_found(
    ledgers: tuple[Ledger, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, _ = ledgers
    record_id = fragmented(ledger)
    sale = selling(record_id, to="lost", quantity=1)
    with monkeypatch.context() as patch:
        # The last step of a transaction fails, after its holdings were kept.
        patch.setattr(ledger._loader, "fill_details", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            do(ledger, sale)
    answer = do(ledger, selling(record_id, to="acme", quantity=1))
    assert answer.body["sold"]["parts"][0]["serial_first"] == SOLD + 1
    check_history(ledger.database)


def many(count: int) -> Holdings:
    return Holdings(Holding(2 * n, 1, "acme") for n in range(count))


def test_it_keeps_large_ones_and_drops_those_used_longest_ago() -> None:
    cache = HoldingsCache(smallest=10, largest=30)
    for number, count in ((1, 10), (2, 9), (3, 12), (4, 31)):
        cache.keep(number, b"a", many(count))
    assert [number for number in range(5) if cache.find(number, b"a")] == [1, 3]
    assert cache.find(1, b"b") is None
    cache.find(1, b"a")
    cache.keep(5, b"a", many(11))
    assert [number for number in range(6) if cache.find(number, b"a")] == [1, 5]
    cache.keep(5, b"b", many(3))
    assert cache.find(5, b"a") is cache.find(5, b"b") is None
