"""What model calls cost: a table by model name that a project can correct; a model that is not in it has no price."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from math import ceil, inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from .errors import RuntimeProblem

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

SHIPPED = Path(__file__).with_name("prices.toml")
PRICES_FILE = "prices.toml"
_DATE = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|latest)$")
_ALTERNATIVES = " or "
"""Between the models of a fallback chain."""


class PriceError(RuntimeProblem):
    """A price table cannot be read. For the operator; lists every wrong entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one model costs, in units of the table's currency per 1 million tokens."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    input: float
    output: float
    cached: float | None = None
    """Input that the provider had in its cache; None where that makes no difference."""

    def __post_init__(self) -> None:
        for name in ("input", "output", "cached"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not 0 <= value < inf):
                raise ValueError(f"{name} is {value!r}; a price is a number from 0.")

    @property
    def input_rate(self) -> int:
        """Billionths of the currency for a token sent, rounded up."""
        return _rate(self.input)

    @property
    def output_rate(self) -> int:
        """Billionths of the currency for a token received, rounded up."""
        return _rate(self.output)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one answer took."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: int | None = 0
    """Billionths of the currency; None where the model's price is not known."""

    @property
    def tokens(self) -> int:
        """Sent and received."""
        return self.input_tokens + self.output_tokens


class PriceTable:
    """Prices by name pattern."""

    def __init__(self, prices: Mapping[str, Price], currency: str = "USD") -> None:
        self.currency = currency
        self._exact = {name: price for name, price in prices.items() if not _is_pattern(name)}
        self._patterns = sorted((name for name in prices if _is_pattern(name)), key=len, reverse=True)
        self._prices = dict(prices)
        self._found: dict[str, Price | None] = {}

    def of(self, model: str) -> Price | None:
        """The price of a model by its full name; None if it is not known.

        The price of a fallback chain is that of its dearest model.
        """
        if model not in self._found:
            self._found[model] = self._look_up(model)
        return self._found[model]

    def _look_up(self, model: str) -> Price | None:
        if _ALTERNATIVES in model:
            each = [self.of(name) for name in model.split(_ALTERNATIVES)]
            known = [price for price in each if price is not None]
            if len(known) < len(each):
                return None
            return Price(input=max(price.input for price in known), output=max(price.output for price in known))
        bare = model.rpartition(":")[2]
        names = [model] if "@" in model else [model, bare, _DATE.sub("", bare)]
        for name in names:
            if name in self._exact:
                return self._exact[name]
        for pattern in self._patterns:
            if any(fnmatchcase(name, pattern) for name in names):
                return self._prices[pattern]
        return None

    def spent(self, model: str, outcome: AIMessage | Mapping[str, Any]) -> Spent:
        """What an answer took, by the usage that came with it.

        Args:
            model: Full name of the model that was asked; the answer may name the one that answered in its place.
            outcome: The answer, or what the journal keeps of it.
        """
        told = outcome if isinstance(outcome, Mapping) else outcome.__dict__
        about = told.get("response_metadata") or {}
        if about.get("cached"):
            return Spent()
        used = told.get("usage_metadata") or {}
        sent, got = int(used.get("input_tokens") or 0), int(used.get("output_tokens") or 0)
        price = self.of(about.get("answered_by") or model)
        if price is None:
            return Spent(sent, got, None)
        reused = min(sent, int((used.get("input_token_details") or {}).get("cache_read") or 0))
        cached = price.input if price.cached is None else price.cached
        exact = ((sent - reused) * price.input + reused * cached + got * price.output) * 1_000
        return Spent(sent, got, ceil(round(exact, 3)))


def load_prices(project: Path | None = None, overrides: Mapping[str, Price] | None = None) -> PriceTable:
    """The prices in force: those shipped, then the project's ``prices.toml``, then ``overrides``.

    Raises:
        PriceError: if the project's file cannot be read; lists every wrong entry.
    """
    prices, currency = _shipped()
    own = project / PRICES_FILE if project is not None else None
    if own is not None and own.is_file():
        corrected, currency = _read(own)
        prices = {**prices, **corrected}
    return PriceTable({**prices, **(overrides or {})}, currency)


@cache
def _shipped() -> tuple[dict[str, Price], str]:
    return _read(SHIPPED)


def _read(path: Path) -> tuple[dict[str, Price], str]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PriceError(f"The price table {str(path)!r} cannot be read: {error}.") from error
    prices, problems = {}, [f"unknown key {key!r}" for key in content.keys() - {"collected", "currency", "models"}]
    for name, entry in content.get("models", {}).items():
        try:
            prices[name] = Price(**entry)
        except (TypeError, ValueError) as error:
            problems.append(f"{name!r}: {error}")
    if problems:
        raise PriceError(
            f"The price table {str(path)!r} is wrong: {'; '.join(problems)}. "
            'Write [models] and lines like "name" = { input = 1.0, output = 2.0 }.'
        )
    return prices, str(content.get("currency", "USD"))


def _rate(price: float) -> int:
    return ceil(round(price * 1_000, 6))


def _is_pattern(name: str) -> bool:
    return any(mark in name for mark in "*?[")
