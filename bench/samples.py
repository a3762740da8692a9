"""The credits that every measurement uses: record 0, 1, 2 ... each with 100 credits of Verra's.

A number says all that a record is, so that the one who loads a server knows the ids of the
records in its ledger without asking.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from bench.baseline.utils import record_id as baseline_id
from offset.core.canonical import canonical_record
from offset.core.quantities import GRAMS_PER_CREDIT
from offset.core.records import Record, issuance
from offset.registries import read_serial

CREDITS: Final = 100  # of each record
PROJECTS: Final = 10_000
REGISTRY: Final = "Verra"


def body(number: int) -> dict[str, Any]:
    """Give the body of a create. Ranges of two numbers never overlap."""
    first, year, project = number * CREDITS + 1, 2010 + number % 15, number % PROJECTS
    return {
        "project_name": f"{_KINDS[project % len(_KINDS)]} of {valley(number)}",
        "registry": REGISTRY,
        "vintage": year,
        "quantity": CREDITS,
        "serial_number": f"{9001 + project}-{first}-{first + CREDITS - 1}-VCS-VCU-999-VER-KE-14-"
        f"{project}-0101{year}-3112{year}-1",
    }


def valley(number: int) -> str:
    """Give the part of a project's name that few others have."""
    return f"valley {number % PROJECTS}"


def json_body(number: int) -> str:
    """Give the body of a create as it is sent."""
    return json.dumps(body(number), separators=(",", ":"))


def issued(number: int) -> Record:
    """Make the record itself, as a create does."""
    return issuance(**_fields(body(number)), read_serial=read_serial)


def offset_id(number: int) -> str:
    """Give a record's id in Offset."""
    return canonical_record(**_fields(body(number))).record_id.hex()


def baseline_record_id(number: int) -> str:
    """Give a record's id in the plain implementation, which reads the quantity as a float."""
    sent = body(number)
    return baseline_id(**{**sent, "quantity": float(sent["quantity"])})


def _fields(sent: Mapping[str, Any]) -> dict[str, Any]:
    fields = dict(sent)
    fields["quantity_g"] = fields.pop("quantity") * GRAMS_PER_CREDIT
    return fields


_KINDS: Final = (
    "Forest conservation",
    "Mangrove restoration",
    "Cookstoves",
    "Landfill gas",
    "Wind power",
    "Peatland rewetting",
    "Biochar",
    "Rice cultivation",
)
