"""Approvals that several people answer: rules, deadlines, and every step that was taken on a question."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, Float, Integer, String, Text


def upgrade(op: Operations) -> None:
    """Keep the rules with each question, and its steps. Questions asked before have a reason and no more rules."""
    op.add_column("approvals", Column("requester", String(200), nullable=False, server_default=""))
    op.add_column("approvals", Column("rules", Text, nullable=False, server_default=""))
    op.add_column("approvals", Column("run_roles", Text, nullable=False, server_default="[]"))
    op.add_column("approvals", Column("deadline", Float))
    op.add_column("approvals", Column("steps", Integer, nullable=False, server_default="0"))
    op.create_table(
        "approval_steps",
        Column("approval_id", String(64), primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("kind", String(16), nullable=False),
        Column("by", String(200), nullable=False),
        Column("to", String(200), nullable=False),
        Column("wire", Text),
        Column("digest", String(64), nullable=False),
        Column("comment", Text, nullable=False),
        Column("time", Float, nullable=False),
    )
