"""Quantities: tonnes of CO2e outside, whole grams inside, exactly."""

import re
from decimal import Decimal
from typing import Final

from offset.core.errors import InvalidQuantity

GRAMS_PER_CREDIT: Final = 1_000_000  # a credit is one tonne
# 4,000,000,000 t in grams is below 2**53, so every quantity survives a JSON number.
LARGEST_QUANTITY_G: Final = 4_000_000_000 * GRAMS_PER_CREDIT
_NUMBER: Final = re.compile(r"[0-9]{1,64}(\.[0-9]{1,64})?", re.ASCII)


def grams(tonnes: str | int | Decimal) -> int:
    """Convert tonnes of CO2e to whole grams, exactly.

    Registries publish whole tonnes (Verra, Gold Standard, ACR, CAR) or kilograms (Isometric).
    A text is plain digits with at most one decimal point: no sign, exponent, comma or space.

    Raises:
        InvalidQuantity: not a number, not positive, finer than a gram, or above 4,000,000,000 t.
    """
    if isinstance(tonnes, str):
        if not _NUMBER.fullmatch(tonnes):
            raise InvalidQuantity(f"quantity {_short(tonnes)!r}: not a decimal number of tonnes")
        tonnes = Decimal(tonnes)
    if isinstance(tonnes, bool) or not isinstance(tonnes, int | Decimal):
        raise InvalidQuantity(f"quantity {_short(str(tonnes))}: not a number of tonnes")
    if isinstance(tonnes, Decimal):
        return _grams_of_decimal(tonnes)
    if not 0 < tonnes <= LARGEST_QUANTITY_G // GRAMS_PER_CREDIT:
        raise _out_of_range(str(tonnes) if tonnes.bit_length() < 128 else "of many digits")
    return tonnes * GRAMS_PER_CREDIT


def _grams_of_decimal(tonnes: Decimal) -> int:
    # Reading the digits instead of multiplying: no decimal context can round them.
    sign, digits, exponent = tonnes.as_tuple()
    if not isinstance(exponent, int):
        raise InvalidQuantity(f"quantity {tonnes}: not a number of tonnes")
    if sign or not any(digits) or tonnes.adjusted() > 10:
        raise _out_of_range(_short(str(tonnes)))
    text = "".join(map(str, digits))
    shift = exponent + 6
    if shift >= 0:
        value = int(text + "0" * shift)
    else:
        kept, lost = text[:shift], text[shift:]
        if lost.strip("0"):
            raise InvalidQuantity(f"quantity {_short(str(tonnes))} t: finer than a gram")
        value = int(kept)
    if value > LARGEST_QUANTITY_G:
        raise _out_of_range(_short(str(tonnes)))
    return value


def _out_of_range(text: str) -> InvalidQuantity:
    return InvalidQuantity(
        f"quantity {text}: has to be above 0 and at most 4000000000 t", largest=4_000_000_000
    )


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."


def tonnes(quantity_g: int) -> int | float:
    """Give grams as a JSON number of tonnes: whole tonnes as an integer.

    Below 2**53 g no two quantities share a double, and its shortest text is the exact decimal.
    """
    whole, rest = divmod(quantity_g, GRAMS_PER_CREDIT)
    return quantity_g / GRAMS_PER_CREDIT if rest else whole


def tonnes_text(quantity_g: int) -> str:
    """Write grams as tonnes for a person: `2.5 t`, `1000 t`, `0.000001 t`."""
    whole, rest = divmod(quantity_g, GRAMS_PER_CREDIT)
    return f"{whole}.{rest:06d}".rstrip("0") + " t" if rest else f"{whole} t"
