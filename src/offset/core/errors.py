"""Everything the ledger refuses: one tree, each error with a stable public code.

    OffsetError
    ├── Malformed               the request cannot be read
    │   ├── MalformedJson  BadCursor  BadHeader
    ├── HeadersTooLarge  NotLocal  Misdirected  MethodNotAllowed  UnsupportedMediaType  TooLarge
    ├── Invalid                 it can be read, and can never be right
    │   ├── InvalidField  InvalidQuantity  InvalidText  InvalidVintage  InvalidHolder
    │   ├── QuantityMismatch  VintageMismatch  SerialMalformed  RegistryMismatch  SerialUnparsed
    │   ├── SerialOutsideRecord  HolderRequired  SameHolder  KeyReused
    │   ├── UnreadableFile  UnknownFile  UnknownColumn  AmbiguousDates
    │   ├── LogMalformed  NotSigned  NotProven  NotWitnessed  LogForked
    ├── Missing                 it names something that is not there
    │   ├── PageNotFound  RecordNotFound  EventNotFound  RetirementNotFound  SerialNotFound
    │   ├── ImportNotFound  TileNotFound
    ├── Refused                 the ledger's present state does not allow it
    │   ├── RecordDiffers  SerialOverlap  IssuedBySerial  IssuanceDiffers
    │   ├── AlreadySold  AlreadyRetired  AlreadyCancelled  NotHeld  InsufficientQuantity
    │   ├── NoDetails  AlreadyErased  PlannedCredits  BatchRefused
    ├── PreconditionFailed      the record has moved on since the caller looked
    ├── Unavailable             try again later
    │   ├── Busy  Stopping  DatabaseUnavailable  NotPublished  LogUnreachable
    ├── Unfit                   the server or a command cannot start like this
    │   ├── LogCorrupt  LogRolledBack
    └── Internal                a fault of the server itself

A code never changes its meaning. The first line of each docstring is what `GET /errors/{code}`
says; the message of an error names the thing and the fact, and `facts` are its typed members.
After an error nothing was done, unless its fact `outcome` is "unknown"; only a class whose
`may_be_done` is true can have that fact.
"""

from collections.abc import Iterator
from typing import ClassVar

Fact = str | int | float | bool | None | list["Fact"] | dict[str, "Fact"]


class OffsetError(Exception):
    """Offset refused to do this."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Refused"
    may_be_done: ClassVar[bool] = False

    def __init__(self, detail: str, **facts: Fact) -> None:
        assert self.may_be_done or "outcome" not in facts
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


def tree(root: type[OffsetError] = OffsetError) -> Iterator[type[OffsetError]]:
    """Walk the error classes from `root` down."""
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


class Malformed(OffsetError):
    """The request is not well formed."""

    code = "malformed-request"
    title = "The request is not well formed"


class MalformedJson(Malformed):
    """The body is not JSON as RFC 8259 and I-JSON define it: no duplicate keys, NaN or NUL."""

    code = "malformed-json"
    title = "The body is not well-formed JSON"


class BadCursor(Malformed):
    """The cursor was not given by this server for this list."""

    code = "bad-cursor"
    title = "The cursor is not one of ours"


class BadHeader(Malformed):
    """A header of the request has a value that cannot be read."""

    code = "bad-header"
    title = "A header cannot be read"


class HeadersTooLarge(OffsetError):
    """The request's headers are larger than 16 KiB."""

    code = "headers-too-large"
    title = "The headers are too large"


class NotLocal(OffsetError):
    """Without keys the server answers only this machine, and no other site's pages."""

    code = "open-mode-is-local"
    title = "Without keys the server answers only this machine"


class Misdirected(OffsetError):
    """The Host header names a server that this is not."""

    code = "misdirected"
    title = "This server does not answer for that host"


class MethodNotAllowed(OffsetError):
    """The path exists, but not with this method."""

    code = "method-not-allowed"
    title = "Method not allowed"


class UnsupportedMediaType(OffsetError):
    """The body is of another media type than this call takes, or has a content encoding."""

    code = "unsupported-media-type"
    title = "The body's media type is not one that this call takes"


class TooLarge(OffsetError):
    """The body is larger than this call accepts."""

    code = "too-large"
    title = "The body is too large"


class Invalid(OffsetError):
    """The request can be read, but it can never be right."""

    code = "invalid"
    title = "The request is not valid"


class InvalidField(Invalid):
    """One or more fields are missing, unknown, of the wrong type or out of range."""

    code = "invalid-field"
    title = "A field is not valid"


class InvalidQuantity(Invalid):
    """A quantity is a positive number of tonnes, no finer than a gram, at most 4,000,000,000 t."""

    code = "invalid-quantity"
    title = "The quantity is not valid"


class InvalidText(Invalid):
    """A text is empty, too long, or has a control or unassigned (Unicode 14.0) character."""

    code = "invalid-text"
    title = "The text is not valid"


class InvalidVintage(Invalid):
    """A vintage is a year, or a period that counts as the year it starts, from 1900 to 2199."""

    code = "invalid-vintage"
    title = "The vintage is not valid"


class InvalidHolder(Invalid):
    """An account code has a-z, 0-9, dot, underscore and hyphen, at most 64; `null` is none."""

    code = "invalid-holder"
    title = "The holder is not valid"


class QuantityMismatch(Invalid):
    """The quantity is not the number of credits that the serial number covers."""

    code = "quantity-mismatch"
    title = "The quantity differs from the serial range"


class VintageMismatch(Invalid):
    """The vintage or its period is none that the serial number states."""

    code = "vintage-mismatch"
    title = "The vintage differs from the serial number's"


class SerialMalformed(Invalid):
    """The text has a serial number in it, with something around or inside it that is not one."""

    code = "serial-malformed"
    title = "The serial number is malformed"


class RegistryMismatch(Invalid):
    """The serial number is one of another registry."""

    code = "registry-mismatch"
    title = "The serial number belongs to another registry"


class SerialUnparsed(Invalid):
    """No grammar reads this serial number, and this server accepts only those that one reads."""

    code = "serial-unparsed"
    title = "The serial number cannot be read"


class SerialOutsideRecord(Invalid):
    """The serial numbers asked for are not all the record's."""

    code = "serial-outside-record"
    title = "The serial numbers are not the record's"


class HolderRequired(Invalid):
    """Several holders could be meant, so one has to be named."""

    code = "holder-required"
    title = "A holder has to be named"


class SameHolder(Invalid):
    """A holder cannot sell to itself."""

    code = "same-holder"
    title = "Seller and buyer are the same"


class KeyReused(Invalid):
    """This Idempotency-Key was used before, for another request."""

    code = "idempotency-key-reused"
    title = "The Idempotency-Key was used for another request"


class UnreadableFile(Invalid):
    """The file is neither CSV nor XLSX, is empty or damaged, or has rows that are too long."""

    code = "unreadable-file"
    title = "The file cannot be read"


class UnknownFile(Invalid):
    """The file has none of the sets of columns by which registries' exports are known."""

    code = "unknown-file"
    title = "The file is no export that is known"


class UnknownColumn(Invalid):
    """The file has a column twice, or one that its kind does not have and that may matter."""

    code = "unknown-column"
    title = "The file has an unknown column"


class AmbiguousDates(Invalid):
    """The dates of a column do not tell the day from the month, or contradict each other."""

    code = "ambiguous-dates"
    title = "Days and months cannot be told apart"


class LogMalformed(Invalid):
    """A note, key, policy, proof, tile, bundle or leaf is not written as its format says."""

    code = "log-malformed"
    title = "This is not written as a log's formats say"


class NotSigned(Invalid):
    """The note has no signature of a key that has to sign it, or a wrong one."""

    code = "not-signed"
    title = "The note is not signed as it has to be"


class NotProven(Invalid):
    """The proof does not lead from the leaf, or from the older tree, to the root."""

    code = "not-proven"
    title = "The proof does not hold"


class NotWitnessed(Invalid):
    """Too few of the policy's witnesses cosigned the checkpoint."""

    code = "not-witnessed"
    title = "The policy's quorum did not cosign"


class LogForked(Invalid):
    """Two signed checkpoints of a log contradict each other: its history was rewritten."""

    code = "log-forked"
    title = "The log's history was rewritten"


class Missing(OffsetError):
    """What the request names is not there."""

    code = "not-found"
    title = "Not found"


class PageNotFound(Missing):
    """There is nothing at this path."""

    code = "page-not-found"
    title = "Nothing is here"


class RecordNotFound(Missing):
    """No record has this id."""

    code = "record-not-found"
    title = "No such record"


class EventNotFound(Missing):
    """No event has this id."""

    code = "event-not-found"
    title = "No such event"


class RetirementNotFound(Missing):
    """No retirement has this id."""

    code = "retirement-not-found"
    title = "No such retirement"


class SerialNotFound(Missing):
    """No record covers this serial number."""

    code = "serial-not-found"
    title = "No record covers this serial number"


class TileNotFound(Missing):
    """The log has no such tile or entry bundle."""

    code = "tile-not-found"
    title = "No such tile"


class ImportNotFound(Missing):
    """No import has this id."""

    code = "import-not-found"
    title = "No such import"


class Refused(OffsetError):
    """The present state of the ledger does not allow this."""

    code = "refused"
    title = "The ledger refuses this"


class RecordDiffers(Refused):
    """The record exists already, with other optional fields."""

    code = "record-differs"
    title = "The record exists with other fields"


class SerialOverlap(Refused):
    """Another record covers some of these serial numbers already."""

    code = "serial-overlap"
    title = "Another record covers these serial numbers"


class IssuedBySerial(Refused):
    """The project's vintage stands in the ledger by serial numbers, or without: not in both."""

    code = "issued-by-serial"
    title = "The project's vintage is issued in the other form"


class IssuanceDiffers(Refused):
    """Another record states something else of the same issuance."""

    code = "issuance-differs"
    title = "Another record contradicts this one's issuance"


class AlreadySold(Refused):
    """What is asked for was sold already."""

    code = "already-sold"
    title = "Already sold"


class AlreadyRetired(Refused):
    """What is asked for was retired already."""

    code = "already-retired"
    title = "Already retired"


class AlreadyCancelled(Refused):
    """What is asked for was cancelled already."""

    code = "already-cancelled"
    title = "Already cancelled"


class NotHeld(Refused):
    """The holder does not hold what is asked for."""

    code = "not-held"
    title = "The holder does not hold this"


class InsufficientQuantity(Refused):
    """More is asked for than is there."""

    code = "insufficient-quantity"
    title = "Not enough is left"


class NoDetails(Refused):
    """The event has no details that could be erased."""

    code = "no-details"
    title = "The event has no details"


class AlreadyErased(Refused):
    """The details of the event were erased before."""

    code = "already-erased"
    title = "The details are erased already"


class PlannedCredits(Refused):
    """The credits are planned: they are announced and not yet issued, so none can be retired."""

    code = "planned-credits"
    title = "The credits are only planned"


class BatchRefused(Refused):
    """One command of an atomic batch was refused, so none of it was done."""

    code = "batch-refused"
    title = "The batch was refused as a whole"


class PreconditionFailed(OffsetError):
    """The record has changed since the version that If-Match names."""

    code = "precondition-failed"
    title = "The record has changed"


class Unavailable(OffsetError):
    """The server cannot do this now; with an Idempotency-Key it is safe to try again."""

    code = "unavailable"
    title = "Try again later"


class Busy(Unavailable):
    """More requests are waiting than the server accepts."""

    code = "busy"
    title = "The server is busy"


class Stopping(Unavailable):
    """The server is ending; another one, or the next one, can do this."""

    code = "server-stopping"
    title = "The server is stopping"
    may_be_done = True

    def __init__(
        self, detail: str = "the server is stopping; nothing was done. Try again", **facts: Fact
    ) -> None:
        super().__init__(detail, **facts)


class DatabaseUnavailable(Unavailable):
    """The database is away, or did not answer in time."""

    code = "database-unavailable"
    title = "The database is not available"
    may_be_done = True


class LogUnreachable(Unavailable):
    """A file of a log could not be fetched or read."""

    code = "log-unreachable"
    title = "The log cannot be read"


class NotPublished(Unavailable):
    """No checkpoint of the log covers this yet."""

    code = "not-published"
    title = "The log has not published this yet"


class Unfit(OffsetError):
    """The server or a command cannot start with these settings or this database."""

    code = "unfit"
    title = "Cannot start"


class LogCorrupt(Unfit):
    """Stored events or tiles are not those that the log was made of: it is not signed."""

    code = "log-corrupt"
    title = "The log's data was changed"


class LogRolledBack(Unfit):
    """The database is older than what its log has signed: to sign again would fork the log."""

    code = "log-rolled-back"
    title = "The database is older than its log"


class Internal(OffsetError):
    """The server has a fault."""

    code = "internal"
    title = "The server failed"
    may_be_done = True

    def __init__(self, fault: Exception | None = None, *, committed: bool = False) -> None:
        if committed:
            super().__init__(
                "the server failed after the commit. Send the request again with the same "
                "Idempotency-Key, or look before sending it anew",
                outcome="unknown",
            )
        else:
            super().__init__("the server failed; nothing was done")
        self.fault = fault
