"""A rehearsal: the part of a ledger that an import can touch, copied into a scratch ledger."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from sqlalchemy import Select, Table, select, update

from offset.database import Database
from offset.migrating import migrate
from offset.models import (
    event_parts,
    events,
    holdings,
    ledger_head,
    record_state,
    records,
    serial_claims,
    serial_facts,
    series,
)
from offset.registries import cdm, gold_standard

CERS: Final = {gold_standard.REGISTRY, cdm.REGISTRY}
_ROWS_AT_A_TIME: Final = 2_000


@contextmanager
def rehearsal(database: Database, registries: Sequence[str]) -> Iterator[Database]:
    """Copy the registries' records, their events, holdings and claims; no details.

    What is done to the copy is what would be done to the ledger, and nothing of it stays.

    Raises:
        DatabaseUnavailable: the ledger does not answer.
    """
    with TemporaryDirectory(prefix="offset-rehearsal-") as folder:
        scratch = Database(f"sqlite:///{Path(folder) / 'scratch.db'}", pool_size=2)
        try:
            migrate(scratch)
            _copy(database, scratch, registries)
            yield scratch
        finally:
            scratch.close()


def _copy(database: Database, scratch: Database, registries: Sequence[str]) -> None:
    if CERS & {*registries}:  # the same serial numbers may stand under either
        registries = [*{*registries} | CERS]
    wanted = select(records.c.number).where(records.c.registry.in_(registries))
    own: tuple[tuple[Table, str, tuple[str, ...]], ...] = (
        (records, "number", ("number",)),
        (serial_claims, "record_number", ("series_number", "first")),
        (serial_facts, "record_number", ("registry", "subject")),
        (record_state, "record_number", ("record_number",)),
        (holdings, "record_number", ("record_number", "from_g")),
        (events, "record_number", ("position",)),
        (event_parts, "record_number", ("position", "from_g")),
    )
    with database.reading(patiently=True) as source, scratch.writing() as target:
        head = source.execute(select(ledger_head)).one()
        target.execute(update(ledger_head).values(position=head.position, at_us=head.at_us))
        lines = select(series).where(series.c.registry.in_(registries))
        statements: list[tuple[Table, Select[Any]]] = [(series, lines)]
        for table, name, order in own:
            columns = [table.c[column] for column in order]
            rows_of = select(table).where(table.c[name].in_(wanted)).order_by(*columns)
            statements.append((table, rows_of))
        for table, statement in statements:
            rows = source.execute(statement.execution_options(yield_per=_ROWS_AT_A_TIME))
            for some in rows.partitions():
                scratch.insert(target, table, [tuple(row) for row in some])
