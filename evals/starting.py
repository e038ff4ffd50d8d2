"""Start the run of a case, as every harness starts it."""

from __future__ import annotations

from typing import Any

from graphwright.graphs import GraphEntry
from graphwright.runtime import Run, Runtime
from graphwright.runtime.policy.plan import PLAN

from .case import Case


async def started(runtime: Runtime, entry: GraphEntry, case: Case, *, thread_id: str | None = None) -> Run:
    """A new run of a graph on what goes into the case, with the plan that the case declares."""
    values = entry.values(case.input) if isinstance(case.input, str) else dict(case.input)
    options: dict[str, Any] = {} if case.plan is None else {PLAN: {"tools": list(case.plan)}}
    return await runtime.start(entry.name, values, thread_id=thread_id, options=options)
