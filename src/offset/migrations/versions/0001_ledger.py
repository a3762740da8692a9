"""The ledger: records, events, claims, holdings, and what the database refuses."""

from importlib.resources import files

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, their guards, and the one row of the head."""
    _heads()
    _records()
    _claims()
    _state()
    _events()
    _beside()
    guards = files("offset.migrations") / "guards" / f"0001-{op.get_bind().dialect.name}.sql"
    cursor = op.get_bind().connection.cursor()
    for statement in _statements(guards.read_text(encoding="utf-8")):
        cursor.execute(statement)
    cursor.close()
    op.execute("INSERT INTO ledger_head (id, position, at_us) VALUES (1, -1, 0)")


def downgrade() -> None:
    """Drop everything; the guards go with their tables."""
    for table in (
        "idempotency_keys",
        "details",
        "event_parts",
        "events",
        "holdings",
        "record_state",
        "serial_claims",
        "series",
        "records",
        "ledger_head",
        "ledger_origin",
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for function in ("refuse_change", "check_head", "check_parts", "check_holdings"):
            op.execute(f"DROP FUNCTION offset_{function}()")
        op.execute("DROP FUNCTION offset_check_erasure()")


def _statements(script: str) -> list[str]:
    """Split a guard script at the semicolons that end a line and a statement."""
    statements: list[str] = []
    lines: list[str] = []
    quoted = False
    for line in script.splitlines():
        if line.startswith("--"):
            continue
        lines.append(line)
        quoted ^= line.count("$$") % 2 == 1
        trigger = lines[0].startswith("CREATE TRIGGER") and "BEGIN" in "\n".join(lines)
        if line.endswith(";") and not quoted and (not trigger or line.endswith("END;")):
            statements.append("\n".join(lines))
            lines = []
        elif not "".join(lines).strip():
            lines = []
    return statements


def _heads() -> None:
    op.create_table(
        "ledger_origin",
        Column("id", SmallInteger, nullable=False),
        Column("origin", Text, nullable=False),
        PrimaryKeyConstraint("id", name="ledger_origin_pkey"),
        CheckConstraint("id = 1", name="one_row"),
    )
    op.create_table(
        "ledger_head",
        Column("id", SmallInteger, nullable=False),
        Column("position", BIG, nullable=False),
        Column("at_us", BIG, nullable=False),
        PrimaryKeyConstraint("id", name="ledger_head_pkey"),
        CheckConstraint("id = 1", name="one_row"),
    )


def _records() -> None:
    op.create_table(
        "records",
        Column("number", BIG, autoincrement=False, nullable=False),
        Column("id", LargeBinary, nullable=False),
        Column("project_name", Text, nullable=False),
        Column("registry", Text, nullable=False),
        Column("vintage", Integer, nullable=False),
        Column("quantity_g", BIG, nullable=False),
        Column("serial_number", Text, nullable=False),
        Column("sent", Text, nullable=False),
        Column("first_holder", Text),
        Column("extra", Text, nullable=False),
        Column("effective_on", Text),
        Column("created_at_us", BIG, nullable=False),
        PrimaryKeyConstraint("number", name="records_pkey"),
        UniqueConstraint("id", name="records_id_key"),
        CheckConstraint("quantity_g > 0", name="positive"),
    )
    op.create_index(
        "records_registry_vintage_number_idx", "records", ["registry", "vintage", "number"]
    )
    op.create_index("records_vintage_number_idx", "records", ["vintage", "number"])


def _claims() -> None:
    op.create_table(
        "series",
        Column("number", BIG, autoincrement=False, nullable=False),
        Column("registry", Text, nullable=False),
        Column("series", Text, nullable=False),
        PrimaryKeyConstraint("number", name="series_pkey"),
        UniqueConstraint("registry", "series", name="series_registry_series_key"),
    )
    op.create_table(
        "serial_claims",
        Column("series_number", BIG, nullable=False),
        Column("first", BIG, nullable=False),
        Column("last", BIG, nullable=False),
        Column("record_number", BIG, nullable=False),
        Column("form", Text),
        PrimaryKeyConstraint("series_number", "first", name="serial_claims_pkey"),
        ForeignKeyConstraint(
            ["series_number"], ["series.number"], name="serial_claims_series_number_fkey"
        ),
        ForeignKeyConstraint(
            ["record_number"], ["records.number"], name="serial_claims_record_number_fkey"
        ),
        CheckConstraint("first >= 0 AND first <= last", name="range"),
    )
    op.create_index("serial_claims_record_number_idx", "serial_claims", ["record_number"])


def _state() -> None:
    op.create_table(
        "record_state",
        Column("record_number", BIG, autoincrement=False, nullable=False),
        Column("seq", Integer, nullable=False),
        Column("leaf_hash", LargeBinary, nullable=False),
        Column("status", Text, nullable=False),
        Column("available_g", BIG, nullable=False),
        Column("sold_g", BIG, nullable=False),
        Column("retired_g", BIG, nullable=False),
        Column("cancelled_g", BIG, nullable=False),
        Column("erasures", Integer, nullable=False),
        Column("sold", Text),
        Column("retired", Text),
        Column("cancelled", Text),
        PrimaryKeyConstraint("record_number", name="record_state_pkey"),
        ForeignKeyConstraint(
            ["record_number"], ["records.number"], name="record_state_record_number_fkey"
        ),
    )
    op.create_index(
        "record_state_status_record_number_idx", "record_state", ["status", "record_number"]
    )
    op.create_table(
        "holdings",
        Column("record_number", BIG, nullable=False),
        Column("from_g", BIG, nullable=False),
        Column("quantity_g", BIG, nullable=False),
        Column("holder", Text),
        PrimaryKeyConstraint("record_number", "from_g", name="holdings_pkey"),
        ForeignKeyConstraint(
            ["record_number"], ["records.number"], name="holdings_record_number_fkey"
        ),
        CheckConstraint("from_g >= 0", name="inside"),
        CheckConstraint("quantity_g > 0", name="positive"),
    )
    op.create_index("holdings_holder_record_number_idx", "holdings", ["holder", "record_number"])


def _events() -> None:
    op.create_table(
        "events",
        Column("position", BIG, autoincrement=False, nullable=False),
        Column("record_number", BIG, nullable=False),
        Column("seq", Integer, nullable=False),
        Column("id", LargeBinary, nullable=False),
        Column("type", Text, nullable=False),
        Column("leaf", LargeBinary, nullable=False),
        Column("leaf_hash", LargeBinary, nullable=False),
        PrimaryKeyConstraint("position", name="events_pkey"),
        ForeignKeyConstraint(
            ["record_number"], ["records.number"], name="events_record_number_fkey"
        ),
        UniqueConstraint("id", name="events_id_key"),
        UniqueConstraint("record_number", "seq", name="events_record_number_seq_key"),
        CheckConstraint("seq > 0", name="positive"),
    )
    op.create_table(
        "event_parts",
        Column("position", BIG, nullable=False),
        Column("from_g", BIG, nullable=False),
        Column("quantity_g", BIG, nullable=False),
        Column("record_number", BIG, nullable=False),
        Column("type", Text, nullable=False),
        PrimaryKeyConstraint("position", "from_g", name="event_parts_pkey"),
        ForeignKeyConstraint(["position"], ["events.position"], name="event_parts_position_fkey"),
        ForeignKeyConstraint(
            ["record_number"], ["records.number"], name="event_parts_record_number_fkey"
        ),
        CheckConstraint("from_g >= 0", name="inside"),
        CheckConstraint("quantity_g > 0", name="positive"),
    )
    op.create_index(
        "event_parts_record_number_from_g_idx", "event_parts", ["record_number", "from_g"]
    )


def _beside() -> None:
    op.create_table(
        "details",
        Column("position", BIG, autoincrement=False, nullable=False),
        Column("salt", LargeBinary),
        Column("content", Text),
        Column("private", Boolean, nullable=False),
        PrimaryKeyConstraint("position", name="details_pkey"),
        ForeignKeyConstraint(["position"], ["events.position"], name="details_position_fkey"),
    )
    op.create_table(
        "idempotency_keys",
        Column("caller", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("answer", Text, nullable=False),
        PrimaryKeyConstraint("caller", "key", name="idempotency_keys_pkey"),
    )
