"""What one process of a life does: start the run or find it, let people answer, drive it to its end."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphwright.graphs import GraphEntry
from graphwright.runtime import Runtime

from ..budgeted import budgeted
from ..case import Case
from ..people import People
from ..project import Project, resources_of
from ..replies import answers_of, model_of
from ..starting import started
from .boundaries import Boundaries, watch
from .ledger import Ledger

if TYPE_CHECKING:
    from graphwright.runtime import Run
    from graphwright.runtime.journal import Entry

ENDED = ("done", "failed", "cancelled")
MOST_ROUNDS = 100
"""A run that has not ended after so many stops never will."""
WHO = "certify"
"""Resolves calls with unknown outcome."""


@dataclass(frozen=True)
class Stage:
    """What all lives of a certification share."""

    project: Project
    entry: GraphEntry
    graph: Any
    cases: dict[str, Case]
    model: str
    prepare: Callable[[], Any] | None
    """Called in each process before anything else, to break something on purpose."""


@dataclass(frozen=True)
class Life:
    """A case's run in a state folder of its own, lived by any number of processes."""

    stage: Stage
    case: Case
    folder: Path

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "ledger.jsonl")

    @property
    def answers(self) -> Answers:
        """Which answers of the case were given to which approval."""
        return Answers(self.folder / "answers.json")

    @property
    def death_note(self) -> Path:
        """What the moment was at which the last process killed itself."""
        return self.folder / "died_at"

    def opened(self) -> Runtime:
        """A runtime on the state folder."""
        settings = budgeted(self.stage.project.settings(self.folder), self.case)
        clock = LifeClock(self.folder / "clock.json")
        return Runtime(settings, clock=clock, resources=resources_of(self.stage.entry, settings))

    def live(self, kill_at: int | None) -> dict[str, Any]:
        """In a child: go on until the run ends, or waits for somebody who never comes."""
        if self.stage.prepare is not None:
            self.stage.prepare()
        before = set(sys.modules)
        boundaries = Boundaries(kill_at, self.death_note)
        watch(boundaries, self.ledger)
        told = asyncio.run(_Process(self).live())
        return {**told, "points": boundaries.passed, "modules": sorted(set(sys.modules) - before)}


class _Process:
    """One process of a life."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._problems: list[str] = []
        self._looked_up = 0
        self._people = People(life.case.people, life.answers, LifeClock(life.folder / "clock.json").wait)

    async def live(self) -> dict[str, Any]:
        entry = self._life.stage.entry
        async with self._life.opened() as runtime:
            self._runtime = runtime
            run = await self._found_or_started()
            for _ in range(MOST_ROUNDS):
                if run.status in ENDED:
                    break
                await self._drive(run)
                run = await runtime.runs.get(run.id)
                moved = await self._people.play(runtime, run.id)
                moved_too = await self._resolve(run)
                if run.status in ("waiting", "blocked") and not moved and not moved_too:
                    break
            else:
                self._problems.append(f"The run of {entry.name} did not end after {MOST_ROUNDS} stops.")
        return {"problems": [*self._problems, *self._people.problems], "looked_up": self._looked_up}

    async def _found_or_started(self) -> Run:
        runtime = self._runtime
        found = await runtime.runs.runs(tenant=runtime.settings.tenant)
        if found:
            return found[0]
        return await started(runtime, self._life.stage.entry, self._life.case)

    async def _drive(self, run: Run) -> None:
        # A scripted model goes on where its recorded answers end.
        answered = answers_of(await self._runtime.journal.of_run(run.id))
        model = model_of(self._life.case, self._life.stage.model, answered=answered)
        stage = self._life.stage
        events = self._runtime.drive(run.id, stage.graph, output=stage.entry.answer, model=model)
        async with aclosing(events):  # type: ignore[type-var]  # declared as an iterator, is a generator
            async for _ in events:
                pass

    async def _resolve(self, run: Run) -> bool:
        """Look up every call with unknown outcome, as a person would; whether there was any."""
        unknown = await self._runtime.journal.unknown(run_id=run.id)
        for entry in unknown:
            if entry.semantics != "at_most_once":
                self._problems.append(f"{entry.name} is {entry.semantics}; its outcome should not be unknown.")
            self._looked_up += 1
            resolution, note = self._found_out(entry)
            await self._runtime.journal.resolve(entry.id, resolution, by=WHO, note=note)
        return bool(unknown)

    def _found_out(self, entry: Entry) -> tuple[Any, str]:
        attempts = [each for each in self._life.ledger.calls() if each.key == entry.key]
        done = next((each for each in attempts if each.happened), None)
        if done is not None:
            return "happened", done.result
        # A call that raised or was broken off may have happened: a person who cannot know leaves it alone.
        return ("abandon" if attempts and attempts[-1].status in ("raised", "cancelled") else "retry"), ""


class LifeClock:
    """The time in a life: that of the machine, and what people let pass."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> float:
        return time.time() + self._passed()

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass, for every process to come as well."""
        _keep(self._path, self._passed() + seconds)

    def _passed(self) -> float:
        return float(json.loads(self._path.read_text())) if self._path.exists() else 0.0


class Answers(dict[str, list[int]]):
    """Which answers people have given; on disk before the answer is."""

    def __init__(self, path: Path) -> None:
        super().__init__(json.loads(path.read_text()) if path.exists() else {})
        self._path = path

    def __setitem__(self, approval: str, places: list[int]) -> None:
        super().__setitem__(approval, places)
        _keep(self._path, self)


def _keep(path: Path, value: Any) -> None:
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(value))
    beside.replace(path)
