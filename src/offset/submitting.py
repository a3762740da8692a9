"""From what a caller sends to a unit of commands, and from its results to the answer."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from offset.answers import HOLDINGS_SHOWN, PARTS_TAKEN, act_view, etag, record_view
from offset.core.canonical import canonical_json
from offset.core.commands import ANYONE, Cancel, Command, Create, Details, Retire, Sell, Take
from offset.core.errors import BatchRefused, InvalidField, OffsetError, SerialUnparsed
from offset.core.events import EXTRA_FIELDS
from offset.core.records import issuance
from offset.event_ids import new_event_id
from offset.problems import invalid, problem, status_of
from offset.registries import read_serial
from offset.registries.vintages import check_vintage
from offset.schemas import (
    BATCH_COMMANDS,
    BatchCreate,
    CancelPart,
    CreateRecord,
    RetirePart,
    SellPart,
    SendBatch,
)
from offset.units import Answer, Done, Key, Result, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """How this server reads what is sent: `refuse_unparsed` turns opaque serials away."""

    refuse_unparsed: bool = False

    def create(self, body: CreateRecord) -> Create:
        """Make the command of a create.

        Raises:
            Invalid: the five fields cannot make a record.
        """
        record = issuance(
            project_name=body.project_name,
            registry=body.registry,
            vintage=body.vintage,
            quantity_g=body.quantity,
            serial_number=body.serial_number,
            read_serial=read_serial,
            first_holder=body.holder,
            extra={name: getattr(body, name) for name in EXTRA_FIELDS},
            effective_on=body.effective_on,
        )
        if self.refuse_unparsed and not record.serial.parsed:
            text = record.serial.text
            raise SerialUnparsed(f"serial {text}: no grammar reads it", serial_number=text)
        check_vintage(record)
        details = _details(body.details, private=body.private)
        return Create(event_id=new_event_id(), record=record, details=details)

    def single(
        self,
        command: Command,
        *,
        key: Key | None = None,
        shape: "Shape | None" = None,
    ) -> Unit:
        """Make the unit of one command."""
        chosen = shape or (shape_create if isinstance(command, Create) else shape_act)
        return Unit(commands=(command,), shape=lambda results: chosen(results[0]), key=key)

    def batch(self, body: SendBatch, *, key: Key | None = None) -> Unit:
        """Make the unit of a batch; an item that can never be right keeps its place as an error."""
        commands = tuple(self._item(item) for item in body.commands)
        shape = _shape_atomic if body.atomic else _shape_each
        return Unit(
            commands=commands,
            shape=shape,
            atomic=body.atomic,
            key=key,
            shows_history=len(commands) <= LARGEST_SHOWN,
        )

    def _item(self, item: Any) -> Command | OffsetError:
        name = item.get("command") if isinstance(item, dict) else None
        model = BATCH_COMMANDS.get(name) if isinstance(name, str) else None
        if model is None:
            return InvalidField("command has to be create, sell, retire or cancel")
        try:
            sent = model.model_validate(item)
            return (
                self.create(sent)
                if isinstance(sent, BatchCreate)
                else take(sent.record_id, sent, None)
            )
        except ValidationError as error:
            return invalid(error)
        except OffsetError as error:
            return error


def take(
    record_id: str, body: SellPart | RetirePart | CancelPart, expected_seq: int | None
) -> Take:
    """Make the command of a sale, a retirement or a cancellation."""
    common: dict[str, Any] = {
        "event_id": new_event_id(),
        "record_id": record_id,
        "quantity_g": body.quantity,
        "serial_first": body.serial_first,
        "serial_last": body.serial_last,
        "effective_on": body.effective_on,
        "expected_seq": expected_seq,
    }
    named = body.model_fields_set
    match body:
        case SellPart():
            words = {"price": body.price, "currency": body.currency, "note": body.note}
            private = body.price is not None if body.private is None else body.private
            return Sell(
                **common,
                buyer=body.to,
                holder=body.from_ if "from_" in named else ANYONE,
                details=_details(body.details, private=private, **words),
            )
        case RetirePart():
            words = {"beneficiary": body.beneficiary, "note": body.note}
            return Retire(
                **common,
                holder=body.holder if "holder" in named else ANYONE,
                purpose=body.purpose,
                country=body.country,
                details=_details(body.details, private=body.private, **words),
            )
        case CancelPart():
            return Cancel(
                **common,
                holder=body.holder if "holder" in named else ANYONE,
                cause=body.cause,
                converted_to=body.converted_to,
                details=_details(body.details, private=body.private, reason=body.reason),
            )


def fingerprint(method: str, path: str, body: Any) -> bytes:
    """Hash a request, so that a key can be held to it: method, path and canonical body."""
    try:
        canonical = canonical_json(body)
    except ValueError:  # numbers outside the leaf's profile: their own spelling
        canonical = json.dumps(body, sort_keys=True, default=str).encode()
    return sha256(f"{method}\n{path}\n".encode() + canonical).digest()


def _details(
    more: Mapping[str, str] | None, *, private: bool, **words: str | None
) -> Details | None:
    content = {**(more or {}), **{name: text for name, text in words.items() if text is not None}}
    if not content:
        return None
    return Details(salt=secrets.token_bytes(16), content=content, private=private)


LARGEST_SHOWN: Final = 100  # commands; the items of a larger batch show no events and holdings
_PARTS_OF_BATCH: Final = 10_000


class Share(NamedTuple):
    """How much an answer shows at most: events, parts taken, and holdings of a record.

    `whole` is whether it shows what repeats the record's serial number and other fields.
    """

    events: int
    parts: int
    holdings: int
    created_holdings: int
    whole: bool = True


ALONE: Final = Share(events=1_000, parts=PARTS_TAKEN, holdings=10, created_holdings=HOLDINGS_SHOWN)
Shape = Callable[[Result], Answer]


def shape_create(result: Result, *, shown: Share = ALONE) -> Answer:
    """Answer a create: 201 with the new record, 200 with the one that was there."""
    if isinstance(result, OffsetError):
        return shape_problem(result)
    location = f"/records/{result.state.record.id}"
    events = result.history[-shown.events :] if shown.events else ()
    return Answer(
        status=201 if result.events else 200,
        body=record_view(
            result.state, events, holdings_shown=shown.created_holdings, whole=shown.whole
        ),
        headers={"Location": location, "ETag": etag(result.state)},
    )


def shape_act(result: Result, *, shown: Share = ALONE) -> Answer:
    """Answer a sale, a retirement or a cancellation with the state that it left."""
    if isinstance(result, OffsetError):
        return shape_problem(result)
    body = act_view(
        result.state,
        result.events,
        result.history[-shown.events :] if shown.events else (),
        largest=shown.parts,
        holdings_shown=shown.holdings,
        whole=shown.whole,
    )
    return Answer(status=200, body=body, headers={"ETag": etag(result.state)})


def shape_problem(error: OffsetError) -> Answer:
    """Answer with an error."""
    return Answer(status=status_of(error), body=problem(error))


def _shape_one(result: Result, shown: Share) -> Answer:
    if isinstance(result, Done) and (not result.events or result.events[0].type == "CREATED"):
        return shape_create(result, shown=shown)
    return shape_act(result, shown=shown)


def _share(count: int) -> Share:
    """Divide what an answer may show among the items of a batch."""
    if count > LARGEST_SHOWN:
        parts = max(1, _PARTS_OF_BATCH // count)
        return Share(events=0, parts=min(10, parts), holdings=0, created_holdings=0, whole=False)
    return Share(events=10, parts=max(10, PARTS_TAKEN // count), holdings=10, created_holdings=10)


def _shape_each(results: Sequence[Result]) -> Answer:
    shown = _share(len(results))
    answers = [_shape_one(result, shown) for result in results]
    items = [{"status": answer.status, "body": answer.body} for answer in answers]
    return Answer(status=200, body={"items": items})


def _shape_atomic(results: Sequence[Result]) -> Answer:
    failed = results[-1]
    if not isinstance(failed, OffsetError):
        return _shape_each(results)
    index = len(results) - 1
    refused = BatchRefused(
        f"command {index} was refused, so none was done: {failed.detail}",
        index=index,
        problem=problem(failed),
    )
    return Answer(status=status_of(failed), body={**problem(refused), "status": status_of(failed)})
