"""Suites and datasets from files: what is right is read, what is wrong is told whole and with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphwright.evals import CaseProblem, Gate, Project, SuiteNotFound, find_suite, load_suite
from graphwright.evals.dataset import MOST_BYTES, open_dataset
from graphwright.evals.suite import Suite
from graphwright.evals.suite_files import suite_places

CASES = '- {id: one, input: "A-1", people: [{tool: refund, decide: approve}]}\n'


@pytest.fixture
def shop(project: Path) -> Path:
    (project / "evals").mkdir()
    (project / "evals" / "cases.yaml").write_text(CASES)
    return project


def written(shop: Path, text: str) -> Path:
    path = shop / "evals" / "sound-suite.yaml"
    path.write_text(text)
    return path


def test_a_suite_says_what_is_run_how_often_and_how_good_it_must_be(shop: Path) -> None:
    path = written(shop, "name: refunds\ngraph: sound\nepochs: 3\ngates:\n  - {scorer: verdict, at_least: 0.9}\n")

    suite = load_suite(path)

    assert (suite.name, suite.graph, suite.epochs, len(suite.cases)) == ("refunds", "sound", 3, 1)
    assert suite.gates == (Gate(scorer="verdict", at_least=0.9),)


def test_a_suite_is_found_by_its_name_and_a_graph_with_cases_is_one(shop: Path) -> None:
    written(shop, "name: refunds\ngraph: sound\n")
    (shop / "evals" / "holding.yaml").write_text('- {id: held, input: "A-2"}\n')
    project = Project(shop)

    names = suite_places(project)

    assert {"refunds", "holding"} <= names.keys()
    assert "sound" not in names
    assert find_suite("holding", project).gates == (Gate(at_least=1.0),)


def test_an_unknown_suite_is_answered_with_those_that_there_are(shop: Path) -> None:
    written(shop, "name: refunds\ngraph: sound\n")

    with pytest.raises(SuiteNotFound, match=r"no suite 'refund'\. Did you mean 'refunds'"):
        find_suite("refund", Project(shop))


def test_everything_that_is_wrong_with_a_suite_and_its_cases_is_told_at_once(shop: Path) -> None:
    (shop / "evals" / "cases.yaml").write_text("- {id: one}\n- {id: one, input: x, expect: {status: perhaps}}\n")
    path = written(shop, "graph: sound\nscorers: [verdikt]\nfunction: nowhere:nothing\n")

    with pytest.raises(CaseProblem) as problem:
        load_suite(path)

    told = str(problem.value)
    assert f"{path}:2: there is no scorer 'verdikt'. Did you mean 'verdict'" in told
    assert f"{path}:3: 'nowhere:nothing' cannot be loaded" in told
    assert "either graph or function" in told
    assert "cases.yaml:1: case 'one': 'input' is missing" in told
    assert "cases.yaml:2: case 'one': expect.status" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("graph: [unclosed\n", r"sound-suite.yaml:2:1: it is not YAML"),
        ("- a list\n", "a suite is a mapping"),
        ("graph: sound\nepoch: 3\n", "sound-suite.yaml:2: there is no 'epoch'"),
        ("graph: sound\nepochs: many\n", "sound-suite.yaml:2: epochs: "),
        ("graph: sound\ngates: [{scorer: verdict}]\n", "a gate needs at_least or at_most"),
        ("graph: sound\ngates:\n  - {scorer: speed, at_least: 1}\n", "sound-suite.yaml:3: a gate asks for 'speed'"),
        ("graph: sound\ncases: nowhere.yaml\n", "nowhere.yaml: No such file"),
    ],
)
def test_what_is_wrong_with_a_suite_is_told_with_its_line(shop: Path, text: str, told: str) -> None:
    with pytest.raises(CaseProblem, match=told):
        load_suite(written(shop, text))


def test_a_suite_without_cases_is_refused(shop: Path) -> None:
    (shop / "evals" / "cases.yaml").write_text("[]\n")

    with pytest.raises(CaseProblem, match="has no cases"):
        load_suite(written(shop, "graph: sound\n"))


def test_a_cassette_of_another_version_is_told_before_anything_runs(shop: Path) -> None:
    (shop / "evals" / "old.json").write_text(json.dumps({"version": 99, "model": "x", "recordings": []}))
    (shop / "evals" / "cases.yaml").write_text('- {id: one, input: "A-1", cassette: old.json}\n')

    with pytest.raises(CaseProblem, match=r"case 'one': .*not a cassette: its version is 99"):
        load_suite(written(shop, "graph: sound\n"))


def test_a_suite_needs_one_target() -> None:
    with pytest.raises(ValueError, match="either a graph or a function"):
        Suite(name="none", cases=[])


def test_jsonl_is_read_line_by_line_as_often_as_wanted(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    path.write_text("".join(json.dumps({"id": f"c{at}", "input": str(at)}) + "\n" for at in range(50)))

    cases = open_dataset(path)

    assert len(cases) == 50
    assert [case.id for case in cases] == [case.id for case in cases] == [f"c{at}" for at in range(50)]
    assert next(iter(cases)).source == f"{path}:1"


def test_every_bad_line_of_jsonl_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id": "a", "input": "x"}\n{"id": \n\n{"id": "a", "input": "y"}\n{"input": 3}\n')

    with pytest.raises(CaseProblem) as problem:
        open_dataset(path)

    told = str(problem.value)
    assert "bad.jsonl:2: the line is not JSON" in told
    assert "bad.jsonl:4: the id 'a' is taken by line 1" in told
    assert "bad.jsonl:5: 'id' is missing" in told


def test_a_case_of_50_megabytes_is_refused_and_the_rest_of_the_file_still_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "huge.jsonl"
    huge = json.dumps({"id": "huge", "input": "x" * (5 * MOST_BYTES)})
    path.write_text(f'{huge}\n{{"id": "small"}}\n')

    with pytest.raises(CaseProblem) as problem:
        open_dataset(path)

    assert "huge.jsonl:1: a case may have 10 MB at most" in str(problem.value)
    assert "huge.jsonl:2: case 'small': 'input' is missing" in str(problem.value)


def test_a_yaml_file_of_50_megabytes_is_refused_without_being_parsed(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_text("- {id: a, input: '" + "x" * (MOST_BYTES + 1) + "'}\n")

    with pytest.raises(CaseProblem, match="long lists of cases in JSONL"):
        open_dataset(path)


def test_a_fault_of_a_tool_names_the_tool(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text("- {id: a, input: x, faults: [{kind: tool_error}]}\n")

    with pytest.raises(CaseProblem, match="a tool_error needs tool"):
        open_dataset(path)


def test_planted_attacks_are_a_suite_among_the_others_and_one_of_that_name_wins(shop: Path) -> None:
    assert "attacks" in suite_places(Project(shop))
    (shop / "evals" / "attacks-suite.yaml").write_text("name: attacks\ngraph: sound\ncases: cases.yaml\n")

    assert find_suite("attacks", Project(shop)).graph == "sound"


def test_a_suite_can_be_written_in_python(shop: Path) -> None:
    path = shop / "evals" / "mine.py"
    made = "from graphwright.evals import Case, Suite\n\nSUITE = Suite(name='mine', cases=[Case(id='a', input='x')], "
    path.write_text(f"{made}function=str.upper)\n")

    assert find_suite(str(path), Project(shop)).name == "mine"
    for wrong, why in (("SUITE = 7", "SUITE is a int"), ("1 / 0", "ZeroDivisionError"), ("x = 1", "neither SUITE")):
        path.write_text(f"{wrong}\n")
        with pytest.raises(CaseProblem, match=why):
            find_suite(str(path), Project(shop))
