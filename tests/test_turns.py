"""Threads take turns, first come, first served."""

import threading
import time

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from offset.turns import Turns


def test_turns_are_taken_in_the_order_of_coming() -> None:
    turns, order = Turns(), list[int]()

    def take(number: int) -> None:
        with turns.taken():
            order.append(number)

    with turns.taken():
        threads = []
        for number in range(8):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            while len(turns._waiting) < number + 2:
                time.sleep(0.001)
        assert order == []
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def test_one_thread_at_a_time_has_its_turn() -> None:
    turns, inside, most = Turns(), 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(200):
            with turns.taken():
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)


def test_who_waits_too_long_leaves_and_holds_up_nobody() -> None:
    turns = Turns(patience_s=0.05)
    refused: list[Exception] = []

    def wait() -> None:
        try:
            with turns.taken():
                pass
        except PoolTimeout as error:
            refused.append(error)

    with turns.taken():
        threads = [threading.Thread(target=wait) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(refused) == 3
    with turns.taken():
        pass


def test_a_turn_ends_with_an_exception_too() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.taken():
        raise ZeroDivisionError
    with turns.taken():
        pass
