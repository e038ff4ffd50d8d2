"""What the bank's records say about an account: figures, and the signs in them that an investigator knows.

Only what has arrived counts: nothing after the stream's cursor is read.
"""

from __future__ import annotations

from typing import Any

from .data import DAY
from .features import SMALL
from .ledger import Ledger

YOUNG_DAYS = 45
"""A merchant that opened fewer days ago is young."""
NEW_DAYS = 14
"""A device that was first seen fewer days ago is new."""
MUCH = 3.0
"""Times the usual amount."""
LATE = 7 * DAY
"""Minutes before the most suspicious payment in which signs are looked for."""
Evidence = dict[str, Any]


def history(ledger: Ledger, account: str) -> Evidence:
    """The account, what is usual for it, and its last payments."""
    about = ledger.row("SELECT id, home, opened, status FROM accounts WHERE id = ?", account)
    if about is None:
        return {}
    past = _payments(ledger, account)
    recent, before = _split(ledger, account, past)
    usual = _mean(before)
    far = sorted({each["country"] for each in recent} - {about["home"]} - {each["country"] for each in before})
    signs = [f"pays from {', '.join(far)} for the first time"] if far and before else []
    most = max((each["amount"] for each in recent), default=0.0)
    if before and most > MUCH * usual:
        signs.append(f"{most:.2f} euros, {most / usual:.1f} times the usual {usual:.2f}")
    last = [
        f"{_when(each['minute'])} {each['amount']:.2f} to {each['merchant']} from {each['device']}"
        for each in past[-6:]
    ]
    return {
        "account_id": account, "status": about["status"], "home": about["home"], "payments": len(past),
        "usual_amount": round(usual, 2), "last_payments": last, "signs": signs,
    }  # fmt: skip


def velocity(ledger: Ledger, account: str) -> Evidence:
    """How fast the account pays: its fullest hour and day around its most suspicious payment."""
    recent, before = _split(ledger, account, _payments(ledger, account))
    hours = [[other for other in recent if 0 <= each["minute"] - other["minute"] <= 60] for each in recent]
    fullest = max(hours, key=len, default=[])
    small = sum(each["amount"] < SMALL for each in fullest)
    day = max((sum(0 <= a["minute"] - b["minute"] <= DAY for b in recent) for a in recent), default=0)
    signs = [f"{len(fullest)} payments within an hour"] if len(fullest) >= 4 else []
    if small >= 3:
        signs.append(f"{small} of them under {SMALL:.0f} euros, as when a card is tested")
    return {
        "account_id": account, "most_in_an_hour": len(fullest), "most_in_a_day": day,
        "payments_a_day_before": round(len(before) / 90, 2), "signs": signs,
    }  # fmt: skip


def device_use(ledger: Ledger, device: str) -> Evidence:
    """Who used a device, and since when."""
    query = "SELECT account, min(minute) AS first FROM payments WHERE device = ? AND number <= ? GROUP BY account"
    users = ledger.rows(f"{query} ORDER BY first, account", device, ledger.cursor)
    if not users:
        return {}
    now, accounts = _now(ledger), [each["account"] for each in users]
    age = (now - users[0]["first"]) / DAY
    signs = [f"device {device} is used by {len(accounts)} accounts"] if len(accounts) > 1 else []
    if age < NEW_DAYS:
        signs.append(f"device {device} was first seen {age:.1f} days ago")
    return {"device_id": device, "accounts": accounts, "first_seen_days_ago": round(age, 1), "signs": signs}


def merchant(ledger: Ledger, merchant_id: str) -> Evidence:
    """A merchant: what it sells, how old it is, how often its payments were flagged."""
    about = ledger.row("SELECT id, category, country, opened FROM merchants WHERE id = ?", merchant_id)
    if about is None:
        return {}
    query = (
        "SELECT count(*) AS payments, coalesce(sum(s.flagged), 0) AS flagged FROM payments p "
        "LEFT JOIN scores s ON s.payment = p.number WHERE p.merchant = ? AND p.number <= ?"
    )
    counts = ledger.row(query, merchant_id, ledger.cursor) or {}
    age = _now(ledger) // DAY - about["opened"]
    signs = [f"merchant {merchant_id} sells vouchers"] if about["category"] == "vouchers" else []
    if age < YOUNG_DAYS:
        signs.append(f"merchant {merchant_id} opened {age} days ago")
    return {"merchant_id": merchant_id, **about, "age_days": age, **counts, "signs": signs}


def linked(ledger: Ledger, account: str) -> Evidence:
    """Accounts that used the same devices."""
    query = (
        "SELECT DISTINCT b.account, a.device, c.status FROM payments a JOIN payments b ON a.device = b.device "
        "JOIN accounts c ON c.id = b.account WHERE a.account = ? AND b.account <> a.account "
        "AND a.number <= ? AND b.number <= ? ORDER BY 1, 2"
    )
    cursor = ledger.cursor
    links = ledger.rows(query, account, cursor, cursor)
    others = sorted({each["account"] for each in links})
    signs = [f"shares a device with {', '.join(others)}"] if others else []
    return {"account_id": account, "linked": links, "signs": signs}


def suspicious_payment(ledger: Ledger, account: str) -> dict[str, Any] | None:
    """The payment of an account that scored most, else its newest; None if it has none."""
    query = (
        "SELECT p.number, p.merchant, p.device, p.amount, p.minute, s.score FROM payments p "
        "LEFT JOIN scores s ON s.payment = p.number WHERE p.account = ? AND p.number <= ? "
        "ORDER BY coalesce(s.score, 0) DESC, p.number DESC LIMIT 1"
    )
    return ledger.row(query, account, ledger.cursor)


def _payments(ledger: Ledger, account: str) -> list[dict[str, Any]]:
    query = "SELECT * FROM payments WHERE account = ? AND number <= ? ORDER BY number"
    return ledger.rows(query, account, ledger.cursor)


def _split(
    ledger: Ledger, account: str, past: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The payments of the week up to a day after the account's most suspicious one, and those before that week."""
    worst = suspicious_payment(ledger, account)
    end = worst["minute"] + DAY if worst else 0
    week = [each for each in past if end - DAY - LATE < each["minute"] <= end]
    return week, [each for each in past if each["minute"] <= end - DAY - LATE]


def _mean(payments: list[dict[str, Any]]) -> float:
    return sum(each["amount"] for each in payments) / len(payments) if payments else 0.0


def _now(ledger: Ledger) -> int:
    """The time of the data: that of the newest payment that has arrived."""
    found = ledger.row("SELECT minute FROM payments WHERE number = ?", ledger.cursor)
    return int(found["minute"]) if found else 0


def _when(minute: int) -> str:
    return f"day {minute // DAY} {minute % DAY // 60:02}:{minute % 60:02}"
