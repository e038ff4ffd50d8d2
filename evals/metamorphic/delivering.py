"""Deliver twice: the run, every decision and every call that may be repeated arrive a second time.

Queues deliver at least once, people click twice, and a call whose outcome was lost is made again with its key. None of
it may count twice.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from graphwright.runtime import Approval, Decision, GateCall, Outcome, Run, Runtime, RuntimeProblem
from graphwright.runtime.gate import Handler
from graphwright.tools import Tool, ToolContext

from ..altering import Alteration
from ..case import Answer, Case
from ..people import Given, People
from ..replies import model_of
from ..sandbox_run import ENDED, Sandboxes
from ..starting import started
from ..suite import Suite
from ..watching import Task, Watch
from .relation import Relation, Tried, WatchedSitting, compared
from .sameness import Reference


class DeliveredTwice(Relation):
    """What arrives a second time counts once."""

    name = "deliver-twice"
    about = "the run, every decision and every call that may be repeated arrive twice"

    async def try_on(self, case: Case, suite: Suite, boxes: Sandboxes, reference: Reference, *, seed: int) -> Tried:
        """Run it with everything delivered twice."""
        sat: list[Insisting] = []

        def sit(sandboxes: Sandboxes, one: Case, folder: Path) -> Insisting:
            sat.append(Insisting(sandboxes, one, folder))
            return sat[-1]

        observed = await boxes.observe(case, sit)
        if not sat:
            return Tried(differences=[observed.trouble])
        again = sat[0]
        what = f"{again.runs} deliveries of the run, {again.decisions} of decisions, {again.repeated.calls} of calls"
        return Tried(what=what, differences=[*again.problems, *compared(case, observed, reference)])


class Insisting(WatchedSitting):
    """A case in which everything arrives twice."""

    def __init__(self, sandboxes: Sandboxes, case: Case, folder: Path) -> None:
        super().__init__(sandboxes, case, folder, _AtFirstTask(self))
        self.problems: list[str] = []
        self.runs = 0
        """How often the run was delivered once more."""
        self.decisions = 0
        self.repeated = Repeated()
        # Outermost, so that a fault of the case still hits a call and not its repetition.
        self._altered = (self.repeated, *self._altered)
        self._people = _Insistent(case.people, wait=self._clock.wait)
        self._people.sitting = self

    async def _drive(self, runtime: Runtime, run: Run) -> None:
        await super()._drive(runtime, run)
        now = await runtime.runs.get(run.id)
        if now.status not in ENDED and now.status != "queued":
            # Whoever goes on with a run that waits finds it waiting.
            self.runs += 1
            await super()._drive(runtime, run)
        elif now.status in ENDED:
            await self.redelivered(is_over=True)

    async def redelivered(self, *, is_over: bool) -> None:
        """Another process gets the run, and the message that began it."""
        sandboxes, case = self._sandboxes, self._case
        self.runs += 1
        async with Runtime(self._settings, clock=self._clock) as other:
            events = other.drive(
                self._run,
                sandboxes.graph,
                output=sandboxes.entry.answer,
                model=model_of(case, sandboxes.model),
                live=False,
            )
            try:
                async with aclosing(events):  # type: ignore[type-var]  # declared as an iterator, is a generator
                    async for _ in events:
                        self.problems.append("The run was driven by a second process while the first one drove it.")
                        break
            except RuntimeProblem:
                pass
            if not is_over:
                await self._sent_again(other)

    async def _sent_again(self, other: Runtime) -> None:
        thread = (await other.runs.get(self._run)).thread_id
        try:
            await started(other, self._sandboxes.entry, self._case, thread_id=thread)
        except RuntimeProblem:
            return
        self.problems.append("The same message began a second run on the thread while the first one had not ended.")


class _AtFirstTask(Watch):
    """Delivers the run once more while its first task of a drive waits to begin."""

    def __init__(self, sitting: Insisting) -> None:
        super().__init__()
        self._sitting = sitting
        self._is_due = False

    async def drive_began(self) -> None:
        """Once for each drive."""
        self._is_due = True

    async def began(self, task: Task) -> None:
        """Now the run is held by its process."""
        if self._is_due:
            self._is_due = False
            await self._sitting.redelivered(is_over=False)


class _Insistent(People):
    """People who say everything twice."""

    sitting: Insisting

    async def _give(self, runtime: Runtime, approval: Approval, answer: Answer, decision: Decision) -> Given:
        given = await super()._give(runtime, approval, answer, decision)
        if given.refused:
            return given
        self.sitting.decisions += 1
        again = await super()._give(runtime, approval, answer, decision)
        if not again.refused:
            self.sitting.problems.append(f"The same decision about {approval.tool} was recorded twice.")
        return given


class Repeated(Alteration):
    """Makes every call that may be repeated twice, with the same key: reads, and effects that are idempotent by it."""

    def __init__(self) -> None:
        self.calls = 0
        """How many were made once more."""
        self._tools: dict[Tool, Tool] = {}

    async def call_tool(self, call: GateCall, following: Handler) -> Outcome:
        """The call; the tool is reached twice where that is allowed."""
        if not call.tool.labels.repeatable:
            return await following(call)
        if call.tool not in self._tools:
            # The same copy for all calls of a tool, so that its rate and its circuit are counted together.
            self._tools[call.tool] = replace(call.tool, call=_Repeated(call.tool, self))
        return await following(replace(call, tool=self._tools[call.tool]))


class _Repeated:
    def __init__(self, tool: Tool, repeated: Repeated) -> None:
        self._tool = tool
        self._repeated = repeated

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        # What the first one kept for the thread was lost with its outcome.
        lost = replace(context, state=copy.deepcopy(dict(context.state)))
        await self._tool.call(arguments, lost)
        self._repeated.calls += 1
        return await self._tool.call(arguments, context)
