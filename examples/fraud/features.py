"""What is known of a payment at the moment it arrives: numbers made of earlier payments only."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .data import Account, Merchant, Payment

HOUR, DAY = 60, 24 * 60
SMALL = 5.0
"""Euros; below it a payment may be a test whether a card works."""


class Features(NamedTuple):
    """What the model sees."""

    amount: float
    """Logarithm of euros."""
    against_usual: float
    """Logarithm of the amount over the account's mean so far."""
    last_hour: float
    """Payments of the account in the hour before."""
    small_last_hour: float
    last_day: float
    spent_last_day: float
    """Logarithm of the sum of the day before over the account's mean."""
    new_device: float
    device_accounts: float
    """Other accounts that used the device before."""
    abroad: float
    new_country: float
    merchant_age: float
    """Logarithm of days."""
    new_merchant: float
    """Whether the account never paid there."""
    night: float
    since_last: float
    """Logarithm of minutes since the account's last payment."""
    by_app: float


@dataclass(slots=True)
class Past:
    """What one account did so far."""

    count: int = 0
    total: float = 0.0
    recent: list[tuple[int, float]] = field(default_factory=list)
    """Minute and amount of the payments of the last day."""
    devices: set[str] = field(default_factory=set)
    countries: set[str] = field(default_factory=set)
    merchants: set[str] = field(default_factory=set)
    last: int = -1

    @property
    def mean(self) -> float:
        """The mean amount, drawn towards 30 euros while little is known."""
        return (self.total + 60.0) / (self.count + 2)


class History:
    """The past of all accounts; fed in the order of time."""

    def __init__(self, accounts: Iterable[Account], merchants: Iterable[Merchant]) -> None:
        self._home = {each.id: each.home for each in accounts}
        self._opened = {each.id: each.opened for each in merchants}
        self._past: defaultdict[str, Past] = defaultdict(Past)
        self._users: defaultdict[str, set[str]] = defaultdict(set)

    def see(self, payment: Payment) -> Features:
        """The features of a payment; after this it is part of the past."""
        past = self._past[payment.account]
        features = self._features(payment, past)
        past.recent.append((payment.minute, payment.amount))
        past.count, past.total, past.last = past.count + 1, past.total + payment.amount, payment.minute
        past.devices.add(payment.device)
        past.countries.add(payment.country)
        past.merchants.add(payment.merchant)
        self._users[payment.device].add(payment.account)
        return features

    def _features(self, payment: Payment, past: Past) -> Features:
        past.recent = [each for each in past.recent if payment.minute - each[0] <= DAY]
        hour = [amount for minute, amount in past.recent if payment.minute - minute <= HOUR]
        is_known = past.count >= 3
        return Features(
            amount=math.log(payment.amount + 1),
            against_usual=math.log((payment.amount + 1) / (past.mean + 1)),
            last_hour=len(hour),
            small_last_hour=sum(amount < SMALL for amount in hour),
            last_day=len(past.recent),
            spent_last_day=math.log((sum(amount for _, amount in past.recent) + 1) / (past.mean + 1)),
            new_device=float(is_known and payment.device not in past.devices),
            device_accounts=len(self._users[payment.device] - {payment.account}),
            abroad=float(payment.country != self._home[payment.account]),
            new_country=float(is_known and payment.country not in past.countries),
            merchant_age=math.log(max(1, payment.day - self._opened[payment.merchant])),
            new_merchant=float(is_known and payment.merchant not in past.merchants),
            night=float(payment.minute % DAY < 6 * HOUR),
            since_last=math.log(1 + (payment.minute - past.last if past.count else 30 * DAY)),
            by_app=float(payment.channel == "app"),
        )


def features_of(
    accounts: Iterable[Account], merchants: Iterable[Merchant], payments: Iterable[Payment]
) -> list[Features]:
    """The features of each payment, in their order."""
    history = History(accounts, merchants)
    return [history.see(each) for each in payments]


def rule_score(features: Features) -> int:
    """The baseline: how many of the bank's old rules a payment breaks."""
    return sum(
        (
            features.against_usual > math.log(4),
            bool(features.new_device) and features.against_usual > math.log(2),
            bool(features.abroad and features.new_device),
            features.last_hour >= 4,
            features.small_last_hour >= 3,
            features.device_accounts >= 1,
            bool(features.night and features.against_usual > math.log(2)),
        )
    )
