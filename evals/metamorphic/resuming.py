"""Resume from every checkpoint: after each step of the graph the process ends, and another one goes on."""

from __future__ import annotations

from pathlib import Path

from graphwright.runtime import Run, Runtime
from graphwright.tools import Resources

from ..case import Case
from ..faults import ProcessDied
from ..sandbox_run import Sandboxes
from ..suite import Suite
from ..watching import Task, Watch
from .relation import Relation, Tried, WatchedSitting, compared
from .sameness import Reference

MOST_PROCESSES = 1_000
"""A run that needs more has come no further for a while."""


class Resumed(Relation):
    """Whatever a run needs is in its checkpoint."""

    name = "resume"
    about = "a new process goes on after every step and every decision"

    async def try_on(self, case: Case, suite: Suite, boxes: Sandboxes, reference: Reference, *, seed: int) -> Tried:
        """Run it in as many processes as it has steps."""
        sat: list[Stopping] = []

        def sit(sandboxes: Sandboxes, one: Case, folder: Path) -> Stopping:
            sat.append(Stopping(sandboxes, one, folder))
            return sat[-1]

        observed = await boxes.observe(case, sit)
        if sat and sat[0].processes < 2 and not observed.trouble:
            return Tried(unfit="It is over after one step.")
        what = f"{sat[0].processes if sat else 0} processes"
        return Tried(what=what, differences=compared(case, observed, reference))


class Stopping(WatchedSitting):
    """A case in which a process lives for one step."""

    def __init__(self, sandboxes: Sandboxes, case: Case, folder: Path) -> None:
        super().__init__(sandboxes, case, folder, _AfterFirstTask())
        self.processes = 0

    def _opened(self, resources: Resources) -> Runtime:
        self.processes += 1
        if self.processes > MOST_PROCESSES:
            raise RuntimeError(f"It has come to no end after {MOST_PROCESSES} processes.")
        runtime = super()._opened(resources)
        assert isinstance(self._watch, _AfterFirstTask)
        self._watch.runtime = runtime
        return runtime

    async def _goes_on(self, runtime: Runtime, run: Run) -> bool:
        """A process that stopped is over, and so is one that has heard a decision."""
        was_stopped = run.status == "queued" and not run.error
        if was_stopped or await super()._goes_on(runtime, run):
            raise ProcessDied("The process is over after one step.")
        return False


class _AfterFirstTask(Watch):
    """Asks the process to stop at the end of the step in which a task ended: each process comes one step further."""

    runtime: Runtime | None = None

    async def ended(self, task: Task, error: BaseException | None) -> None:
        """It stops where the step ends, of the graph inside too."""
        if self.runtime is not None and error is None:
            self.runtime.drain()
