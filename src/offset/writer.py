"""Group commit: units that arrive together share a transaction."""

from typing import Final

from offset.core.errors import OffsetError, Stopping
from offset.ledger import LARGEST_TRANSACTION, Ledger
from offset.queueing import Queue
from offset.units import Answer, Unit

LARGEST_QUEUE: Final = 20_000  # commands; more are turned away with 503


class Writer(Queue[Unit, Answer]):
    """The queue in front of a ledger: each answer comes after its unit's commit."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(
            ledger.commit,
            largest=LARGEST_TRANSACTION,
            fullest=LARGEST_QUEUE,
            size_of=lambda unit: len(unit.commands),
            left=_unanswered,
        )


def _unanswered() -> OffsetError:
    """Return the error of a client that is not kept until its batch has ended."""
    return Stopping(
        "the server is stopping, and this was being written: whether it is done is not known. "
        "Send it again with the same Idempotency-Key, or look before sending it anew",
        outcome="unknown",
    )
