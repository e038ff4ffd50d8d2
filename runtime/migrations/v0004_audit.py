"""The audit log: a table that only grows, guarded by the database itself.

The triggers refuse changes, removals, and a row that does not continue the chain: two writers cannot fork it, and
SQLite's ``INSERT OR REPLACE``, which fires no delete trigger, cannot replace a row.
"""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, Float, Integer, String, Text, UniqueConstraint

_GENESIS = "0" * 64
_GROWS = "The audit log is append-only: rows are never changed or removed."
_CONTINUES = "The audit log is a chain: a row must continue its head."

SQLITE = (
    f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{_GROWS}'); END",
    f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{_GROWS}'); END",
    f"""CREATE TRIGGER audit_continues BEFORE INSERT ON audit
    WHEN NEW.sequence IS NOT (SELECT coalesce(max(sequence), 0) + 1 FROM audit)
      OR NEW.previous IS NOT coalesce((SELECT hash FROM audit ORDER BY sequence DESC LIMIT 1), '{_GENESIS}')
    BEGIN SELECT RAISE(ABORT, '{_CONTINUES}'); END""",
)
POSTGRES = (
    f"""CREATE FUNCTION audit_grows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{_GROWS}'; END $$""",
    f"""CREATE FUNCTION audit_continues() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.sequence IS DISTINCT FROM (SELECT coalesce(max(sequence), 0) + 1 FROM audit)
      OR NEW.previous IS DISTINCT FROM
         coalesce((SELECT hash FROM audit ORDER BY sequence DESC LIMIT 1), '{_GENESIS}')
      THEN RAISE EXCEPTION '{_CONTINUES}'; END IF;
      RETURN NEW;
    END $$""",
    """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_grows()""",
    "CREATE TRIGGER audit_continues BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_continues()",
)


def upgrade(op: Operations) -> None:
    """Make the table and its triggers."""
    op.create_table(
        "audit",
        Column("sequence", Integer, primary_key=True, autoincrement=False),
        Column("time", Float, nullable=False),
        Column("tenant", String(64), nullable=False),
        Column("run_id", String(64), nullable=False, index=True),
        Column("thread_id", String(64), nullable=False, index=True),
        Column("kind", String(64), nullable=False),
        Column("actor", String(200), nullable=False),
        Column("event", Text, nullable=False),
        Column("key_id", String(32), nullable=False),
        Column("previous", String(64), nullable=False),
        Column("hash", String(64), nullable=False),
        UniqueConstraint("previous", name="one_successor_per_audit_row"),
    )
    for statement in POSTGRES if op.get_context().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)
