"""The shop's data, made from a seed: a furniture shop with orders, refunds, care subscriptions and support tickets.

No company, person or product of it exists. Money is in cents, days are ISO dates; the last day is `TODAY`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple, TypeVar

SEED = 20260630
FIRST, TODAY = date(2025, 1, 1), date(2026, 6, 30)
COUNTRIES = {"Germany": 34, "France": 24, "Belgium": 18, "Spain": 14, "Poland": 10}
SEGMENTS = {"consumer": 70, "business": 22, "school": 8}
CHANNELS = {"ads": 40, "newsletter": 25, "referral": 20, "store": 15}
PLANS = {"basic": 490, "plus": 990, "pro": 2490}
TOPICS = {"delivery": 45, "assembly": 25, "payment": 18, "damage": 12}
PRODUCTS = {
    "Arc lamp": ("lamps", 8900),
    "Desk lamp": ("lamps", 3900),
    "Lantern": ("lamps", 2400),
    "Oak chair": ("chairs", 12900),
    "Office chair": ("chairs", 19900),
    "Stool": ("chairs", 4900),
    "Standing desk": ("desks", 44900),
    "Writing desk": ("desks", 24900),
    "Wall shelf": ("shelves", 5900),
    "Bookcase": ("shelves", 15900),
}
CATEGORIES = tuple(dict.fromkeys(category for category, _ in PRODUCTS.values()))

SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, country TEXT NOT NULL, segment TEXT NOT NULL, channel TEXT NOT NULL,
                        signed_up TEXT NOT NULL);
CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, category TEXT NOT NULL,
                       price_cents INTEGER NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
                     ordered TEXT NOT NULL, status TEXT NOT NULL);
CREATE TABLE items (order_id INTEGER NOT NULL REFERENCES orders (id),
                    product_id INTEGER NOT NULL REFERENCES products (id), quantity INTEGER NOT NULL,
                    price_cents INTEGER NOT NULL);
CREATE TABLE refunds (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), refunded TEXT NOT NULL,
                      cents INTEGER NOT NULL);
CREATE TABLE subscriptions (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
                            plan TEXT NOT NULL, monthly_cents INTEGER NOT NULL, started TEXT NOT NULL, ended TEXT);
CREATE TABLE tickets (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
                      topic TEXT NOT NULL, opened TEXT NOT NULL, minutes INTEGER NOT NULL)
"""


class Customer(NamedTuple):
    """Who buys."""

    id: int
    country: str
    segment: str
    channel: str
    signed_up: str


class Product(NamedTuple):
    """What is sold."""

    id: int
    name: str
    category: str
    price_cents: int


class Order(NamedTuple):
    """A purchase; `status` is delivered or cancelled."""

    id: int
    customer_id: int
    ordered: str
    status: str


class Item(NamedTuple):
    """A line of an order, at the price of that day."""

    order_id: int
    product_id: int
    quantity: int
    price_cents: int


class Refund(NamedTuple):
    """Money that went back."""

    id: int
    order_id: int
    refunded: str
    cents: int


class Subscription(NamedTuple):
    """A care plan; `ended` is None while it runs."""

    id: int
    customer_id: int
    plan: str
    monthly_cents: int
    started: str
    ended: str | None


class Ticket(NamedTuple):
    """A question to support, and how long it took."""

    id: int
    customer_id: int
    topic: str
    opened: str
    minutes: int


class Data(NamedTuple):
    """All rows, table by table."""

    customers: list[Customer]
    products: list[Product]
    orders: list[Order]
    items: list[Item]
    refunds: list[Refund]
    subscriptions: list[Subscription]
    tickets: list[Ticket]


T = TypeVar("T")


class _Dice:
    """Choices made from `random()` alone, whose numbers are the same in every version of Python."""

    def __init__(self, seed: int) -> None:
        self._next = random.Random(seed).random

    def below(self, most: int) -> int:
        return int(self._next() * most)

    def happens(self, share: float) -> bool:
        return self._next() < share

    def one(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def weighed(self, weights: dict[str, int]) -> str:
        left = self.below(sum(weights.values()))
        for name, weight in weights.items():
            left -= weight
            if left < 0:
                return name
        raise AssertionError("weights are above zero")

    def day(self, first: date, last: date = TODAY) -> date:
        return first + timedelta(days=self.below((last - first).days + 1))


@cache
def generated(seed: int = SEED) -> Data:
    """All rows of the shop; the same ones for the same seed."""
    dice = _Dice(seed)
    customers = list(_customers(dice))
    products = [Product(n, name, *about) for n, (name, about) in enumerate(PRODUCTS.items(), 1)]
    orders = list(_orders(dice, customers))
    items = [item for order in orders for item in _items(dice, order, products)]
    return Data(
        customers,
        products,
        orders,
        items,
        list(_refunds(dice, orders, items)),
        list(_subscriptions(dice, customers)),
        list(_tickets(dice, customers)),
    )


def _customers(dice: _Dice) -> Iterator[Customer]:
    for number in range(1, 421):
        # Half of them were there before the first day.
        day = FIRST - timedelta(days=1 + dice.below(300)) if dice.happens(0.5) else dice.day(FIRST)
        yield Customer(number, dice.weighed(COUNTRIES), dice.weighed(SEGMENTS), dice.weighed(CHANNELS), day.isoformat())


def _orders(dice: _Dice, customers: Sequence[Customer]) -> Iterator[Order]:
    number = 0
    for customer in customers:
        first = max(FIRST, date.fromisoformat(customer.signed_up))
        for _ in range(1 + dice.below(12 if customer.segment == "business" else 7)):
            day, number = dice.day(first), number + 1
            if day.month in (11, 12) or dice.happens(0.8):  # more is bought before the holidays
                status = "cancelled" if dice.happens(0.06) else "delivered"
                yield Order(number, customer.id, day.isoformat(), status)


def _items(dice: _Dice, order: Order, products: Sequence[Product]) -> Iterator[Item]:
    rise = 105 if order.ordered >= "2026-01-01" else 100  # prices rose by 5 % with the year
    for _ in range(1 + dice.below(3)):
        product = dice.one(products)
        yield Item(order.id, product.id, 1 + dice.below(3), product.price_cents * rise // 100)


def _refunds(dice: _Dice, orders: Sequence[Order], items: Sequence[Item]) -> Iterator[Refund]:
    totals: dict[int, int] = {}
    for item in items:
        totals[item.order_id] = totals.get(item.order_id, 0) + item.quantity * item.price_cents
    number = 0
    for order in orders:
        if order.status == "delivered" and dice.happens(0.08):
            number += 1
            day = min(TODAY, date.fromisoformat(order.ordered) + timedelta(days=3 + dice.below(25)))
            yield Refund(number, order.id, day.isoformat(), totals[order.id] * (25 + dice.below(76)) // 100)


def _subscriptions(dice: _Dice, customers: Sequence[Customer]) -> Iterator[Subscription]:
    number = 0
    for customer in customers:
        if dice.happens(0.45):
            number += 1
            plan = dice.weighed({"basic": 50, "plus": 35, "pro": 15})
            started = dice.day(max(FIRST, date.fromisoformat(customer.signed_up)))
            ended = started + timedelta(days=30 + dice.below(500)) if dice.happens(0.4) else None
            stops = ended.isoformat() if ended is not None and ended <= TODAY else None
            yield Subscription(number, customer.id, plan, PLANS[plan], started.isoformat(), stops)


def _tickets(dice: _Dice, customers: Sequence[Customer]) -> Iterator[Ticket]:
    for number in range(1, 601):
        customer = dice.one(customers)
        day = dice.day(max(FIRST, date.fromisoformat(customer.signed_up)))
        yield Ticket(number, customer.id, dice.weighed(TOPICS), day.isoformat(), 4 + dice.below(56))
