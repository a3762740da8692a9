"""The schema: which one a database has, bringing it up to date, and who may do what with it.

Alembic takes 5 MB and a fifth of a second to load, so it is loaded where something is to be done.
"""

from importlib.resources import files
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from offset.core.errors import DatabaseUnavailable, Unfit
from offset.database import Database
from offset.objections import DATABASE_ERRORS, reason

EXTENSIONS: Final = ("btree_gist", "pg_trgm")
_APPEND_ONLY: Final = (
    *("records", "events", "event_parts", "ledger_origin", "project_names"),
    *("series", "serial_claims", "serial_facts"),
)
_NO_RIGHT: Final = "42501"
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
        raise Unfit(
            f"the database {name} has the encoding {found}, which cannot hold every name. Make one "
            f"with CREATE DATABASE {name}_utf8 ENCODING 'UTF8' TEMPLATE template0 and point "
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
            f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {role}"
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
    try:
        with database.reading() as connection:
            if not database.is_sqlite:
                require_encoding(connection)
            found, needed = revisions(connection)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _NO_RIGHT:
            raise
        raise Unfit(
            f"this role may not read the ledger ({reason(error)}). As the ledger's owner: "
            "offset migrate --role ROLE"
        ) from error
    _refuse_newer(found, needed)
    if found != needed:
        raise Unfit(
            f"the database's schema is {found or 'empty'}, this version needs {needed}: "
            "run `offset migrate`"
        )


def _refuse_newer(found: str | None, newest: str) -> None:
    if found is not None and found > newest:
        raise Unfit(
            f"the database's schema is {found}, this version knows none above {newest}: "
            "use the version of Offset that made it, or a newer one"
        )


def grant(connection: Connection, role: str) -> None:
    """Give a PostgreSQL role what the server needs, and no more.

    It can neither change nor delete records, events and their parts.

    Raises:
        Unfit: there is no such role, or its rights are not this user's to give.
    """
    quote = connection.dialect.identifier_preparer.quote
    quoted = quote(role)
    schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    for rights, tables in (
        ("USAGE", f"SCHEMA {quote(schema)}"),
        (
            "SELECT, INSERT",
            ", ".join(_APPEND_ONLY),
        ),
        ("SELECT, INSERT, UPDATE", "record_state, details"),
        ("SELECT, INSERT, DELETE", "holdings"),
        ("SELECT, INSERT", "idempotency_keys, import_issues, log_checkpoints, log_keys"),
        ("SELECT, INSERT, UPDATE", "imports, log_tiles, log_state, log_cosignatures"),
        ("SELECT, UPDATE", "ledger_head"),
        ("SELECT", "alembic_version"),
    ):
        try:
            connection.exec_driver_sql(f"GRANT {rights} ON {tables} TO {quoted}")
        except DBAPIError as error:
            raise Unfit(f"the role did not get its rights: {reason(error)}") from error


def _run(connection: Connection, found: str | None, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "offset:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    down = revision == "base" or (found is not None and found > revision != "head")
    (command.downgrade if down else command.upgrade)(config, revision)
