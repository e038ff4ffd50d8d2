"""The research graph from end to end: planned, researched in parallel, checked, approved, published."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from graphwright.examples.research.graph import research
from graphwright.examples.research.report import number_sources
from graphwright.examples.research.state import Finding
from graphwright.models import ModelRequest, ModelRequestInvalid, ScriptedModel
from graphwright.models.script import When, calls
from graphwright.retrieval import KnowledgeBase
from graphwright.runtime import Approve, Edit, Event, Reject, Run, Runtime, Settings
from graphwright.tools import Resources

DOCUMENT = """# Retries

A retry waits between attempts. The waiting time doubles after every failed attempt.

# Checkpoints

A checkpoint stores the state of a graph after each step. It is read when a run resumes.
"""
GOOD = "A retry waits between attempts [1]. A checkpoint stores the state of a graph after each step [1]."


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    (tmp_path / "notes.md").write_text(DOCUMENT)
    resources = Resources()
    knowledge = KnowledgeBase.open(tmp_path / "knowledge")
    knowledge.ingest([tmp_path / "notes.md"])
    resources.provide(KnowledgeBase, lambda: knowledge)
    settings = Settings(project_dir=tmp_path, state_dir=tmp_path / ".graphwright")
    async with Runtime(settings, resources=resources) as opened:
        yield opened


def is_from(agent: str) -> Callable[[ModelRequest], bool]:
    """Matches requests of one agent by its system prompt."""
    starts = {
        "planner": "You plan the research",
        "researcher": "You research one question",
        "writer": "You write the answer",
        "checker": "You check a draft",
    }
    return lambda request: request.messages[0].text.startswith(starts[agent])


def scripted(*, drafts: list[Any], verdicts: list[Any]) -> ScriptedModel:
    plan = {"questions": ["How does a retry wait?", "What does a checkpoint store?"]}

    def researcher(request: ModelRequest) -> Any:
        last = request.messages[-1]
        return "Found it." if last.type == "tool" else calls("search_knowledge", query=last.text)

    return ScriptedModel(
        [
            When(is_from("planner"), plan),
            When(is_from("researcher"), researcher, times=None),
            *(When(is_from("writer"), draft) for draft in drafts),
            *(When(is_from("checker"), verdict) for verdict in verdicts),
        ]
    )


async def drive(runtime: Runtime, run: Run, model: Any) -> list[Event]:
    events = runtime.drive(run.id, research.graph(), output=research.answer, model=model)
    return [each async for each in events]


async def started(runtime: Runtime) -> Run:
    return await runtime.start("research", research.values("How do retries and checkpoints work?"))


async def test_a_question_becomes_a_cited_report_that_waits_for_a_person(runtime: Runtime) -> None:
    run = await started(runtime)

    events = await drive(runtime, run, scripted(drafts=[GOOD], verdicts=[{"approved": True, "objections": []}]))

    assert (await runtime.runs.get(run.id)).status == "waiting"
    (approval,) = await runtime.approvals.pending()
    assert approval.tool == "publish_report"
    assert GOOD in approval.arguments["report"]
    assert "## Sources" in approval.arguments["report"]
    assert {each["agent"] for each in events if each.get("agent")} >= {"planner", "researcher", "writer", "checker"}


async def test_whoever_watches_reads_the_plan_each_draft_and_what_the_check_found(runtime: Runtime) -> None:
    run = await started(runtime)
    drafts = ["A retry waits between attempts [9].", GOOD]

    events = await drive(runtime, run, scripted(drafts=drafts, verdicts=[{"approved": True}]))

    notes = [each["text"] for each in events if each["type"] == "note"]
    assert notes[0] == "Plan:\n1. How does a retry wait?\n2. What does a checkpoint store?"
    assert notes[1].startswith("Draft 1:\nA retry waits between attempts [9].")
    assert notes[2].startswith("Check of draft 1: 2 to mend. It goes back to the writer.\n- There is no source 9")
    assert notes[3] == f"Draft 2:\n{GOOD}\n\n[1] notes.md — Retries"
    assert notes[4] == "Check of draft 2: passed; every sentence cites a source of this run."


async def test_an_approved_report_is_written_to_disk_once(runtime: Runtime, tmp_path: Path) -> None:
    run = await started(runtime)
    await drive(runtime, run, scripted(drafts=[GOOD], verdicts=[{"approved": True}]))
    (approval,) = await runtime.approvals.pending()
    assert not (tmp_path / ".graphwright" / "reports").exists()

    await runtime.decide(approval.id, Approve(), by="ann")
    await drive(runtime, run, ScriptedModel())

    (file,) = (tmp_path / ".graphwright" / "reports").iterdir()
    assert file.read_text() == approval.arguments["report"]
    assert (await runtime.runs.get(run.id)).output == approval.arguments["report"]


async def test_an_edited_report_is_what_is_published(runtime: Runtime, tmp_path: Path) -> None:
    run = await started(runtime)
    await drive(runtime, run, scripted(drafts=[GOOD], verdicts=[{"approved": True}]))
    (approval,) = await runtime.approvals.pending()

    await runtime.decide(approval.id, Edit({**approval.arguments, "report": "# Mine"}), by="ann")
    await drive(runtime, run, ScriptedModel())

    (file,) = (tmp_path / ".graphwright" / "reports").iterdir()
    assert file.read_text() == "# Mine"
    assert (await runtime.runs.get(run.id)).output == "# Mine"


async def test_a_rejected_report_is_not_published_and_the_run_still_ends(runtime: Runtime, tmp_path: Path) -> None:
    run = await started(runtime)
    await drive(runtime, run, scripted(drafts=[GOOD], verdicts=[{"approved": True}]))
    (approval,) = await runtime.approvals.pending()

    await runtime.decide(approval.id, Reject("Not yet."), by="ann")
    await drive(runtime, run, ScriptedModel())

    assert (await runtime.runs.get(run.id)).status == "done"
    assert not (tmp_path / ".graphwright" / "reports").exists()


async def test_a_draft_with_a_made_up_citation_goes_back_to_the_writer_without_asking_the_checker(
    runtime: Runtime,
) -> None:
    model = scripted(drafts=["A retry waits between attempts [9].", GOOD], verdicts=[{"approved": True}])
    run = await started(runtime)

    await drive(runtime, run, model)

    model.assert_complete()
    rewriting = [each for each in model.requests if is_from("writer")(each)][1]
    assert "There is no source 9" in rewriting.messages[-1].text


async def test_objections_of_the_checker_reach_the_writer(runtime: Runtime) -> None:
    verdicts = [{"approved": False, "objections": ["Say when it gives up."]}, {"approved": True}]
    model = scripted(drafts=[GOOD, GOOD], verdicts=verdicts)
    run = await started(runtime)

    await drive(runtime, run, model)

    rewriting = [each for each in model.requests if is_from("writer")(each)][1]
    assert "Say when it gives up." in rewriting.messages[-1].text


async def test_after_three_drafts_the_report_carries_a_quality_warning(runtime: Runtime) -> None:
    no = {"approved": False, "objections": ["Still vague."]}
    run = await started(runtime)

    await drive(runtime, run, scripted(drafts=[GOOD] * 3, verdicts=[no] * 3))

    (approval,) = await runtime.approvals.pending()
    assert "**Quality warning.**" in approval.arguments["report"]
    assert "Still vague." in approval.arguments["report"]


async def test_a_researcher_that_fails_is_reported_and_the_others_go_on(runtime: Runtime) -> None:
    model = scripted(drafts=[GOOD] * 3, verdicts=[{"approved": True}] * 3)
    model = ScriptedModel(
        [
            When(
                lambda request: request.messages[-1].text == "How does a retry wait?", ModelRequestInvalid("Too long.")
            ),
            *model._matchers,
        ]
    )
    run = await started(runtime)

    await drive(runtime, run, model)

    (approval,) = await runtime.approvals.pending()
    assert "'How does a retry wait?' failed: Too long." in approval.arguments["report"]


def test_sources_are_numbered_by_rank_across_the_sub_questions() -> None:
    def hit(name: str) -> dict[str, Any]:
        return {"id": name, "source": f"{name}.md", "heading": name, "text": name}

    findings = [
        Finding(place=0, question="A?", answer="", error="", hits=[hit("a"), hit("both"), hit("c")]),
        Finding(place=1, question="B?", answer="", error="", hits=[hit("b"), hit("both")]),
    ]

    assert [(each["number"], each["id"]) for each in number_sources(findings)] == [
        (1, "a"),
        (2, "b"),
        (3, "both"),
        (4, "c"),
    ]


async def test_an_offline_run_says_that_nobody_judged_what_the_draft_means(runtime: Runtime) -> None:
    run = await started(runtime)

    events = await drive(runtime, run, "offline")

    (checked,) = [each["text"] for each in events if each["type"] == "note" and each["agent"] == "checker"]
    assert "passed" in checked
    assert "The offline model does not judge what a draft means" in checked


async def test_a_question_that_the_documents_do_not_answer_is_reported_as_such(runtime: Runtime) -> None:
    run = await runtime.start("research", research.values("Where do penguins live in winter?"))

    await drive(runtime, run, "offline")

    (approval,) = await runtime.approvals.pending()
    assert "The sources do not answer this." in approval.arguments["report"]
    assert "Quality warning" not in approval.arguments["report"]
    assert "## Sources" not in approval.arguments["report"]


async def test_the_whole_graph_runs_offline_with_the_same_code(runtime: Runtime) -> None:
    run = await started(runtime)

    await drive(runtime, run, "offline")

    after = await runtime.runs.get(run.id)
    (approval,) = await runtime.approvals.pending()
    assert after.status == "waiting"
    assert "[1]" in approval.arguments["report"]
    assert "offline model" in approval.arguments["report"]
    assert set(after.prompts) == {"research/planner", "research/researcher", "research/writer"}
