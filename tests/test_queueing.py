"""What waits together is served together, and everyone gets their own answer."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from offset.core.errors import Busy, RecordNotFound
from offset.queueing import Queue


class Service:
    """Answers a number with its double, and remembers the batches; 13 is refused."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.has_begun = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def serve(self, asked: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(asked))
        self.has_begun.set()
        self.may_go_on.wait(10)
        if 99 in asked:
            raise ZeroDivisionError
        return [RecordNotFound("13") if number == 13 else 2 * number for number in asked]


@contextmanager
def started(service: Service, **sizes: int) -> Iterator[Queue[int, int]]:
    queue = Queue(
        service.serve,
        name="test-queue",
        largest=sizes.get("largest", 100),
        fullest=sizes.get("fullest", 1_000),
        size_of=lambda number: max(number // 100, 1),
    )
    queue.start()
    try:
        yield queue
    finally:
        service.may_go_on.set()
        queue.stop()


async def all_of(queue: Queue[int, int], *numbers: int) -> list[int | BaseException]:
    return await asyncio.gather(*map(queue.submit, numbers), return_exceptions=True)


def test_what_comes_in_one_turn_of_the_loop_is_one_batch() -> None:
    service = Service()
    with started(service) as queue:
        numbers = range(14, 78)
        assert asyncio.run(all_of(queue, *numbers)) == [2 * number for number in numbers]
    assert service.batches == [list(numbers)]


def test_what_comes_while_a_batch_is_served_is_the_next_one() -> None:
    service = Service()

    async def come(queue: Queue[int, int]) -> None:
        service.may_go_on.clear()
        first = asyncio.ensure_future(all_of(queue, 1, 2))
        await asyncio.to_thread(service.has_begun.wait, 10)
        others = [asyncio.ensure_future(queue.submit(number)) for number in (3, 4)]
        await asyncio.sleep(0.01)
        others.append(asyncio.ensure_future(queue.submit(5)))
        await asyncio.sleep(0.01)
        service.may_go_on.set()
        assert await first == [2, 4]
        assert await asyncio.gather(*others) == [6, 8, 10]

    with started(service) as queue:
        asyncio.run(come(queue))
    assert service.batches == [[1, 2], [3, 4, 5]]


def test_a_batch_has_a_largest_size_and_one_alone_may_be_larger() -> None:
    service = Service()
    with started(service, largest=4) as queue:
        assert asyncio.run(all_of(queue, 200, 200, 900, 1, 100)) == [400, 400, 1800, 2, 200]
    assert service.batches == [[200, 200], [900], [1, 100]]


def test_one_that_is_refused_fails_alone_and_a_fault_all_of_its_batch() -> None:
    service = Service()
    with started(service) as queue:
        two, refused = asyncio.run(all_of(queue, 1, 13))
        assert two == 2
        assert isinstance(refused, RecordNotFound)
        faults = asyncio.run(all_of(queue, 1, 99))
        assert [type(fault) for fault in faults] == [ZeroDivisionError] * 2
        assert asyncio.run(all_of(queue, 5)) == [10]  # and it goes on


def test_who_finds_it_full_or_ended_is_turned_away() -> None:
    service = Service()
    service.may_go_on.clear()

    async def crowd(queue: Queue[int, int]) -> list[int | BaseException]:
        waiting = asyncio.ensure_future(all_of(queue, *[1] * 12))
        await asyncio.sleep(0.01)
        service.may_go_on.set()
        return await waiting

    with started(service, fullest=10) as queue:
        answers = asyncio.run(crowd(queue))
        assert [type(one) for one in answers] == [int] * 10 + [Busy] * 2
    with pytest.raises(Busy):
        asyncio.run(queue.submit(1))


def test_what_waits_at_the_end_is_served() -> None:
    service = Service()

    async def leave(queue: Queue[int, int]) -> list[int]:
        waiting = [asyncio.ensure_future(queue.submit(number)) for number in (1, 2, 3)]
        await asyncio.sleep(0)
        await asyncio.to_thread(queue.stop)
        return await asyncio.gather(*waiting)

    with started(service) as queue:
        assert asyncio.run(leave(queue)) == [2, 4, 6]


def test_a_client_that_went_away_costs_nobody_their_answer() -> None:
    service = Service()

    async def one_leaves(queue: Queue[int, int]) -> list[int]:
        service.may_go_on.clear()
        gone = asyncio.ensure_future(queue.submit(1))
        others = [asyncio.ensure_future(queue.submit(number)) for number in (2, 3)]
        await asyncio.to_thread(service.has_begun.wait, 10)
        gone.cancel()
        await asyncio.sleep(0)
        service.may_go_on.set()
        return await asyncio.gather(*others)

    with started(service) as queue:
        assert asyncio.run(one_leaves(queue)) == [4, 6]


def test_loops_of_several_threads_are_served_each_in_its_own() -> None:
    service = Service()
    found: list[list[int | BaseException]] = []
    with started(service) as queue:
        threads = [
            threading.Thread(target=lambda: found.append(asyncio.run(all_of(queue, *range(10)))))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [[2 * number for number in range(10)]] * 4
