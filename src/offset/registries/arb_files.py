"""The file that the California Air Resources Board publishes: its issuances.

Every issuance has an id and counts what became of its credits so far: retired by period of
compliance, invalidated, or spent on a reversal of stored carbon. Rows without an id report a
period in which nothing was issued. Most of these credits were cancelled at ACR or CAR before.

The project's id is the issuance's up to its hyphen; the editions of 2021 to 2024 have no column
of its own for it. The workbook has sheets beside the main one that repeat some of its rows.
"""

from collections.abc import Mapping
from typing import Final

from offset.registries.arb import REGISTRY
from offset.registries.files import (
    CancelledTotal,
    Column,
    Field,
    FileKind,
    Meaning,
    RetiredTotal,
    unused,
)

_COMPLIANCE: Final[Mapping[str, Column]] = dict.fromkeys(
    (
        "retired 1st compliance period (ca)",
        "retired 2nd compliance period (ca)",
        "retired 3rd compliance period (ca)",
        "retired 4th compliance period (ca)",
        "retired 5th compliance period (ca)",
        "retired 6th compliance period (ca)",
        "retired 7th compliance period (ca)",
        "retired for compliance in quebec",
    ),
    RetiredTotal("compliance"),
)


def _project(serial_text: str) -> str | None:
    return serial_text.partition("-")[0].strip() or None


FILES: Final = (
    FileKind(
        name="issuances",
        registries=(REGISTRY,),
        marks=("carb issuance id", "arb offset credits issued"),
        columns={
            "carb issuance id": Field.SERIAL,
            "carb project id": Field.PROJECT_ID,
            "offset project name": Field.PROJECT_NAME,
            "vintage": Field.VINTAGE,
            "reporting period start date": Field.VINTAGE_START,
            "reporting period end date": Field.VINTAGE_END,
            "arb offset credits issued": Field.QUANTITY,  # the forest buffer's share included
            "issuance date": Field.ISSUED_ON,
            "invalidated or canceled": CancelledTotal("invalidated"),
            "buffer pool retired": CancelledTotal("buffer"),
            "retired for intentional reversal": CancelledTotal("reversed"),
            "retired voluntarily": RetiredTotal("other"),
            **_COMPLIANCE,
            **unused(
                "opr project id",
                "reporting period",
                "project type",
                "early action/ compliance",
                "forest buffer account contribution",
                "invalidation timeframe",
                "date invalidation period reduced",
                "start of invalidation timeframe",
                "offset project operator",
                "verification body",
                "state",
                "provides debs",
                "section 95989(b) documentation, if applicable",
                "project documentation",
                "intentional reversal",
                "unintentional reversal",
                "comment",
            ),
        },
        meaning=Meaning.ISSUED,
        issues=True,
        project_of=_project,
    ),
)
