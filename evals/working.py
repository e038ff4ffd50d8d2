"""Work on one case of a suite: run it, judge it, and put down what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graphwright.graphs import GraphEntry

from .bare_run import observe_bare
from .cache import Cache
from .case import Case
from .judging import judge
from .observed import Observed
from .observers import Observer, cached, of_function
from .plainly import plain, short_message
from .planning import Plan
from .project import Project
from .results import Header, Result
from .sandbox_run import Sandboxes
from .scorers import changes_of
from .suite import Suite


def target_of(suite: Suite, project: Project) -> tuple[GraphEntry | None, Any]:
    """The entry and the uncompiled graph that a suite runs; None and None for a function."""
    if suite.function is not None:
        return None, None
    entry = project.catalogue.get(suite.graph)
    return entry, project.build(entry)


def observer_of(
    suite: Suite, project: Project, plan: Plan, header: Header, scratch: Path, *, graph: Any = None, kept: Path
) -> tuple[Observer, Callable[[], None]]:
    """What runs a case, and what closes it.

    Args:
        suite, project, plan, header: What is run, and how.
        scratch: A folder that whoever gives it removes.
        graph: Run instead of the suite's own.
        kept: The run's folder, for recordings.
    """
    observe, close = _observer(suite, project, plan, header, scratch, graph, kept)
    return (observe if plan.cache is None else cached(observe, Cache(plan.cache), header)), close


def _observer(
    suite: Suite, project: Project, plan: Plan, header: Header, scratch: Path, graph: Any, kept: Path
) -> tuple[Observer, Callable[[], None]]:
    if suite.function is not None:
        return of_function(suite.function), _nothing
    entry, own = target_of(suite, project)
    assert entry is not None
    built = own if graph is None else graph
    if suite.runtime == "bare":
        return observe_bare(entry, built, header.model, timeout=plan.timeout), _nothing
    recordings = kept / "recordings" if plan.record else None
    sandboxes = Sandboxes(project, entry, built, scratch, header.model, plan.timeout, recordings)
    return sandboxes.observe, sandboxes.close


def result_of(suite: Suite, plan: Plan, case: Case, epoch: int, observed: Observed) -> Result:
    """What is kept of one run of a case."""
    spent = observed.spent
    return Result(
        case=case.id,
        epoch=epoch,
        status=observed.status,
        scores=judge(suite.scorers, case, observed),
        answer=observed.answer,
        error=observed.error,
        trouble=observed.trouble,
        seconds=round(spent.seconds, 6),
        tokens=spent.tokens,
        money=spent.money,
        model_calls=spent.model_calls,
        tool_calls=spent.tool_calls,
        slices=case.slices,
        source=case.source,
        is_cached=isinstance(observed.run_id, str) and observed.run_id.startswith("cached:"),
        detail=_detail(case, observed) if plan.detail and suite.function is None else None,
    )


def _detail(case: Case, observed: Observed) -> Mapping[str, Any]:
    """What a report drills down to."""
    return {
        "input": case.input,
        "messages": [short_message(each) for each in observed.messages],
        "calls": [
            {"tool": each.tool, "arguments": plain(each.arguments), "effect": each.effect, "status": each.status}
            | {"agent": each.agent, "path": each.path}
            for each in observed.calls
        ],
        "approvals": [
            {"tool": each.tool, "arguments": plain(each.arguments), "agent": each.agent, "decision": each.decision}
            for each in observed.approvals
        ],
        "route": list(observed.route),
        "timeline": [asdict(each) for each in observed.timeline],
        "changes": changes_of(observed.world_before, observed.world_after),
        "retrieved": [str(each.get("source", "")) for each in observed.retrieved],
        "run_id": observed.run_id,
    }


def _nothing() -> None:
    """There is nothing to close."""
