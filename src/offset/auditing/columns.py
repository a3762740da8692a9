"""o"""
def _verra_stated(text: str) -> Stated | None:
    says = verra.stated(text)
    if says is None:
        return None
    period = (says.vintage_start, says.vintage_end)
    return Stated(project=says.project, country=says.country, vintage=period[0].year, period=period)


_STATED: Final[Mapping[str, Callable[[str], Stated | None]]] = {
    verra.REGISTRY: _verra_stated,
    **{one.REGISTRY: one.stated for one in (acr, art, car, cercarbono, gold_standard, puro)},
}


def _odd(row: Row) -> Iterator[tuple[str, str]]:
    """Hold what a row's serial number says against the row's columns."""
    if row.planned and row.meaning in {Meaning.RETIRED, Meaning.CANCELLED}:
        yield "planned-ended", f"{tonnes_text(row.quantity_g)} of planned credits ended"
    serial = row.serial
    if serial is None or serial.registry not in REGISTRIES:
        return
    says = _STATED[serial.registry](canonical_serial(serial.text))
    if says is None:
        if not serial.parsed:
            name = REGISTRIES[serial.registry].name
            yield "unparsed-serial", f"serial {serial.text}: no serial number of {name} is like it"
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


