"""What the graph may do: work off the stream, look into records, freeze accounts and open them again, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from graphwright.runtime import ReportsFolder
from graphwright.tools import ApprovalRules, IdempotencyKey, ToolContext, ToolFailed, tool

from . import evidence
from .ledger import ActionRefused, Ledger

AccountId = Annotated[str, Field(pattern=r"^A-\d{3}$", description="Account, like A-017.")]
MerchantId = Annotated[str, Field(pattern=r"^M-\d{2}$", description="Merchant, like M-07.")]
DeviceId = Annotated[str, Field(pattern=r"^D-\w{3,5}$", description="Device, like D-017a.")]
Why = Annotated[
    str, Field(min_length=1, max_length=1000, description="The reason, for those who decide and for the records.")
]
DRIFT_OVER = 300
"""The newest scores over which the drift is measured."""


@tool(effect="write", once=False, reversible=True, trusted=True)
def take_window(
    count: Annotated[int, Field(ge=1, le=5000, description="How many payments.")],
    *,
    key: IdempotencyKey,
    context: ToolContext,
) -> dict[str, int]:
    """Take the next payments of the stream as a window of their own; no payment is ever in two windows."""
    context.check()
    return _ledger(context).take(count, key)


@tool(effect="write", once=False, reversible=True, trusted=True)
def score_window(
    number: Annotated[int, Field(ge=1, description="Number of the window.")],
    first: Annotated[int, Field(ge=1)],
    last: Annotated[int, Field(ge=1)],
    *,
    context: ToolContext,
) -> dict[str, Any]:
    """Score the payments of a window, write the scores down, and compare their distribution with that of the past."""
    from .drift import level_of, psi
    from .model import MissingExtra, bank_features, trained

    try:
        scorer = trained()
    except MissingExtra as error:
        raise ToolFailed(str(error)) from error
    ledger = _ledger(context)
    scores = scorer.scores(bank_features()[first - 1 : last])
    rows = [(first + at, round(float(each), 6), bool(each >= scorer.threshold)) for at, each in enumerate(scores)]
    older = ledger.rows("SELECT score FROM scores WHERE payment < ? ORDER BY payment DESC LIMIT ?", first, DRIFT_OVER)
    newest = [*(each["score"] for each in older[::-1]), *(score for _, score, _ in rows)][-DRIFT_OVER:]
    drift = round(psi(scorer.reference, newest), 4)
    level = level_of(drift, len(newest))
    context.check()
    ledger.keep_scores(number, rows, drift, level)
    flagged = sum(is_flagged for _, _, is_flagged in rows)
    return {
        "scored": len(rows),
        "flagged": flagged,
        "drift": drift,
        "level": level,
        "alerts": _alerts(ledger, first, last),
    }


@tool(effect="write", once=False, critical=("number",), reversible=True, trusted=True)
def raise_drift_alarm(
    number: Annotated[int, Field(ge=1, description="Number of the window.")],
    drift: Annotated[float, Field(ge=0, description="The population stability index.")],
    *,
    context: ToolContext,
) -> str:
    """Raise the alarm that scores are not distributed as when the model was measured."""
    context.check()
    _ledger(context).raise_alarm(number, drift)
    return f"Drift alarm raised for window {number}: index {drift:.3f}."


@tool(effect="read", private=True, trusted=True)
def account_history(account_id: AccountId, *, context: ToolContext) -> dict[str, Any]:
    """Show an account's history: its home country, usual amount and last payments."""
    return _found(evidence.history(_ledger(context), account_id), "account", account_id)


@tool(effect="read", private=True, trusted=True)
def payment_velocity(account_id: AccountId, *, context: ToolContext) -> dict[str, Any]:
    """Measure the velocity of an account: how many payments in its fullest hour and day."""
    return _found(evidence.velocity(_ledger(context), account_id), "account", account_id)


@tool(effect="read", private=True, trusted=True)
def linked_accounts(account_id: AccountId, *, context: ToolContext) -> dict[str, Any]:
    """Find the linked accounts: those that used the same devices as an account."""
    return _found(evidence.linked(_ledger(context), account_id), "account", account_id)


@tool(effect="read", private=True, trusted=True)
def device_use(device_id: DeviceId, *, context: ToolContext) -> dict[str, Any]:
    """Show the use of a device: which accounts paid from it, and since when."""
    return _found(evidence.device_use(_ledger(context), device_id), "device", device_id)


@tool(effect="read", trusted=True)
def merchant_profile(merchant_id: MerchantId, *, context: ToolContext) -> dict[str, Any]:
    """Show the profile of a merchant: what it sells, where, since when, how much was flagged."""
    return _found(evidence.merchant(_ledger(context), merchant_id), "merchant", merchant_id)


@tool(effect="read", private=True, trusted=True)
def find_payment(account_id: AccountId, *, context: ToolContext) -> dict[str, Any]:
    """Find the most suspicious payment of an account, else its newest."""
    ledger = _ledger(context)
    about = ledger.row("SELECT status FROM accounts WHERE id = ?", account_id)
    found = evidence.suspicious_payment(ledger, account_id)
    if about is None or found is None:
        raise ToolFailed(f"There is no account {account_id!r} with payments. Accounts are A-001 to A-420.")
    return {
        "payment_id": f"T-{found['number']:05}", "account_id": account_id, "merchant_id": found["merchant"],
        "device_id": found["device"], "amount": found["amount"], "score": found["score"], "status": about["status"],
    }  # fmt: skip


def _two_people(arguments: Mapping[str, Any]) -> ApprovalRules:
    told = f"Freezes a customer's account. {arguments.get('why', '')}"
    return ApprovalRules(told, roles=("fraud",), quorum=2, exclude_requester=True)


def _another_person(arguments: Mapping[str, Any]) -> ApprovalRules:
    told = f"Opens a frozen account again. {arguments.get('why', '')}"
    return ApprovalRules(told, roles=("fraud",), exclude_requester=True)


def _was_done(key: str, context: ToolContext) -> bool:
    """Whether the account service has carried out the call of this key."""
    return context.resources.get(Ledger).has_done(key)


@tool(
    effect="write", once=True, approval=_two_people, decisions=("approve", "reject"), critical=("account_id",),
    reversible=True, trusted=True, probe=_was_done,
)  # fmt: skip
def freeze_account(account_id: AccountId, why: Why, *, key: IdempotencyKey, context: ToolContext) -> str:
    """Freeze an account: nothing can be paid from it until it is opened again."""
    return _set(account_id, "frozen", why, key, context)


@tool(
    effect="write", once=True, approval=_another_person, decisions=("approve", "reject"), critical=("account_id",),
    reversible=True, trusted=True, probe=_was_done,
)  # fmt: skip
def unfreeze_account(account_id: AccountId, why: Why, *, key: IdempotencyKey, context: ToolContext) -> str:
    """Unfreeze an account: open it again, because the suspicion was wrong or is settled."""
    return _set(account_id, "open", why, key, context)


@tool(effect="write", once=False, reversible=True, trusted=True)
def write_report(
    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}$", description="Name of the file, without its ending.")],
    report: Annotated[str, Field(min_length=1, max_length=50_000, description="The whole report.")],
    *,
    context: ToolContext,
) -> str:
    """Write a report into the reports folder; the same name is replaced."""
    folder = context.resources.get(ReportsFolder).path
    folder.mkdir(parents=True, exist_ok=True)
    part, target = folder / f".{name}.part", folder / f"{name}.md"
    part.write_text(report, encoding="utf-8")
    context.check()
    part.replace(target)
    return f"Written: {target.name}"


EVIDENCE: dict[str, tuple[Any, Callable[[Mapping[str, Any]], dict[str, str]]]] = {
    "account_history": (account_history, lambda alert: {"account_id": alert["account_id"]}),
    "payment_velocity": (payment_velocity, lambda alert: {"account_id": alert["account_id"]}),
    "linked_accounts": (linked_accounts, lambda alert: {"account_id": alert["account_id"]}),
    "device_use": (device_use, lambda alert: {"device_id": alert["device_id"]}),
    "merchant_profile": (merchant_profile, lambda alert: {"merchant_id": alert["merchant_id"]}),
}
"""What every investigation must have looked at, and with which arguments."""


def _alerts(ledger: Ledger, first: int, last: int) -> list[dict[str, Any]]:
    """One alert for each account with a flagged payment, by its highest score."""
    query = (
        "SELECT p.*, s.score, c.status FROM scores s JOIN payments p ON p.number = s.payment "
        "JOIN accounts c ON c.id = p.account WHERE s.flagged = 1 AND p.number BETWEEN ? AND ? ORDER BY s.score DESC, 1"
    )
    alerts: dict[str, dict[str, Any]] = {}
    for row in ledger.rows(query, first, last):
        alert = {
            "payment_id": f"T-{row['number']:05}", "account_id": row["account"], "merchant_id": row["merchant"],
            "device_id": row["device"], "amount": row["amount"], "score": row["score"], "status": row["status"],
        }  # fmt: skip
        alerts.setdefault(row["account"], alert)
    return list(alerts.values())


def _set(account: str, status: str, why: str, key: str, context: ToolContext) -> str:
    context.check()
    by = context.approved_by
    if not by:
        raise ToolFailed("Nobody approved this; people have to.")
    try:
        _ledger(context).set_status(account, status, by=by, why=why, key=key)
    except ActionRefused as refusal:
        raise ToolFailed(str(refusal)) from refusal
    return f"Account {account} is {status}; decided by {by}."


def _found(value: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    if not value:
        raise ToolFailed(f"There is no {kind} {name!r} in the records.")
    return value


def _ledger(context: ToolContext) -> Ledger:
    return context.resources.get(Ledger)
