"""One row of the audit log: its table, what it tells, and the hash that chains it to the one before."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Float, Integer, RowMapping, String, Table, Text, UniqueConstraint

from .digests import canonical_json
from .tables import metadata

AUDIT_KEY = "GRAPHWRIGHT_AUDIT_KEY"
"""The environment variable with the keys: ``id:base64``, newest first, older ones after a comma."""
GENESIS = "0" * 64
"""What the first row names as its predecessor."""

audit = Table(
    "audit",
    metadata,
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

HASHED = ("previous", "sequence", "time", "tenant", "run_id", "thread_id", "kind", "actor", "event", "key_id")
"""The columns that the hash covers: all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that happened. The event is stored as canonical JSON."""

    kind: str
    """What sort of thing: ``approval.decided``, ``tool.called``."""
    actor: str
    """Who did it: a user, an agent, or ``system``."""
    event: Mapping[str, Any] = field(default_factory=dict)
    tenant: str = "local"
    run_id: str = ""
    thread_id: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row. Kept somewhere else, it proves later that nothing up to it was removed or rewritten."""

    sequence: int
    """How many rows there are; 0 for an empty log."""
    hash: str
    time: float
    """Unix seconds."""


def row_hash(row: Mapping[str, Any] | RowMapping, key: bytes | None, *, sequence: int | None = None) -> str:
    """The hash that a row must have, in hexadecimal.

    Args:
        row: All columns but ``hash``.
        key: The key of its ``key_id``; None for a row without one.
        sequence: The place to compute it for; by default the row's own.
    """
    values = [row[name] for name in HASHED]
    if sequence is not None:
        values[1] = sequence
    text = canonical_json(values)
    return hmac.digest(key, text, "sha256").hex() if key else hashlib.sha256(text).hexdigest()
