"""What code can see of costs: sums, the budget, data that is never deleted, capacity that stands idle."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation

from .document import section, table

IDLE = 10
"""Provisioned capacity over peak load, from which on it is called idle."""
_TOTAL = re.compile(r"^Total:\s*(?P<amount>[\d,.]*\d)\s*EUR a month\b.*$", re.M | re.I)
_BUDGET = re.compile(r"^Budget:\s*(?P<amount>[\d,.]*\d)\s*EUR a month\b.*$", re.M | re.I)
_KEPT = re.compile(
    r"\b(?:kept|deleted|retained|removed|expires?)\b[^.\n]*\b\d+\s*(?:days?|weeks?|months?|years?)\b", re.I
)
_PEAK = re.compile(r"\bpeak\b[^.\n]*?(?P<number>\d[\d,]*)\s*requests a second", re.I)
_PROVISIONED = re.compile(r"\b(?:provisioned|sized)\b[^.\n]*?(?P<number>\d[\d,]*)\s*requests a second", re.I)


def amount(text: str) -> Decimal | None:
    """A number as people write it, ``1,250.00``; None if it is none."""
    try:
        return Decimal(text.replace(",", "").replace("EUR", "").strip())
    except InvalidOperation:
        return None


def cost_rows(text: str) -> list[tuple[list[str], Decimal, Decimal, Decimal]]:
    """The rows of the cost table with units, price and monthly cost; rows that are no numbers are passed over."""
    found = section(text, "Costs")
    rows = []
    for row in table(found.body) if found else ():
        numbers = [amount(cell) for cell in row[1:4]] if len(row) >= 4 else []
        if len(numbers) == 3 and None not in numbers:
            units, price, monthly = (each for each in numbers if each is not None)
            rows.append((row, units, price, monthly))
    return rows


def total_of(text: str) -> tuple[str, Decimal] | None:
    """The line of the total and its number."""
    return _stated(_TOTAL, text)


def _stated(pattern: re.Pattern[str], text: str) -> tuple[str, Decimal] | None:
    part = section(text, "Costs")
    found = pattern.search(part.prose) if part else None
    number = amount(found["amount"]) if found else None
    return (found[0], number) if found and number is not None else None


def _wrong_product(text: str) -> Iterator[tuple[str, str]]:
    for row, units, price, monthly in cost_rows(text):
        if units * price != monthly:
            yield "Costs", " | ".join(row)


def _wrong_sum(text: str) -> Iterator[tuple[str, str]]:
    total, rows = total_of(text), cost_rows(text)
    if total and rows and sum(monthly for *_, monthly in rows) != total[1]:
        yield "Costs", total[0]


def _over_budget(text: str) -> Iterator[tuple[str, str]]:
    budget, rows = _stated(_BUDGET, text), cost_rows(text)
    if budget and rows and sum(units * price for _, units, price, _ in rows) > budget[1]:
        yield "Costs", budget[0]


def _never_deleted(text: str) -> Iterator[tuple[str, str]]:
    found = section(text, "Data")
    if found and not _KEPT.search(found.prose):
        yield "Data", "## Data"


def _idle_capacity(text: str) -> Iterator[tuple[str, str]]:
    found = section(text, "Capacity")
    peak, sized = (pattern.search(found.prose) if found else None for pattern in (_PEAK, _PROVISIONED))
    if peak and sized and _whole(sized["number"]) > IDLE * _whole(peak["number"]):
        yield "Capacity", sized[0]


def _whole(text: str) -> int:
    return int(text.replace(",", ""))


COST: tuple[tuple[str, str, Callable[[str], Iterator[tuple[str, str]]], bool], ...] = (
    ("wrong-product", "Units times price is another number; correct it.", _wrong_product, False),
    ("wrong-sum", "The rows add up to another number; correct it.", _wrong_sum, False),
    ("over-budget", "The rows cost more than the budget; cut them, or have it raised.", _over_budget, True),
    (
        "never-deleted",
        "Say after how many days data is deleted; storage grows for ever otherwise.",
        _never_deleted,
        False,
    ),
    ("idle-capacity", f"More than {IDLE} times the peak is paid for; size it to the load.", _idle_capacity, False),
)
