"""The journal: what models decided and what tools did."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, Float, Integer, String, Text


def upgrade(op: Operations) -> None:
    """Make the journal."""
    op.create_table(
        "journal",
        Column("key", Text, primary_key=True),
        Column("id", String(64), nullable=False, unique=True),
        Column("run_id", String(64), nullable=False),
        Column("thread_id", String(64), nullable=False),
        Column("kind", String(8), nullable=False),
        Column("name", String(200), nullable=False),
        Column("agent", String(64), nullable=False),
        Column("semantics", String(16), nullable=False),
        Column("digest", String(64), nullable=False),
        Column("request", Text, nullable=False),
        Column("status", String(16), nullable=False),
        Column("outcome", Text),
        Column("epoch", Integer, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("begun", Float, nullable=False),
        Column("ended", Float),
        sqlite_with_rowid=True,
    )
    op.create_index("journal_by_run", "journal", ["run_id", "begun"])
    op.create_index("journal_by_thread", "journal", ["thread_id"])
