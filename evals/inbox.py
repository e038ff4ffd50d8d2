"""An inbox for tests: a graph runs in a state folder of the test's own, and the test answers what it asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from graphwright.graphs import GraphEntry
from graphwright.runtime import Approval, Clock, Decision, Run, Runtime

from .project import Project, resources_of


class Inbox:
    """Starts runs of one graph, shows what waits, takes decisions. Made by the fixture ``inbox``.

    Each step opens and closes the runtime, so a test that passes also shows that nothing lives in memory alone.
    """

    def __init__(self, state: Path, clock: Clock, project: Path | None = None) -> None:
        self.project = Project(project or Path.cwd())
        self._settings = self.project.settings(state)
        self._clock = clock
        self._runs: dict[str, tuple[GraphEntry, Any, Any]] = {}

    async def start(self, graph: str | GraphEntry, text: str, *, model: Any = "offline") -> Run:
        """Run a graph on a text until it ends or asks somebody.

        Args:
            graph: Its name in the catalogue, or its entry.
            text: The input.
            model: Such as a scripted one.
        """
        entry = self.project.catalogue.get(graph) if isinstance(graph, str) else graph
        built = self.project.build(entry)
        async with self._opened(entry) as runtime:
            run = await runtime.start(entry.name, entry.values(text))
            self._runs[run.id] = entry, built, model
            return await self._driven(runtime, run)

    async def waiting(self, run: Run) -> list[Approval]:
        """What a run asks, oldest first."""
        async with self._opened(self._runs[run.id][0]) as runtime:
            return await runtime.approvals.pending(run_id=run.id)

    async def first(self, run: Run) -> Approval:
        """The one question that a run asks.

        Raises:
            AssertionError: if it asks none, or several.
        """
        asked = await self.waiting(run)
        if len(asked) != 1:
            raise AssertionError(f"Run {run.id} is {run.status} and asks {len(asked)} questions, not one.")
        return asked[0]

    async def decide(self, approval: Approval, decision: Decision, *, by: str | None = None, roles: Any = None) -> Run:
        """Answer a question, and let its run go on.

        Raises:
            RuntimeProblem: if the answer is refused.
        """
        entry = self._runs[approval.run_id][0]
        async with self._opened(entry) as runtime:
            await runtime.decide(approval.id, decision, by=by, roles=roles)
            return await self._driven(runtime, await runtime.runs.get(approval.run_id))

    async def _driven(self, runtime: Runtime, run: Run) -> Run:
        entry, graph, model = self._runs[run.id]
        events = runtime.drive(run.id, graph, output=entry.answer, model=model, live=False)
        async with aclosing(events):  # type: ignore[type-var]  # declared as an iterator, is a generator
            async for _ in events:
                pass
        return await runtime.runs.get(run.id)

    @asynccontextmanager
    async def _opened(self, entry: GraphEntry) -> AsyncIterator[Runtime]:
        resources = resources_of(entry, self._settings)
        async with Runtime(self._settings, clock=self._clock, resources=resources) as runtime:
            yield runtime
