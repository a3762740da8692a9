"""Deciding is linear: twice the holders take twice the steps, counted as lines of Python."""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from types import FrameType
from typing import Any

import pytest

from offset.core.commands import Take, decide
from offset.core.records import RecordState
from states import a_record, after, new_state, retire, sell

HOLDERS = 600  # several chunks


def steps(act: Callable[[], object]) -> int:
    """Count the lines of Python that a call runs."""
    count = 0

    def trace(_: FrameType, what: str, __: Any) -> Any:
        nonlocal count
        count += what == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


def spread(holders: int) -> RecordState:
    """Make a state in which every holder has two holdings, with all the others' between them."""
    state = new_state(a_record(count=1))
    for number in range(2 * holders):
        state = after(state, sell(number, f"holder-{number % holders:04}", quantity_g=10))
    return state


def run(state: RecordState, commands: Iterable[Take]) -> RecordState:
    for command in commands:
        state = decide(state, command).state
    return state


def sales(count: int) -> list[Take]:
    return [sell(number, f"holder-{number:04}", quantity_g=10) for number in range(count)]


def ends(count: int) -> list[Take]:
    return [retire(number, holder=f"holder-{number:04}") for number in range(count)]


@pytest.mark.parametrize("kind", ["sales", "all at once", "one by one"])
def test_twice_the_holders_take_twice_the_steps(kind: str) -> None:
    took = []
    for holders in (HOLDERS, 2 * HOLDERS):
        if kind == "sales":
            state, commands = new_state(a_record(count=1)), sales(holders)
        else:
            state = spread(holders)
            commands = [retire(1)] if kind == "all at once" else ends(holders)
        took.append(steps(partial(run, state, commands)))
    assert took[1] / took[0] < 2.3, took
