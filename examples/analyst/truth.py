"""What the figures really are: counted over the generator's rows in plain Python, without the database or its SQL.

The cases of this example are written from here, and the tests hold both against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from statistics import mean
from typing import Any, NamedTuple

from .data import Customer, Data, generated
from .periods import days_of, parts_of


class Fact(NamedTuple):
    """One row that counts: its day (and the day of its end), what it belongs to, and what it adds."""

    day: str
    about: Mapping[str, str]
    value: float
    unit_of: Any = None
    """What is counted once, where several rows are of one thing."""
    ended: str | None = None


Facts = Callable[[Data], Iterable[Fact]]


def truth(
    measure: str, period: str = "all", split: str = "", *, data: Data | None = None, **narrowed: str
) -> dict[str, float]:
    """The figure for each part of a split (or for ``""``), rounded to cents, in the order in which it is shown."""
    first, last = days_of(period)
    facts, total = _MEASURES[measure]
    groups: dict[str, list[Fact]] = {}
    for fact in facts(data or generated()):
        state = measure in _STATES
        counts = fact.day <= last and (fact.ended is None or fact.ended > last) if state else first <= fact.day <= last
        if counts and all(fact.about.get(name) == wanted for name, wanted in narrowed.items()):
            groups.setdefault(_part(fact, split), []).append(fact)
    found = {name: round(total(inside), 2) for name, inside in groups.items()}
    if split in ("month", "quarter", "year"):
        whole = measure not in ("average order value", "handling time")
        return {part: found.get(part, 0) for part in parts_of(split, first, last) if whole or part in found}
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def _part(fact: Fact, split: str) -> str:
    year, month = fact.day[:4], int(fact.day[5:7])
    times = {"": "", "month": fact.day[:7], "quarter": f"{year}-Q{(month + 2) // 3}", "year": year}
    return times[split] if split in times else fact.about[split]


def _who(customer: Customer) -> dict[str, str]:
    return {"country": customer.country, "segment": customer.segment, "channel": customer.channel}


def _sales(data: Data) -> Iterator[Fact]:
    orders, people = {each.id: each for each in data.orders}, {each.id: each for each in data.customers}
    products = {each.id: each for each in data.products}
    for item in data.items:
        order, product = orders[item.order_id], products[item.product_id]
        if order.status == "delivered":
            about = {**_who(people[order.customer_id]), "category": product.category, "product": product.name}
            yield Fact(order.ordered, about, item.quantity * item.price_cents / 100, order.id)


def _units(data: Data) -> Iterator[Fact]:
    delivered = {each.id for each in data.orders if each.status == "delivered"}
    kept = (each for each in data.items if each.order_id in delivered)
    for fact, item in zip(_sales(data), kept, strict=True):
        yield fact._replace(value=item.quantity)


def _refunds(data: Data) -> Iterator[Fact]:
    orders, people = {each.id: each for each in data.orders}, {each.id: each for each in data.customers}
    for refund in data.refunds:
        yield Fact(refund.refunded, _who(people[orders[refund.order_id].customer_id]), refund.cents / 100)


def _care(data: Data, day: Callable[[Any], str | None]) -> Iterator[Fact]:
    people = {each.id: each for each in data.customers}
    for each in data.subscriptions:
        if (at := day(each)) is not None:
            about = {**_who(people[each.customer_id]), "plan": each.plan}
            yield Fact(at, about, each.monthly_cents / 100, ended=each.ended)


def _tickets(data: Data) -> Iterator[Fact]:
    people = {each.id: each for each in data.customers}
    for each in data.tickets:
        yield Fact(each.opened, {**_who(people[each.customer_id]), "topic": each.topic}, each.minutes)


def _sum(facts: list[Fact]) -> float:
    return sum(each.value for each in facts)


def _things(facts: list[Fact]) -> int:
    return len({each.unit_of for each in facts})


def _started(data: Data) -> Iterator[Fact]:
    return _care(data, lambda each: each.started)


_STATES = ("active subscriptions", "recurring revenue")
_MEASURES: Mapping[str, tuple[Facts, Callable[[list[Fact]], float]]] = {
    "revenue": (_sales, _sum),
    "orders": (_sales, _things),
    "units": (_units, _sum),
    "average order value": (_sales, lambda facts: _sum(facts) / _things(facts)),
    "new customers": (lambda data: (Fact(each.signed_up, _who(each), 1) for each in data.customers), len),
    "refunds": (_refunds, _sum),
    "new subscriptions": (_started, len),
    "cancelled subscriptions": (lambda data: _care(data, lambda each: each.ended), len),
    "active subscriptions": (_started, len),
    "recurring revenue": (_started, _sum),
    "tickets": (_tickets, len),
    "handling time": (_tickets, lambda facts: mean(each.value for each in facts)),
}
