"""An index for the inbox: what waits for a person, oldest first, page by page."""

from __future__ import annotations

from alembic.operations import Operations


def upgrade(op: Operations) -> None:
    """Make the index."""
    op.create_index("approvals_inbox", "approvals", ["tenant", "status", "asked", "id"])
