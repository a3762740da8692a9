"""A row's serial number held against the row's columns."""

from collections.abc import Iterator
from typing import Final

from offset.core.canonical import canonical_serial
from offset.exports import Row
from offset.registries import REGISTRIES
from offset.registries.stated import same_project

# Before that year's issuances Verra's serial numbers did not keep the flag.
FLAGS_KEPT_FROM: Final = "2012-01-01"


def differences(row: Row) -> Iterator[tuple[str, str]]:
    """Find where a row and its serial number say different things; a code and a sentence each.

    Nothing where the registry has ids in place of serial numbers, and where either is silent.
    """
    serial = row.serial
    if serial is None or serial.registry not in REGISTRIES:
        return
    says = REGISTRIES[serial.registry].stated(canonical_serial(serial.text))
    if says is None:
        name = REGISTRIES[serial.registry].name
        yield "unparsed-serial", f"serial {serial.text}: {name} writes none like this"
        return
    project, country = row.project_id, row.country
    if project and says.project and not same_project(row.registry, project, says.project):
        yield "serial-project", f"the serial is of project {says.project}, the row of {project}"
    if country and says.country and says.country != country:
        yield "serial-country", f"the serial is of country {says.country}, the row of {country}"
    if says.period is not None and row.vintage_start and row.vintage_end:
        stated = " to ".join(day.isoformat() for day in says.period)
        listed = f"{row.vintage_start} to {row.vintage_end}"
    else:
        stated, listed = str(says.vintage or row.vintage), str(row.vintage)
    if stated != listed:
        yield "serial-vintage", f"the serial is of vintage {stated}, the row of {listed}"
    early = row.issued_on is not None and row.issued_on < FLAGS_KEPT_FROM
    if {says.certified, row.certified} == {True, False} and not early:
        stated, listed = ("a", "none") if says.certified else ("no", "one")
        yield "serial-flag", f"the serial tells of {stated} second standard, the row of {listed}"
