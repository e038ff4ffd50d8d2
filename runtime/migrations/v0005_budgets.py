"""Budgets: what was spent and is held in each scope, and the reservation of every call."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, Float, Integer, String, Text

_DIMENSIONS = ("tokens", "money", "calls", "seconds")


def _amounts(prefix: str) -> list[Column[int]]:
    return [Column(f"{prefix}_{name}", BigInteger, nullable=False, server_default="0") for name in _DIMENSIONS]


def upgrade(op: Operations) -> None:
    """Make the two tables."""
    op.create_table(
        "budgets",
        Column("scope", Text, primary_key=True),
        *_amounts("spent"),
        *_amounts("held"),
        *_amounts("raised"),
        Column("warned", Integer, nullable=False, server_default="0"),
        Column("updated", Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reservations",
        Column("key", Text, primary_key=True),
        Column("run_id", String(64), nullable=False),
        Column("kind", String(8), nullable=False),
        Column("agent", String(64), nullable=False),
        Column("scopes", Text, nullable=False),
        Column("status", String(8), nullable=False),
        Column("attempt", Integer, nullable=False),
        *_amounts("held"),
        *_amounts("spent"),
        Column("sent_tokens", BigInteger, nullable=False, server_default="0"),
        Column("sent_money", BigInteger, nullable=False, server_default="0"),
        Column("begun", Float, nullable=False),
        Column("ended", Float),
        sqlite_with_rowid=False,
    )
    op.create_index("reservations_by_run", "reservations", ["run_id"])
