"""Where in its graph a call was made: the path of node names, with each question and each entry of the journal."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, Text


def upgrade(op: Operations) -> None:
    """Add the path. What was written before has none."""
    for table in ("approvals", "journal"):
        op.add_column(table, Column("path", Text, nullable=False, server_default=""))
