"""The files that Cercarbono publishes: issuances, retirements, projects.

A retirement has its numbers in two columns, beside a serial number that it shares with others of
the same issuance. An issuance has none, and nothing tells whether its numbers begin at 0 or at 1.
"""

from typing import Final

from offset.registries.cercarbono import REGISTRY, stated
from offset.registries.files import Detail, Field, FileKind, Meaning, Says, projects, unused


def _project(serial_text: str) -> str | None:
    says = stated(serial_text)
    return says.project if says else None


FILES: Final = (
    FileKind(
        name="issuances",
        registries=(REGISTRY,),
        marks=("serial", "issued_quantity", "vintage_of_credits"),
        columns={
            "serial": Field.SERIAL,
            "issued_quantity": Field.QUANTITY,
            "issuance_date": Field.ISSUED_ON,
            "year": Field.VINTAGE,  # as in retirements; the period may begin earlier
            "vintage_of_credits": Field.VINTAGE_PERIOD,
            **unused("verification", "is_buffer", "global_goals", "elegible"),
        },
        meaning=Meaning.ISSUED,
        issues=True,
        project_of=_project,
    ),
    FileKind(
        name="retirements",
        registries=(REGISTRY,),
        marks=("serial", "from", "to", "certificate_destination"),
        columns={
            "project_name": Field.PROJECT_NAME,
            "project_id": Field.PROJECT_ID,
            "serial": Field.SERIAL,
            "from": Field.SERIAL_FIRST,
            "to": Field.SERIAL_LAST,
            "quantity": Field.QUANTITY,
            "vintage": Field.VINTAGE,
            "date": Field.ENDED_ON,
            "certificate_destination": Field.REASON,
            "end_user": Detail("beneficiary"),
            "passive_subject": Detail("taxpayer"),  # whose carbon tax the credits are set against
            **unused("public_consult", "industry"),
        },
        meaning=Meaning.RETIRED,
        reasons={
            "colombian carbon tax": Says(purpose="compliance"),
            "voluntary compensation": Says(),
        },
        open_reasons=True,
    ),
    projects(REGISTRY, "code", "is_public", "quantification_method"),
)
