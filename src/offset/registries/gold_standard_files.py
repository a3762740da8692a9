"""The files that Gold Standard publishes: credits by status, and the projects.

One search gives issued, retired and cancelled credits alike; the column `Credit Status` says what
became of them, and a retirement may have no date. Planned credits (`PER`) stand among the others,
with vintages that lie ahead. `CER` are the United Nations', written in many ways (`cdm`).
"""

from collections.abc import Mapping
from typing import Final

from offset.core.serials import Serial
from offset.registries import cdm
from offset.registries.files import Column, Detail, Field, FileKind, Meaning, Says, projects, unused
from offset.registries.gold_standard import REGISTRY

STATUSES: Final[Mapping[str, Says]] = {
    "issued": Says(meaning=Meaning.ISSUED),
    "retired": Says(meaning=Meaning.RETIRED),
    "canceled": Says(meaning=Meaning.CANCELLED, cause="other"),
    "cancelled": Says(meaning=Meaning.CANCELLED, cause="other"),
}
REASONS: Final[Mapping[str, Says]] = {"compliance": Says(purpose="compliance")}
PRODUCTS: Final[Mapping[str, bool]] = {"ver": False, "cer": False, "per": True}

_CREDITS: Final[Mapping[str, Column]] = {
    "vintage": Field.VINTAGE,
    "credit status": Field.STATUS,
    "quantity": Field.QUANTITY,
    "gsid": Field.PROJECT_ID,
    "project name": Field.PROJECT_NAME,
    "country": Field.COUNTRY,
    "product type": Field.PRODUCT,
    "methodology": Field.METHODOLOGY,
    "issuance date": Field.ISSUED_ON,
    "serial number": Field.SERIAL,
    "retirement date": Field.ENDED_ON,
    "note": Detail("note"),
    "using entity": Detail("beneficiary"),
    "use case": Field.REASON,
    "aeroplane operator name": Detail("aeroplane_operator"),
    **unused(
        "project id",  # GSID with its letters
        "issuance year",
        "project developer",
        "project type",
        "programme of activities",
        "poa gsid",
        "monitoring period start",  # of the monitoring, which spans vintages: not the vintage's
        "monitoring period end",
        "eligible for corsia?",
        "retired for corsia?",  # 2023 and 2024
        "corsia authorisation",
        "corsia authorization",
        "label",
        "article six authorization",
    ),
}


def _mend(text: str) -> tuple[int, Serial | None] | None:
    read = cdm.read_cdm(text)
    return (read.count, read.serial) if read else None


FILES: Final = (
    FileKind(
        name="credits",
        registries=(REGISTRY,),
        marks=("credit status", "gsid", "product type", "serial number"),
        columns=_CREDITS,
        meaning=Meaning.ISSUED,
        issues=True,
        statuses=STATUSES,
        reasons=REASONS,
        open_reasons=True,
        products=PRODUCTS,
        clean=cdm.clean,
        mend=_mend,
    ),
    projects(REGISTRY, "gsid", "project developer name", "size"),
)
