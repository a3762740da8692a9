"""A record's vintage and period held against what its serial number says of them.

A serial number states a period (Verra), a year (Gold Standard, ACR) or nothing (CDM). Registries
label a period by the year in which it starts or by another one that it touches, so every calendar
year that both periods could mean is accepted, and only a plain contradiction is refused.
"""

from datetime import date

from offset.core.canonical import vintage_period
from offset.core.errors import VintageMismatch
from offset.core.records import Record
from offset.registries import REGISTRIES
from offset.registries.stated import Stated


def check_vintage(record: Record) -> None:
    """Refuse a record whose vintage or period its serial number contradicts.

    Raises:
        VintageMismatch: the serial number touches none of the years of the vintage, and the vintage
            is not in the record's own period either; or the two periods have no day in common.
    """
    own = REGISTRIES.get(record.registry)
    says = own.stated(record.serial_number) if own else None
    stated = None if says is None else _stated_period(says)
    if stated is None:
        return
    start, end = _day(record.extra.get("vintage_start")), _day(record.extra.get("vintage_end"))
    if (start and start > stated[1]) or (end and end < stated[0]):
        raise _mismatch(record, stated)
    first, last = vintage_period(record.sent["vintage"])
    if first.year <= stated[1].year and last.year >= stated[0].year:
        return
    if start is None or end is None or not start.year <= record.vintage <= end.year:
        raise _mismatch(record, stated)


def _stated_period(says: Stated) -> tuple[date, date] | None:
    if says.period is not None:
        return says.period
    return None if says.vintage is None else vintage_period(says.vintage)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _mismatch(record: Record, stated: tuple[date, date]) -> VintageMismatch:
    period = {name: record.extra.get(name) for name in ("vintage_start", "vintage_end")}
    days = [f"{name} {day}" for name, day in period.items() if day]
    listed = ", ".join([f"vintage {record.sent['vintage']}", *days])
    start, end = (day.isoformat() for day in stated)
    return VintageMismatch(
        f"serial {record.serial.text} is of {start} to {end}, the request of {listed}",
        vintage=record.vintage,
        **period,
        serial_start=start,
        serial_end=end,
    )
