"""The tables.

Append-only: `records`, `events`, `event_parts`, `ledger_origin`. Projections, which can be thrown
away and rebuilt from the events: `record_state`, `holdings`, `series`, `serial_claims`,
`serial_facts`, `project_names`. What no table here can say (ranges that may not overlap, rows that
may not change, rows whose record is not there, indexes on expressions and of texts) stands in the
migrations, in each database's own words.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

# A big number that is also SQLite's rowid where it is the only primary key.
Big: Final = BigInteger().with_variant(Integer, "sqlite")

metadata: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


def _one_of(name: str, *words: str) -> CheckConstraint:
    """Make the check that a column has one of some words; SQLite has triggers for it."""
    listed = ", ".join(f"'{word}'" for word in words)
    check = CheckConstraint(f"{name} IN ({listed})", name=name)
    check.ddl_if(dialect="postgresql")
    return check


# The log's name, written once: a leaf cannot be replayed into another log.
ledger_origin: Final = Table(
    "ledger_origin",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1", name="one_row"), primary_key=True),
    Column("origin", Text, nullable=False),
)

# One row: position and time (microseconds since 1970, UTC) of the last event.
ledger_head: Final = Table(
    "ledger_head",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1", name="one_row"), primary_key=True),
    Column("position", Big, nullable=False),
    Column("at_us", Big, nullable=False),
)

# The five canonical fields, what was sent, and the optional fields; `number` is the position of
# the record's CREATED event.
records: Final = Table(
    "records",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=False),
    Column("id", LargeBinary, nullable=False, unique=True),
    Column("project_name", Text, nullable=False),
    Column("registry", Text, nullable=False),
    Column("vintage", Integer, nullable=False),
    Column("quantity_g", Big, CheckConstraint("quantity_g > 0", name="positive"), nullable=False),
    Column("serial_number", Text, nullable=False),
    Column("sent", Text, nullable=False),
    Column("first_holder", Text),
    Column("extra", Text, nullable=False),
    Column("effective_on", Text),
    Column("created_at_us", Big, nullable=False),
    Index(None, "registry", "vintage", "number"),
    Index(None, "registry", "number"),
    Index(None, "vintage", "number"),
)

# Each project name once, in canonical form; `number` is that of the first record with it.
project_names: Final = Table(
    "project_names",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
)

# A registry's number lines; `number` is the position of the event that first counted on it.
series: Final = Table(
    "series",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=False),
    Column("registry", Text, nullable=False),
    Column("series", Text, nullable=False),
    UniqueConstraint("registry", "series"),
    Index(None, "series"),
)

# Which serial numbers a record covers, or an end of credits whose issuance had none: that event's
# `position`, null for the record's own. What a record claims further, so that no second spelling of
# its serial number is free, has the position of its CREATED event. `form` is how the registry
# writes them (JSON; null where no grammar reads the text).
serial_claims: Final = Table(
    "serial_claims",
    metadata,
    Column("series_number", Big, primary_key=True),
    Column("first", Big, primary_key=True),
    Column("last", Big, nullable=False),
    Column("record_number", Big, nullable=False),
    Column("form", Text),
    Column("position", Big),
    Index(None, "record_number", "position"),
    CheckConstraint("first >= 0 AND first <= last", name="range"),
    sqlite_with_rowid=False,
)

# What a record states of a subject on which all records of a registry have to agree.
serial_facts: Final = Table(
    "serial_facts",
    metadata,
    Column("registry", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("record_number", Big, ForeignKey("records.number"), nullable=False),
    sqlite_with_rowid=False,
)

# The one mutable row of a record, and the only one that is locked.
record_state: Final = Table(
    "record_state",
    metadata,
    Column(
        "record_number",
        Big,
        ForeignKey("records.number"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("seq", Integer, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("available_g", Big, nullable=False),
    Column("sold_g", Big, nullable=False),
    Column("retired_g", Big, nullable=False),
    Column("cancelled_g", Big, nullable=False),
    Column("erasures", Integer, nullable=False),
    Column("sold", Text),  # the newest SOLD event and its time: "<event id> <time>"
    Column("retired", Text),
    Column("cancelled", Text),
    Index(None, "status", "record_number"),
    _one_of("status", "CREATED", "SOLD", "RETIRED", "CANCELLED"),
)

# Who holds which unbroken part of a record now.
holdings: Final = Table(
    "holdings",
    metadata,
    Column("record_number", Big, primary_key=True),
    Column("from_g", Big, CheckConstraint("from_g >= 0", name="inside"), primary_key=True),
    Column("quantity_g", Big, CheckConstraint("quantity_g > 0", name="positive"), nullable=False),
    Column("holder", Text),
    Index(None, "holder", "record_number"),
    sqlite_with_rowid=False,
)

# `leaf` are the canonical bytes that the log hashes, written once; `position` is the leaf index.
events: Final = Table(
    "events",
    metadata,
    Column("position", Big, primary_key=True, autoincrement=False),
    Column("record_number", Big, ForeignKey("records.number"), nullable=False),
    Column("seq", Integer, CheckConstraint("seq > 0", name="positive"), nullable=False),
    Column("id", LargeBinary, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    UniqueConstraint("record_number", "seq"),
    _one_of("type", "CREATED", "SOLD", "RETIRED", "CANCELLED", "ERASED"),
)

# The grams that an event sold, retired or cancelled.
event_parts: Final = Table(
    "event_parts",
    metadata,
    Column("position", Big, nullable=False),
    Column("from_g", Big, CheckConstraint("from_g >= 0", name="inside"), nullable=False),
    Column("quantity_g", Big, CheckConstraint("quantity_g > 0", name="positive"), nullable=False),
    Column("record_number", Big, nullable=False),
    Column("type", Text, nullable=False),
    PrimaryKeyConstraint("record_number", "from_g", "position"),
    _one_of("type", "SOLD", "RETIRED", "CANCELLED"),
    sqlite_with_rowid=False,
)

# Words and prices beside an event. Erasing empties salt and content for good.
details: Final = Table(
    "details",
    metadata,
    Column("position", Big, ForeignKey("events.position"), primary_key=True, autoincrement=False),
    Column("salt", LargeBinary),
    Column("content", Text),
    Column("private", Boolean, nullable=False),
)

# The log's hash tiles: up to 256 joined hashes; a wider one begins with the narrower one.
log_tiles: Final = Table(
    "log_tiles",
    metadata,
    Column("level", SmallInteger, primary_key=True),
    Column("tile", Big, primary_key=True),
    Column("hashes", LargeBinary, nullable=False),
)

# How many events are in the tiles, and the root of their tree.
log_state: Final = Table(
    "log_state",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1", name="one_row"), primary_key=True),
    Column("size", Big, nullable=False),
    Column("root", LargeBinary, nullable=False),
)

# Every checkpoint that was ever signed, as the note that it is.
log_checkpoints: Final = Table(
    "log_checkpoints",
    metadata,
    Column("size", Big, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("signed_at_us", Big, nullable=False),
)

# The public keys that have signed, as verifiers take them.
log_keys: Final = Table(
    "log_keys",
    metadata,
    Column("vkey", Text, primary_key=True),
    Column("added_at_us", Big, nullable=False),
)

# What witnesses said of a checkpoint: a signature line each.
log_cosignatures: Final = Table(
    "log_cosignatures",
    metadata,
    Column("size", Big, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("line", Text, nullable=False),
)

# Files that were read into the ledger, and how their rows fared; quantities are counted in rows.
# `differences` is JSON: the largest differences between file and ledger, how many there are, and a
# sentence for each file that was passed over.
imports: Final = Table(
    "imports",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("started_at_us", Big, nullable=False, index=True),
    Column("finished_at_us", Big),
    Column("status", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("applied", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("reported", Integer, nullable=False),
    Column("differences", Text),
    Column("error", Text),
    _one_of("status", "queued", "running", "done", "failed", "interrupted"),
)

# What was not taken from a file, or contradicts the ledger: facts and serial numbers, no words.
import_issues: Final = Table(
    "import_issues",
    metadata,
    Column("import_id", LargeBinary, ForeignKey("imports.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("line", Integer),
    Column("code", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("detail", Text, nullable=False),
)

# The first answer to each key, without details.
idempotency_keys: Final = Table(
    "idempotency_keys",
    metadata,
    Column("caller", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("answer", Text, nullable=False),
    PrimaryKeyConstraint("key", "caller"),  # keys are looked up together, whoever sent them
)
