"""The plan that a run declares on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .output import remark


def plan_options(graph: Any, names: Sequence[str]) -> dict[str, Any]:
    """The option of a run that declares these tools; a name that nobody of the graph has is remarked on.

    It is no error: the graph's own code may use tools that cannot be seen beforehand, and a wrong name opens nothing.
    """
    if not names:
        return {}
    from graphwright.graphs.card import plan_of
    from graphwright.runtime.policy.plan import PLAN
    from graphwright.tools.words import did_you_mean

    known = sorted({tool for held in plan_of(graph, graph.compile()).values() for tool in held})
    for name in names:
        if name not in known:
            there = f"{did_you_mean(name, known)} There are: {', '.join(known)}."
            remark(f"No agent of this graph has a tool {name!r}.{there}")
    return {PLAN: {"tools": list(dict.fromkeys(names))}}
