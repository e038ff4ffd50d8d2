"""The state of the fraud graph: plain data only, so that every checkpoint can be read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from typing_extensions import TypedDict


class Alert(TypedDict):
    """A flagged payment: the one of its account that scored most."""

    payment_id: str
    account_id: str
    merchant_id: str
    device_id: str
    amount: float
    score: float | None
    status: str
    """Of the account."""


class Finding(TypedDict):
    """What an investigation came to."""

    alert: Alert
    signs: list[str]
    """What the records show, by code."""
    recommendation: str
    pattern: str
    """The agent's; empty offline."""
    summary: str
    error: str
    """Why the agent could not work; the signs stand all the same."""


class Task(TypedDict):
    """What one branch is sent."""

    alert: Alert


class Proposed(TypedDict):
    """What one freeze is sent."""

    finding: Finding


def merge_findings(known: list[Finding] | None, new: list[Finding] | None) -> list[Finding]:
    """One finding for each account, by score; None forgets them all."""
    if new is None:
        return []
    by_account = {each["alert"]["account_id"]: each for each in [*(known or []), *new]}
    return sorted(by_account.values(), key=lambda each: (-(each["alert"]["score"] or 0.0), each["alert"]["account_id"]))


def merge_actions(known: dict[str, str] | None, new: dict[str, str] | None) -> dict[str, str]:
    """What became of each proposal, by account; None forgets them all."""
    return {} if new is None else dict(sorted({**(known or {}), **new}.items()))


class FraudState(TypedDict, total=False):
    """From a request to a report. A thread may work off one window after the other."""

    request: str
    kind: Literal["window", "account", "unfreeze", "none"]
    count: int
    account_id: str
    why: str
    window: dict[str, Any]
    """Number, first and last payment, how many were scored and flagged, drift and its level."""
    alerts: list[Alert]
    findings: Annotated[list[Finding], merge_findings]
    actions: Annotated[dict[str, str], merge_actions]
    report: str
