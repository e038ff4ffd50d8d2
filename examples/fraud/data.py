"""A bank that does not exist: accounts, merchants and 120 days of payments, some of them fraud of several patterns.

Everything follows from one seed. Honest customers travel, buy new phones and go shopping, which looks like fraud; some
fraud looks honest. From :data:`SHIFT` on everybody pays more and by app, and a new pattern begins: the drift.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

Pattern = Literal["", "card_testing", "takeover", "mule_ring", "trickle", "below_limit"]
"""What a payment truly is; empty for an honest one."""
SEED = 11
ACCOUNTS, MERCHANTS = 420, 70
DAYS = 120
TRAIN_UNTIL, STREAM_FROM, SHIFT = 60, 90, 106
"""Days: the model learns before the first, is measured until the second, where the stream begins to be worked off;
the world changes on the third."""
DAY = 24 * 60
NOISE_MISSED, NOISE_FALSE = 0.06, 0.001
"""Shares of wrong labels: fraud that nobody reported, honest payments that somebody disputed."""
LIMIT = 250.0
"""Payments below it need no second factor: the new pattern stays just under it."""
COUNTRIES = ("BE", "NL", "FR", "DE", "PT", "RO", "TR", "TH")
CATEGORIES = ("groceries", "fuel", "fashion", "electronics", "travel", "games", "vouchers")
_HONEST_RATE = 0.12
_EPISODES = {"card_testing": 6, "takeover": 15, "mule_ring": 5, "trickle": 7, "below_limit": 18}
"""Per 60 days; ``below_limit`` only in the shifted period."""


@dataclass(frozen=True, slots=True)
class Account:
    """A customer's account."""

    id: str
    home: str
    opened: int
    """Day; before the data begins it is negative."""
    usual: float
    """What it usually spends, in euros."""
    devices: tuple[str, ...]
    merchants: tuple[str, ...]
    """Where it usually pays."""


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who is paid."""

    id: str
    category: str
    country: str
    opened: int


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment, and what it truly is."""

    number: int
    """Its place in time, from 1."""
    account: str
    merchant: str
    device: str
    minute: int
    """Minutes since the first day began."""
    amount: float
    country: str
    channel: str
    pattern: Pattern = ""

    @property
    def id(self) -> str:
        """As the tools call it."""
        return f"T-{self.number:05}"

    @property
    def day(self) -> int:
        """The day, from 0."""
        return self.minute // DAY


@dataclass(frozen=True, slots=True)
class Bank:
    """All of it, payments in the order of their time."""

    accounts: tuple[Account, ...]
    merchants: tuple[Merchant, ...]
    payments: tuple[Payment, ...]
    labels: tuple[bool, ...]
    """What is known about each payment, some of it wrong."""
    frozen: tuple[str, ...]
    """Accounts that were frozen before the stream begins, rightly."""

    def between(self, first: int, last: int) -> list[int]:
        """Places of the payments of these days, the last one not among them."""
        return [place for place, each in enumerate(self.payments) if first <= each.day < last]

    @property
    def stream(self) -> tuple[Payment, ...]:
        """The payments that arrive while the example runs."""
        return tuple(each for each in self.payments if each.day >= STREAM_FROM)


@cache
def bank(seed: int = SEED) -> Bank:
    """The bank's data; the same for the same seed."""
    rng = random.Random(seed)
    merchants = tuple(_merchant(rng, number) for number in range(1, MERCHANTS + 1))
    accounts = tuple(_account(rng, number, merchants) for number in range(1, ACCOUNTS + 1))
    made = [payment for account in accounts for payment in _honest(rng, account, merchants)]
    made += _frauds(rng, accounts, merchants)
    made.sort(key=lambda each: (each.minute, each.account, each.amount))
    payments = tuple(replace(each, number=number) for number, each in enumerate(made, 1))
    labels = tuple(_label(rng, each) for each in payments)
    robbed = dict.fromkeys(
        e.account for e in payments if e.pattern == "takeover" and STREAM_FROM - 15 <= e.day < STREAM_FROM
    )
    return Bank(accounts, merchants, payments, labels, tuple(robbed)[:3])


def _merchant(rng: random.Random, number: int) -> Merchant:
    country = COUNTRIES[0] if number % 10 < 6 else rng.choice(COUNTRIES[1:])
    return Merchant(f"M-{number:02}", CATEGORIES[number % len(CATEGORIES)], country, rng.randint(-900, 60))


def _account(rng: random.Random, number: int, merchants: tuple[Merchant, ...]) -> Account:
    home = COUNTRIES[0] if rng.random() < 0.8 else rng.choice(COUNTRIES[1:4])
    devices = tuple(f"D-{number:03}{letter}" for letter in "ab"[: rng.choice((1, 1, 2))])
    near = [each.id for each in merchants if each.country in (home, COUNTRIES[0])]
    usual = math.exp(rng.gauss(3.3, 0.5))
    return Account(f"A-{number:03}", home, rng.randint(-1500, -10), usual, devices, tuple(rng.sample(near, 9)))


def _honest(rng: random.Random, account: Account, merchants: tuple[Merchant, ...]) -> Iterator[Payment]:
    """Everyday payments, with trips, new phones and shopping tours among them."""
    devices, country, away_until = list(account.devices), account.home, -1
    for day in range(DAYS):
        is_late = day >= SHIFT
        if day > away_until:
            country = account.home
        if country == account.home and rng.random() < (0.012 if is_late else 0.003):
            country, away_until = rng.choice(COUNTRIES[1:]), day + rng.randint(2, 8)
        if rng.random() < 0.002:
            devices[0] = f"D-{account.id[2:]}{chr(ord('c') + day % 20)}"
        tour = rng.random() < 0.006
        count = rng.randint(3, 5) if tour else sum(rng.random() < _HONEST_RATE for _ in range(2))
        if country != account.home:
            count += 1
        start = rng.randint(9 * 60, 20 * 60)
        for place in range(count):
            minute = start + place * rng.randint(8, 40) if tour else min(DAY - 1, max(0, int(rng.gauss(15 * 60, 240))))
            known = rng.random() < 0.85 and country == account.home
            merchant = rng.choice(account.merchants) if known else rng.choice(merchants).id
            amount = (
                account.usual
                * math.exp(rng.gauss(0.7 if is_late else 0.0, 0.7))
                * (1.6 if country != account.home else 1)
            )
            channel = "app" if rng.random() < (0.8 if is_late else 0.4) else "card"
            minute = day * DAY + min(minute, DAY - 1)
            yield Payment(0, account.id, merchant, rng.choice(devices), minute, round(amount, 2), country, channel)


def _frauds(rng: random.Random, accounts: tuple[Account, ...], merchants: tuple[Merchant, ...]) -> Iterator[Payment]:
    for pattern, count in _EPISODES.items():
        first = SHIFT if pattern == "below_limit" else 4
        for number in range(round(count * (DAYS - first) / 60)):
            # Evenly over time, so that every period has each pattern.
            day = first + int((number + rng.random()) * 60 / count)
            if day < DAYS:
                yield from _EPISODE[pattern](rng, min(day, DAYS - 2), accounts, merchants)


def _card_testing(
    rng: random.Random, day: int, accounts: tuple[Account, ...], merchants: tuple[Merchant, ...]
) -> Iterator[Payment]:
    """Many tiny payments at one merchant, then a large one."""
    account, merchant = rng.choice(accounts), rng.choice(merchants)
    minute, device = day * DAY + rng.randint(0, DAY - 90), f"D-x{rng.randint(100, 999)}"
    for _ in range(rng.randint(4, 7)):
        minute += rng.randint(1, 5)
        yield _fraud("card_testing", account, merchant, device, minute, rng.uniform(0.5, 4.0))
    amount = max(120.0, account.usual * rng.uniform(4, 9))
    yield _fraud("card_testing", account, merchant, device, minute + rng.randint(5, 30), amount)


def _takeover(
    rng: random.Random, day: int, accounts: tuple[Account, ...], merchants: tuple[Merchant, ...]
) -> Iterator[Payment]:
    """A strange device in a strange country spends much in a few hours, mostly at night."""
    account, country = rng.choice(accounts), rng.choice(COUNTRIES[4:])
    device, minute = f"D-x{rng.randint(100, 999)}", day * DAY + rng.choice((rng.randint(0, 300), rng.randint(0, 1200)))
    for _ in range(rng.randint(2, 4)):
        minute += rng.randint(6, 70)
        amount = account.usual * rng.uniform(2.5, 8)
        yield replace(_fraud("takeover", account, rng.choice(merchants), device, minute, amount), country=country)


def _mule_ring(
    rng: random.Random, day: int, accounts: tuple[Account, ...], merchants: tuple[Merchant, ...]
) -> Iterator[Payment]:
    """Three accounts, one device, one merchant that sells vouchers."""
    payee = rng.choice([each for each in merchants if each.category in ("vouchers", "games")])
    device = f"D-x{rng.randint(100, 999)}"
    for account in rng.sample(accounts, 3):
        for _ in range(rng.randint(1, 2)):
            minute = day * DAY + rng.randint(7 * 60, 22 * 60)
            yield _fraud("mule_ring", account, payee, device, minute, rng.uniform(90, 400))


def _trickle(
    rng: random.Random, day: int, accounts: tuple[Account, ...], merchants: tuple[Merchant, ...]
) -> Iterator[Payment]:
    """The customer's own device, a little more than usual, where they never pay: hard to tell from a new hobby."""
    account, merchant = rng.choice(accounts), rng.choice(merchants)
    for _ in range(rng.randint(2, 4)):
        minute = day * DAY + rng.randint(8 * 60, 23 * 60)
        yield _fraud(
            "trickle", account, merchant, rng.choice(account.devices), minute, account.usual * rng.uniform(1, 2.4)
        )


def _below_limit(
    rng: random.Random, day: int, accounts: tuple[Account, ...], merchants: tuple[Merchant, ...]
) -> Iterator[Payment]:
    """New in the shifted period: a strange device takes several amounts just below the limit, by app."""
    account, device = rng.choice(accounts), f"D-x{rng.randint(100, 999)}"
    minute = day * DAY + rng.randint(9 * 60, 20 * 60)
    for _ in range(rng.randint(2, 3)):
        minute += rng.randint(15, 90)
        yield _fraud("below_limit", account, rng.choice(merchants), device, minute, LIMIT - rng.uniform(0.5, 9))


def _fraud(pattern: Pattern, account: Account, merchant: Merchant, device: str, minute: int, amount: float) -> Payment:
    channel = "app" if pattern in ("mule_ring", "below_limit") else "card"
    return Payment(0, account.id, merchant.id, device, minute, round(amount, 2), account.home, channel, pattern)


_EPISODE = {
    "card_testing": _card_testing,
    "takeover": _takeover,
    "mule_ring": _mule_ring,
    "trickle": _trickle,
    "below_limit": _below_limit,
}


def _label(rng: random.Random, payment: Payment) -> bool:
    wrong = rng.random() < (NOISE_MISSED if payment.pattern else NOISE_FALSE)
    return bool(payment.pattern) is not wrong
