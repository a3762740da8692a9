"""What waits together is served together, and everyone gets their own answer."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest

from offset.core.errors import Busy, RecordNotFound, Stopping, Unavailable
from offset.queueing import Queue
from offset.waiting import in_thread, is_on_loop


class Service:
    """Answers a number with its double, and remembers the batches; 13 is refused."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.on_loop: list[bool] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def serve(self, asked: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(asked))
        self.on_loop.append(is_on_loop())
        if not self.may_go_on.is_set():
            in_thread(partial(self.may_go_on.wait, 10))
        if 99 in asked:
            raise ZeroDivisionError
        return [RecordNotFound("13") if number == 13 else 2 * number for number in asked]


@asynccontextmanager
async def started(service: Service, **sizes: int) -> AsyncIterator[Queue[int, int]]:
    queue = Queue(
        service.serve,
        largest=sizes.get("largest", 100),
        fullest=sizes.get("fullest", 1_000),
        size_of=lambda number: max(number // 100, 1),
        abreast=sizes.get("abreast", 1),
        longest=sizes.get("longest", 100),
    )
    try:
        yield queue
    finally:
        service.may_go_on.set()
        await queue.stop()


async def all_of(queue: Queue[int, int], *numbers: int) -> list[int | BaseException]:
    return await asyncio.gather(*map(queue.submit, numbers), return_exceptions=True)


async def begun(service: Service, batches: int) -> None:
    """Wait until so many batches are being served, or were."""
    for _ in range(1_000):
        if len(service.batches) >= batches:
            return
        await asyncio.sleep(0)
    pytest.fail("no batch began")


def test_what_comes_in_one_turn_of_the_loop_is_one_batch() -> None:
    service, numbers = Service(), range(14, 78)

    async def come() -> None:
        async with started(service) as queue:
            assert await all_of(queue, *numbers) == [2 * number for number in numbers]

    asyncio.run(come())
    assert service.batches == [list(numbers)]
    assert service.on_loop == [True]


def test_what_comes_while_a_batch_is_served_is_the_next_one() -> None:
    service = Service()

    async def come() -> None:
        async with started(service) as queue:
            service.may_go_on.clear()
            first = asyncio.ensure_future(all_of(queue, 1, 2))
            await begun(service, 1)
            others = [asyncio.ensure_future(queue.submit(number)) for number in (3, 4)]
            await asyncio.sleep(0.01)
            others.append(asyncio.ensure_future(queue.submit(5)))
            await asyncio.sleep(0.01)
            service.may_go_on.set()
            assert await first == [2, 4]
            assert await asyncio.gather(*others) == [6, 8, 10]

    asyncio.run(come())
    assert service.batches == [[1, 2], [3, 4, 5]]


def test_who_is_back_first_waits_a_moment_for_the_others() -> None:
    service = Service()

    async def come() -> None:
        async with started(service) as queue:
            service.may_go_on.clear()
            first = asyncio.ensure_future(all_of(queue, *range(20, 30)))
            await begun(service, 1)
            await asyncio.sleep(0.5)  # so long does the batch take: a tenth of it is the patience
            service.may_go_on.set()
            await first
            early = asyncio.ensure_future(queue.submit(1))
            await asyncio.sleep(0.005)
            assert await all_of(queue, *range(2, 10)) == [2 * number for number in range(2, 10)]
            assert await early == 2
            # Nobody else comes: it is not for long.
            start = time.monotonic()
            assert await queue.submit(1) == 2
            assert time.monotonic() - start < 5

    asyncio.run(come())
    assert service.batches == [list(range(20, 30)), list(range(1, 10)), [1]]


def test_batches_that_are_served_abreast_each_take_their_part() -> None:
    service, numbers = Service(), range(14, 54)

    async def come() -> None:
        async with started(service, abreast=2) as queue:
            service.may_go_on.clear()
            waiting = asyncio.ensure_future(all_of(queue, *numbers))
            await begun(service, 2)
            more = asyncio.ensure_future(queue.submit(1))
            await asyncio.sleep(0.01)
            assert len(service.batches) == 2
            service.may_go_on.set()
            assert await waiting == [2 * number for number in numbers]
            assert await more == 2
            assert await all_of(queue, 1, 2, 3) == [2, 4, 6]  # too few to be cut

    asyncio.run(come())
    assert service.batches == [list(range(14, 34)), list(range(34, 54)), [1], [1, 2, 3]]


def test_a_long_batch_is_served_beside_the_loop() -> None:
    service = Service()

    async def come() -> None:
        async with started(service, longest=4) as queue:
            assert await all_of(queue, 500, 600) == [1000, 1200]

    asyncio.run(come())
    assert service.on_loop == [False]


def test_a_batch_has_a_largest_size_and_one_alone_may_be_larger() -> None:
    service = Service()

    async def come() -> None:
        async with started(service, largest=4) as queue:
            assert await all_of(queue, 200, 200, 900, 1, 100) == [400, 400, 1800, 2, 200]

    asyncio.run(come())
    assert service.batches == [[200, 200], [900], [1, 100]]


def test_one_that_is_refused_fails_alone_and_a_fault_all_of_its_batch() -> None:
    service = Service()

    async def come() -> None:
        async with started(service) as queue:
            two, refused = await all_of(queue, 1, 13)
            assert two == 2
            assert isinstance(refused, RecordNotFound)
            faults = await all_of(queue, 1, 99)
            assert [type(fault) for fault in faults] == [ZeroDivisionError] * 2
            assert await all_of(queue, 5) == [10]  # and it goes on

    asyncio.run(come())


def test_who_finds_it_full_or_ended_is_turned_away() -> None:
    service = Service()

    async def crowd() -> None:
        async with started(service, fullest=10) as queue:
            service.may_go_on.clear()
            waiting = asyncio.ensure_future(all_of(queue, *[1] * 12))
            await asyncio.sleep(0.01)
            service.may_go_on.set()
            assert [type(one) for one in await waiting] == [int] * 10 + [Busy] * 2
        with pytest.raises(Busy):
            await queue.submit(1)

    asyncio.run(crowd())


def test_what_waits_at_the_end_is_served() -> None:
    service = Service()

    async def leave() -> None:
        async with started(service, largest=2) as queue:
            waiting = [asyncio.ensure_future(queue.submit(number)) for number in (1, 2, 3)]
            await asyncio.sleep(0)
        assert await asyncio.gather(*waiting) == [2, 4, 6]

    asyncio.run(leave())
    assert service.batches == [[1, 2], [3]]


def test_a_loop_that_is_ended_in_the_middle_of_a_batch_ends() -> None:
    service = Service()

    async def cut() -> None:
        async with asyncio.timeout(10), started(service) as queue:
            service.may_go_on.clear()
            asking = asyncio.ensure_future(queue.submit(1))
            await begun(service, 1)
            (serving,) = asyncio.all_tasks() - {asking, asyncio.current_task()}
            serving.cancel()
            await asyncio.wait([serving])
            assert serving.cancelled()
            service.may_go_on.set()
        asking.cancel()

    asyncio.run(cut())


def test_a_client_that_went_away_costs_nobody_their_answer() -> None:
    service = Service()

    async def one_leaves() -> None:
        async with started(service) as queue:
            service.may_go_on.clear()
            gone = asyncio.ensure_future(queue.submit(1))
            others = [asyncio.ensure_future(queue.submit(number)) for number in (2, 3)]
            await begun(service, 1)
            gone.cancel()
            await asyncio.sleep(0)
            service.may_go_on.set()
            assert await asyncio.gather(*others) == [4, 6]

    asyncio.run(one_leaves())


def test_whose_client_is_gone_before_the_batch_begins_is_dropped() -> None:
    service = Service()

    async def one_leaves() -> None:
        async with started(service) as queue:
            service.may_go_on.clear()
            first = asyncio.ensure_future(queue.submit(1))
            await begun(service, 1)
            gone = asyncio.ensure_future(queue.submit(2, is_gone=lambda: True))
            cancelled = asyncio.ensure_future(queue.submit(3))
            here = asyncio.ensure_future(queue.submit(4, is_gone=lambda: False))
            await asyncio.sleep(0)
            cancelled.cancel()
            service.may_go_on.set()
            assert (await first, await here) == (2, 8)
            with pytest.raises(Unavailable, match="nothing was done"):
                await gone

    asyncio.run(one_leaves())
    assert service.batches == [[1], [4]]


def test_who_is_cancelled_learns_whether_it_was_begun() -> None:
    service = Service()

    async def both_leave() -> None:
        queue = Queue(service.serve, largest=1, fullest=9, left=lambda: Stopping(outcome="unknown"))
        service.may_go_on.clear()
        served, waiting = (asyncio.ensure_future(queue.submit(number)) for number in (1, 2))
        await begun(service, 1)
        assert [queue.is_served(task) for task in (served, waiting)] == [True, False]
        served.cancel()
        waiting.cancel()
        with pytest.raises(Stopping):
            await served
        with pytest.raises(asyncio.CancelledError):
            await waiting
        service.may_go_on.set()
        await queue.stop()

    asyncio.run(both_leave())
    assert service.batches == [[1]]


def test_who_has_waited_for_too_long_is_turned_away() -> None:
    service = Service()

    async def wait_long() -> None:
        queue = Queue(service.serve, largest=1, fullest=9, longest_wait_s=0.2)
        service.may_go_on.clear()
        first = asyncio.ensure_future(queue.submit(1))
        await begun(service, 1)
        with pytest.raises(Busy, match=r"more than 0\.2 s; nothing was done"):
            await queue.submit(2)
        service.may_go_on.set()
        assert await first == 2
        await queue.stop()

    asyncio.run(wait_long())
    assert service.batches == [[1]]
