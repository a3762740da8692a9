"""The files that Isometric publishes: issuances, retirements, projects.

Quantities are in kilograms. No credit has a number: an issuance and a retirement are each known by
an id, and nothing but the project tells of which issuance a retirement is. An issuance states no
vintage either; it counts as the year in which the credits were issued.
"""

from collections.abc import Mapping
from typing import Final

from offset.registries.files import Column, Detail, Field, FileKind, Meaning, projects, unused
from offset.registries.isometric import REGISTRY

_QUANTITY: Final[Mapping[str, Column]] = {
    "credit_batch_size_total.credits": Field.QUANTITY,
    "credit_batch_size_total.credit_kgs": Field.QUANTITY_KG,
}

FILES: Final = (
    FileKind(
        name="issuances",
        registries=(REGISTRY,),
        marks=("id", "issued_at", "supplier_credit_batch_size_total.credit_kgs"),
        columns={
            **_QUANTITY,
            "id": Field.SERIAL,
            "issued_at": Field.ISSUED_ON,
            "project_id": Field.PROJECT_ID,
            **unused(
                "supplier_credit_batch_size_total.credits",
                "supplier_credit_batch_size_total.credit_kgs",
                "buffer_pool_credit_batch_size_total.credits",
                "buffer_pool_credit_batch_size_total.credit_kgs",
                "supplier.id",
                "supplier.short_description",
                "supplier.long_description",
                "supplier.organisation.id",
                "supplier.organisation.name",
                "supplier.organisation.domain",
                "supplier.location",  # the supplier's, not the project's
                "supplier.location.country_code",
                "supplier.location.country_name",
                "supplier.location.latitude",
                "supplier.location.longitude",
                "supplier.location.description",
            ),
        },
        meaning=Meaning.ISSUED,
        issues=True,
    ),
    FileKind(
        name="retirements",
        registries=(REGISTRY,),
        marks=("retirement_id", "retired_at", "credit_batch_size_total.credit_kgs"),
        columns={
            **_QUANTITY,
            "retirement_id": Field.SERIAL,
            "retired_at": Field.ENDED_ON,
            "project_id": Field.PROJECT_ID,
            "sequestered_on": Field.VINTAGE,
            "purposes": Field.REASON,
            "notes": Detail("note"),
            "beneficiary.name": Detail("beneficiary"),
            "owner.name": Field.ACCOUNT,
            **unused("url", "beneficiary.id", "beneficiary.domain", "owner.id", "owner.domain"),
        },
        meaning=Meaning.RETIRED,
        open_reasons=True,
    ),
    projects(REGISTRY, "short_code", "protocol_slug", "pathway"),
)
