"""Cases from files: what is read, and that every problem is told at once with its file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphwright.evals import Case, CaseProblem, cases_of, load_cases, model_of
from graphwright.evals.replies import Answered
from graphwright.graphs import Catalogue, GraphEntry
from graphwright.models import ScriptedModel
from graphwright.models.contract import ModelRequest

GOOD = """\
- id: refund-small
  input: "Please refund order A-1042."
  people:
    - {tool: refund, decide: edit, by: ann, roles: [billing], arguments: {amount: 5}, times: 2}
  expect:
    changes: {"orders.A-1042.refunded": "12.50"}
    answer: {contains: [A-1042], number: {value: 3.5, within: 0.1}}
  slices: {language: en}
  tags: [refund]
- id: nothing
  input: {question: "?"}
  expect: {status: waiting, changes: {}}
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(CaseProblem) as raised:
        load_cases(path)
    return [each.removeprefix(f"{path}") for each in raised.value.problems]


def test_a_yaml_file_becomes_cases_that_know_where_they_are_written(tmp_path: Path) -> None:
    path = written(tmp_path, "cases.yaml", GOOD)

    first, second = load_cases(path)

    assert (first.id, first.source, second.source) == ("refund-small", f"{path}:1", f"{path}:10")
    assert first.people[0].roles == ("billing",)
    assert first.people[0].matched == {}
    assert first.expect.changes == {"orders.A-1042.refunded": "12.50"}
    assert second.input == {"question": "?"}
    assert second.expect.changes == {}
    assert first.expect.calls is None


def test_all_problems_of_a_yaml_file_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "cases.yaml",
        """\
- id: a
  imput: hello
- id: b
  input: hello
  people:
    - tool: refund
      decides: approve
    - {tool: refund, decide: agree}
- id: b
  input: 7
- just text
- id: c
  input: hello
  expect: {status: finished, answer: {contain: [x]}}
- id: d
  input: hello
  model: offline
  replies: [hi]
- {id: "e e", input: x, source: me}
""",
    )

    found = problems(path)

    assert found[0] == ":1: case 'a': 'input' is missing."
    assert found[1] == ":2: case 'a': there is no 'imput'. Did you mean 'input'?"
    assert ":6: case 'b': 'people.0.decide' is missing." in found
    assert ":7: case 'b': there is no 'people.0.decides'. Did you mean 'decide'?" in found
    assert any(each.startswith(":8: case 'b': people.1.decide: input should be 'approve'") for each in found)
    assert any(each.startswith(":10: case 'b': input: ") for each in found)
    assert ":11: a case is a mapping with id and input, not str." in found
    assert any(each.startswith(":14: case 'c': expect.status: input should be 'done'") for each in found)
    assert ":14: case 'c': there is no 'expect.answer.contain'. Did you mean 'contains'?" in found
    assert ":15: case 'd': the case: model and replies were given; a case has one model." in found
    assert ":19: source is filled in by the loader; leave it out." in found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- id: a\n  input: [\n", ":3:1: it is not YAML: "),
        ("- id: a\n  id: b\n  input: x\n", ":2:3: it is not YAML: the key 'id' stands there twice."),
        ("id: a\ninput: x\n", ":1: the file holds a list of cases (- id: ...), not dict."),
        ("- {id: a, input: x}\n- {id: a, input: y}\n", ":2: the id 'a' is taken by "),
    ],
)
def test_what_is_no_list_of_cases_is_refused_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    (found,) = problems(written(tmp_path, "cases.yaml", text))

    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("people: no", "people: wanted a list, not false."),
        ("expect: [1]", "expect: wanted a mapping, not [1]."),
        ("expect: {calls: [x]}", 'expect.calls.0: wanted a mapping, not "x".'),
        ("tags: [1]", "tags.0: wanted a text, in quotation marks, not 1."),
        ("budget: {calls: many}", 'budget.calls: wanted a whole number, not "many".'),
        ('expect: {instructions: {desk: ["a", " "]}}', "expect.instructions.desk.1: an empty text is in every text"),
        ('expect: {answer: {contains: [""]}}', "expect.answer.contains.0: an empty text is in every text"),
        ("expect: {instructions: {desk: You are}}", 'expect.instructions.desk: wanted a list, not "You are".'),
        (f"tags: {'x' * 5000}", "tags: wanted a list, not "),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_in_the_words_of_a_file(tmp_path: Path, line: str, problem: str) -> None:
    (found,) = problems(written(tmp_path, "cases.yaml", f"- id: a\n  input: x\n  {line}\n"))

    assert found.startswith(f":3: case 'a': {problem}")
    assert len(found) < 200


def test_an_empty_file_has_no_cases_and_a_missing_one_is_a_problem(tmp_path: Path) -> None:
    assert load_cases(written(tmp_path, "none.yaml", "# later\n")) == []
    assert problems(tmp_path / "missing.yaml") == [": No such file or directory."]
    assert "cases are in .yaml" in problems(written(tmp_path, "cases.toml", ""))[0]


def test_json_lines_and_tables_and_python_give_the_same_cases(tmp_path: Path) -> None:
    case = {"id": "a", "input": "hello", "expect": {"status": "waiting"}, "slices": {"language": "en"}, "tags": ["x"]}
    status, slices, tags = '"{""status"": ""waiting""}"', '"{""language"": ""en""}"', '"[""x""]"'
    made = f"from graphwright.evals import Case\ndef cases():\n    return [Case(**{case!r})]\n"
    files = [
        written(tmp_path, "cases.jsonl", f"{json.dumps(case)}\n\n"),
        written(tmp_path, "one.csv", f"id,input,expect,slices.language,tags\na,hello,{status},en,{tags}\n"),
        written(tmp_path, "two.csv", f"id,input,expect.status,slices,tags\na,hello,waiting,{slices},{tags}\n"),
        written(tmp_path, "list.py", f"CASES = [{case!r}]\n"),
        written(tmp_path, "made.py", made),
    ]  # fmt: skip

    for path in files:
        (found,) = load_cases(path)
        assert found.model_copy(update={"source": ""}) == Case.model_validate(case), path


def test_broken_lines_and_cells_are_told_with_their_lines(tmp_path: Path) -> None:
    assert [each.split(": ")[0] for each in problems(written(tmp_path, "a.jsonl", "{}x\n[]\n{\n"))] == [":1", ":3"]
    assert problems(written(tmp_path, "b.csv", "id,input,tags\na,hello,[x\n"))[0].startswith(":2: column 'tags' is not")
    assert "not as many cells" in problems(written(tmp_path, "c.csv", "id,input\na,hello,more\n"))[0]
    assert "it cannot be run: ZeroDivisionError" in problems(written(tmp_path, "d.py", "1 / 0\n"))[0]
    assert "neither a list CASES nor a function cases()" in problems(written(tmp_path, "e.py", "x = 1\n"))[0]


def test_the_cases_of_a_graph_are_beside_it_and_in_the_evals_of_the_project(tmp_path: Path) -> None:
    entry = GraphEntry(name="shop", description="Sells.", build=lambda: None, source=f"{tmp_path}/shop/graph.py:3")  # type: ignore[arg-type,return-value]  # it is never built
    written(tmp_path, "shop/cases.yaml", "- {id: beside, input: x}\n")
    written(tmp_path, "evals/shop.yaml", "- {id: mine, input: x}\n")
    written(tmp_path, "evals/shop-hard.jsonl", '{"id": "hard", "input": "x"}\n')
    written(tmp_path, "evals/shop-suite.yaml", "graph: shop\n")
    written(tmp_path, "evals/other.yaml", "- {id: other, input: x}\n")

    assert [case.id for case in cases_of(entry, tmp_path)] == ["beside", "mine", "hard"]

    written(tmp_path, "evals/shop2.yaml", "- {id: beside, input: x}\n")
    with pytest.raises(CaseProblem, match=r"shop2.yaml:1: the id 'beside' is taken by .*cases.yaml:1"):
        cases_of(entry, tmp_path)


@pytest.mark.parametrize("name", ["assistant", "research"])
def test_every_shipped_graph_has_cases_that_can_be_read(name: str, tmp_path: Path) -> None:
    cases = cases_of(Catalogue.load(tmp_path).get(name), tmp_path)

    decided = {answer.decide for case in cases for answer in case.people}
    assert decided >= {"approve", "reject", "edit"}


async def test_a_scripted_model_goes_on_after_the_answers_that_were_recorded() -> None:
    case = Case.model_validate(
        {"id": "a", "input": "x", "replies": [{"calls": [{"tool": "look", "arguments": {"at": 1}}]}, "Done."]}
    )
    request = ModelRequest(messages=())

    first, second = model_of(case), model_of(case, answered=[Answered("agent", "", (("look", {"at": 1}),))])

    assert isinstance(first, ScriptedModel)
    assert (await first.respond(request)).tool_calls[0]["args"] == {"at": 1}
    assert (await second.respond(request)).text == "Done."
    assert model_of(Case(id="b", input="x")) == "offline"
    assert model_of(Case(id="b", input="x", cassette="tape.jsonl", source="a/cases.yaml:1")) == "recorded:a/tape.jsonl"


def test_replies_in_order_and_by_matcher_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="either all in order or all with `when`"):
        Case.model_validate({"id": "a", "input": "x", "replies": ["one", {"when": "two", "text": "two"}]})
