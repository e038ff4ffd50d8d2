"""What the audit log is told of approvals: each change, in the transaction that makes it."""

from __future__ import annotations

from sqlalchemy import Connection

from .approvals import Approval
from .audit import AuditEntry, AuditLog
from .broker import Witness


def approval_witness(log: AuditLog) -> Witness:
    """Tell the log each question and each change of its state; who, when, and the digest of what was asked."""

    def tell(connection: Connection, before: Approval | None, after: Approval) -> None:
        kind = "approval.asked" if before is None else f"approval.{after.status}"
        event = {
            "approval": after.id,
            "tool": after.tool,
            "digest": after.digest,
            "decision": after.decision.type if after.decision else None,
            "steps": len(after.steps),
        }
        actor = after.agent if before is None else after.decided_by or "system"
        entry = AuditEntry(
            kind=kind, actor=actor or "system", event=event, run_id=after.run_id, thread_id=after.thread_id
        )
        log.append(connection, entry)

    return tell
