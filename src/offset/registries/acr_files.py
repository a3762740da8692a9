"""The files that ACR publishes: issuances, retirements, cancellations, projects.

Issuances have no serial numbers there; retirements and cancellations have. Until 2021 credits that
were taken off the registry stood among the retirements, with the reason `Cancellation`. A data set
of 2021 puts ACR's and CAR's retirements into one table, in which the serial number tells them
apart (`acr/car retirements`).
"""

from collections.abc import Mapping
from typing import Final

from offset.registries import car
from offset.registries.acr import REGISTRY
from offset.registries.files import Column, Detail, Field, FileKind, Meaning, Says, projects, unused

# Also CAR's: until 2026 both registries ran on one system.
REASONS: Final[Mapping[str, Says]] = {
    "": Says(),  # 1 of 2,637 rows
    "on behalf of third party": Says(purpose="third-party"),
    "retail program requirements": Says(purpose="retail-program"),
    "environmental benefit": Says(purpose="environmental-benefit"),
    "retirement for person or organization": Says(purpose="person-or-organization"),
    "compliance requirements": Says(purpose="compliance"),
    "compensation for avoidable reversal": Says(purpose="other"),
    "other": Says(purpose="other"),
    "cancellation": Says(meaning=Meaning.CANCELLED, cause="other"),
}
CANCELLATIONS: Final[Mapping[str, Says]] = {
    "convert to arb offset credits": Says(cause="converted", converted_to="arb"),
    "convert to ecology offset credits": Says(cause="converted", converted_to="wa-ecology"),
    "removal of credits from the registry": Says(cause="other"),
}

# What the files of 2021 and 2026 say about the project and its credits and a ledger does not keep.
SITE: Final[Mapping[str, Column]] = unused(
    "project type",
    "project site location",
    "project site state",
    "project website",
    "additional certification(s)",
    "additional certification(s) / sdgs",
    "corsia eligible",
    "arb eligible",
    "ccp approved",
    "icvcm ccp eligible",  # the name of `ccp approved` since 2026-08
    "documents",
)
_SITE_2026: Final[Mapping[str, Column]] = unused(
    "ecology eligible",
    "eligible for corsia 2021-2023 compliance period (pilot phase)",
    "eligible for corsia 2024-2026 compliance period (first phase)",
    "verified removal",
    "sustainable development goal(s)",
    "numberoffiles",
    "fiid",
)

_CREDITS: Final[Mapping[str, Column]] = {
    "project id": Field.PROJECT_ID,
    "project name": Field.PROJECT_NAME,
    "project site country": Field.COUNTRY,
    "vintage": Field.VINTAGE,
    "project methodology/protocol": Field.METHODOLOGY,
    "methodology/protocol version": Field.METHODOLOGY_VERSION,
    "date issued": Field.ISSUED_ON,
    "date issued (gmt)": Field.ISSUED_ON,
    **SITE,
    **_SITE_2026,
}

_ISSUANCES: Final[Mapping[str, Column]] = {
    **_CREDITS,
    "total credits issued": Field.QUANTITY,  # to the project and to the buffer pool
    "reportingperiodbegin": Field.VINTAGE_START,
    "reportingperiodend": Field.VINTAGE_END,
    **unused(
        "issuance year",
        "credits issued to project",
        "credits issued to buffer pool",
        "credits transferred to buffer pool",
        "project developer",
        "project vvb",
        "project crediting period start date",
        "protocol version",  # without the protocol's name
        "corsia qualified",
        "verifier",
        "additional issuance certifications",
    ),
}

ENDS: Final[Mapping[str, Column]] = {
    **_CREDITS,
    "offset credit serial numbers": Field.SERIAL,
    "credit serial numbers": Field.SERIAL,
    "quantity of offset credits": Field.QUANTITY,
    "quantity of credits": Field.QUANTITY,
    "vintage assignment period start date": Field.VINTAGE_START,
    "vintage assignment period end date": Field.VINTAGE_END,
    "status effective": Field.ENDED_ON,
    "status effective (gmt)": Field.ENDED_ON,
    "account holder": Field.ACCOUNT,
}

_RETIREMENTS: Final[Mapping[str, Column]] = {
    **ENDS,
    "retired on behalf of": Detail("beneficiary"),
    "retirement reason": Field.REASON,
    "retirement reason details": Detail("note"),
    "purpose of retirement": Detail("note"),
    **unused("protocol version", "retirement year"),
}

_CANCELLATIONS: Final[Mapping[str, Column]] = {
    **ENDS,
    "cancellation type": Field.REASON,
    "cancellation details": Detail("note"),
    **unused("ahid"),
}

_SERIAL: Final = ("credit serial numbers", "offset credit serial numbers")
_DATE_ISSUED: Final = ("date issued", "date issued (gmt)")

FILES: Final = (
    FileKind(
        name="issuances",
        registries=(REGISTRY,),
        marks=(_DATE_ISSUED, "total credits issued", "project id", "vintage"),
        columns=_ISSUANCES,
        meaning=Meaning.ISSUED,
        issues=True,
    ),
    FileKind(
        name="retirements",
        registries=(REGISTRY,),
        marks=(_SERIAL, _DATE_ISSUED, "retirement reason", "account holder", "arb eligible"),
        columns=_RETIREMENTS,
        meaning=Meaning.RETIRED,
        reasons=REASONS,
    ),
    FileKind(
        name="retirements",
        registries=(REGISTRY, car.REGISTRY),
        marks=(
            "offset credit serial numbers",
            "date issued",
            "retirement reason",
            "account holder",
            "corsia eligible",
        ),
        columns={
            header: column
            for header, column in _RETIREMENTS.items()
            if header not in {"arb eligible", *_SITE_2026}
        },
        meaning=Meaning.RETIRED,
        reasons=REASONS,
    ),
    FileKind(
        name="cancellations",
        registries=(REGISTRY,),
        marks=(_SERIAL, "cancellation type", "cancellation details"),
        columns=_CANCELLATIONS,
        meaning=Meaning.CANCELLED,
        reasons=CANCELLATIONS,
    ),
    projects(REGISTRY, "project id", "acr project validation"),
)
