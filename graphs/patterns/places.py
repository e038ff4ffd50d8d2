"""Where a node is, in a form that ids can be made of."""

from __future__ import annotations

from langgraph.runtime import Runtime

from graphwright.runtime import RunContext

from ..speaking import place_of


def mark_of(runtime: Runtime[RunContext]) -> str:
    """The task of the run's own graph that this node works for, and the node's path.

    The same after an interrupt, a crash and in a replay. The ids of tasks further in are not: LangGraph makes them of
    checkpoint ids, which a replay draws anew.
    """
    info = runtime.execution_info
    task = info.checkpoint_ns.split("|")[0] if info is not None and info.checkpoint_ns else ""
    return f"{task}|{place_of(runtime)}"
