"""Small words for messages: a near name, a list, a value in few characters."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Any

SHOWN = 60
"""Characters of a given value that a message quotes."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for a name close to one that is known, else an empty string."""
    lowered = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower()[:100], lowered, n=1, cutoff=0.6)
    return f" Did you mean {lowered[near[0]]!r}?" if near else ""


def listed(names: Iterable[str], limit: int = 30) -> str:
    """Return "a, b, c", shortened after `limit` names; "(none)" for nothing."""
    everything: Sequence[str] = list(names)
    shown = ", ".join(everything[:limit])
    return f"{shown}, and {len(everything) - limit} more" if len(everything) > limit else shown or "(none)"


def quoted(value: Any) -> str:
    """Return a value as the JSON a model would have written, cut to a few characters."""
    try:
        text = json.dumps(_shallow(value), ensure_ascii=False, default=repr)
    except (TypeError, ValueError, RecursionError):
        text = repr(type(value))
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _shallow(value: Any) -> Any:
    """Cut a huge string or list first: a message must not cost more than the mistake."""
    if isinstance(value, str):
        return value[: SHOWN + 1]
    if isinstance(value, list):
        return value[:SHOWN]
    return value
