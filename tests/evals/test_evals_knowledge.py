"""Cases share a knowledge base for reading only: what one of them writes, no other sees."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from graphwright.evals import Case, Observed, Project
from graphwright.evals.lending import Lent
from graphwright.evals.sandbox_run import Sandboxes
from graphwright.retrieval import KnowledgeBase

LIBRARY = '''
from pathlib import Path
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphwright.graphs import graph, use_tool
from graphwright.retrieval import KnowledgeBase
from graphwright.runtime import ReportsFolder, RunContext
from graphwright.tools import ToolContext, tool


class Shelf(TypedDict, total=False):
    text: str
    found: str


@tool(effect="write")
def learn(text: str, context: ToolContext) -> str:
    """Learn a text, or search where it ends with a question mark."""
    knowledge = context.resources.get(KnowledgeBase)
    if not text.endswith("?"):
        notes = context.resources.get(ReportsFolder).path / "notes"
        notes.mkdir(parents=True, exist_ok=True)
        (notes / "learnt.md").write_text(text)
        knowledge.ingest(notes)
    return " / ".join(knowledge.documents())


async def study(state: Shelf, runtime: Runtime[RunContext]) -> Shelf:
    return {"found": (await use_tool(learn, {"text": state["text"]}, runtime, agent="a", key="k")).content}


@graph(description="Learns.", input="text", output="found")
def library():
    flow = StateGraph(Shelf, context_schema=RunContext)
    flow.add_node("study", study)
    return flow.add_edge(START, "study").add_edge("study", END)
'''


def case(folder: Path, id: str, text: str, **more: object) -> Case:
    source = f"{folder / 'cases.yaml'}:1"
    return Case.model_validate({"id": id, "input": text, "documents": ["docs"], "source": source, **more})


@pytest.fixture
def library(tmp_path: Path) -> Path:
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / "library.py").write_text(LIBRARY)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "given.md").write_text("# Given\n\nWhales are mammals and breathe air.\n")
    return tmp_path


def observed(library: Path, *cases: Case) -> list[Observed]:
    async def observe() -> list[Observed]:
        return list(await asyncio.gather(*(sandboxes.observe(each) for each in cases)))

    project = Project(library)
    entry = project.catalogue.get("library")
    sandboxes = Sandboxes(project, entry, project.build(entry), library / "scratch")
    try:
        return asyncio.run(observe())
    finally:
        sandboxes.close()


def test_what_a_case_writes_no_other_case_sees_and_it_sees_all_that_was_given(library: Path) -> None:
    before, writes, other, after = observed(
        library,
        case(library, "before", "what?"),
        case(library, "writes", "Bats fly at night."),
        case(library, "other", "Owls hoot."),
        case(library, "after", "what?"),
    )

    assert [each.status for each in (before, writes, other, after)] == ["done"] * 4, writes.error
    assert before.answer.endswith("given.md")
    assert before.answer == after.answer
    assert "given.md" in writes.answer
    assert "learnt.md" in writes.answer
    assert "learnt.md" in other.answer


def test_a_case_that_is_killed_while_it_writes_leaves_the_others_as_they_were(library: Path) -> None:
    crash = [{"kind": "crash", "tool": "learn"}]
    crashed, after = observed(
        library,
        case(library, "crashed", "Bats fly at night.", faults=crash, expect={"status": "blocked"}),
        case(library, "after", "what?"),
    )

    assert crashed.status == "blocked"
    assert "learnt.md" not in after.answer


def test_a_lent_knowledge_base_is_copied_at_the_first_ingest_and_closed_without_its_owner(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Whales\n\nWhales breathe air.\n")
    (tmp_path / "b.md").write_text("# Bats\n\nBats fly at night.\n")

    def lent() -> Lent:
        return Lent(owner, tmp_path / "mine", lambda: KnowledgeBase.open(tmp_path / "mine"))

    with KnowledgeBase.open(tmp_path / "theirs") as owner:
        owner.ingest(tmp_path / "a.md")
        first = lent()
        assert first.search("whales")
        assert not (tmp_path / "mine").exists()
        first.ingest(tmp_path / "b.md")
        assert ["Bats fly" in hit.chunk.text for hit in first.search("bats fly at night", k=1)] == [True]
        first.close()
        first.close()

        again = lent()

        assert (again.count(), owner.count()) == (2, 1)
        again.close()
        assert owner.search("whales")
