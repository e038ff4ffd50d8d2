"""An approval in words: who may decide it, how far it is, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import moment

if TYPE_CHECKING:
    from graphwright.runtime import Approval, ApprovalStep


def who_may(approval: Approval) -> str:
    """Who may decide, and how many of them are wanted."""
    groups = [" or ".join(roles) for roles in (approval.roles, approval.run_roles) if roles]
    who = " and also ".join(groups) or "anybody"
    if approval.rules.exclude_requester:
        who += f", not {approval.requester or 'whoever started the run'}"
    if approval.rules.exclude:
        who += f", not {' or '.join(approval.rules.exclude)}"
    return f"{approval.rules.quorum} people: {who}" if approval.rules.quorum > 1 else who


def how_far(approval: Approval) -> str:
    """How many have approved, and who; empty where one is enough."""
    if approval.rules.quorum == 1:
        return ""
    names = ", ".join(step.by for step in approval.approvals)
    return f"{len(approval.approvals)} of {approval.rules.quorum}{f' ({names})' if names else ''}"


def until_when(approval: Approval) -> str:
    """The deadline and what it does; empty where there is none."""
    if approval.deadline is None:
        return ""
    rules = approval.rules
    if rules.on_deadline == "escalate" and not approval.is_escalated:
        then = f"then {' or '.join(rules.escalate_to)} are asked"
    elif rules.on_deadline == "default":
        then = {"approve": "then it runs", "reject": "then it is rejected"}.get(
            rules.default or "", f"then the answer is {rules.default_text!r}"
        )
    else:
        then = "then it is rejected"
    return f"{moment(approval.deadline)} UTC, {then}"


def step_text(step: ApprovalStep) -> str:
    """One step in a line."""
    what = {
        "answer": step.decision.type if step.decision else "answer",
        "delegate": f"handed to {step.to}",
        "escalate": "escalated",
    }[step.kind]
    comment = f": {step.comment}" if step.comment else ""
    return f"{what} by {step.by} at {moment(step.time)}{comment}"


def still_waits(approval: Approval) -> str:
    """What is wanted yet of an approval that has no decision."""
    missing = approval.rules.quorum - len(approval.approvals)
    return f"{how_far(approval)}; it waits for {missing} more to approve exactly these arguments"
