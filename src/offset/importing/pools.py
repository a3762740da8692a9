"""Issuances without serial numbers, whose credits are interchangeable."""

import json
from typing import NamedTuple

from offset.core.canonical import canonical_serial
from offset.exports import Row
from offset.importing.drafting import project_of
from offset.registries import REGISTRIES


class Pool(NamedTuple):
    """Of a registry's project, of one vintage or of any; or one record, by its serial number.

    The one record is that whose serial number is the text `serial`.
    """

    registry: str
    project: str | None = None
    vintage: int | None = None
    serial: str | None = None


def pool_of(row: Row) -> Pool | None:
    """Name the issuances without serial numbers that a row's credits may be of."""
    if row.issuance_text is not None:
        return Pool(row.registry, serial=canonical_serial(row.issuance_text))
    project = project_of(row)
    if project is None:
        return None
    # Where ids stand for serial numbers, only the project tells of which issuance credits are.
    return Pool(row.registry, project, row.vintage if row.registry in REGISTRIES else None)


def pool_of_totals(row: Row) -> Pool:
    """Name the records that a row's totals are of: its pool, or the one that its id names."""
    assert row.serial is not None
    if row.serial_text and "-issuance:" in row.serial_text and (pool := pool_of(row)):
        return pool
    return Pool(row.serial.key.registry, serial=row.serial.key.series)


def named(pool: Pool) -> str:
    """Write a pool as a key of the spool."""
    return json.dumps(pool)


def pool_named(name: str) -> Pool:
    """Read what `named` writes."""
    return Pool(*json.loads(name))
