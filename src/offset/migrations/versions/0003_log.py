"""The transparency log: its tiles, what is integrated, what was signed, and by which keys."""

from importlib.resources import files

from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the log's tables and their guards."""
    op.create_table(
        "log_tiles",
        Column("level", SmallInteger, nullable=False),
        Column("tile", BIG, nullable=False),
        Column("hashes", LargeBinary, nullable=False),
        PrimaryKeyConstraint("level", "tile", name="log_tiles_pkey"),
    )
    op.create_table(
        "log_state",
        Column("id", SmallInteger, nullable=False),
        Column("size", BIG, nullable=False),
        Column("root", LargeBinary, nullable=False),
        PrimaryKeyConstraint("id", name="log_state_pkey"),
        CheckConstraint("id = 1", name="one_row"),
    )
    op.create_table(
        "log_checkpoints",
        Column("size", BIG, autoincrement=False, nullable=False),
        Column("note", Text, nullable=False),
        Column("signed_at_us", BIG, nullable=False),
        PrimaryKeyConstraint("size", name="log_checkpoints_pkey"),
    )
    op.create_table(
        "log_keys",
        Column("vkey", Text, nullable=False),
        Column("added_at_us", BIG, nullable=False),
        PrimaryKeyConstraint("vkey", name="log_keys_pkey"),
    )
    op.create_table(
        "log_cosignatures",
        Column("size", BIG, autoincrement=False, nullable=False),
        Column("name", Text, nullable=False),
        Column("line", Text, nullable=False),
        PrimaryKeyConstraint("size", "name", name="log_cosignatures_pkey"),
    )
    guards = files("offset.migrations") / "guards" / f"0003-{op.get_bind().dialect.name}.sql"
    cursor = op.get_bind().connection.cursor()
    for statement in guards.read_text(encoding="utf-8").split("\n\n"):
        cursor.execute(statement)
    cursor.close()


def downgrade() -> None:
    """Drop the log; it can be published anew from the events, except for what was signed."""
    for table in ("log_cosignatures", "log_keys", "log_checkpoints", "log_state", "log_tiles"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION offset_check_log_state()")
