"""The files that the ART registry publishes: issuances, retirements, cancellations, programs.

Issuances have no serial numbers. Credits that an airline uses under CORSIA are cancelled there, not
retired, and stay cancelled here.
"""

from collections.abc import Mapping
from typing import Final

from offset.registries.art import REGISTRY
from offset.registries.files import Column, Detail, Field, FileKind, Meaning, Says, projects, unused

REASONS: Final[Mapping[str, Says]] = {
    "contribution towards corporate climate pledge": Says(purpose="other"),
    "contribution towards corporate climate pledge and host country ndc": Says(purpose="other"),
}
CANCELLATIONS: Final[Mapping[str, Says]] = {"corsia compliance": Says(cause="other")}

_PROGRAM: Final[Mapping[str, Column]] = {
    "program id": Field.PROJECT_ID,
    "program name": Field.PROJECT_NAME,
    "program country": Field.COUNTRY,
    "vintage": Field.VINTAGE,
    "date approved": Field.ISSUED_ON,
    "crediting program and standard": Field.METHODOLOGY,
    "standard version": Field.METHODOLOGY_VERSION,
    **unused(
        "program type",
        "program jurisdiction(s)",
        "ccp approved",
        "corsia eligible",
        "eligible for corsia 2021-2023 compliance period (pilot phase)",
        "eligible for corsia 2024-2026 compliance period (first phase)",
    ),
}
_ENDS: Final[Mapping[str, Column]] = {
    **_PROGRAM,
    "credit serial numbers": Field.SERIAL,
    "quantity of credits": Field.QUANTITY,
    "status effective": Field.ENDED_ON,
    "account holder": Field.ACCOUNT,
}

FILES: Final = (
    FileKind(
        name="issuances",
        registries=(REGISTRY,),
        marks=("date approved", "program id", "credits verified"),
        columns={
            **_PROGRAM,
            "total emission reductions/removals": Field.QUANTITY,  # verified and buffer together
            **unused(
                "sovereign program developer",
                "credits deposited in buffer",
                "credits verified",
                "verification body",
                "program website",
                "documents",
                "fiid",
            ),
        },
        meaning=Meaning.ISSUED,
        issues=True,
    ),
    FileKind(
        name="retirements",
        registries=(REGISTRY,),
        marks=("credit serial numbers", "program id", "retirement reason"),
        columns={
            **_ENDS,
            "retired on behalf of": Detail("beneficiary"),
            "retirement reason": Field.REASON,
            "purpose of retirement": Detail("note"),
            "retirement reason details": Detail("note"),
        },
        meaning=Meaning.RETIRED,
        reasons=REASONS,
        open_reasons=True,
    ),
    FileKind(
        name="cancellations",
        registries=(REGISTRY,),
        marks=("credit serial numbers", "program id", "cancellation reason"),
        columns={
            **_ENDS,
            "cancellation reason": Field.REASON,
            "cancellation details": Detail("note"),
        },
        meaning=Meaning.CANCELLED,
        reasons=CANCELLATIONS,
    ),
    projects(REGISTRY, "program id", "initial crediting period start date"),
)
