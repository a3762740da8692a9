"""The registries: how each of them writes its serial numbers.

A new registry is one module here and one line in `REGISTRIES`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from offset.core.errors import RegistryMismatch, SerialMalformed
from offset.core.serials import Serial
from offset.registries import acr, art, car, cercarbono, gold_standard, puro, verra
from offset.registries.stated import Stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A registry whose serial numbers can be read.

    The functions take a canonical text and never raise. `parse` reads a text that is one serial
    number and nothing else; no opaque serial may stand at number 0 of its series, so its numbers
    are 1 or more, or its series is a text that `finds` finds. `finds` tells whether a serial
    number is in the text, or was before one character went wrong. `stated` tells what a serial
    number says of its credits beside their numbers.
    """

    code: str
    name: str
    parse: Callable[[str], Serial | None]
    finds: Callable[[str], bool]
    stated: Callable[[str], Stated | None]


class Grammar(Protocol):
    """What a registry's module has."""

    REGISTRY: str

    def parse(self, text: str, /) -> Serial | None:
        """Read a serial number."""

    def finds(self, text: str, /) -> bool:
        """Tell whether one is in the text."""

    def stated(self, text: str, /) -> Stated | None:
        """Tell what one says of its credits."""


def _registry(name: str, grammar: Grammar) -> Registry:
    return Registry(
        code=grammar.REGISTRY,
        name=name,
        parse=grammar.parse,
        finds=grammar.finds,
        stated=grammar.stated,
    )


REGISTRIES: Final[Mapping[str, Registry]] = {
    registry.code: registry
    for registry in (
        _registry("Verra", verra),
        _registry("Gold Standard", gold_standard),
        _registry("ACR", acr),
        _registry("ART", art),
        _registry("Climate Action Reserve", car),
        _registry("Puro.earth", puro),
        _registry("Cercarbono", cercarbono),
    )
}


@lru_cache(maxsize=64)  # a row's text is looked at more than once
def parse_serial(registry: str, text: str) -> Serial | None:
    """Read a canonical text by the registry's own grammar; None where it has none or refuses it."""
    own = REGISTRIES.get(registry)
    return own.parse(text) if own else None


@lru_cache(maxsize=64)
def read_serial(registry: str, text: str) -> Serial:
    """Read the serial number of a record, so that no credit has two of them.

    `registry` is a canonical code, which `REGISTRIES` need not know; `text` is a canonical serial
    text, at most 500 characters long. Only a text in which no grammar finds anything is opaque.

    Raises:
        RegistryMismatch: the text is a serial number of another registry.
        SerialMalformed: a serial number is in the text, but is not all of it or is spoilt; or
            it has a character beyond ASCII, which no registry that is read here writes.
    """
    serial = parse_serial(registry, text)
    if serial is not None:
        return serial
    serial = find_serial(text)
    if serial is not None:
        raise RegistryMismatch(
            f"serial {text}: it is of {REGISTRIES[serial.registry].name}, not of {registry}",
            registry=registry,
            other=serial.registry,
        )
    for grammar in REGISTRIES.values():
        if grammar.finds(text):
            raise SerialMalformed(
                f"serial {text}: a serial number of {grammar.name} is in it, but it is not one",
                registry=grammar.code,
                serial=text,
            )
    # A letter that only looks like V, C or U hides a serial number as well as a stray one does.
    own = REGISTRIES.get(registry)
    if own is not None and not text.isascii():
        raise SerialMalformed(
            f"serial {text}: it has characters that {own.name} does not write",
            registry=own.code,
            serial=text,
        )
    return Serial.opaque(registry=registry, text=text)


def find_serial(text: str) -> Serial | None:
    """Read a canonical text by whichever grammar reads it; None where none does."""
    for grammar in REGISTRIES.values():
        serial = grammar.parse(text)
        if serial is not None:
            return serial
    return None
