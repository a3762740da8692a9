"""Records that are read together are each their own: what is wrong with one is no other's."""

from builders import created, opened
from offset.core.errors import Internal, RecordNotFound
from offset.models import events
from offset.reading import Reader
from tampering import at, change, unguarded


def test_a_record_that_cannot_be_shown_fails_alone(database_url: str) -> None:
    with opened(database_url) as ledger:
        ids = [created(ledger, first=first, last=first + 9) for first in (1, 11, 21)]
        with unguarded(database_url) as connection:
            change(events, at(1), leaf=b'{"at":')(connection)
        found = Reader(ledger.database).whole_records([*ids, "00" * 32, ids[0]])
        assert isinstance(found[1], Internal)
        assert isinstance(found[3], RecordNotFound)
        shown = [answer[1]["id"] for answer in found if isinstance(answer, tuple)]
        assert shown == [ids[0], ids[2], ids[0]]
