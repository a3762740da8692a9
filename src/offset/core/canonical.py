"""Canonical form: the one spelling of a record that its id is made from, and that spelling's bytes.

The rules are version 1 and never change, because ids must not: docs/canonical-form.md states
them for other systems, docs/canonical-form.json has test vectors.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final, Protocol
from unicodedata import normalize

import orjson

from offset.core.errors import InvalidText, InvalidVintage
from offset.core.registry_names import known_registry
from offset.core.unicode14 import (
    CONTROL,
    DASH,
    INVISIBLE,
    WHITE_SPACE,
    characters,
    first_unassigned,
)

RECORD_PREFIX: Final = b"offset-record/v1\n"
SALT_SIZE: Final = 16  # bytes
FIRST_VINTAGE: Final = 1900
LAST_VINTAGE: Final = 2199

_SPACES: Final = characters(WHITE_SPACE)
_SPACE_RUN: Final = re.compile(f"[{_SPACES}]+")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_CONTROL: Final = re.compile(f"[{re.escape(characters(CONTROL))}]")
_LINE_BREAKS: Final = "\n\v\f\r\x85\u2028\u2029"
# What serial numbers and registries lose, and what becomes a hyphen in them, in one pass.
_VISIBLE: Final[Mapping[int, str | None]] = {
    **{ord(character): None for character in characters(INVISIBLE)},
    **{ord(character): "-" for character in characters(DASH)},
}

_DECIMAL: Final = re.compile(r"[0-9]{1,64}(\.[0-9]{1,64})?", re.ASCII)  # as of a quantity
_YEAR_PERIOD: Final = re.compile(r"([0-9]{4}) ?- ?([0-9]{4})")
_ISO_PERIOD: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2}) ?[-/] ?([0-9]{4})-([0-9]{2})-([0-9]{2})"
)
_DAY_FIRST_PERIOD: Final = re.compile(
    r"([0-9]{2})/([0-9]{2})/([0-9]{4}) ?- ?([0-9]{2})/([0-9]{2})/([0-9]{4})"
)
_LONGEST_PERIOD: Final = 64  # characters; the longest that is understood has 25 and some spaces


def canonical_text(text: str) -> str:
    """Fold a name, so that spellings which people take for the same become equal.

    Compatibility forms, case and the amount of white space are lost; accents, punctuation and
    invisible characters stay.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().split())
    folded = normalize("NFKC", normalize("NFKC", text).casefold())
    return _SPACE_RUN.sub(" ", folded).strip(" ")


def canonical_serial(text: str) -> str:
    """Write a serial number in capitals, with plain hyphens and nothing invisible in it."""
    if text.isascii() and text.isprintable():
        return " ".join(text.upper().split())
    # Folded first: the capital of U+00DF is SS, but U+1E9E is a capital already and would stay.
    folded = normalize("NFKC", text.translate(_VISIBLE)).casefold()
    capitals = normalize("NFKC", _capitals(folded))
    return _SPACE_RUN.sub(" ", capitals).strip(" ")


def _capitals(text: str) -> str:
    # Later versions of Unicode give capitals to letters that have none in 14.0 (U+0264 in 16.0).
    # Such a capital is a new code point, and that is how it is known.
    capitals = text.upper()
    if first_unassigned(capitals) is None:
        return capitals
    return "".join(
        letter if first_unassigned(letter.upper()) else letter.upper() for letter in text
    )


def canonical_registry(text: str) -> str:
    """Return the code of the known registry that a name means; another name is only folded.

    Invisible characters and kinds of dashes do not count, as in a serial number: a registry is
    half of what double issuance is judged on.
    """
    visible = text if text.isascii() else text.translate(_VISIBLE)
    folded = canonical_text(visible)
    return known_registry(folded) or known_registry(visible) or folded


def canonical_vintage(vintage: int | str) -> int:
    """Return the year of a vintage; a period counts as the year it starts.

    A year is a number or decimal text, spelt as a quantity is: ``2020``, ``"2020"``, ``"2020.0"``.
    Periods as registries write them: ``2003 - 2004``, ``01/07/2014-31/12/2014`` (day first),
    ``2014-07-01/2014-12-31`` or ``2014-07-01 - 2014-12-31``.

    Raises:
        InvalidVintage: no such year or period, one that ends before it starts, a date that is in no
            calendar, or a year outside 1900 to 2199.
    """
    return vintage_period(vintage)[0].year


def vintage_period(vintage: int | str) -> tuple[date, date]:
    """Return the first and the last day of a vintage.

    Raises:
        InvalidVintage: as `canonical_vintage`.
    """
    if isinstance(vintage, str):
        if is_decimal(vintage):
            return _whole_year(_decimal_year(vintage))
        return _checked_period(vintage)
    if isinstance(vintage, bool) or not isinstance(vintage, int):
        raise InvalidVintage("vintage: has to be a year or a period")
    return _whole_year(vintage)


def is_decimal(text: str) -> bool:
    """Check whether a text is digits 0 to 9 with at most one decimal point between them."""
    return _DECIMAL.fullmatch(text) is not None


def _decimal_year(text: str) -> int:
    whole, _, fraction = text.partition(".")
    if fraction.strip("0"):
        raise InvalidVintage(f"vintage {text!a}: has to be a whole year")
    return int(whole)


def _whole_year(year: int) -> tuple[date, date]:
    _check_year(year)
    return date(year, 1, 1), date(year, 12, 31)


def _checked_period(text: str) -> tuple[date, date]:
    shown = ascii(text[:_LONGEST_PERIOD])
    period = canonical_serial(text) if len(text) <= _LONGEST_PERIOD else ""
    try:
        start, end = _period(period)
    except ValueError:
        raise InvalidVintage(
            f"vintage {shown}: neither a year nor a period such as '2003 - 2004'"
        ) from None
    if end < start:
        raise InvalidVintage(f"vintage {shown}: ends before it starts")
    _check_year(end.year)
    _check_year(start.year)
    return start, end


def _period(text: str) -> tuple[date, date]:
    """Read a period; ValueError if it is none, or names a day that is in no calendar."""
    if found := _YEAR_PERIOD.fullmatch(text):
        first_year, last_year = map(int, found.groups())
        return date(first_year, 1, 1), date(last_year, 12, 31)
    if found := _ISO_PERIOD.fullmatch(text):
        year, month, day, end_year, end_month, end_day = map(int, found.groups())
    elif found := _DAY_FIRST_PERIOD.fullmatch(text):
        day, month, year, end_day, end_month, end_year = map(int, found.groups())
    else:
        raise ValueError
    return date(year, month, day), date(end_year, end_month, end_day)


def _check_year(year: int) -> None:
    if not FIRST_VINTAGE <= year <= LAST_VINTAGE:
        # A number of thousands of digits cannot even be written down.
        shown = str(year) if year.bit_length() < 64 else "of many digits"
        raise InvalidVintage(
            f"vintage {shown}: has to be from {FIRST_VINTAGE} to {LAST_VINTAGE}",
            first=FIRST_VINTAGE,
            last=LAST_VINTAGE,
        )


def display_text(text: str, *, largest: int, multiline: bool = False) -> str:
    """Clean a text of outer white space, as the record keeps it for display.

    Stricter than the canonical form, which also has to read older records.

    Args:
        text: what was sent.
        largest: characters allowed, both as sent and with compatibility forms written out.
        multiline: allow line feeds.

    Raises:
        InvalidText: empty, too long, or with a control character (also of writing direction), a
            lone surrogate or a code point that Unicode 14.0 does not assign.
    """
    cleaned = text.strip(_SPACES)
    if cleaned.isascii() and cleaned.isprintable() and 0 < len(cleaned) <= largest:
        return cleaned  # as nearly all are
    if not cleaned:
        raise InvalidText("the text is empty")
    _check_length(cleaned, largest)
    _check_characters(cleaned)
    _check_controls(cleaned, multiline=multiline)
    if not cleaned.isascii():
        # U+FDFA alone becomes 18 characters.
        _check_length(normalize("NFKC", cleaned), largest)
    return cleaned


def _check_length(text: str, largest: int) -> None:
    if len(text) > largest:
        raise InvalidText(
            f"the text has {len(text)} characters: at most {largest} are kept",
            length=len(text),
            largest=largest,
        )


def _check_characters(text: str) -> None:
    if "\0" in text:
        raise _forbidden("\0", "cannot be part of a text")
    if text.isascii():
        return
    surrogate = _SURROGATE.search(text)
    if surrogate:
        raise _forbidden(surrogate[0], "is a lone surrogate")
    unassigned = first_unassigned(text)
    if unassigned:
        raise _forbidden(unassigned, "is not assigned in Unicode 14.0")


def _check_controls(text: str, *, multiline: bool) -> None:
    for found in _CONTROL.finditer(text):
        character = found[0]
        if character == "\n" and multiline:
            continue
        if character in _LINE_BREAKS:
            one_way = "end its lines with U+000A" if multiline else "this text has one line"
            raise _forbidden(character, f"breaks the line: {one_way}")
        if character < "\xa0":
            raise _forbidden(character, "is a control character: leave it out")
        raise _forbidden(character, "changes how the text around it is shown: leave it out")


def _forbidden(character: str, why: str) -> InvalidText:
    name = f"U+{ord(character):04X}"
    return InvalidText(f"{name} {why}", character=name)


def canonical_json(value: object) -> bytes:
    """Write the canonical JSON (RFC 8785) of a value, in UTF-8.

    The value holds only texts without lone surrogates, integers within +-(2**53 - 1), booleans,
    None, lists, tuples and dicts with ASCII keys. Inside that profile sorting the keys by code
    point is the standard's order and orjson's escapes are its escapes; outside it is the caller's
    fault, and what can be written is not looked for.

    Raises:
        ValueError: the value cannot be written at all.
    """
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise ValueError(f"not canonical JSON: {error}") from error


def _plain(value: object) -> object:
    """Give a named tuple as the array that it is."""
    if isinstance(value, tuple):
        return tuple(value)
    raise TypeError(f"{type(value).__name__} is outside the profile")


@dataclass(frozen=True, slots=True, kw_only=True)
class CanonicalRecord:
    """The five fields of an issuance in canonical form: what a record's id is made from."""

    project_name: str
    registry: str
    vintage: int
    quantity_g: int
    serial_number: str

    @property
    def record_id(self) -> bytes:
        """The SHA-256 of the canonical form, 32 bytes; computed each time it is asked for."""
        return sha256(RECORD_PREFIX + canonical_json(canonical_fields(self))).digest()


class Canonical(Protocol):
    """What has the five fields of an issuance in canonical form."""

    @property
    def project_name(self) -> str:
        """As `canonical_text` writes it."""

    @property
    def registry(self) -> str:
        """As `canonical_registry` writes it."""

    @property
    def vintage(self) -> int:
        """A year."""

    @property
    def quantity_g(self) -> int:
        """Grams."""

    @property
    def serial_number(self) -> str:
        """As `canonical_serial` writes it."""


def canonical_fields(record: Canonical) -> dict[str, Any]:
    """Give the five fields as the members of the JSON object that is hashed."""
    return {
        "project_name": record.project_name,
        "quantity_g": record.quantity_g,
        "registry": record.registry,
        "serial_number": record.serial_number,
        "vintage": record.vintage,
    }


def canonical_record(
    *, project_name: str, registry: str, vintage: int | str, quantity_g: int, serial_number: str
) -> CanonicalRecord:
    """Bring the five fields of an issuance into canonical form.

    Raises:
        InvalidText: a text has characters that `display_text` refuses, or nothing is left of it
            (a serial number of invisible characters).
        InvalidVintage: as `canonical_vintage`.
    """
    return CanonicalRecord(
        project_name=_canonical_field("project_name", project_name, canonical_text),
        registry=_canonical_field("registry", registry, canonical_registry),
        vintage=canonical_vintage(vintage),
        quantity_g=quantity_g,
        serial_number=_canonical_field("serial_number", serial_number, canonical_serial),
    )


def _canonical_field(name: str, text: str, canonical: Callable[[str], str]) -> str:
    _check_characters(text)
    folded = canonical(text)
    if not folded:
        raise InvalidText(f"{name}: nothing is left of it in canonical form", field=name)
    return folded


def details_sha256(salt: bytes, details: Mapping[str, object]) -> bytes:
    """Bind details into an event: the SHA-256 of the salt and their canonical JSON, 32 bytes.

    Args:
        salt: 16 random bytes, kept beside the details and erased with them.
        details: inside the profile of `canonical_json`.
    """
    assert len(salt) == SALT_SIZE
    return sha256(salt + canonical_json(dict(details))).digest()
