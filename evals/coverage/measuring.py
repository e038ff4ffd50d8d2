"""Run the cases of a graph and see what of it they exercise."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphwright.graphs.parts import graph_tools
from graphwright.runtime import Runtime
from graphwright.tools import Resources

from ..case import Case
from ..guarding import real_models_banned
from ..observed import Observed
from ..project import Project
from ..sandbox_run import Sandboxes, Sitting
from ..suite import Suite
from ..watching import WatchedRuntime
from ..working import target_of
from .advice import Advice
from .declared import declared_items
from .exercised import Exercised, exercised
from .levels import Level, levels_of
from .report import Coverage, Missed
from .trace import Retries, Trace

Tell = Callable[[int, int], None]
"""Told after each case: how many are done, and how many there are."""


async def measure(
    suites: Sequence[Suite],
    project: Project,
    *,
    concurrency: int = 4,
    timeout: float | None = 300.0,  # noqa: ASYNC109  # of each case, handed down
    on_progress: Tell | None = None,
) -> Coverage:
    """Run every case of these suites, which are all of one graph, and tell what they exercise.

    Every case is run on the whole runtime, whatever its suite says; real models are out of reach.

    Raises:
        ValueError: if a suite runs no graph, or the suites run different ones.
    """
    names = {each.graph for each in suites}
    if len(names) != 1 or "" in names:
        raise ValueError("Coverage is of one graph: give suites that all run the same one, and none of a function.")
    entry, graph = target_of(suites[0], project)
    assert entry is not None
    work = _Work(levels_of(graph), on_progress)
    total = sum(len(each.cases) for each in suites)
    with (
        tempfile.TemporaryDirectory(prefix="graphwright-coverage-", ignore_cleanup_errors=True) as scratch,
        real_models_banned(),
    ):
        for place, suite in enumerate(suites):
            folder = Path(scratch) / str(place)
            folder.mkdir()
            boxes = Sandboxes(project, entry, graph, folder, suite.model, timeout)
            prefix = f"{suite.name}:" if len(suites) > 1 else ""
            try:
                await work.do(suite, boxes, concurrency, prefix=prefix, total=total)
            finally:
                boxes.close()
    return _coverage(suites, graph, work)


class Watched(Sitting):
    """A case that is watched while it is lived through."""

    def __init__(self, sandboxes: Sandboxes, case: Case, folder: Path) -> None:
        super().__init__(sandboxes, case, folder)
        self.trace, self.retries = Trace(), Retries()
        # The last one is nearest to the gate and wraps what the others made of a tool: it sees attempts fail.
        self._altered = (*self._altered, self.retries)

    def _opened(self, resources: Resources) -> Runtime:
        watched = WatchedRuntime(self._settings, clock=self._clock, resources=resources)
        watched.alterations, watched.watch = self._altered, self.trace
        return watched


@dataclass
class _Work:
    """Takes cases until there are none; keeps what each exercised."""

    levels: list[Level]
    tell: Tell | None
    done: dict[str, Exercised] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)

    async def do(self, suite: Suite, boxes: Sandboxes, concurrency: int, *, prefix: str, total: int) -> None:
        """All cases of one suite, several at a time."""
        left = iter(suite.cases)
        sat: dict[str, Watched] = {}

        def sit(sandboxes: Sandboxes, case: Case, folder: Path) -> Watched:
            sat[case.id] = Watched(sandboxes, case, folder)
            return sat[case.id]

        async def take() -> None:
            for case in left:
                observed = await boxes.observe(case, sit)
                self._keep(f"{prefix}{case.id}", observed, sat.pop(case.id, None))
                if self.tell is not None:
                    self.tell(len(self.done), total)

        if self.tell is not None:
            self.tell(len(self.done), total)
        async with asyncio.TaskGroup() as group:
            for _ in range(max(1, concurrency)):
                group.create_task(take())

    def _keep(self, name: str, observed: Observed, sitting: Watched | None) -> None:
        if observed.trouble or sitting is None:
            self.trouble[name] = observed.trouble
        if sitting is None:
            self.done[name] = Exercised()
            return
        self.done[name] = exercised(self.levels, sitting.trace, observed, sitting.retries.tried_again)

    def covering(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Kind and name of everything that was exercised, to the cases that did it."""
        found: dict[tuple[str, str], list[str]] = {}
        for case, done in sorted(self.done.items()):
            for kind, names in done.found.items():
                for name in names:
                    found.setdefault((kind, name), []).append(case)
        return {key: tuple(cases) for key, cases in found.items()}


def _coverage(suites: Sequence[Suite], graph: Any, work: _Work) -> Coverage:
    items, covering = declared_items(graph), work.covering()
    advice = Advice(work.levels, covering, {each.name: each.description for each in graph_tools(graph)})
    missed = [each for each in items if each.key not in covering and not each.unreachable]
    return Coverage(
        graph=suites[0].graph,
        suites=tuple(each.name for each in suites),
        cases=len(work.done),
        items=tuple(items),
        covering=covering,
        missed=tuple(Missed(each, advice.about(each)) for each in missed),
        trouble=work.trouble,
    )
