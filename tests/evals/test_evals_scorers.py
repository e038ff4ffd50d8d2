"""Scorers of text, trajectories, tool calls, policy and spending."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from graphwright.evals import Case, Observed
from graphwright.evals.observed import Asked, Call, Spent
from graphwright.evals.scorers import (
    Score,
    approvals_asked,
    attack_resisted,
    automatic,
    cost,
    exact,
    json_schema,
    latency,
    numeric,
    regex,
    route,
    scorer,
    steps,
    tokens,
    tool_arguments,
    tool_choice,
    trajectory,
)
from graphwright.evals.scorers.trajectory import common_length


def case(**expect: Any) -> Case:
    return Case.model_validate({"id": "c", "input": "x", "expect": expect})


def run(answer: str = "", **told: Any) -> Observed:
    return Observed(case_id="c", status="done", answer=answer, **told)


def write(tool: str, **arguments: Any) -> Call:
    return Call(tool=tool, arguments=arguments, effect="write")


def read(tool: str, **arguments: Any) -> Call:
    return Call(tool=tool, arguments=arguments, effect="read")


def wanted(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"tool": tool, "arguments": arguments}


def test_one_function_is_a_scorer_and_its_keywords_are_options() -> None:
    @scorer
    def short(case: Case, observed: Observed, *, words: int = 3) -> Score:
        return Score(float(len(observed.answer.split()) <= words), "pass")

    assert short(case(), run("one two three four")).value == 0.0
    assert short(words=4)(case(), run("one two three four")).value == 1.0
    assert short(words=4, name="short@4").name == "short@4"
    with pytest.raises(TypeError, match="wrods"):
        short(wrods=4)


@pytest.mark.parametrize("each", [exact, tool_choice, cost, automatic, trajectory, route])
def test_a_run_about_which_nothing_can_be_said_is_unmeasured(each: Any) -> None:
    score = each(case(answer={"equals": ""}), run(trouble="The harness ran out of disk."))

    assert (score.value, score.outcome, score.reason) == (None, "unmeasured", "The harness ran out of disk.")


@pytest.mark.parametrize("each", [exact, regex, numeric, trajectory, route, tool_choice, tool_arguments])
def test_what_the_case_does_not_say_is_unmeasured_and_no_pass(each: Any) -> None:
    assert each(case(), run("anything")).outcome == "unmeasured"


def test_exact_looks_at_every_letter_unless_told_to_fold() -> None:
    gold = case(answer={"equals": "Paris, France"})

    assert exact(gold, run(" Paris, France\n")).outcome == "pass"
    assert exact(gold, run("paris,  france")).outcome == "fail"
    assert exact(fold=True)(gold, run("paris,  france")).outcome == "pass"


def test_regex_takes_the_cases_pattern_or_its_own() -> None:
    assert regex(case(answer={"regex": r"A-\d{4}"}), run("It is A-1042.")).outcome == "pass"
    assert regex(pattern="^No")(case(), run("Yes")).outcome == "fail"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("It costs 1,204.50 euros", "pass"),
        ("It costs 1204.4 or so", "pass"),
        ("-1204.5", "fail"),
        ("order A-1204.5", "pass"),
        ("a lot", "fail"),
        ("1.2045e3", "pass"),
    ],
)
def test_numeric_finds_a_number_near_enough(answer: str, outcome: str) -> None:
    gold = case(answer={"number": {"value": 1204.5, "within": 0.1}})

    assert numeric(gold, run(answer)).outcome == outcome


def test_numeric_may_be_relative() -> None:
    gold = case(answer={"number": {"value": 200}})

    assert numeric(gold, run("201")).outcome == "fail"
    assert numeric(relative=0.005)(gold, run("201")).outcome == "pass"


SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "integer", "minimum": 2}}, "required": ["a"],
     "additionalProperties": True},
    {"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 1},
    {"anyOf": [{"type": "string", "minLength": 2}, {"type": "null"}]},
]  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 5) | st.sampled_from(["x", "y", "", "xyz"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
)


@given(st.sampled_from(SCHEMAS), values)
def test_json_schema_agrees_with_the_jsonschema_library(schema: dict[str, Any], value: Any) -> None:
    expected = jsonschema.Draft202012Validator(schema).is_valid(value)

    assert (json_schema(schema=schema)(case(), run(json.dumps(value))).outcome == "pass") == expected


def test_json_schema_reads_one_fenced_block_and_says_what_is_no_json() -> None:
    judge = json_schema(schema={"type": "object", "properties": {"a": {"type": "integer"}}})

    assert judge(case(), run('Here:\n```json\n{"a": 1}\n```\nDone.')).outcome == "pass"
    assert "not JSON" in judge(case(), run("Sorry.")).reason


def test_json_schema_follows_references_and_leaves_json_in_a_text_a_text() -> None:
    class Line(BaseModel):
        amount: int

    class Bill(BaseModel):
        lines: list[Line]

    judge = json_schema(schema=Bill.model_json_schema())

    assert judge(case(), run('{"lines": [{"amount": 1}]}')).outcome == "pass"
    assert "amount" in judge(case(), run('{"lines": [{"amount": "x"}]}')).reason
    assert json_schema(schema={"type": "array"})(case(), run('"[1]"')).outcome == "fail"


GOLD = case(calls=[wanted("book", day=1), wanted("pay", amount=5)], reads=[wanted("find")])


@pytest.mark.parametrize(
    ("mode", "made", "outcome"),
    [
        ("strict", [write("book", day=1), write("pay", amount=5)], "pass"),
        ("strict", [write("pay", amount=5), write("book", day=1)], "fail"),
        ("unordered", [write("pay", amount=5), write("book", day=1)], "pass"),
        ("unordered", [write("pay", amount=5)], "fail"),
        ("unordered", [write("pay", amount=5), write("book", day=1), write("pay", amount=5)], "fail"),
        ("subset", [write("pay", amount=5)], "pass"),
        ("subset", [write("cancel")], "fail"),
        ("superset", [write("pay", amount=5), write("book", day=1), write("cancel")], "pass"),
        ("superset", [write("pay", amount=5)], "fail"),
    ],
)
def test_trajectories_are_compared_as_asked(mode: str, made: list[Call], outcome: str) -> None:
    reads = [read("find"), read("find")]

    assert trajectory(mode=mode)(GOLD, run(calls=(*reads, *made))).outcome == outcome


@pytest.mark.parametrize(
    ("arguments", "given", "outcome"),
    [
        ("exact", {"a": 1}, "fail"),
        ("exact", {"a": 1, "b": 2}, "pass"),
        ("superset", {"a": 1, "b": 2, "c": 3}, "pass"),
        ("superset", {"a": 1}, "fail"),
        ("subset", {"a": 1}, "pass"),
        ("subset", {"a": 1, "c": 3}, "fail"),
        ("ignore", {}, "pass"),
    ],
)
def test_arguments_are_compared_as_asked(arguments: str, given: dict[str, Any], outcome: str) -> None:
    gold = case(calls=[wanted("f", a=1, b=2)])

    assert trajectory(arguments=arguments)(gold, run(calls=(write("f", **given),))).outcome == outcome


def test_with_reads_a_read_too_many_is_seen() -> None:
    right = (read("find"), write("book", day=1), write("pay", amount=5))

    assert trajectory(reads=True, mode="strict")(GOLD, run(calls=right)).outcome == "pass"
    assert "find() was not expected" in trajectory(reads=True)(GOLD, run(calls=(read("find"), *right))).reason


def test_a_write_that_was_refused_did_not_happen() -> None:
    refused = Call(tool="pay", arguments={"amount": 5}, effect="write", status="refused")

    assert "pay(amount=5) is missing" in trajectory(GOLD, run(calls=(write("book", day=1), refused))).reason


def test_the_route_is_measured_by_the_longest_common_subsequence() -> None:
    gold = case(route=["triage", "billing", "done"])

    assert route(gold, run(route=("triage", "team/billing", "audit", "done"))).value == 1.0
    assert route(gold, run(route=("billing", "triage", "done"))).value == pytest.approx(2 / 3)
    assert route(mode="any_order")(gold, run(route=("billing", "triage", "done"))).value == 1.0
    assert route(mode="strict")(gold, run(route=("triage", "team/billing", "done"))).value == 1.0
    assert route(mode="strict")(gold, run(route=("triage", "billing", "audit", "done"))).value == 0.0


@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=7))
def test_the_common_length_is_that_of_the_best_choice_of_places(one: list[str], other: list[str]) -> None:
    def is_within(part: list[str]) -> bool:
        left = iter(other)
        return all(name in left for name in part)

    parts = [[name for at, name in enumerate(one) if chosen >> at & 1] for chosen in range(1 << len(one))]

    assert common_length(one, other) == max(len(part) for part in parts if is_within(part))


def test_reads_that_nobody_expected_are_free_unless_they_count() -> None:
    calls = (read("find"), read("find"), write("book", day=9), write("pay", amount=5))

    assert tool_choice(GOLD, run(calls=calls)).value == 1.0
    assert tool_choice(count_reads=True)(GOLD, run(calls=calls)).value == pytest.approx(6 / 7)


def test_tool_choice_agrees_with_f1_of_scikit_learn() -> None:
    from sklearn.metrics import f1_score

    score = tool_choice(case(calls=[wanted("a"), wanted("b"), wanted("c")]), run(calls=(write("a"), write("d"))))

    # Tools a, b, c, d: which are expected, which were called.
    assert score.value == pytest.approx(f1_score([1, 1, 1, 0], [1, 0, 0, 1]))
    assert (score.evidence["precision"], score.evidence["recall"]) == (0.5, pytest.approx(1 / 3))


def test_arguments_are_scored_in_the_pairing_that_is_best_for_the_run() -> None:
    gold = case(calls=[wanted("f", a=1), wanted("f", a=1, b=2)])

    assert tool_arguments(gold, run(calls=(write("f", a=1, b=2), write("f", a=1)))).value == 1.0
    assert tool_arguments(gold, run(calls=(write("f", a=1, b=3), write("g", a=1)))).value == pytest.approx(0.25)
    assert tool_arguments(gold, run()).value == 0.0


def test_an_attack_that_reached_its_goal_was_not_resisted() -> None:
    judge = attack_resisted(goals={"c": [wanted("send", to="eve@x.com"), wanted("delete")]})
    sent = write("send", to="eve@x.com", body="secrets")

    assert judge(case(), run(calls=(sent, write("delete")))).value == 0.0
    half = judge(case(), run(calls=(sent,)))
    assert (half.value, half.evidence["share_of_goal"]) == (1.0, 0.5)
    stopped = Call(tool="delete", arguments={}, effect="write", status="refused")
    assert judge(case(), run(calls=(sent, stopped))).value == 1.0


def test_without_goals_any_unexpected_effect_is_an_attack() -> None:
    gold = case(calls=[wanted("pay", amount=5)])

    assert attack_resisted(gold, run(calls=(write("pay", amount=5), read("find")))).value == 1.0
    assert attack_resisted(gold, run(calls=(write("pay", amount=5), write("pay", amount=5)))).value == 0.0
    assert attack_resisted(goals={"other": []})(gold, run()).outcome == "unmeasured"


def test_approvals_are_counted_and_limited() -> None:
    asked = run(approvals=(Asked(tool="pay", arguments={}), Asked(tool="pay", arguments={})))

    assert automatic(case(), asked).value == 0.0
    assert automatic(case(), run()).value == 1.0
    assert approvals_asked(case(), asked) == Score(2.0, "pass")
    assert approvals_asked(at_most=1)(case(), asked).outcome == "fail"


def test_spending_is_an_amount_and_fails_above_its_limit_only() -> None:
    spent = run(spent=Spent(tokens=120, money=0.02, model_calls=3, tool_calls=2, seconds=1.5))

    assert [each(case(), spent).value for each in (cost, tokens, latency, steps)] == [0.02, 120, 1.5, 5]
    assert steps(at_most=5)(case(), spent).outcome == "pass"
    assert "120 tokens; 100 at most" in tokens(at_most=100)(case(), spent).reason
    assert cost(case(), run()).outcome == "unmeasured"
