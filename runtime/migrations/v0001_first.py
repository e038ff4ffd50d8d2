"""The first release: threads, runs, leases, approvals, decisions."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, Float, Integer, String, Text, UniqueConstraint


def upgrade(op: Operations) -> None:
    """Make the tables of the first release."""
    op.create_table("schema_version", Column("version", Integer, primary_key=True))
    op.create_table(
        "threads",
        Column("id", String(64), primary_key=True),
        Column("graph", String(200), nullable=False),
        Column("tenant", String(64), nullable=False),
        Column("user", String(200), nullable=False),
        Column("title", Text, nullable=False),
        Column("fork", Integer, nullable=False),
        Column("created", Float, nullable=False),
        Column("updated", Float, nullable=False),
    )
    op.create_table(
        "runs",
        Column("id", String(64), primary_key=True),
        Column("thread_id", String(64), nullable=False, index=True),
        Column("graph", String(200), nullable=False),
        Column("status", String(16), nullable=False, index=True),
        Column("input", Text, nullable=False),
        Column("output", Text),
        Column("error", Text),
        Column("model", Text, nullable=False),
        Column("options", Text, nullable=False),
        Column("prompts", Text, nullable=False),
        Column("signature", Text, nullable=False),
        Column("usage", Text, nullable=False),
        Column("tenant", String(64), nullable=False),
        Column("user", String(200), nullable=False),
        Column("created", Float, nullable=False),
        Column("updated", Float, nullable=False),
    )
    op.create_table(
        "leases",
        Column("thread_id", String(64), primary_key=True),
        Column("owner", String(200), nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("expires", Float, nullable=False),
    )
    op.create_table(
        "approvals",
        Column("id", String(64), primary_key=True),
        Column("key", Text, nullable=False, unique=True),
        Column("run_id", String(64), nullable=False, index=True),
        Column("thread_id", String(64), nullable=False, index=True),
        Column("tenant", String(64), nullable=False),
        Column("agent", String(64), nullable=False),
        Column("tool", String(200), nullable=False),
        Column("call_id", Text, nullable=False),
        Column("arguments", Text, nullable=False),
        Column("digest", String(64), nullable=False),
        Column("reason", Text, nullable=False),
        Column("allowed", Text, nullable=False),
        Column("status", String(16), nullable=False, index=True),
        Column("asked", Float, nullable=False),
        Column("delivered", Float),
    )
    op.create_table(
        "decisions",
        Column("id", String(64), primary_key=True),
        Column("approval_id", String(64), nullable=False),
        Column("type", String(16), nullable=False),
        Column("wire", Text, nullable=False),
        Column("by", String(200), nullable=False),
        Column("digest", String(64), nullable=False),
        Column("decided", Float, nullable=False),
        UniqueConstraint("approval_id", name="one_decision_per_approval"),
    )
