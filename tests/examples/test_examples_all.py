"""Every shipped graph: it runs from nothing, survives being broken off, has cases that load, and is certified."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from graphwright.cli.app import run as command_line
from graphwright.evals.case_files import cases_of
from graphwright.evals.certification import Plan, certify
from graphwright.evals.certification.sameness import tidy
from graphwright.evals.project import Project, make_resources, resources_of
from graphwright.evals.suite_files import find_suite
from graphwright.graphs import GraphEntry
from graphwright.graphs.catalogue import SHIPPED
from graphwright.runtime import Run, Runtime
from graphwright.runtime.digests import canonical_json

DOCUMENTS = Path(__file__).parents[2] / "examples" / "research" / "documents"
QUESTIONS = {"research": "How does a retry wait between two attempts, and what does a checkpoint store?"}
"""What is asked instead of the example, which is about documents that take long to read in."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
FEWEST_CASES = 20


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with nothing in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Project(folder)


@dataclass(frozen=True)
class Ending:
    """What a run has come to, as a person and the world see it."""

    status: str
    answer: str
    waits_for: list[Any]
    world: Any
    effects: Counter[str]
    """How often each effect happened, by tool and arguments."""


class Life:
    """One run of a graph in a state folder, through several runtimes, as through several processes."""

    def __init__(self, project: Project, entry: GraphEntry, folder: Path) -> None:
        self.entry = entry
        self.graph = entry.graph()
        self.settings = project.settings(folder)
        self.events = 0
        self._run = ""

    def runtime(self) -> Runtime:
        return Runtime(self.settings, resources=resources_of(self.entry, self.settings))

    async def drive(self, *, until: int | None = None) -> Run:
        """Drive in a runtime of its own, and leave after so many events without a word."""
        async with self.runtime() as runtime:
            if not self._run:
                question = QUESTIONS.get(self.entry.name, self.entry.example)
                self._run = (await runtime.start(self.entry.name, self.entry.values(question))).id
            await self._watch(runtime, until)
            return await runtime.runs.get(self._run)

    async def cancelled(self, *, at: int) -> Run:
        """The same, but the task that drives is cancelled."""
        reached = asyncio.Event()
        async with self.runtime() as runtime:
            question = QUESTIONS.get(self.entry.name, self.entry.example)
            self._run = (await runtime.start(self.entry.name, self.entry.values(question))).id
            task = asyncio.create_task(self._watch(runtime, None, at, reached))
            await reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await runtime.runs.get(self._run)

    async def _watch(
        self, runtime: Runtime, until: int | None, tells_at: int = 0, reached: asyncio.Event | None = None
    ) -> None:
        self.events = 0
        events: Any = runtime.drive(self._run, self.graph, output=self.entry.answer, model="offline")
        async with aclosing(events):
            async for _ in events:
                self.events += 1
                if self.events == until:
                    return
                if reached is not None and self.events >= tells_at:
                    reached.set()
                    await asyncio.sleep(60)

    async def ending(self) -> Ending:
        folder = str(self.settings.state)
        async with self.runtime() as runtime:
            run = await runtime.runs.get(self._run)
            journal = await runtime.journal.of_run(run.id)
            pending = await runtime.approvals.pending(run_id=run.id)
        happened = [each for each in journal if each.semantics != "pure" and each.status == "done"]
        assert [each for each in journal if each.semantics != "pure" and each.status != "done"] == []
        asked = [[each.agent, each.tool, canonical_json(dict(each.original_arguments)).decode()] for each in pending]
        return Ending(
            status=run.status,
            answer=tidy(run.output or run.error or "", folder),
            waits_for=sorted([agent, tool, tidy(arguments, folder)] for agent, tool, arguments in asked),
            world=self.entry.world(self.settings.state) if self.entry.world else None,
            effects=Counter(tidy(f"{each.name} {canonical_json(each.request).decode()}", folder) for each in happened),
        )


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A knowledge base of two documents, read in once."""
    from graphwright.retrieval import KnowledgeBase

    folder = tmp_path_factory.mktemp("knowledge")
    made = KnowledgeBase.open(folder)
    made.ingest([DOCUMENTS])
    made.close()
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_graph_runs_from_nothing_and_says_something_to_a_person(
    name: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    status = command_line(["run", name, "--no-input"])
    said = capsys.readouterr()

    assert status in (0, 3), said.err
    if status == 0:
        assert said.out.strip()
    else:
        assert re.search(r"graphwright (approve|respond) appr_", said.err)
    assert "Traceback" not in said.err


@pytest.mark.parametrize("name", SHIPPED)
async def test_a_shipped_graph_that_is_broken_off_comes_to_the_same_and_does_nothing_twice(
    name: str, project: Project, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    entry = project.catalogue.get(name)
    template = tmp_path / "template"
    template.mkdir()
    await asyncio.to_thread(make_resources, entry, template)
    if entry.knowledge:
        shutil.copytree(request.getfixturevalue("knowledge"), template / "knowledge")
    unharmed, left, cancelled = (
        Life(project, entry, Path(shutil.copytree(template, tmp_path / name)))
        for name in ("unharmed", "left", "cancelled")
    )

    await unharmed.drive()
    expected, many = await unharmed.ending(), unharmed.events
    assert (await left.drive(until=max(2, many // 3))).status == "queued"
    await left.drive()
    assert (await cancelled.cancelled(at=max(2, 2 * many // 3))).status == "queued"
    await cancelled.drive()

    assert expected.status in ("done", "waiting")
    assert expected.answer or expected.waits_for
    assert await left.ending() == expected
    assert await cancelled.ending() == expected


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_graph_has_cases_enough_that_load_and_can_be_told_apart(name: str, project: Project) -> None:
    suite = find_suite(name, Project(Path(__file__).parents[2]))
    cases = suite.cases

    assert len(cases) >= FEWEST_CASES
    assert len({case.id for case in cases}) == len(cases)
    labels = [each for case in cases for each in (*case.slices, *case.slices.values(), *case.tags)]
    assert [each for each in labels if not NAME.fullmatch(each)] == []
    assert [case.id for case in cases if len(set(case.tags)) != len(case.tags)] == []
    assert {case.id for case in cases_of(project.catalogue.get(name))} <= {case.id for case in cases}
    assert suite.gates


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_graph_passes_certification_at_ten_points_of_three_cases(name: str, project: Project) -> None:
    cases = [case.id for case in cases_of(project.catalogue.get(name))]
    some = tuple(cases[at] for at in (0, len(cases) // 2, len(cases) - 1))

    certificate = certify(name, Plan(points=10, cases=some, seed=1), project=project.folder)

    assert certificate.passed, certificate.failures
    assert {each.id for each in certificate.cases} == set(some)
    assert certificate.kills > 0
