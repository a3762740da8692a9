"""Claims of ends, and imports.

An end of credits whose issuance had no serial numbers claims those that it came with. The index
finds the records of a project and its vintages.
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
)

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = BigInteger().with_variant(Integer, "sqlite")
PROJECT = {
    "sqlite": "json_extract(extra, '$.project_id')",
    "postgresql": "(extra::jsonb ->> 'project_id')",
}


def upgrade() -> None:
    """Tell a record's own claim from those of its ends; keep what became of imports."""
    op.add_column("serial_claims", Column("position", BIG))
    project = PROJECT[op.get_bind().dialect.name]
    op.execute(
        f"CREATE INDEX records_registry_project_vintage_idx ON records"
        f" (registry, {project}, vintage, number)"
    )
    op.create_table(
        "imports",
        Column("id", LargeBinary, nullable=False),
        Column("started_at_us", BIG, nullable=False),
        Column("finished_at_us", BIG),
        Column("status", Text, nullable=False),
        Column("file", Text, nullable=False),
        Column("dry_run", Boolean, nullable=False),
        Column("row_count", Integer, nullable=False),
        Column("applied", Integer, nullable=False),
        Column("unchanged", Integer, nullable=False),
        Column("reported", Integer, nullable=False),
        Column("differences", Text),
        Column("error", Text),
        PrimaryKeyConstraint("id", name="imports_pkey"),
    )
    op.create_index("imports_started_at_us_idx", "imports", ["started_at_us"])
    op.create_table(
        "import_issues",
        Column("import_id", LargeBinary, nullable=False),
        Column("number", Integer, nullable=False),
        Column("line", Integer),
        Column("code", Text, nullable=False),
        Column("text", Text, nullable=False),
        Column("detail", Text, nullable=False),
        PrimaryKeyConstraint("import_id", "number", name="import_issues_pkey"),
        ForeignKeyConstraint(["import_id"], ["imports.id"], name="import_issues_import_id_fkey"),
    )


def downgrade() -> None:
    """Take it back; claims of ends are lost with their column."""
    op.drop_table("import_issues")
    op.drop_table("imports")
    op.drop_index("records_registry_project_vintage_idx")
    op.execute("DELETE FROM serial_claims WHERE position IS NOT NULL")
    op.execute("DELETE FROM series WHERE number NOT IN (SELECT series_number FROM serial_claims)")
    op.drop_column("serial_claims", "position")
