"""Rows that are found and guarded by their key alone.

Claims, holdings and parts are the rows that a ledger has most of. On SQLite their key is now the
table itself. What their foreign keys and, on PostgreSQL, their exclusion constraints refused is
refused by guards that look once a statement. Idempotency keys are looked up together by key,
whoever sent them, so the key comes first.
"""

from importlib.resources import files

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CLAIMS = """CREATE TABLE {} (
    series_number INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    form TEXT,
    position INTEGER,
    CONSTRAINT serial_claims_pkey PRIMARY KEY (series_number, first),{}
    CONSTRAINT serial_claims_range_check CHECK (first >= 0 AND first <= last)
)"""
HOLDINGS = """CREATE TABLE {} (
    record_number INTEGER NOT NULL,
    from_g INTEGER NOT NULL,
    quantity_g INTEGER NOT NULL,
    holder TEXT,
    CONSTRAINT holdings_pkey PRIMARY KEY (record_number, from_g),{}
    CONSTRAINT holdings_inside_check CHECK (from_g >= 0),
    CONSTRAINT holdings_positive_check CHECK (quantity_g > 0)
)"""
PARTS = """CREATE TABLE {} (
    position INTEGER NOT NULL,
    from_g INTEGER NOT NULL,
    quantity_g INTEGER NOT NULL,
    record_number INTEGER NOT NULL,
    type TEXT NOT NULL,
    CONSTRAINT event_parts_pkey PRIMARY KEY {},
    CONSTRAINT event_parts_inside_check CHECK (from_g >= 0),
    CONSTRAINT event_parts_positive_check CHECK (quantity_g > 0)
)"""
OVERLAPS = (
    ("serial_claims", "never_overlap"),
    ("holdings", "never_overlap"),
    ("event_parts", "end_once"),
)
ANSWERS = """CREATE TABLE {} (
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    answer TEXT NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY {}
)"""
KEYS = {
    "serial_claims": {"series_number": "series (number)", "record_number": "records (number)"},
    "holdings": {"record_number": "records (number)"},
    "event_parts": {"position": "events (position)", "record_number": "records (number)"},
}


def upgrade() -> None:
    """Make the tables lean."""
    if op.get_bind().dialect.name == "sqlite":
        lean = ") WITHOUT ROWID"
        _remake("serial_claims", CLAIMS.format("{}", "")[:-1] + lean)
        _remake("holdings", HOLDINGS.format("{}", "")[:-1] + lean)
        _remake("event_parts", PARTS.format("{}", "(record_number, from_g, position)")[:-1] + lean)
        _remake("idempotency_keys", ANSWERS.format("{}", "(key, caller)"))
    else:
        for table, keys in KEYS.items():
            for column in keys:
                op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_fkey")
        for table, name in OVERLAPS:
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}")
        op.drop_index("event_parts_record_number_from_g_idx")
        _key("event_parts", "record_number, from_g, position")
        _key("idempotency_keys", "key, caller")
    _guard("0005")


def downgrade() -> None:
    """Take it back."""
    if op.get_bind().dialect.name == "sqlite":
        claims = _foreign("serial_claims", "series_number") + _foreign("serial_claims")
        _remake("serial_claims", CLAIMS.format("{}", claims))
        _remake("holdings", HOLDINGS.format("{}", _foreign("holdings")))
        parts = "(position, from_g)," + _foreign("event_parts", "position")
        _remake("event_parts", PARTS.format("{}", (parts + _foreign("event_parts")).rstrip(",")))
        _remake("idempotency_keys", ANSWERS.format("{}", "(caller, key)"))
        _guard("0005")
        for trigger in ("serial_claims_of_something", "event_parts_of_event"):
            op.execute(f"DROP TRIGGER {trigger}")
    else:
        op.execute("DROP TRIGGER serial_claims_checked ON serial_claims")
        op.execute("DROP FUNCTION offset_check_claims()")
        op.drop_index("event_parts_ended_idx")
        _key("event_parts", "position, from_g")
        _key("idempotency_keys", "caller, key")
        _exclude()
        for table, keys in KEYS.items():
            for column, target in keys.items():
                op.create_foreign_key(
                    f"{table}_{column}_fkey",
                    table,
                    target.partition(" ")[0],
                    [column],
                    [target.partition("(")[2].rstrip(")")],
                )
    op.create_index(
        "event_parts_record_number_from_g_idx", "event_parts", ["record_number", "from_g"]
    )


def _exclude() -> None:
    """Put back the guards of revision 0001, in its own words."""
    script = (files("offset.migrations") / "guards" / "0001-postgresql.sql").read_text("utf-8")
    for statement in script.split("\n\n"):
        if "EXCLUDE USING gist" in statement:
            op.execute(statement)
        for function in ("offset_check_parts", "offset_check_holdings"):
            if statement.startswith(f"CREATE FUNCTION {function}"):
                op.execute(statement.replace("CREATE", "CREATE OR REPLACE", 1))
    op.execute("DROP FUNCTION offset_take_head()")


def _foreign(table: str, column: str = "record_number") -> str:
    target = KEYS[table][column]
    name = f"{table}_{column}_fkey"
    return f"\n    CONSTRAINT {name} FOREIGN KEY({column}) REFERENCES {target},"


def _remake(table: str, create: str) -> None:
    """Make a table of SQLite anew, with its rows; its indexes and guards go with the old one."""
    op.execute(create.format(f"{table}_anew"))
    op.execute(f"INSERT INTO {table}_anew SELECT * FROM {table}")  # noqa: S608 - our own tables
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE {table}_anew RENAME TO {table}")
    for index, columns in {
        "serial_claims": {"serial_claims_record_number_position_idx": "record_number, position"},
        "holdings": {"holdings_holder_record_number_idx": "holder, record_number"},
    }.get(table, {}).items():
        op.execute(f"CREATE INDEX {index} ON {table} ({columns})")


def _key(table: str, columns: str) -> None:
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({columns})")


def _guard(revision: str) -> None:
    guards = files("offset.migrations") / "guards" / f"{revision}-{op.get_bind().dialect.name}.sql"
    cursor = op.get_bind().connection.cursor()
    for statement in guards.read_text(encoding="utf-8").split("\n\n"):
        cursor.execute(statement)
    cursor.close()
