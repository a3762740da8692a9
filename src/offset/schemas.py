"""The public JSON shapes of what a caller sends.

Models refuse unknown fields and read numbers strictly: `true` is no number and `"5"` no integer.
A quantity comes out in whole grams.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeVar

import iso3166
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from offset.core.canonical import (
    FIRST_VINTAGE,
    LAST_VINTAGE,
    canonical_vintage,
    display_text,
    is_decimal,
)
from offset.core.commands import CAUSES, LARGEST_BATCH, PURPOSES
from offset.core.errors import InvalidField, InvalidHolder, InvalidText, OffsetError
from offset.core.quantities import grams
from offset.core.serials import LARGEST_NUMBER

_HOLDER: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PRICE: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,8})?", re.ASCII)
_DETAIL_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_ONE_LINE_DETAILS: Final = ("beneficiary", "price", "currency", "account", "methodology")
_DIGITS: Final = "^([0-9]{1,15}|[0-8][0-9]{15}|900[0-6][0-9]{12})$"  # below 2**53
_YEAR: Final = "(19|20|21)[0-9]{2}"
_YEAR_TEXT: Final = rf"^0{{0,60}}{_YEAR}(\.0{{1,30}})?$"
_ISO_DAY: Final = f"{_YEAR}-[01][0-9]-[0-3][0-9]"
_DAY_FIRST: Final = f"[0-3][0-9]/[01][0-9]/{_YEAR}"
_PERIOD: Final = (
    f"^({_YEAR} ?- ?{_YEAR}|{_ISO_DAY} ?[-/] ?{_ISO_DAY}|{_DAY_FIRST} ?- ?{_DAY_FIRST})$"
)
_COUNTRIES: Final = frozenset(iso3166.countries_by_alpha2)

T = TypeVar("T")


def reads(read: Callable[[Any], T], *, shown_as: Any = Any) -> PlainValidator:
    """Make a validator of a function that refuses with one of our own errors.

    `shown_as` is the type that the OpenAPI document shows.
    """

    def validate(value: Any) -> T:
        try:
            return read(value)
        except OffsetError as error:
            raise PydanticCustomError(error.code, "{detail}", {"detail": error.detail}) from error

    return PlainValidator(validate, json_schema_input_type=shown_as)


def _text(value: Any, largest: int, *, multiline: bool = False) -> str:
    if not isinstance(value, str):
        raise InvalidField("has to be a text")
    return display_text(value, largest=largest, multiline=multiline)


def read_holder(value: Any) -> str:
    """Read an account code."""
    if value == "null":
        raise InvalidHolder('"null" is no account code: it names the unnamed issuer in a query')
    if not isinstance(value, str) or not _HOLDER.fullmatch(value):
        raise InvalidHolder("has to be an account code: a-z, 0-9, '.', '_', '-', at most 64")
    return value


def _day(value: Any) -> str:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise InvalidField("has to be a day, as in 2026-01-31")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise InvalidField("has to be a day of the calendar, as in 2026-01-31") from None
    if not FIRST_VINTAGE <= day.year <= LAST_VINTAGE:
        raise InvalidField(f"{value}: has to be a day from {FIRST_VINTAGE} to {LAST_VINTAGE}")
    return value


def _integer(value: Any) -> Any:
    """Give an integer that was written with a point or an exponent: 2020.0 is 2020 in JSON."""
    if isinstance(value, Decimal) and value.adjusted() < 18 and value == int(value):
        return int(value)
    return value


def _vintage(value: Any) -> int | str:
    value = _integer(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InvalidField("has to be a year, or a period as text")
    # A text is looked at first: a later Unicode may have more digits.
    text = display_text(value, largest=100) if isinstance(value, str) else ""
    year = canonical_vintage(value)
    return text if text and not is_decimal(text) else year


def _number(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16:
        value = int(value)
    value = _integer(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_NUMBER:
        raise InvalidField(f"has to be a serial number from 0 to {LARGEST_NUMBER}")
    return value


def _country(value: Any) -> str:
    if not isinstance(value, str) or value not in _COUNTRIES:
        raise InvalidField("has to be a country as ISO 3166-1 alpha-2 writes it, as in KE")
    return value


def _price(value: Any) -> str:
    if isinstance(value, Decimal) and -20 < value.adjusted() < 20:
        value = format(value, "f")
    if isinstance(value, bool) or not isinstance(value, int | str) or len(str(value)) > 21:
        raise InvalidField("has to be a price: at most 12 digits, and 8 after the point")
    if not _PRICE.fullmatch(str(value)):
        raise InvalidField("has to be a price: at most 12 digits, and 8 after the point")
    return str(value)


def _currency(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{3}", value, re.ASCII):
        raise InvalidField("has to be a currency as ISO 4217 writes it, as in EUR")
    return value


def _details(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 50:
        raise InvalidField("has to be an object of at most 50 texts")
    for name in value:
        if not _DETAIL_NAME.fullmatch(name):
            raise InvalidField("has a name that is not of a-z, 0-9 and '_'")
    return {name: _detail(name, text) for name, text in value.items()}


def _detail(name: str, value: Any) -> str:
    try:
        return _text(value, 4_000, multiline=name not in _ONE_LINE_DETAILS)
    except (InvalidField, InvalidText) as error:
        raise type(error)(f"{name}: {error.detail}") from None


def _record_id(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value, re.ASCII):
        raise InvalidField("has to be a record's id: 64 hexadecimal digits in lower case")
    return value


def _shape(largest: int) -> WithJsonSchema:
    said = "Not blank, without control characters, and of characters that Unicode 14.0 assigns."
    return WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": largest, "description": said}
    )


Code = Annotated[str, reads(partial(_text, largest=100)), _shape(100)]
Name = Annotated[str, reads(partial(_text, largest=500)), _shape(500)]
Words = Annotated[str, reads(partial(_text, largest=4_000, multiline=True)), _shape(4_000)]
Quantity = Annotated[
    int,
    reads(grams),
    WithJsonSchema(
        {
            "description": "Tonnes of CO2e, exact to the gram; as a number or as decimal text.",
            "anyOf": [
                {"type": "number", "minimum": 0.000001, "maximum": 4_000_000_000},
                {"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,6})?$"},
            ],
            "examples": [1000, 0.25, "10.50"],
        }
    ),
]
HOLDER_SHAPE: Final = WithJsonSchema(
    {
        "type": "string",
        "pattern": f"^{_HOLDER.pattern}$",
        "description": "An account code; `null` is none.",
        "examples": ["acme"],
    }
)
Holder = Annotated[str, reads(read_holder), HOLDER_SHAPE]
Day = Annotated[
    str,
    reads(_day),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date",
            "pattern": f"^{_ISO_DAY}$",
            "examples": ["2026-01-31"],
        }
    ),
]
Vintage = Annotated[
    int | str,
    reads(_vintage),
    WithJsonSchema(
        {
            "description": "A year, as a number or as decimal text; or a period, which counts as "
            "the year it starts.",
            "anyOf": [
                {"type": "integer", "minimum": 1900, "maximum": 2199},
                {"type": "string", "pattern": _YEAR_TEXT, "examples": ["2020"]},
                {
                    "type": "string",
                    "pattern": _PERIOD,
                    "examples": ["2020-07-01/2021-06-30"],
                },
            ],
            "examples": [2020],
        }
    ),
]
SerialNumber = Annotated[
    int,
    reads(_number),
    WithJsonSchema(
        {
            "description": "One serial number of the record's range; as a number or as digits.",
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER},
                {"type": "string", "pattern": _DIGITS},
            ],
        }
    ),
]
Country = Annotated[
    str,
    reads(_country),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$", "examples": ["KE"]}),
]
Price = Annotated[
    str,
    reads(_price),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 999_999_999_999},
                {"type": "string", "pattern": f"^{_PRICE.pattern}$"},
            ],
            "description": "At most 12 digits, and 8 after the point; as a number or as text.",
            "examples": ["12.50"],
        }
    ),
]
Currency = Annotated[
    str,
    reads(_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["EUR"]}),
]
DetailTexts = Annotated[
    dict[str, str],
    reads(_details),
    WithJsonSchema(
        {
            "description": "Words beside the event. They can be erased; they are in no hash.",
            "type": "object",
            "maxProperties": 50,
            "propertyNames": {"pattern": f"^{_DETAIL_NAME.pattern}$"},
            "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 4000},
        }
    ),
]
RecordId = Annotated[
    str,
    reads(_record_id),
    WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{64}$"}),
]


_ISSUANCE: Final = {
    "project_name": "Two Rivers forest conservation",
    "registry": "Verra",
    "vintage": 2020,
    "quantity": 1000,
    "serial_number": "9001-5000001-5001000-VCS-VCU-999-VER-KE-14-9999-01012020-31122020-1",
}
_ITS_ID: Final = "bd921716de6518e083f7aa8f6df5b0b9819ee55b9586d7d873d4b46ad26a81e6"


def example(**fields: Any) -> ConfigDict:
    """Show an example of the body."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Sent(BaseModel):
    """What a caller sends: no unknown fields, no guessing of types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class CreateRecord(Sent):
    """An issuance: the five fields that make its id, and optional ones beside them."""

    model_config = example(**_ISSUANCE)

    project_name: Name
    registry: Code
    vintage: Vintage
    quantity: Quantity
    serial_number: Name
    holder: Holder | None = None
    project_id: Code | None = None
    country: Country | None = None
    methodology: Code | None = None
    vintage_start: Day | None = None
    vintage_end: Day | None = None
    planned: bool = Field(
        default=False, description="Announced and not yet issued, as some Gold Standard credits."
    )
    effective_on: Day | None = None
    details: DetailTexts | None = None
    private: bool = False

    @model_validator(mode="after")
    def _period(self) -> Self:
        start, end = self.vintage_start, self.vintage_end
        if start and end and end < start:
            raise PydanticCustomError(InvalidField.code, "vintage_end is before vintage_start")
        return self


def _without_default(shape: dict[str, Any]) -> None:
    shape.pop("default", None)


_LEFT_OUT: Any = Field(default=None, json_schema_extra=_without_default)


class _Part(Sent):
    """Which part of the record: a quantity, or serial numbers, or all there is."""

    # Left out or a value, never null: a quantity that a client failed to compute is not "all".
    quantity: Quantity = _LEFT_OUT
    serial_first: SerialNumber = _LEFT_OUT
    serial_last: SerialNumber = _LEFT_OUT
    effective_on: Day | None = None
    details: DetailTexts | None = None

    own_words: ClassVar[tuple[str, ...]] = ()  # fields that are details, too

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        for name in self.own_words:
            if getattr(self, name) is not None and name in (self.details or ()):
                raise PydanticCustomError(
                    InvalidField.code, "{name} is given twice: also in details", {"name": name}
                )
        return self

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        named = self.model_fields_set
        if ("serial_first" in named) != ("serial_last" in named):
            raise PydanticCustomError(
                InvalidField.code, "serial_first and serial_last belong together"
            )
        if "quantity" in named and "serial_first" in named:
            raise PydanticCustomError(
                InvalidField.code, "say a quantity or serial numbers, not both"
            )
        if "serial_first" in named and self.serial_last < self.serial_first:
            raise PydanticCustomError(InvalidField.code, "serial_last is below serial_first")
        return self


class SellPart(_Part):
    """A sale: to whom, and optionally from whom. A price is private unless said otherwise."""

    model_config = example(to="acme", quantity=250, price="12.50", currency="EUR")
    own_words = ("price", "currency", "note")

    to: Holder
    from_: Annotated[Holder | None, Field(alias="from", default=None)]
    price: Price | None = None
    currency: Currency | None = None
    note: Words | None = None
    private: bool | None = None


class RetirePart(_Part):
    """A retirement, on whose behalf and what for. Without a quantity: all that is left."""

    model_config = example(
        quantity=0.25,
        beneficiary="Bakery on the Corner",
        purpose="environmental-benefit",
        country="KE",
    )
    own_words = ("beneficiary", "note")

    holder: Holder | None = None
    beneficiary: Name | None = None
    purpose: Literal[PURPOSES] | None = None  # type: ignore[valid-type]
    note: Words | None = None
    country: Country | None = None
    private: bool = False


class CancelPart(_Part):
    """A cancellation and its cause; `converted_to` names where converted credits went."""

    model_config = example(quantity=10, cause="reversed", reason="Fire in compartment 7")
    own_words = ("reason",)

    holder: Holder | None = None
    cause: Literal[CAUSES] = "other"  # type: ignore[valid-type]
    converted_to: Holder | None = None
    reason: Words | None = None
    private: bool = False

    @model_validator(mode="after")
    def _conversion(self) -> Self:
        if self.converted_to is not None and self.cause != "converted":
            raise PydanticCustomError(
                InvalidField.code, "converted_to belongs to the cause converted"
            )
        return self


class BatchCreate(CreateRecord):
    """A create inside a batch."""

    command: Literal["create"]


class BatchSell(SellPart):
    """A sale inside a batch."""

    command: Literal["sell"]
    record_id: RecordId


class BatchRetire(RetirePart):
    """A retirement inside a batch."""

    command: Literal["retire"]
    record_id: RecordId


class BatchCancel(CancelPart):
    """A cancellation inside a batch."""

    command: Literal["cancel"]
    record_id: RecordId


BatchCommand = Annotated[
    BatchCreate | BatchSell | BatchRetire | BatchCancel, Field(discriminator="command")
]


def _commands(value: Any) -> list[Any]:
    """Read only how many there are: a command that is wrong is answered in its own place."""
    if not isinstance(value, list) or not 1 <= len(value) <= LARGEST_BATCH:
        raise InvalidField(f"has to be a list of 1 to {LARGEST_BATCH} commands")
    return value


class SendBatch(Sent):
    """Up to 10,000 commands, each on its own, or all or nothing."""

    model_config = example(
        atomic=True,
        commands=[
            {"command": "create", **_ISSUANCE},
            {"command": "sell", "record_id": _ITS_ID, "to": "acme", "quantity": 10},
            {"command": "retire", "record_id": _ITS_ID, "holder": "acme", "quantity": 2.5},
        ],
    )

    commands: Annotated[
        list[Any],
        reads(
            _commands,
            shown_as=Annotated[list[BatchCommand], Field(min_length=1, max_length=LARGEST_BATCH)],
        ),
    ]
    atomic: bool = False


BATCH_COMMANDS: Final[dict[str, type[BatchCreate | BatchSell | BatchRetire | BatchCancel]]] = {
    "create": BatchCreate,
    "sell": BatchSell,
    "retire": BatchRetire,
    "cancel": BatchCancel,
}
