"""Lists and searches by index: project names, each once, and what leads from them to records."""

from importlib.resources import files

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = BigInteger().with_variant(Integer, "sqlite")
# An index row has its limit, and canonical names have none: 200 characters always fit.
PREFIX = {
    "sqlite": "substr({}, 1, 200)",
    "postgresql": '(substr({}, 1, 200) COLLATE "C")',
}
PROJECT = {
    "sqlite": "json_extract(extra, '$.project_id')",
    "postgresql": "(extra::jsonb ->> 'project_id')",
}


def upgrade() -> None:
    """Keep the names of the records that are there, and index what lists ask for."""
    engine = op.get_bind().dialect.name
    op.create_table(
        "project_names",
        Column("number", BIG, autoincrement=False, nullable=False),
        Column("name", Text, nullable=False),
        PrimaryKeyConstraint("number", name="project_names_pkey"),
    )
    op.execute(
        "INSERT INTO project_names (number, name)"
        " SELECT min(number), project_name FROM records GROUP BY project_name ORDER BY 1"
    )
    name, of_record = (PREFIX[engine].format(column) for column in ("name", "project_name"))
    op.execute(f"CREATE INDEX project_names_prefix_idx ON project_names ({name})")
    op.execute(f"CREATE INDEX records_name_number_idx ON records ({of_record}, number)")
    op.create_index("records_registry_number_idx", "records", ["registry", "number"])
    op.create_index("series_series_idx", "series", ["series"])
    op.drop_index("serial_claims_record_number_idx")
    op.create_index(
        "serial_claims_record_number_position_idx", "serial_claims", ["record_number", "position"]
    )
    _index_projects(engine, f" WHERE {PROJECT[engine]} IS NOT NULL")
    guards = files("offset.migrations") / "guards" / f"0004-{engine}.sql"
    cursor = op.get_bind().connection.cursor()
    for statement in guards.read_text(encoding="utf-8").split("\n\n"):
        cursor.execute(statement)
    cursor.close()


def downgrade() -> None:
    """Take it back; the names are made of the records again."""
    engine = op.get_bind().dialect.name
    if engine == "sqlite":
        op.execute("DROP TABLE project_names_fts")
    op.drop_table("project_names")
    _index_projects(engine, "")
    op.create_index("serial_claims_record_number_idx", "serial_claims", ["record_number"])
    for index in (
        "serial_claims_record_number_position_idx",
        "series_series_idx",
        "records_registry_number_idx",
        "records_name_number_idx",
    ):
        op.drop_index(index)


def _index_projects(engine: str, where: str) -> None:
    """Index records by project; most that were not imported name none."""
    op.drop_index("records_registry_project_vintage_idx")
    op.execute(
        f"CREATE INDEX records_registry_project_vintage_idx ON records"
        f" (registry, {PROJECT[engine]}, vintage, number){where}"
    )
