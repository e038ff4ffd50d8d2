"""What runs one case: a plain function, or whatever else, with a cache in front."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from .cache import Cache, case_key
from .case import Case
from .observed import Observed
from .results import Header

Observer = Callable[[Case], Awaitable[Observed]]
"""Runs one case and says what came of it."""


def of_function(function: Callable[[Any], Any]) -> Observer:
    """Runs a case by calling a function with its input; what it raises is the failure of the case."""
    is_async = inspect.iscoroutinefunction(function)

    async def observe(case: Case) -> Observed:
        try:
            value = function(case.input)
            if is_async or inspect.isawaitable(value):
                value = await value
        except Exception as error:
            return Observed(case_id=case.id, status="failed", error=f"{type(error).__name__}: {error}")
        if isinstance(value, str):
            return Observed(case_id=case.id, status="done", answer=value)
        return Observed(case_id=case.id, status="done", answer=str(value), state={"output": value})

    return observe


def cached(observe: Observer, cache: Cache, header: Header) -> Observer:
    """The same, but a case that is known is not run again; what could not be measured is not kept."""

    async def look_first(case: Case) -> Observed:
        key = case_key(case, header.signature, header.model)
        known = cache.find(key)
        if known is not None:
            return known
        observed = await observe(case)
        if not observed.trouble:
            cache.keep(key, observed)
        return observed

    return look_first
