"""One case on the whole runtime: a state folder of its own, people and faults as the case says."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphwright.graphs import GraphEntry
from graphwright.runtime import Run, Runtime
from graphwright.tools import Resources

from .altering import Alteration, AlteredRuntime, Listening
from .budgeted import budgeted
from .case import Case
from .faults import Faults, ProcessDied
from .looking import Looked, look
from .observed import Observed
from .people import People
from .plainly import plain
from .project import Project, make_resources, open_knowledge, resources_of
from .replies import Answered, answers_of, folder_of, model_of
from .starting import started

if TYPE_CHECKING:
    from graphwright.retrieval import KnowledgeBase

COULD_NOT = "The case could not be run"
"""How the trouble begins that is the harness's own."""
MOST_ROUNDS = 100
"""A run that has not ended after so many stops never will."""
MOST_RETRIES = 3
"""How often a run is resumed whose model did not answer."""
ENDED = ("done", "failed", "cancelled")


@dataclass
class Sandboxes:
    """State folders for the cases of one graph: each case begins with a copy of the same one."""

    project: Project
    entry: GraphEntry
    graph: Any
    """Uncompiled."""
    folder: Path
    """Where the folders are made; whoever gives it removes it."""
    model: str = "offline"
    """For cases that name none."""
    timeout: float | None = 300.0
    """Seconds after which a case is given up."""
    recordings: Path | None = None
    """Where the models' answers are recorded, one cassette a case; None: nowhere."""
    alteration: Callable[[Case], Alteration] | None = None
    """What is done to the run of a case on purpose, beside its own faults."""
    _template: Path | None = None
    _world: Any = None
    _knowledge: dict[tuple[str, ...], Any] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _made: int = 0

    async def observe(self, case: Case, sitting: Callable[[Sandboxes, Case, Path], Sitting] | None = None) -> Observed:
        """Run a case and look at what came of it. Its folder is removed.

        Args:
            case: Which.
            sitting: How it is lived through; None: as it says.

        Nothing that the graph does raises here: what the harness itself cannot do is the ``trouble`` of what it gives.
        """
        try:
            folder = await self._copied(case)
            try:
                return await (sitting or Sitting)(self, case, folder).observed()
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        except Exception as error:
            why = f"{COULD_NOT}: {type(error).__name__}: {error}"
            return Observed(case_id=case.id, status="failed", trouble=why)

    def close(self) -> None:
        """Close what the cases shared."""
        for knowledge in self._knowledge.values():
            knowledge.close()
        self._knowledge.clear()

    async def _copied(self, case: Case) -> Path:
        async with self._lock:
            if self._template is None:
                self._template = await self._make_template()
            self._made += 1
            folder = self.folder / f"{self._made}"
            shutil.copytree(self._template, folder)
            self._of_documents(case)
        return folder

    async def _make_template(self) -> Path:
        """A migrated state folder in which everything that the graph's tools share was made once."""
        folder = self.folder / "template"
        settings = self.project.settings(folder)
        async with Runtime(settings) as runtime:
            await runtime.checkpointer()
        await asyncio.to_thread(make_resources, self.entry, settings.state)
        self._world = self._seen(folder)
        return folder

    def _seen(self, folder: Path) -> Mapping[str, Any] | None:
        """The world of a state folder as its graph declares it."""
        seen: Mapping[str, Any] | None = None if self.entry.world is None else plain(self.entry.world(folder))
        return seen

    def _of_documents(self, case: Case) -> KnowledgeBase | None:
        """A knowledge base of the case's documents, or of what the graph reads; lent to all that want the same."""
        wanted = [folder_of(case) / each for each in case.documents]
        names = tuple(map(str, wanted)) or self.entry.knowledge
        if not names:
            return None
        if names not in self._knowledge:
            missing = [str(each) for each in wanted if not each.exists()]
            if missing:
                raise FileNotFoundError(f"the documents {', '.join(missing)} are not there.")
            from graphwright.retrieval import PackageDocs  # chromadb: only where something is read

            settings = self.project.settings(self.folder / f"knowledge-{len(self._knowledge)}")
            made = open_knowledge(settings)
            made.ingest(wanted or [PackageDocs(self.entry.knowledge)])
            self._knowledge[names] = made
        shared: KnowledgeBase = self._knowledge[names]
        return shared

    def resources(self, case: Case, settings: Any) -> Resources:
        """What the tools share in one case."""
        resources = resources_of(self.entry, settings)
        shared = self._of_documents(case)
        if shared is not None:
            from graphwright.retrieval import KnowledgeBase  # same

            from .lending import Lent

            resources.provide(
                KnowledgeBase, lambda: Lent(shared, settings.state / "knowledge", lambda: open_knowledge(settings))
            )
        return resources


class Sitting:
    """One case in its folder, through as many processes as its faults make of it."""

    def __init__(self, sandboxes: Sandboxes, case: Case, folder: Path) -> None:
        self._sandboxes = sandboxes
        self._case = case
        self._settings = budgeted(sandboxes.project.settings(folder), case)
        self._clock = CaseClock()
        self._people = People(case.people, wait=self._clock.wait)
        self._heard = Listening()
        self._altered = (*_alterations(sandboxes, case), self._heard)
        self._steps: list[tuple[float, str]] = []
        self._seconds = 0.0
        self._retries = 0
        self._run = ""

    async def observed(self) -> Observed:
        """Live through it, then look."""
        while True:
            try:
                async with asyncio.timeout(self._sandboxes.timeout):
                    return await self._in_one_process()
            except ProcessDied:
                continue
            except TimeoutError:
                return Observed(
                    case_id=self._case.id,
                    status="failed",
                    error=f"It did not end within {self._sandboxes.timeout:g} seconds.",
                    run_id=self._run,
                )

    async def _in_one_process(self) -> Observed:
        sandboxes, settings = self._sandboxes, self._settings
        async with self._opened(sandboxes.resources(self._case, settings)) as runtime:
            run = await self._started(runtime)
            for _ in range(MOST_ROUNDS):
                await self._drive(runtime, run)
                run = await runtime.runs.get(run.id)
                if run.status in ENDED or not await self._goes_on(runtime, run):
                    break
            looked = await look(runtime, run, sandboxes.graph)
        return self._told(looked, sandboxes._seen(settings.state))

    def _opened(self, resources: Resources) -> Runtime:
        altered = AlteredRuntime(self._settings, clock=self._clock, resources=resources)
        altered.alterations = self._altered
        return altered

    async def _started(self, runtime: Runtime) -> Run:
        if self._run:
            return await runtime.runs.get(self._run)
        run = await started(runtime, self._sandboxes.entry, self._case)
        self._run = run.id
        return run

    async def _drive(self, runtime: Runtime, run: Run) -> None:
        answered = [] if self._case.replies is None else await self._answered(runtime, run)
        model = self._recorded(model_of(self._case, self._sandboxes.model, answered=answered))
        begun = time.monotonic()
        events = runtime.drive(run.id, self._sandboxes.graph, output=self._answer, model=model, live=False)
        try:
            async with aclosing(events):  # type: ignore[type-var]  # declared as an iterator, is a generator
                async for event in events:
                    if event["type"] == "step" and "__" not in event["path"]:
                        self._steps.append((self._clock(), event["path"]))
        finally:
            self._seconds += time.monotonic() - begun

    async def _answered(self, runtime: Runtime, run: Run) -> list[Answered]:
        """What models have answered, in order."""
        return answers_of(await runtime.journal.of_run(run.id))

    def _answer(self, state: Mapping[str, Any]) -> str:
        text = self._sandboxes.entry.answer(state)
        for each in self._altered:
            text = each.answer(text)
        return text

    def _recorded(self, model: Any) -> Any:
        """The same model, its answers written down where that is wanted."""
        if self._sandboxes.recordings is None:
            return model
        from graphwright.models import resolve_model  # a model is made here only where it is wrapped
        from graphwright.models.recording import Recording

        return Recording(resolve_model(model).model, self._sandboxes.recordings / f"{self._case.id}.json")

    async def _goes_on(self, runtime: Runtime, run: Run) -> bool:
        """Whether there is anything more to do: somebody answered, or a model that did not answer is asked again."""
        if run.status == "queued" and self._retries < MOST_RETRIES:
            self._retries += 1
            return True
        return bool(await self._people.play(runtime, run.id))

    def _told(self, looked: Looked, world: Mapping[str, Any] | None) -> Observed:
        status = looked.status if looked.status != "queued" else "failed"
        is_ours = looked.status == "queued" and not self._case.faults
        problems = " ".join(self._people.problems)
        return Observed(
            case_id=self._case.id,
            status="failed" if problems else status,  # type: ignore[arg-type]  # a run that stands still is not running
            answer=looked.answer,
            state=looked.state,
            messages=looked.messages,
            calls=looked.calls,
            approvals=looked.approvals,
            world_before=self._sandboxes._world,
            world_after=world,
            retrieved=looked.retrieved,
            route=looked.route(self._steps),
            timeline=looked.timeline(self._steps),
            spent=looked.spent(self._seconds),
            error=" ".join(filter(None, (problems, looked.error))),
            trouble=f"The model did not answer: {looked.error}" if is_ours else "",
            run_id=self._run,
            instructions=self._heard.instructions,
        )


def _alterations(sandboxes: Sandboxes, case: Case) -> Iterator[Alteration]:
    """What is done to the run of a case: from outside first, its faults nearest to the tools."""
    if sandboxes.alteration is not None:
        yield sandboxes.alteration(case)
    if case.faults:
        yield Faults(case.faults)


class CaseClock:
    """The time in a case: that of the machine, and what people let pass."""

    def __init__(self) -> None:
        self._passed = 0.0

    def __call__(self) -> float:
        return time.time() + self._passed

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self._passed += seconds
