"""The net below the rules: nothing that the rules rest on is deleted, closed words are closed."""

from importlib.resources import files

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TRIGGERS = {
    "sqlite": {
        "events": ["known_type"],
        "record_state": ["known_status", "keeps_known_status", "no_delete"],
        "serial_claims": ["no_delete"],
        "series": ["no_update", "no_delete", "no_replace"],
        "idempotency_keys": ["no_update", "no_delete", "no_replace"],
        "imports": ["known_status", "keep_known_status"],
    },
    "postgresql": {
        "record_state": ["only_grows", "no_delete"],
        "serial_claims": ["no_delete"],
        "series": ["no_delete"],
        "idempotency_keys": ["no_delete"],
    },
}
_CHECKED = {"event_parts": "type", "events": "type", "record_state": "status", "imports": "status"}


def upgrade() -> None:
    """Add what each database refuses from now on."""
    engine = op.get_bind().dialect.name
    guards = files("offset.migrations") / "guards" / f"0006-{engine}.sql"
    cursor = op.get_bind().connection.cursor()
    for statement in guards.read_text(encoding="utf-8").split("\n\n"):
        cursor.execute(statement)
    cursor.close()


def downgrade() -> None:
    """Take back what was added; the guards of `event_parts` go on as they are."""
    engine = op.get_bind().dialect.name
    for table, names in _TRIGGERS[engine].items():
        on = "" if engine == "sqlite" else f" ON {table}"
        for name in names:
            op.execute(f"DROP TRIGGER {table}_{name}{on}")
    if engine == "postgresql":
        op.execute("DROP FUNCTION offset_refuse_older_state()")
        for table, column in _CHECKED.items():
            op.drop_constraint(f"{table}_{column}_check", table)
