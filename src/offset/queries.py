"""The public shapes of what a caller asks for in a query string."""

import base64
import binascii
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from offset.answers import Json
from offset.core.canonical import (
    FIRST_VINTAGE,
    LAST_VINTAGE,
    canonical_registry,
    canonical_serial,
    canonical_vintage,
    display_text,
    is_decimal,
)
from offset.core.errors import BadCursor, InvalidField, InvalidVintage
from offset.core.records import Status
from offset.core.serials import LARGEST_NUMBER
from offset.listing import UNNAMED, Filters, Unnamed
from offset.reading import LARGEST_PAGE
from offset.registries import find_serial
from offset.schemas import HOLDER_SHAPE, Sent, read_holder, reads

_LONGEST_NUMBER: Final = len(str(LARGEST_NUMBER))  # digits


def _natural(value: Any, largest: int = LARGEST_NUMBER) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        if not (isinstance(value, str) and value.isascii() and value.isdigit()):
            raise InvalidField("has to be a whole number")
        value = int(value) if len(value) <= _LONGEST_NUMBER else largest + 1
    if not 0 <= value <= largest:
        raise InvalidField(f"has to be at most {largest}")
    return int(value)


def _limit(value: Any) -> int:
    if _natural(value, LARGEST_PAGE) == 0:
        raise InvalidField("has to be at least 1")
    return _natural(value, LARGEST_PAGE)


def _year(value: Any) -> int:
    try:
        if isinstance(value, str) and is_decimal(value):
            return canonical_vintage(value)
    except InvalidVintage:
        pass
    raise InvalidField(f"has to be a year from {FIRST_VINTAGE} to {LAST_VINTAGE}")


def _words(value: Any) -> str:
    return display_text(str(value), largest=500)


def _name(value: Any) -> str:
    return display_text(str(value), largest=200)


def _asked_holder(value: Any) -> str | Unnamed:
    return UNNAMED if value == "null" else read_holder(value)


def _flag(value: Any) -> bool:
    if value not in ("true", "false"):
        raise InvalidField("has to be true or false")
    return bool(value == "true")


def _status(value: Any) -> str:
    if value not in {status.value for status in Status}:
        raise InvalidField(f"has to be one of {', '.join(Status)}")
    return str(value)


def _whole(shape: Json) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", **shape})


Limit = Annotated[
    int, reads(_limit), _whole({"minimum": 1, "maximum": LARGEST_PAGE, "default": 50})
]
# None where a parameter is not given; their shapes have no null, which a query cannot say.
Year = Annotated[
    int | None, reads(_year), _whole({"minimum": FIRST_VINTAGE, "maximum": LAST_VINTAGE})
]
Natural = Annotated[int, reads(_natural), _whole({"minimum": 0, "maximum": LARGEST_NUMBER})]
After = Annotated[int | None, reads(_natural), _whole({"minimum": 0, "maximum": LARGEST_NUMBER})]
Text = Annotated[
    str | None,
    reads(_words),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 500}),
]
AskedStatus = Annotated[
    str | None,
    reads(_status),
    WithJsonSchema({"type": "string", "enum": [status.value for status in Status]}),
]
AskedHolder = Annotated[
    str | Unnamed | None,
    reads(_asked_holder),
    WithJsonSchema(
        {
            **HOLDER_SHAPE.json_schema,
            "description": "An account code; `null` is the unnamed issuer.",
        }
    ),
]
FileName = Annotated[
    str, reads(_name), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200})
]
Flag = Annotated[bool, reads(_flag), WithJsonSchema({"type": "boolean", "default": False})]
Cursor = Annotated[
    str | None,
    reads(str),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}),
]


class Format(Sent):
    """In which form to answer."""

    format: Literal["json"] = "json"


class RecordsQuery(Sent):
    """Which records to list."""

    registry: Text = None
    vintage: Year = None
    vintage_from: Year = None
    vintage_to: Year = None
    status: AskedStatus = None
    holder: AskedHolder = None
    project_name: Annotated[Text, Field(description="Text in the project's name.")] = None
    serial: Annotated[Text, Field(description="A serial number, or a range.")] = None
    limit: Limit = 50
    cursor: Annotated[Cursor, Field(description="The `next` of the page before.")] = None

    def after_number(self) -> int:
        """Give the number of the record after which the page begins.

        Raises:
            BadCursor: the cursor was not given by this server.
        """
        return -1 if self.cursor is None else _number_of(self.cursor)

    def filters(self) -> Filters:
        """Turn what was asked into values."""
        serial = None
        if self.serial is not None:
            text = canonical_serial(self.serial)
            serial = find_serial(text)
            if serial is None:
                raise InvalidField(f"serial: no grammar reads {text}; look it up at /serials")
        return Filters(
            registry=None if self.registry is None else canonical_registry(self.registry),
            vintage=self.vintage,
            vintage_from=self.vintage_from,
            vintage_to=self.vintage_to,
            status=self.status,
            holder=self.holder,
            project_name=self.project_name,
            serial=serial,
        )


class EventsQuery(Sent):
    """From where to read events."""

    after: Annotated[After, Field(description="Read on after this one.")] = None
    limit: Limit = 50


class HoldingsQuery(Sent):
    """From where to read a record's holdings."""

    after: Annotated[After, Field(description="Read on at this gram: the last page's `next`.")] = (
        None
    )
    limit: Limit = 50


class ImportQuery(Sent):
    """What to call a file that is imported, and whether to leave the ledger as it is."""

    name: Annotated[FileName, Field(description="The file's name, to know it again by.")]
    dry_run: Annotated[Flag, Field(description="Leave the ledger as it is.")] = False
    dates: Annotated[
        Literal["dmy", "mdy", "ymd"] | None,
        Field(description="How dates are written whose own column does not tell."),
    ] = None


class ImportsQuery(Sent):
    """How many imports to list."""

    limit: Limit = 50


class ConsistencyQuery(Sent):
    """Two sizes of the log."""

    from_: Annotated[Natural, Field(alias="from", description="Events of the older tree.")]
    to: Annotated[Natural, Field(description="Events of the newer tree.")]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ > self.to:
            raise PydanticCustomError(InvalidField.code, "from is more than to")
        return self


class WriteQuery(Sent):
    """What a write waits for."""

    wait: Annotated[
        Literal["proof"] | None,
        Field(description="`proof`: answer when a checkpoint covers the event, 10 s at most."),
        WithJsonSchema({"type": "string", "enum": ["proof"]}),
    ] = None


class SerialQuery(Sent):
    """Whose serial number it is, where no grammar can tell."""

    registry: Text = None


def cursor_of(number: int) -> str:
    """Make the cursor that goes on after a record's number."""
    return base64.urlsafe_b64encode(f"r{number}".encode()).decode().rstrip("=")


def _number_of(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor[:100] + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        raise BadCursor("the cursor was not given by this server") from None
    if not (text[:1] == "r" and text[1:].isascii() and text[1:].isdigit() and len(text) < 18):
        raise BadCursor("the cursor was not given by this server")
    number = int(text[1:])
    if cursor_of(number) != cursor:  # base64 overlooks characters that are not its own
        raise BadCursor("the cursor was not given by this server")
    return number
