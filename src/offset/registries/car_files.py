"""The files that the Climate Action Reserve publishes: issuances, retirements, cancellations.

Issuances have no serial numbers; they count what was cancelled of them so far, most of it because
a compliance market issued the same credits again. Until 2021 that market was California's
(`Canceled for ARB Compliance`); since Washington has one too, `Canceled for Compliance` counts
both, and only what the credits are eligible for tells which.
"""

from collections.abc import Mapping
from typing import Final

from offset.registries.acr_files import REASONS, SITE
from offset.registries.car import REGISTRY
from offset.registries.files import (
    CancelledTotal,
    Column,
    Detail,
    Field,
    FileKind,
    Meaning,
    Says,
    projects,
    unused,
)

CANCELLATIONS: Final[Mapping[str, Says]] = {
    "arb": Says(cause="converted", converted_to="arb"),
    "wa eco": Says(cause="converted", converted_to="wa-ecology"),
}

_CREDITS: Final[Mapping[str, Column]] = {
    **SITE,
    "project id": Field.PROJECT_ID,
    "project name": Field.PROJECT_NAME,
    "project site country": Field.COUNTRY,
    "vintage": Field.VINTAGE,
    # "Adipic Acid" and "Version 1.0" in 2021, "Adipic Acid - Version 1.0" in 2026
    "project type": Field.METHODOLOGY,
    "protocol version": Field.METHODOLOGY_VERSION,
    **unused(
        "reduction/removal",
        "reversible/non-reversible",
        "activity area type",
        "eligible for corsia 2021-2023 compliance period",
        "eligible for corsia 2024-2026 compliance period",
        "corresponding adjustment",
    ),
}
_CREDITS_2026: Final[Mapping[str, Column]] = {
    **_CREDITS,
    "project type": None,
    "protocol and version": Field.METHODOLOGY,
}

_ISSUANCES: Final[Mapping[str, Column]] = {
    **_CREDITS,
    "date issued": Field.ISSUED_ON,
    "total offset credits issued": Field.QUANTITY,  # the reserve's buffer pool included
    "canceled for arb compliance": CancelledTotal("converted:arb"),
    "offset credits converted to vcus": CancelledTotal("converted:verra"),
    "canceled": CancelledTotal("other"),
    **unused(
        "cooperative/ aggregate id",
        "project developer",
        "project owner",
        "issuance year",
        "offset credits currently in reserve buffer pool",
        "offset credits intended for arb buffer pool",
        "verification body",
    ),
}
_ISSUANCES_2026: Final[Mapping[str, Column]] = {
    **_ISSUANCES,
    **_CREDITS_2026,
    "arb eligible": Field.ARB_ELIGIBLE,
    "wa eco eligible": Field.ECOLOGY_ELIGIBLE,
    "canceled for compliance": CancelledTotal("converted"),
    **unused(
        "offset credits intended for compliance buffer pool",
        "crediting period",
        "zero-credit reporting period",
    ),
}

_ENDS: Final[Mapping[str, Column]] = {
    "offset credit serial numbers": Field.SERIAL,
    "quantity of offset credits": Field.QUANTITY,
    "status effective": Field.ENDED_ON,
}
_RETIREMENTS: Final[Mapping[str, Column]] = {
    **_CREDITS,
    **_ENDS,
    "account holder": Field.ACCOUNT,
    "retirement reason": Field.REASON,
    "retirement reason details": Detail("note"),
    **unused("retirement year", "car retirement data"),
}

_RETIREMENT: Final = ("offset credit serial numbers", "retirement reason", "account holder")

FILES: Final = (
    FileKind(
        name="issuances",
        registries=(REGISTRY,),
        marks=("date issued", "total offset credits issued", "canceled for arb compliance"),
        columns=_ISSUANCES,
        meaning=Meaning.ISSUED,
        issues=True,
    ),
    FileKind(
        name="issuances",
        registries=(REGISTRY,),
        marks=("date issued", "total offset credits issued", "canceled for compliance"),
        columns=_ISSUANCES_2026,
        meaning=Meaning.ISSUED,
        issues=True,
    ),
    FileKind(
        name="retirements",
        registries=(REGISTRY,),
        marks=(*_RETIREMENT, "protocol version", "corsia eligible"),
        columns=_RETIREMENTS,
        meaning=Meaning.RETIRED,
        reasons=REASONS,
    ),
    FileKind(
        name="retirements",
        registries=(REGISTRY,),
        marks=(*_RETIREMENT, "protocol and version", "reduction/removal"),
        columns={**_RETIREMENTS, **_CREDITS_2026},
        meaning=Meaning.RETIRED,
        reasons=REASONS,
    ),
    FileKind(
        name="cancellations",
        registries=(REGISTRY,),
        marks=("offset credit serial numbers", "cancellation reason", "export notes"),
        columns={
            **_CREDITS_2026,
            **_ENDS,
            "cancellation reason": Field.REASON,
            "export notes": Detail("note"),
        },
        meaning=Meaning.CANCELLED,
        reasons=CANCELLATIONS,
    ),
    projects(REGISTRY, "project id", "wa eco project status"),
)
