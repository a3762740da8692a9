"""The schema: which one a database has, bringing it up to date, and who may do what with it.

Alembic takes 5 MB and a fifth of a second to load, so it is loaded where something is to be done.
"""

from importlib.resources import files
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from offset.core.errors import DatabaseUnavailable, Unfit
from offset.database import Database
from offset.objections import DATABASE_ERRORS, Objection, is_met, reason, unavailable

EXTENSIONS: Final = ("btree_gist", "pg_trgm")
# The rights of a server's role, and the tables that it has them on.
_RIGHTS: Final = {
    ("SELECT", "INSERT"): (
        *("records", "events", "event_parts", "ledger_origin", "project_names"),
        *("series", "serial_claims", "serial_facts", "idempotency_keys", "import_issues"),
        *("log_checkpoints", "log_keys"),
    ),
    ("SELECT", "INSERT", "UPDATE"): (
        *("record_state", "details", "imports", "log_tiles", "log_state", "log_cosignatures"),
    ),
    ("SELECT", "INSERT", "DELETE"): ("holdings",),
    ("SELECT", "UPDATE"): ("ledger_head",),
    ("SELECT",): ("alembic_version",),
}
_TAKEN: Final = ("UPDATE", "DELETE", "TRUNCATE")  # from a role that an older version gave more
_VERSION: Final = "alembic_version"  # the table that Alembic keeps
_LOCK: Final = 3  # a class of PostgreSQL advisory locks, beside those of `offset.database`


def revisions(connection: Connection) -> tuple[str | None, str]:
    """Say which schema the database has, and which one this version of Offset needs."""
    found = None
    if inspect(connection).has_table(_VERSION):
        found = connection.exec_driver_sql(f"SELECT version_num FROM {_VERSION}").scalar()
    versions = files("offset.migrations") / "versions"
    return found, max(one.name[:4] for one in versions.iterdir() if one.name[:4].isdigit())


def migrate(database: Database, revision: str = "head") -> None:
    """Bring the schema to `revision`; several processes may do so at once.

    Raises:
        Unfit: a newer version of Offset has made it.
        DatabaseUnavailable: the database cannot be reached.
    """
    try:
        with database.altering() as connection:
            if not database.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:kind, 0)"), {"kind": _LOCK})
            found, newest = revisions(connection)
            _refuse_newer(found, newest)
            if revision != "head" or found != newest:
                if not database.is_sqlite:
                    require_encoding(connection)
                    _require_rights(connection)
                _run(connection, found, revision)
    except DATABASE_ERRORS as error:
        if is_met(error, Objection.DAMAGED):
            raise DatabaseUnavailable(unavailable(Objection.DAMAGED)) from error
        if is_met(error, Objection.DENIED):
            raise Unfit(
                f"this role may not migrate the schema ({reason(error)}): run `offset migrate` as "
                "the ledger's owner"
            ) from error
        raise DatabaseUnavailable(f"the schema cannot be migrated: {reason(error)}") from error


def require_encoding(connection: Connection) -> None:
    """Refuse a PostgreSQL database that cannot hold every text.

    Raises:
        Unfit: its encoding is not UTF8.
    """
    found, name = connection.exec_driver_sql(
        "SELECT current_setting('server_encoding'), current_database()"
    ).one()
    if found != "UTF8":
        new = _quoted(connection, f"{name}_utf8")
        raise Unfit(
            f"the database {name} has the encoding {found}, which cannot hold every name. Make one "
            f"with CREATE DATABASE {new} ENCODING 'UTF8' TEMPLATE template0 and point "
            "DATABASE_URL at it"
        )


def _require_rights(connection: Connection) -> None:
    """Refuse to begin what this role has no right to finish, and name the statement that helps.

    Raises:
        Unfit: a right is missing.
    """
    role, name, schema = connection.exec_driver_sql(
        "SELECT current_user, current_database(), current_schema()"
    ).one()
    if schema is None:
        raise Unfit(
            f"the search_path of {role} names no schema of {name} that is there: CREATE SCHEMA, or "
            "ALTER ROLE ... SET search_path"
        )
    ask = "SELECT has_schema_privilege(%s, 'CREATE')"
    if not connection.exec_driver_sql(ask, (schema,)).scalar_one():
        raise Unfit(
            f"the role {role} may not make tables. As the schema's owner: "
            f"GRANT USAGE, CREATE ON SCHEMA {_quoted(connection, schema)} TO "
            f"{_quoted(connection, role)}"
        )
    for extension in EXTENSIONS:
        there, known, may = connection.exec_driver_sql(
            "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = %s),"
            " EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = %s),"
            " has_database_privilege(current_database(), 'CREATE')",
            (extension, extension),
        ).one()
        if there:
            continue
        if not known:
            raise Unfit(
                f"PostgreSQL's extension {extension} is not installed on the server: install the "
                "contrib package of its version"
            )
        if not may:
            raise Unfit(
                f"the role {role} may not create the extension {extension}. As the owner of {name} "
                f"or a superuser: CREATE EXTENSION {extension}"
            )


def require_schema(database: Database) -> None:
    """Refuse to serve a schema that is not this version's.

    Raises:
        Unfit: what the schema is, and the command that mends it.
    """
    with database.reading() as connection:
        if not database.is_sqlite:
            require_encoding(connection)
            _require_readable(connection)
        found, needed = revisions(connection)
    _refuse_newer(found, needed)
    if found != needed:
        raise Unfit(
            f"the database's schema is {found or 'empty'}, this version needs {needed}: "
            "run `offset migrate`"
        )


def _require_readable(connection: Connection) -> None:
    """Refuse a ledger that is there and that this role may not read.

    Raises:
        Unfit: which right is missing, and the command that grants it.
    """
    ledgers = connection.exec_driver_sql(
        "SELECT relnamespace::regnamespace::text,"
        " has_schema_privilege(relnamespace, 'USAGE') AND has_table_privilege(oid, 'SELECT'),"
        f" current_user FROM pg_class WHERE relname = '{_VERSION}' AND relkind = 'r'"
    ).all()
    if ledgers and not any(may_read for _, may_read, _ in ledgers):
        schema, _, role = ledgers[0]
        raise Unfit(
            f"the role {role} may not read the ledger in the schema {schema}. As the ledger's "
            f"owner: offset migrate --role {role}"
        )


def require_rights(database: Database) -> None:
    """Refuse to serve with a role of PostgreSQL that lacks a right which a server needs.

    Raises:
        Unfit: the missing rights, and the command that grants them.
    """
    if database.is_sqlite:
        return
    needed = [(t, right) for rights, tables in _RIGHTS.items() for t in tables for right in rights]
    tables, rights = zip(*needed, strict=True)
    with database.reading() as connection:
        missing = connection.exec_driver_sql(
            "SELECT current_user, string_agg(r || ' on ' || t, ', ' ORDER BY t, r)"
            " FROM unnest(%s::text[], %s::text[]) AS needed(t, r)"
            " WHERE NOT has_table_privilege(t, r)",
            (list(tables), list(rights)),
        ).one()
    if missing[1] is not None:
        raise Unfit(
            f"the role {missing[0]} lacks {missing[1]}. As the ledger's owner: "
            f"offset migrate --role {missing[0]}"
        )


def _refuse_newer(found: str | None, newest: str) -> None:
    if found is not None and found > newest:
        raise Unfit(
            f"the database's schema is {found}, this version knows none above {newest}: "
            "use the version of Offset that made it, or a newer one"
        )


def grant(connection: Connection, role: str) -> None:
    """Give a PostgreSQL role what the server needs, and no more.

    It can neither change nor delete what the rules rest on: records, events, their parts, claims.

    Raises:
        Unfit: there is no such role, or its rights are not this user's to give.
    """
    quoted = _quoted(connection, role)
    schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    owner = connection.exec_driver_sql(
        "SELECT tableowner FROM pg_tables WHERE schemaname = %s AND tablename = 'records'",
        (schema,),
    ).scalar_one()
    taken = () if role == owner else _TAKEN
    statements = [f"GRANT USAGE ON SCHEMA {_quoted(connection, schema)} TO {quoted}"]
    for rights, tables in _RIGHTS.items():
        for table in tables:
            statements += [
                f"REVOKE {right} ON {table} FROM {quoted}" for right in taken if right not in rights
            ]
        statements.append(f"GRANT {', '.join(rights)} ON {', '.join(tables)} TO {quoted}")
    try:
        for statement in statements:
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        raise Unfit(f"the role did not get its rights: {reason(error)}") from error


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def _run(connection: Connection, found: str | None, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "offset:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    down = revision == "base" or (found is not None and found > revision != "head")
    (command.downgrade if down else command.upgrade)(config, revision)
