"""Promotion: a run becomes a case that comes to the same offline, without its secrets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from graphwright.evals import Answer, Case, CaseProblem, People, Project, load_cases
from graphwright.evals.project import resources_of
from graphwright.evals.promote import Promoted, PromotionProblem, add_to_file, is_worthless, promote
from graphwright.evals.replies import model_of
from graphwright.evals.sandbox_run import Sandboxes
from graphwright.evals.scorers import verdict
from graphwright.runtime import Runtime


def produced(
    shop: Path, graph: str, text: str, *, people: list[Answer], replies: Any = None, drive: bool = True
) -> Any:
    """A run as production makes it, then the case made of it."""

    async def run() -> Promoted:
        project = Project(shop)
        entry = project.catalogue.get(graph)
        built, settings = project.build(entry), project.settings(shop / ".graphwright")
        model = model_of(Case.model_validate({"id": "x", "input": text, "replies": replies}))
        async with Runtime(settings, resources=resources_of(entry, settings)) as runtime:
            started = await runtime.start(entry.name, entry.values(text))
            for _ in range(3 if drive else 0):
                async for _event in runtime.drive(started.id, built, output=entry.answer, model=model, live=False):
                    pass
                if not await People(people).play(runtime, started.id):
                    break
            return await promote(runtime, started.id, entry, built, case_id="again")

    return asyncio.run(run())


def replayed(shop: Path, graph: str, case: Case) -> Any:
    project = Project(shop)
    entry = project.catalogue.get(graph)
    sandboxes = Sandboxes(project, entry, project.build(entry), shop / "scratch")
    return verdict(case, asyncio.run(sandboxes.observe(case)))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(decide="approve", by="ann"),
        Answer(decide="reject", by="bob", message="Too much."),
        Answer(decide="edit", by="ann", arguments={"amount": 3}),
        Answer(decide="respond", by="ann", message="It was paid by hand."),
    ],
)
def test_a_promoted_run_comes_to_the_same_and_asks_the_same_of_the_same(project: Path, answer: Answer) -> None:
    made = produced(project, "sound", "A-1", people=[answer])

    assert made.case.input == "A-1"
    assert (made.case.people[0].decide, made.case.people[0].by) == (answer.decide, answer.by)
    assert replayed(project, "sound", made.case).outcome == "pass"


def test_a_run_that_waits_becomes_a_case_in_which_it_waits(project: Path) -> None:
    made = produced(project, "sound", "A-1", people=[])

    assert made.case.expect.status == "waiting"
    assert made.case.people == ()
    assert replayed(project, "sound", made.case).outcome == "pass"


def test_a_question_of_the_graphs_own_is_answered_again(project: Path) -> None:
    made = produced(project, "asking", "A-1", people=[Answer(decide="respond", message="Large.")])

    assert made.case.expect.answer is not None
    assert "Large." in str(made.case.expect.answer.equals)
    assert replayed(project, "asking", made.case).outcome == "pass"


def test_secrets_of_a_run_do_not_reach_the_case(project: Path) -> None:
    key = "sk-proj-" + "Ab1" * 14

    made = produced(project, "holding", f"A-1 {key}", people=[])

    assert key not in str(made.written)
    assert made.redactions >= 1
    assert any("replaced by marks" in each for each in made.remarks)


def test_a_run_that_has_not_ended_is_refused(project: Path) -> None:
    with pytest.raises(PromotionProblem, match=r"is queued\. Let it end first"):
        produced(project, "sound", "A-1", people=[], drive=False)


def test_a_case_that_doing_nothing_passes_is_known_as_such(project: Path) -> None:
    made = produced(project, "sound", "A-1", people=[Answer(decide="approve")])

    assert not is_worthless(made.case)
    assert is_worthless(Case.model_validate({"id": "x", "input": "y", "expect": {"calls": []}}))


def test_cases_are_added_to_a_file_behind_what_it_says_and_never_twice(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "evals" / "sound-promoted.yaml"
    path.parent.mkdir()
    path.write_text("# Kept by hand.\n- {id: first, input: A-0}\n")
    made = produced(project, "holding", "A-1", people=[])

    add_to_file(made, path)

    assert path.read_text().startswith("# Kept by hand.")
    assert [each.id for each in load_cases(path)] == ["first", "again"]
    with pytest.raises(CaseProblem, match="has a case 'again' already"):
        add_to_file(made, path)
