"""All that can be measured, by name: a section takes a database, ledgers and a plan."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from bench import calls
from bench.ledgers import Ledgers
from bench.rounds import Json, Plan

Section = Callable[[str, Ledgers, Plan], Json | None]

SECTIONS: Final[Mapping[str, Section]] = {
    **{call: partial(calls.measure, call) for call in calls.CALLS},
}
