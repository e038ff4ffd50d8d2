"""The council: planted flaws are found and nothing else, every revision holds, and who may speak."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from graphwright.evals.case_files import cases_of
from graphwright.evals.project import Project
from graphwright.evals.sandbox_run import Sandboxes
from graphwright.evals.scorers import verdict
from graphwright.examples.council.data import SAMPLES, design, samples
from graphwright.examples.council.designs import DesignProblem, Designs, world
from graphwright.examples.council.document import sections, with_section
from graphwright.examples.council.findings import Finding, grounded, parsed, quoted, waived
from graphwright.examples.council.graph import council, next_speaker
from graphwright.examples.council.maker import document_of, task
from graphwright.examples.council.mending import mend
from graphwright.examples.council.rules import RULES, review, unresolved
from graphwright.graphs.patterns import Progress
from graphwright.models import ModelRequestInvalid, ScriptedModel
from graphwright.runtime import Approve, Respond, Run, Runtime, Settings
from graphwright.tools import Resources
from graphwright.tools.builtin.rooted import FilesRoot

Opener = Callable[..., Any]
FLAWED = [name for name, sample in SAMPLES.items() if sample.flaws]


@pytest.fixture
def opened(tmp_path: Path) -> Opener:
    @asynccontextmanager
    async def opener() -> AsyncIterator[Runtime]:
        state, resources = tmp_path / "state", Resources()
        council.provide(resources, state)
        resources.provide(FilesRoot, lambda: FilesRoot(tmp_path))
        async with Runtime(Settings(project_dir=tmp_path, state_dir=state), resources=resources) as runtime:
            yield runtime

    return opener


async def drive(runtime: Runtime, run: Run, model: Any = "offline") -> Run:
    async for _ in runtime.drive(run.id, council.graph(), output=council.answer, model=model):
        pass
    return await runtime.runs.get(run.id)


async def ask(runtime: Runtime, text: str, model: Any = "offline") -> Run:
    return await drive(runtime, await runtime.start("council", council.values(text)), model)


async def decide(runtime: Runtime, run: Run, decision: Any, model: Any = "offline") -> Run:
    (approval,) = await runtime.approvals.pending(run_id=run.id)
    await runtime.decide(approval.id, decision, by="ann")
    return await drive(runtime, run, model)


async def test_every_case_of_the_council_is_as_its_data_say(tmp_path: Path) -> None:
    cases = cases_of(council)
    sandboxes = Sandboxes(Project(tmp_path), council, council.graph(), tmp_path / "cases")

    scores = {case.id: verdict(case, await sandboxes.observe(case)) for case in cases}

    assert {name: score.reason for name, score in scores.items() if score.value != 1} == {}
    assert len(cases) >= 20


def test_each_sample_has_a_case_that_expects_what_was_planted() -> None:
    expected: dict[str, set[str]] = {}
    for case in cases_of(council):
        for path, value in (case.expect.changes or {}).items():
            if path.endswith(".findings") and case.input in SAMPLES and case.replies is None:
                expected.setdefault(str(case.input), set()).update(value)

    planted = {name: {f"{each.rule} in {each.section}" for each in design(name)[1]} for name in FLAWED}
    assert expected == planted


@pytest.mark.parametrize("name", samples())
def test_the_rules_find_what_was_planted_and_nothing_else(name: str) -> None:
    text, planted = design(name)

    assert {(each.rule, each.section) for each in review(text)} == {(each.rule, each.section) for each in planted}


def test_every_rule_is_planted_somewhere() -> None:
    assert {flaw for sample in SAMPLES.values() for flaw in sample.flaws} == {rule.name for rule in RULES} - {
        "empty-section"
    }


@pytest.mark.parametrize("name", samples())
def test_after_two_rounds_of_mending_nothing_is_left_unsaid(name: str) -> None:
    text, _ = design(name)

    once = mend(text, unresolved(text))
    twice = mend(once, unresolved(once))

    assert unresolved(twice) == []
    assert [each.name for each in sections(text)][1:] == [
        each.name for each in sections(twice) if each.name in {one.name for one in sections(text)}
    ][1:]


@pytest.mark.parametrize("name", samples())
def test_mending_what_is_in_order_changes_nothing(name: str) -> None:
    text, _ = design(name)

    assert mend(text, []) == text


def test_a_sample_is_the_same_text_every_time() -> None:
    assert [design(name) for name in samples()] == [design(name) for name in samples()]


async def test_a_review_survives_the_process_that_began_it(opened: Opener, tmp_path: Path) -> None:
    async with opened() as runtime:
        run = await ask(runtime, "video-lessons")

    async with opened() as runtime:
        run = await decide(runtime, await runtime.runs.get(run.id), Respond("I waive over-budget until May."))
    before = world(tmp_path / "state")
    async with opened() as runtime:
        run = await decide(runtime, await runtime.runs.get(run.id), Approve())

    assert before == {}
    assert run.status == "done"
    assert world(tmp_path / "state")["published"]["video-lessons"]["findings"] == {"over-budget in Costs": "waived"}
    assert "> Accepted [over-budget]" in (tmp_path / "state/council/published/video-lessons.md").read_text()


async def test_a_file_of_the_project_is_reviewed_and_not_touched(opened: Opener, tmp_path: Path) -> None:
    text = design("bike-rental")[0]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/bikes.md").write_text(text)

    async with opened() as runtime:
        run = await decide(runtime, await ask(runtime, "Please review docs/bikes.md"), Approve())

    assert "wrong-sum" in (run.output or "")
    assert (tmp_path / "docs/bikes.md").read_text() == text
    assert world(tmp_path / "state")["published"]["bike-rental"]["left"] == []


async def test_a_file_outside_the_project_is_not_read(opened: Opener, tmp_path: Path) -> None:
    async with opened() as runtime:
        run = await ask(runtime, "../secrets.md")

    assert run.status == "done"
    assert "secrets" in (run.output or "")
    assert list((tmp_path / "state/council/texts").iterdir()) == []


async def test_a_reviewer_that_fails_is_silent_and_the_rules_still_count(opened: Opener, tmp_path: Path) -> None:
    model = ScriptedModel(
        [
            ModelRequestInvalid("the prompt is too long"),
            "Nothing found.",
            "Nothing found.",
            "I cannot write.",
            {"approved": True, "objections": []},
        ]
    )

    async with opened() as runtime:
        run = await decide(runtime, await ask(runtime, "meal-planner", model), Approve(), model)

    assert run.status == "done"
    assert world(tmp_path / "state")["published"]["meal-planner"]["findings"] == {"vague-word in Summary": "open"}
    model.assert_complete()


async def test_a_writer_decides_an_open_point_and_may_not_lose_a_section(opened: Opener, tmp_path: Path) -> None:
    text, _ = design("meal-planner")
    vague = review(text)[0].quote
    better = text.replace(vague, "The search must answer within 300 ms.")
    model = ScriptedModel(
        [
            *["Fine."] * 3,
            "## Summary\n\nShort.\n",
            {"approved": False, "objections": ["Give a number."]},
            f"```markdown\n{better}```",
            {"approved": True, "objections": []},
        ]
    )

    async with opened() as runtime:
        await decide(runtime, await ask(runtime, "meal-planner", model), Approve(), model)

    published = world(tmp_path / "state")["published"]["meal-planner"]
    assert published == {"findings": {"vague-word in Summary": "fixed"}, "left": []}
    assert "within 300 ms" in (tmp_path / "state/council/published/meal-planner.md").read_text()


FINDING = '- [no-authentication] Interfaces: "POST | /x | all | none" Say who.'


@pytest.mark.parametrize(
    ("route", "said", "following"),
    [
        ((), {}, "clarity"),
        (("clarity",), {}, "security"),
        (("clarity", "security"), {"security": FINDING}, "cost"),
        (("clarity", "security", "cost"), {}, None),
        (("clarity", "security", "cost"), {"security": FINDING}, "security"),
        (("clarity", "security", "cost"), {"cost": FINDING}, "person"),
        (("clarity", "security", "cost", "security"), {"security": FINDING}, "person"),
        (("clarity", "security", "cost", "security", "person"), {"security": FINDING}, None),
    ],
)
def test_the_person_speaks_once_after_whoever_found_what_blocks(
    route: tuple[str, ...], said: dict[str, str], following: str | None
) -> None:
    messages = [HumanMessage("Review it."), *(AIMessage(text, name=who) for who, text in said.items())]

    assert next_speaker(Progress(route=route, messages=messages)) == following


words = st.text(st.characters(blacklist_categories=("C", "Z"), blacklist_characters='"'), min_size=1, max_size=12)
phrases = st.lists(words, min_size=1, max_size=6).map(" ".join)
findings = st.builds(
    Finding,
    rule=st.from_regex(r"[a-z]{2,8}(-[a-z]{1,8})?", fullmatch=True),
    section=st.from_regex(r"[A-Z][a-z]{0,12}", fullmatch=True),
    quote=phrases.map(quoted).filter(bool),
    advice=phrases,
)


@given(st.lists(findings, max_size=5), phrases)
@settings(max_examples=60, deadline=None)
def test_what_is_told_to_the_maker_can_be_read_back(found: list[Finding], words: str) -> None:
    told = task(f"# Design: {words}\n", found)

    assert document_of(told) == f"# Design: {words}\n"
    assert parsed(told) == found


@given(st.lists(findings, max_size=4))
@settings(max_examples=40, deadline=None)
def test_whatever_is_found_is_marked_once_and_no_section_is_lost(found: list[Finding]) -> None:
    text, _ = design("library-card")

    mended = mend(mend(text, found), found)

    assert {each.name for each in sections(text)} <= {each.name for each in sections(mended)}
    assert mended.count("> Open point") == len({(each.rule, each.section) for each in found})


def test_a_finding_that_quotes_nothing_of_the_design_does_not_count() -> None:
    text, _ = design("gift-cards")
    real, made_up = review(text)[0], Finding("too-dear", "Costs", "golden servers", "Sell them.")

    assert grounded([real, made_up, real], text) == [real]


def test_only_a_clause_that_waives_a_rule_waives_it() -> None:
    found = [Finding(rule, "Costs", "x", "y") for rule in ("over-budget", "wrong-sum")]

    assert waived("Waive over-budget. The wrong-sum must be mended.", found) == {"over-budget"}
    assert waived("over-budget is bad; I do not like it", found) == set()


def test_a_section_is_replaced_or_added_and_the_others_stay() -> None:
    text = "# T\n\n## A\n\none\n\n## B\n\ntwo\n"

    assert with_section(text, "a", "\n\nnew\n\n") == "# T\n\n## A\n\nnew\n\n## B\n\ntwo\n"
    assert with_section(text, "C", "\n\nthree\n") == f"{text}\n## C\n\nthree\n"


@pytest.mark.parametrize("name", ["../x", "A b", "", "x" * 61])
def test_nothing_is_published_under_a_name_that_is_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(DesignProblem, match="no name for a design"):
        Designs(tmp_path).publish(name, "text", [])
