"""Floors beside every score: in the header, the report, the terminal, the page and JSON; cheap, and of any suite."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graphwright.cli.eval_text import print_report
from graphwright.evals import Case, Observed, Plan, Project, RunFolder, Score, Suite, load_suite, new_run, run_suite
from graphwright.evals.pages import html_page
from graphwright.evals.reporting import Report, report_of
from graphwright.evals.runner import FLOOR_CASES, Choice
from graphwright.evals.scorers import Judge, exact, floors_of, tokens, verdict
from graphwright.evals.scorers.heuristic import best_sentence
from graphwright.models import ScriptedModel

PLACES = "Paris lies on the Seine. Berlin lies on the Spree. Rome lies on the Tiber."


def case(id: str, input: Any, equals: str, **more: Any) -> Case:
    return Case.model_validate({"id": id, "input": input, "expect": {"answer": {"equals": equals}}, **more})


CASES = [
    case("idle", "Say nothing.", ""),
    case("echo", "Say this.", "Say this."),
    case("found", f"{PLACES} Where does Berlin lie?", "Berlin lies on the Spree."),
    case("hard", "What is six times seven?", "42"),
]


def right(text: str) -> str:
    return {each.input: each.expect.answer.equals for each in CASES if each.expect.answer}.get(text) or ""


SUITE = Suite(name="floored", cases=CASES, function=right, scorers=(exact, verdict, tokens))


def ran(suite: Suite, tmp_path: Path, **plan: Any) -> tuple[Report, RunFolder]:
    folder = new_run(suite, Project(tmp_path), Plan(**plan), tmp_path / "runs")
    asyncio.run(run_suite(suite, Project(tmp_path), Plan(**plan), folder))
    return report_of(RunFolder.find(folder.path)), folder


def test_floors_stand_beside_every_score_and_say_where_it_is_between_them(tmp_path: Path) -> None:
    report, _ = ran(SUITE, tmp_path)
    by_name = {each.name: each for each in report.scorers}

    assert by_name["exact"].floors == {"null": 0.25, "echo": 0.25, "heuristic": 0.5, "oracle": 1.0}
    assert by_name["verdict"].floors == by_name["exact"].floors
    assert (by_name["exact"].mean, by_name["exact"].above_null) == (1.0, 1.0)
    assert by_name["tokens"].above_null is None
    assert (report.header.floor, report.header.floor_cases, report.header.heuristic) == (0.25, 4, "best_sentence")


def test_a_score_no_better_than_doing_nothing_is_nought_between_null_and_oracle(tmp_path: Path) -> None:
    report, _ = ran(replace(SUITE, function=lambda _text: ""), tmp_path)

    assert (report.scorers[0].mean, report.scorers[0].above_null) == (0.25, 0.0)


def test_floors_are_told_in_the_terminal_the_page_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, folder = ran(SUITE, tmp_path)

    print_report(report, most=1)
    page = "".join(html_page([report], [folder]))
    told = json.loads(json.dumps(report.to_json()))["scorers"][0]

    said = capsys.readouterr().out
    assert "floors of exact: null 0.250, echo 0.250, heuristic 0.500, oracle 1.000; between null and oracle: 1" in said
    assert all(f">{name}<" in page for name in ("Null", "Echo", "Heuristic", "Oracle", "Above null"))
    assert (told["floors"]["heuristic"], told["above_null"]) == (0.5, 1.0)


def test_floors_are_those_of_the_cases_that_are_chosen(tmp_path: Path) -> None:
    report, _ = ran(SUITE, tmp_path, choice=Choice(ids=("hard",)))

    assert report.scorers[0].floors == {"null": 0.0, "echo": 0.0, "heuristic": 0.0, "oracle": 1.0}


def test_a_run_of_before_there_were_floors_is_still_read(tmp_path: Path) -> None:
    _, folder = ran(SUITE, tmp_path)
    header = json.loads((folder.path / "run.json").read_text())
    old = {name: value for name, value in header.items() if name not in ("floors", "floor_cases", "heuristic")}
    (folder.path / "run.json").write_text(json.dumps(old))

    report = report_of(RunFolder.find(folder.path))

    assert (report.scorers[0].floors, report.scorers[0].above_null) == ({}, None)


def test_a_suite_may_name_a_heuristic_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def seven(case):\n    return '42'\n\ndef run(text):\n    return text\n")
    (tmp_path / "cases.yaml").write_text("- {id: a, input: x, expect: {answer: {equals: '42'}}}\n")
    (tmp_path / "suite.yaml").write_text("function: own.py:run\nscorers: [exact]\nheuristic: own.py:seven\nname: own\n")

    report, _ = ran(load_suite(tmp_path / "suite.yaml"), tmp_path)

    assert report.scorers[0].floors["heuristic"] == 1.0
    assert report.header.heuristic == "seven"


def test_a_heuristic_that_cannot_be_loaded_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text("- {id: a, input: x}\n")
    (tmp_path / "suite.yaml").write_text("graph: research\nheuristic: own.py:seven\n")

    with pytest.raises(ValueError, match=r"suite.yaml:2: 'own.py:seven' cannot be loaded"):
        load_suite(tmp_path / "suite.yaml")


def test_a_heuristic_that_raises_has_failed_its_case() -> None:
    floors = floors_of(verdict, CASES[:2], heuristic=lambda each: {"idle": ""}[each.id])

    assert floors.heuristic == 0.5


def test_a_scorer_that_asks_a_model_is_not_asked_for_floors(tmp_path: Path) -> None:
    model = ScriptedModel([])
    judge = Judge(model=model, rubric="Is it right?")

    folder = new_run(replace(SUITE, scorers=(judge, exact)), Project(tmp_path), Plan(), tmp_path / "runs")

    assert model.requests == []
    assert list(folder.header.floors) == ["exact"]
    assert folder.header.floor is None


def test_a_scorer_that_raises_has_no_floors(tmp_path: Path) -> None:
    def broken(case: Case, observed: Observed) -> Score:
        raise RuntimeError("no")

    folder = new_run(replace(SUITE, scorers=(broken, exact)), Project(tmp_path), Plan(), tmp_path / "runs")

    assert list(folder.header.floors) == ["exact"]


def test_only_the_first_cases_of_a_long_suite_are_looked_at(tmp_path: Path) -> None:
    looked: list[str] = []

    def noting(case: Case, observed: Observed) -> Score:
        looked.append(case.id)
        return Score(1.0, "pass")

    many = [case(f"c{at}", "x", "x") for at in range(FLOOR_CASES + 50)]
    folder = new_run(replace(SUITE, cases=many, scorers=(noting,)), Project(tmp_path), Plan(), tmp_path / "runs")

    assert len(looked) == 4 * FLOOR_CASES
    assert folder.header.floor_cases == FLOOR_CASES


def test_the_oracle_removes_what_the_case_expects_to_be_removed() -> None:
    gone = Case.model_validate({"id": "g", "input": "x", "expect": {"changes": {"orders.A-1": None, "orders.B": 2}}})

    floors = floors_of(verdict, [gone])

    assert (floors.null, floors.oracle) == (0.0, 1.0)


def test_the_best_sentence_comes_from_documents_too_and_is_the_input_where_nothing_is_shared(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("# Rivers\n\nThe Spree flows through Berlin. The Seine does not.\n")
    (tmp_path / "notes" / "b.bin").write_bytes(b"\xff Berlin Berlin Berlin")
    told = {"documents": ["notes"], "source": f"{tmp_path / 'cases.yaml'}:1"}

    assert best_sentence(case("a", {"question": "What flows through Berlin?"}, "", **told)) == (
        "The Spree flows through Berlin."
    )
    assert best_sentence(case("a", "Completely different words?", "", **told)) == "Completely different words?"
    assert best_sentence(case("a", "", "")) == ""
