"""The files that Verra publishes: the search for VCUs, a sub-account's holdings, the projects.

The search for VCUs has a row for each block of credits, whatever became of it. A block without a
date of retirement or cancellation is active; one with a date has left the market, and the file
does not tell whether it was retired or cancelled, so it counts as retired. `Total Vintage
Quantity` is the project's and vintage's total, repeated on every block, and is never added up.
"""

from collections.abc import Mapping
from typing import Final

from offset.registries.files import Column, Detail, Field, FileKind, Meaning, Says, projects, unused
from offset.registries.verra import REGISTRY

REASONS: Final[Mapping[str, Says]] = {
    "environmental benefit": Says(purpose="environmental-benefit"),
    "retirement for person or organization": Says(purpose="person-or-organization"),
    "ncos programme": Says(purpose="other"),  # the National Carbon Offset Standard of Australia
    "corporate emissions inventory accounting": Says(purpose="other"),
    "other": Says(purpose="other"),
}

_TRANSACTIONS: Final[Mapping[str, Column]] = {
    "issuance date": Field.ISSUED_ON,
    "vintage start": Field.VINTAGE_START,
    "vintage end": Field.VINTAGE_END,
    "id": Field.PROJECT_ID,
    "name": Field.PROJECT_NAME,
    "country/area": Field.COUNTRY,
    "methodology": Field.METHODOLOGY,
    "quantity issued": Field.QUANTITY,
    "serial number": Field.SERIAL,
    "additional certifications": Field.CERTIFICATIONS,
    "retirement/cancellation date": Field.ENDED_ON,
    "retirement beneficiary": Detail("beneficiary"),
    "retirement reason": Field.REASON,
    "retirement details": Detail("note"),
    **unused(
        "sustainable development goals",
        "project type",
        "total vintage quantity",
    ),
}

_HOLDINGS: Final[Mapping[str, Column]] = {
    "vintage": Field.VINTAGE,
    "project id": Field.PROJECT_ID,
    "project name": Field.PROJECT_NAME,
    "quantity of credits": Field.QUANTITY,
    "serial number": Field.SERIAL,
    "sub-account name": Field.ACCOUNT,
    **unused("report type", "project type", "sub-account id"),
}

FILES: Final = (
    FileKind(
        name="transactions",
        registries=(REGISTRY,),
        marks=("vintage start", "quantity issued", "serial number", "retirement/cancellation date"),
        columns=_TRANSACTIONS,
        meaning=Meaning.ISSUED,
        ended=Meaning.RETIRED,
        issues=True,
        reasons=REASONS,
        open_reasons=True,
    ),
    FileKind(
        name="holdings",
        registries=(REGISTRY,),
        marks=("vintage", "quantity of credits", "serial number", "sub-account name"),
        columns=_HOLDINGS,
        meaning=Meaning.HELD,
        issues=True,
    ),
    projects(REGISTRY, "id", "proponent", "country/area", "estimated annual emission reductions"),
)
