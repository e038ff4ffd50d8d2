"""What can be asked of the shop's figures: measures, what they can be split and narrowed by, and the SQL of each.

A question in these terms becomes SQL of parts written here; what a model says only ever becomes a bound value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

MeasureName = Literal[
    "revenue",
    "orders",
    "units",
    "average order value",
    "new customers",
    "refunds",
    "new subscriptions",
    "cancelled subscriptions",
    "active subscriptions",
    "recurring revenue",
    "tickets",
    "handling time",
]
Split = Literal["country", "segment", "category", "product", "channel", "plan", "topic", "month", "quarter", "year"]
TIMES = ("month", "quarter", "year")

_SALES = (
    "items JOIN orders ON orders.id = items.order_id JOIN customers ON customers.id = orders.customer_id "
    "JOIN products ON products.id = items.product_id"
)
_REFUNDS = "refunds JOIN orders ON orders.id = refunds.order_id JOIN customers ON customers.id = orders.customer_id"
_CARE = "subscriptions JOIN customers ON customers.id = subscriptions.customer_id"
_SUPPORT = "tickets JOIN customers ON customers.id = tickets.customer_id"
_WHO = {"country": "customers.country", "segment": "customers.segment", "channel": "customers.channel"}
_WHAT = {**_WHO, "category": "products.category", "product": "products.name"}
_SOLD = "SUM(items.quantity * items.price_cents) / 100.0"


class Unanswerable(ValueError):
    """The question does not fit the measure; the text says what would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Something that can be counted or added up."""

    value: str
    """SQL of the figure."""
    source: str
    day: str
    """The column by which it belongs to a period; of a state (`as_of`), that of its beginning."""
    unit: str = ""
    only: str = "1"
    """SQL of which rows count at all."""
    by: Mapping[str, str] = field(default_factory=dict)
    """What it can be split and narrowed by, besides time."""
    sums_up: bool = True
    """Whether a time without any rows counts as 0; of an average there is none then."""
    as_of: str = ""
    """The column of its end: it is a state on the last day of the period, not a sum over it."""


_DELIVERED = "orders.status = 'delivered'"
MEASURES: Mapping[str, Measure] = {
    "revenue": Measure(value=_SOLD, source=_SALES, day="orders.ordered", unit="EUR", only=_DELIVERED, by=_WHAT),
    "orders": Measure(
        value="COUNT(DISTINCT orders.id)", source=_SALES, day="orders.ordered", only=_DELIVERED, by=_WHAT
    ),
    "units": Measure(value="SUM(items.quantity)", source=_SALES, day="orders.ordered", only=_DELIVERED, by=_WHAT),
    "average order value": Measure(
        value=f"{_SOLD} / COUNT(DISTINCT orders.id)",
        source=_SALES,
        day="orders.ordered",
        unit="EUR",
        only=_DELIVERED,
        by=_WHAT,
        sums_up=False,
    ),
    "new customers": Measure(value="COUNT(*)", source="customers", day="customers.signed_up", by=_WHO),
    "refunds": Measure(
        value="SUM(refunds.cents) / 100.0", source=_REFUNDS, day="refunds.refunded", unit="EUR", by=_WHO
    ),
    "new subscriptions": Measure(
        value="COUNT(*)", source=_CARE, day="subscriptions.started", by={**_WHO, "plan": "subscriptions.plan"}
    ),
    "cancelled subscriptions": Measure(
        value="COUNT(*)", source=_CARE, day="subscriptions.ended", by={**_WHO, "plan": "subscriptions.plan"}
    ),
    "active subscriptions": Measure(
        value="COUNT(*)",
        source=_CARE,
        day="subscriptions.started",
        as_of="subscriptions.ended",
        by={**_WHO, "plan": "subscriptions.plan"},
    ),
    "recurring revenue": Measure(
        value="SUM(subscriptions.monthly_cents) / 100.0",
        source=_CARE,
        day="subscriptions.started",
        as_of="subscriptions.ended",
        unit="EUR a month",
        by={**_WHO, "plan": "subscriptions.plan"},
    ),
    "tickets": Measure(value="COUNT(*)", source=_SUPPORT, day="tickets.opened", by={**_WHO, "topic": "tickets.topic"}),
    "handling time": Measure(
        value="AVG(tickets.minutes)",
        source=_SUPPORT,
        day="tickets.opened",
        unit="minutes on average",
        by={**_WHO, "topic": "tickets.topic"},
        sums_up=False,
    ),
}
assert set(MEASURES) == set(get_args(MeasureName))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A figure that is wanted."""

    measure: str
    split: str = ""
    first: str = ""
    """The first day, included."""
    last: str = ""
    """The last day, included."""
    narrowed: Mapping[str, str] = field(default_factory=dict)
    top: int | None = None


def sql_of(question: Question) -> tuple[str, dict[str, Any]]:
    """The query for a question and its bound values; columns `name` (where it is split) and `value`.

    Raises:
        Unanswerable: if the measure cannot be split or narrowed like that.
    """
    measure = MEASURES[question.measure]
    _check(question, measure)
    values: dict[str, Any] = {"first": question.first, "last": question.last}
    where = [measure.only, f"{measure.day} <= :last"]
    if measure.as_of:
        where.append(f"({measure.as_of} IS NULL OR {measure.as_of} > :last)")
    else:
        where.append(f"{measure.day} >= :first")
    for name, wanted in question.narrowed.items():
        where.append(f"{measure.by[name]} = :{name}")
        values[name] = wanted
    body = f"FROM {measure.source} WHERE {' AND '.join(where)}"
    if not question.split:
        return f"SELECT COALESCE({measure.value}, 0) AS value {body}", values
    order = "name" if question.split in TIMES else "value DESC, name"
    limit = f" LIMIT {int(question.top)}" if question.top else ""
    named = _split_sql(question.split, measure)
    return f"SELECT {named} AS name, {measure.value} AS value {body} GROUP BY 1 ORDER BY {order}{limit}", values


def _check(question: Question, measure: Measure) -> None:
    known = [*measure.by, *(() if measure.as_of else TIMES)]
    for name in filter(None, (question.split, *question.narrowed)):
        if name not in known:
            raise Unanswerable(f"{question.measure!r} has no {name!r}. It can be split by: {', '.join(known)}.")


def _split_sql(split: str, measure: Measure) -> str:
    day = measure.day
    times = {
        "month": f"substr({day}, 1, 7)",
        "quarter": f"substr({day}, 1, 4) || '-Q' || ((CAST(substr({day}, 6, 2) AS INTEGER) + 2) / 3)",
        "year": f"substr({day}, 1, 4)",
    }
    return times.get(split) or measure.by[split]
