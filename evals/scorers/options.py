"""A scorer is one function; what follows ``case`` and ``observed`` are its options, which a suite may set."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, overload

from ..case import Case
from ..observed import Observed
from .score import Score, unmeasured


class OptionalScorer:
    """A scorer as it is, and a factory of the same scorer with other options.

    ``recall(case, observed)`` judges; ``recall(k=5)`` is a scorer. A run about which nothing can be said is unmeasured
    before the function is asked.
    """

    def __init__(self, judge: Callable[..., Score], name: str = "", options: Mapping[str, Any] | None = None) -> None:
        """
        Raises:
            TypeError: if the function has no such option.
        """
        inspect.signature(judge).bind_partial(None, None, **(options or {}))
        update_wrapper(self, judge)
        self.name = name or judge.__name__
        self.options = dict(options or {})
        self._judge = judge

    @overload
    def __call__(self, case: Case, observed: Observed, /) -> Score: ...

    @overload
    def __call__(self, /, *, name: str = "", **options: Any) -> OptionalScorer: ...

    def __call__(self, /, *run: Any, name: str = "", **options: Any) -> Score | OptionalScorer:
        """Judge a run; or, asked without one, give the scorer with these options under this name."""
        if not run:
            return OptionalScorer(self._judge, name or self.name, {**self.options, **options})
        case, observed = run
        if observed.trouble:
            return unmeasured(observed.trouble)
        return self._judge(case, observed, **{**self.options, **options})

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.options.items())})"


def scorer(judge: Callable[..., Score]) -> OptionalScorer:
    """Make a scorer of a function of a case, what was observed, and options by keyword."""
    return OptionalScorer(judge)


def graded(value: float, reason: str = "", **evidence: Any) -> Score:
    """A value from 0 to 1: a pass only where it is 1."""
    return Score(value, "pass", evidence=evidence) if value >= 1 else Score(value, "fail", reason, evidence)
