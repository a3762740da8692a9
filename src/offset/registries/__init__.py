"""The registries: how each of them writes its serial numbers.

A new registry is one module here and one line in `REGISTRIES`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Protocol

from offset.core.errors import RegistryMismatch, SerialMalformed
from offset.core.quantities import GRAMS_PER_CREDIT
from offset.core.registry_names import REGISTRY_NAMES, registry_key
from offset.core.serials import (
    BY_SERIAL,
    MOST_CLAIMS,
    WITHOUT_SERIALS,
    Serial,
    SerialClaim,
    SerialFact,
)
from offset.registries import (
    acr,
    arb,
    art,
    biocarbon,
    car,
    cdm,
    cercarbono,
    gold_standard,
    isometric,
    plan_vivo,
    puro,
    social_carbon,
    ucr,
    verra,
)
from offset.registries.spellings import (
    fold_digits,
    fold_five_eight,
    readings,
    skeletons,
    spans,
    squeeze,
    unpadded,
)
from offset.registries.stated import Stated, written_project


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A registry whose serial numbers can be read.

    The functions take a canonical text and never raise. `parse` reads a text that is one serial
    number and nothing else; no opaque serial may stand at number 0 of its series, so its numbers
    are 1 or more, or its series is one that `opaque_keys` never returns. `finds` tells whether a
    serial number is in the text, or was before one character went wrong. `is_spelled_in` tells
    whether a whole serial number is in the text in any spelling. `stated` tells what a serial
    number says of its credits beside their numbers.
    """

    code: str
    name: str
    parse: Callable[[str], Serial | None]
    finds: Callable[[str], bool]
    is_spelled_in: Callable[[str], bool]
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


def _spelled(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    """Make the search for a whole serial number among the folded letters and digits of a text."""

    def is_spelled_in(text: str) -> bool:
        return pattern.search(squeeze(text)[0]) is not None

    return is_spelled_in


def _without_periods(is_spelled_in: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda text: is_spelled_in(acr.without_periods(text))


def _registry(
    name: str, grammar: Grammar, spelled: re.Pattern[str] | Callable[[str], bool]
) -> Registry:
    return Registry(
        code=grammar.REGISTRY,
        name=name,
        parse=grammar.parse,
        finds=grammar.finds,
        is_spelled_in=_spelled(spelled) if isinstance(spelled, re.Pattern) else spelled,
        stated=grammar.stated,
    )


REGISTRIES: Final[Mapping[str, Registry]] = {
    registry.code: registry
    for registry in (
        _registry("Verra", verra, verra.SPELLED),
        _registry("Gold Standard", gold_standard, gold_standard.SPELLED),
        _registry("ACR", acr, _without_periods(_spelled(acr.SPELLED))),
        _registry("ART", art, _without_periods(_spelled(art.SPELLED))),
        _registry("Climate Action Reserve", car, car.SPELLED),
        _registry("Puro.earth", puro, puro.SPELLED),
        _registry("Cercarbono", cercarbono, cercarbono.is_spelled_in),
        _registry("CDM", cdm, cdm.SPELLED),
        _registry("BioCarbon", biocarbon, biocarbon.SPELLED),
        _registry("SocialCarbon", social_carbon, social_carbon.SPELLED),
        _registry("Plan Vivo", plan_vivo, plan_vivo.SPELLED),
        _registry("Universal Carbon Registry", ucr, ucr.SPELLED),
    )
}

# Registries whose issuances have ids instead of serial numbers: the ids in a text.
IDS: Final[Mapping[str, Callable[[str], tuple[str, ...]]]] = {
    arb.REGISTRY: arb.ids,
    isometric.REGISTRY: isometric.ids,
}

# Registries that issue by serial number and list issuances without: a project's vintage may stand
# in the ledger in one of the two forms.
BOTH_FORMS: Final = (acr.REGISTRY, art.REGISTRY, car.REGISTRY)

# What the importer writes as the serial number of an issuance that has none; it is exact.
_POOL: Final = re.compile(
    r"(?P<registry>[A-Z-]+)-ISSUANCE:(?P<project>[^/]*)/(?P<vintage>[0-9]{4})/[0-9-]*/[0-9.]+"
    r"(?:/[0-9]+)?"
)


@lru_cache(maxsize=64)  # a row's text is looked at more than once
def parse_serial(registry: str, text: str) -> Serial | None:
    """Read a canonical text by the registry's own grammar; None where it has none or refuses it."""
    own = REGISTRIES.get(registry)
    serial = own.parse(text) if own else None
    if own is None or serial is None or registry not in BOTH_FORMS:
        return serial
    says = own.stated(text)
    assert says is not None, "a text that is read states something"
    assert says.project is not None, "and its project"
    subject = f"{written_project(registry, says.project)}, vintage {says.vintage}"
    return replace(serial, facts=(SerialFact(registry, subject, BY_SERIAL),))


@lru_cache(maxsize=64)
def read_serial(
    registry: str,
    text: str,
    quantity_g: int | None = None,
    project: str | None = None,
    vintage: int | None = None,
) -> Serial:
    """Read the serial number of a record, so that no credit has two of them.

    Only a text in which no grammar finds anything is opaque. Under a registry that has no grammar
    a text is refused only for a whole serial number of another one.

    Args:
        registry: a canonical code, which `REGISTRIES` need not know.
        text: a canonical serial text, at most 500 characters long.
        quantity_g: the record's, if it is known: two numbers that span it are a range in disguise.
        project: the record's project id, if it has one.
        vintage: the record's.

    Raises:
        RegistryMismatch: the text is a serial number of another registry.
        SerialMalformed: a serial number is in the text, but is not all of it or is spoilt; or
            it has a character beyond ASCII, which no registry that is read here writes.
    """
    serial = parse_serial(registry, text)
    if serial is not None:
        return serial
    if _pool(registry, text) is None:
        _refuse_spellings(registry, text, quantity_g)
    keys = opaque_keys(registry, text)
    facts = _pool_facts(registry, text, project, vintage)
    return Serial.opaque(registry=registry, text=text, keys=keys, facts=facts)


def _pool(registry: str, text: str) -> re.Match[str] | None:
    """Match what the importer writes for an issuance of this registry."""
    match = _POOL.fullmatch(text)
    return match if match is not None and match["registry"] == registry.upper() else None


def _pool_facts(
    registry: str, text: str, project: str | None, vintage: int | None
) -> tuple[SerialFact, ...]:
    """State what is issued without serial numbers: a project's vintage, Cercarbono's issuance."""
    if registry == cercarbono.REGISTRY:
        return cercarbono.facts_of_issuance(text)
    if registry not in BOTH_FORMS:
        return ()
    if (pool := _pool(registry, text)) is not None:
        project, vintage = pool["project"], int(pool["vintage"])
    if not project or vintage is None:
        return ()
    subject = f"{written_project(registry, project)}, vintage {vintage}"
    return (SerialFact(registry, subject, WITHOUT_SERIALS),)


def opaque_keys(registry: str, text: str) -> tuple[SerialClaim, ...]:
    """Return what a canonical text claims that no grammar reads, so that no spelling repeats it."""
    if registry == cercarbono.REGISTRY:
        names = cercarbono.names_of_issuance(text)
        if names:
            return tuple(SerialClaim(registry, name, 0, 0) for name in names)
    if _pool(registry, text) is not None:
        return (SerialClaim(registry, text, 0, 0),)
    find_ids = IDS.get(registry)
    names = (find_ids(text) if find_ids else ()) or skeletons(text)
    names = names[:MOST_CLAIMS]
    key = registry if registry in REGISTRY_NAMES else registry_key(registry)
    return tuple(SerialClaim(key, name, 0, 0) for name in names)


def opaque_lines(registry: str | None, text: str) -> set[tuple[str | None, str]]:
    """List the series in which a canonical text may stand that no grammar reads.

    Args:
        registry: a canonical code; None for any, as which it is returned, too.
        text: a canonical serial text.
    """
    if registry is not None:
        return {(claim.registry, claim.series) for claim in opaque_keys(registry, text)}
    every = ("", cercarbono.REGISTRY, *IDS)
    return {(None, claim.series) for one in every for claim in opaque_keys(one, text)}


def _refuse_spellings(registry: str, text: str, quantity_g: int | None) -> None:
    """Refuse a text that people could have meant as a serial number and that is not one.

    Raises:
        RegistryMismatch, SerialMalformed: as `read_serial`.
    """
    other = find_serial(text)
    if other is not None:
        raise RegistryMismatch(
            f"serial {text}: it is of {REGISTRIES[other.registry].name}, not of {registry}",
            registry=registry,
            other=other.registry,
        )
    own = REGISTRIES.get(registry)
    if registry == cercarbono.REGISTRY and cercarbono.names_of_issuance(text):
        return
    grammar = _spelled_in(text, fragments=own is not None)
    if grammar is not None:
        raise SerialMalformed(
            f"serial {text}: a serial number of {grammar.name} is in it, but it is not one: "
            "give the serial number alone, as the registry writes it",
            registry=grammar.code,
            serial=text,
        )
    if own is not None:
        _refuse_fragments(own, text, quantity_g)


def _spelled_in(text: str, *, fragments: bool) -> Registry | None:
    """Find the registry of which a serial number is in a text, or what is left of one."""
    plain = readings(text)
    folded = [*map(fold_digits, plain)]
    # Zeros before a number are no digits of it, but 01012020 is a day. S may be a 5, or a letter.
    whole = dict.fromkeys((*plain, *map(unpadded, folded)))
    parts = dict.fromkeys((*whole, *folded, *map(fold_five_eight, folded)))
    for grammar in REGISTRIES.values():
        if any(map(grammar.is_spelled_in, whole)):
            return grammar
        if fragments and any(map(grammar.finds, parts)):
            return grammar
    return None


def _refuse_fragments(own: Registry, text: str, quantity_g: int | None) -> None:
    """Refuse what is a part of a serial number under a registry whose serial numbers are read."""
    if quantity_g is not None and quantity_g % GRAMS_PER_CREDIT == 0:
        count = quantity_g // GRAMS_PER_CREDIT
        for numbers in filter(None, (spans(reading, count) for reading in readings(text))):
            raise SerialMalformed(
                f"serial {text}: {numbers[0]} to {numbers[1]} are as many numbers as the quantity "
                f"has credits, so it is a part of a serial number of {own.name}: give the whole "
                "serial number",
                registry=own.code,
                serial=text,
            )
    if own.code == puro.REGISTRY and puro.has_issuance(fold_digits(text)):
        raise SerialMalformed(
            f"serial {text}: it names an issuance of {own.name}: give the whole serial number",
            registry=own.code,
            serial=text,
        )
    # A letter that only looks like V, C or U hides a serial number as well as a stray one does.
    if not text.isascii():
        raise SerialMalformed(
            f"serial {text}: it has characters that {own.name} does not write",
            registry=own.code,
            serial=text,
        )


def find_serial(text: str) -> Serial | None:
    """Read a canonical text by whichever grammar reads it; None where none does."""
    for code in REGISTRIES:
        serial = parse_serial(code, text)
        if serial is not None:
            return serial
    return None
