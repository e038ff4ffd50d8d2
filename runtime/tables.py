"""The tables of the one database, as SQLAlchemy knows them. Times are unix seconds, values are JSON text.

Migrations (``runtime/migrations``) make them; this file says what the newest release expects.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

metadata = MetaData()

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

threads = Table(
    "threads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("graph", String(200), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("user", String(200), nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("fork", Integer, nullable=False, default=0),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("thread_id", String(64), nullable=False, index=True),
    Column("graph", String(200), nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("input", Text, nullable=False),
    Column("output", Text),
    Column("error", Text),
    Column("model", Text, nullable=False, default=""),
    Column("options", Text, nullable=False, default="{}"),
    Column("prompts", Text, nullable=False, default="{}"),
    Column("signature", Text, nullable=False, default=""),
    Column("usage", Text, nullable=False, default="{}"),
    Column("tenant", String(64), nullable=False),
    Column("user", String(200), nullable=False),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("thread_id", String(64), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("expires", Float, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
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
    Column("requester", String(200), nullable=False, default=""),
    Column("rules", Text, nullable=False, default=""),
    Column("run_roles", Text, nullable=False, default="[]"),
    Column("deadline", Float),
    Column("steps", Integer, nullable=False, default=0),
    Column("path", Text, nullable=False, default=""),
)

Index("approvals_inbox", approvals.c.tenant, approvals.c.status, approvals.c.asked, approvals.c.id)

approval_steps = Table(
    "approval_steps",
    metadata,
    Column("approval_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("by", String(200), nullable=False),
    Column("to", String(200), nullable=False, default=""),
    Column("wire", Text),
    Column("digest", String(64), nullable=False, default=""),
    Column("comment", Text, nullable=False, default=""),
    Column("time", Float, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("approval_id", String(64), nullable=False),
    Column("type", String(16), nullable=False),
    Column("wire", Text, nullable=False),
    Column("by", String(200), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("decided", Float, nullable=False),
    UniqueConstraint("approval_id", name="one_decision_per_approval"),
)

journal = Table(
    "journal",
    metadata,
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
    Column("path", Text, nullable=False, default=""),
)
