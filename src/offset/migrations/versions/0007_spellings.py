"""Second spellings: what a record claims further, and what it states of its issuance."""

from importlib.resources import files

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Text,
    text,
)

from offset.core.errors import Unfit

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    """Make the table of facts.

    Raises:
        Unfit: there are records, whose claims are those of an older rule.
    """
    engine = op.get_bind().dialect.name
    if op.get_bind().execute(text("SELECT 1 FROM records LIMIT 1")).first() is not None:
        raise Unfit(
            "the ledger was made by a development version that claimed serial numbers in one "
            "spelling only; it cannot be carried over. Make a new ledger and bring its records in "
            "again"
        )
    op.create_table(
        "serial_facts",
        Column("registry", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("value", Text, nullable=False),
        Column("record_number", BIG, nullable=False),
        PrimaryKeyConstraint("registry", "subject", name="serial_facts_pkey"),
        ForeignKeyConstraint(
            ["record_number"], ["records.number"], name="serial_facts_record_number_fkey"
        ),
        sqlite_with_rowid=False,
    )
    guards = files("offset.migrations") / "guards" / f"0007-{engine}.sql"
    cursor = op.get_bind().connection.cursor()
    for statement in guards.read_text(encoding="utf-8").split("\n\n"):
        cursor.execute(statement)
    cursor.close()


def downgrade() -> None:
    """Drop it."""
    op.drop_table("serial_facts")
