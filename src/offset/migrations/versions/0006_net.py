"""The net below the rules: nothing that the rules rest on is deleted, closed words are closed."""

from importlib.resources import files

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KEPT = ("serial_claims", "series", "record_state", "idempotency_keys")


def upgrade() -> None:
    """Add what each database refuses from now on."""
    engine = op.get_bind().dialect.name
    guards = files("offset.migrations") / "guards" / f"0006-{engine}.sql"
    cursor = op.get_bind().connection.cursor()
    for statement in guards.read_text(encoding="utf-8").split("\n\n"):
        cursor.execute(statement)
    cursor.close()


def downgrade() -> None:
    """Take back what keeps older migrations from taking back theirs; the rest goes with them."""
    engine = op.get_bind().dialect.name
    for table in _KEPT:
        on = "" if engine == "sqlite" else f" ON {table}"
        op.execute(f"DROP TRIGGER {table}_no_delete{on}")
    if engine == "postgresql":
        op.execute("DROP TRIGGER record_state_only_grows ON record_state")
        op.execute("DROP FUNCTION offset_refuse_older_state()")
