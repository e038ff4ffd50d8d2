"""The schema's history: one module a version, applied in order and in one transaction each.

Alembic's operations write the changes, so that SQLite and Postgres get the same ones. A database that is newer than
this release is refused: running old code on it could lose what the newer schema holds.
"""

from __future__ import annotations

from importlib import import_module

from sqlalchemy import Connection, inspect, text

MIGRATIONS = (
    "v0001_first",
    "v0002_journal",
    "v0003_approvals",
    "v0004_audit",
    "v0005_budgets",
    "v0006_paths",
    "v0007_inbox",
)
"""Modules in this folder, oldest first; each has ``upgrade(op)``. The version of a schema is how many were applied."""


TABLES = frozenset(
    "threads runs leases approvals approval_steps decisions journal audit budgets reservations schema_version".split()
)
"""Tables that the newest schema has; more do no harm."""


class SchemaProblem(Exception):
    """The database is not one of this release. For the operator."""


class SchemaTooNew(SchemaProblem):
    """The database was written by a newer release. For the operator."""


def current_version(connection: Connection) -> int:
    """How many migrations the database has had; 0 for an empty one."""
    if not connection.dialect.has_table(connection, "schema_version"):
        return 0
    return int(connection.execute(text("SELECT coalesce(max(version), 0) FROM schema_version")).scalar_one())


def migrate(connection: Connection) -> int:
    """Bring the schema to this release's version and return it. The caller holds the transaction.

    Raises:
        SchemaTooNew: if the database has had migrations that this release does not know.
    """
    version = current_version(connection)
    if version > len(MIGRATIONS):
        raise SchemaTooNew(
            f"The database has schema version {version}; this release knows {len(MIGRATIONS)}. "
            "Upgrade graphwright, or choose another state folder."
        )
    if version == len(MIGRATIONS):
        if missing := TABLES.difference(inspect(connection).get_table_names()):
            raise SchemaProblem(f"no such tables: {', '.join(sorted(missing))}")
        return version
    # Alembic costs a quarter of a second to import, and nearly every start finds nothing to do.
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    op = Operations(MigrationContext.configure(connection))
    for number, name in enumerate(MIGRATIONS[version:], version + 1):
        import_module(f"{__name__}.{name}").upgrade(op)
        connection.execute(text("INSERT INTO schema_version (version) VALUES (:version)"), {"version": number})
    return len(MIGRATIONS)
