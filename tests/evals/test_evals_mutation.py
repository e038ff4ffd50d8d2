"""Mutation: each kind of mistake is planted, a suite that looks notices it, and one that does not look is told so."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from graphwright.evals import Case, Project, Suite
from graphwright.evals.mutation import NothingToMutate, Plan, Report, Tried, mutate
from graphwright.evals.mutation.of_tools import another

PROJECT = Path(__file__).parent / "desk"
STRONG, WEAK = (yaml.safe_load((PROJECT / "evals" / f"{name}.yaml").read_text()) for name in ("strong", "weak"))


@pytest.fixture
def desk(tmp_path: Path) -> Project:
    """A project with the desk, the clerk and the sorter."""
    return Project(Path(shutil.copytree(PROJECT, tmp_path / "desk")))


@pytest.fixture
def mutated(desk: Project) -> Callable[..., Report]:
    """Mutates one of the project's graphs under these cases."""

    def run(
        graph: str, cases: list[dict[str, Any]], *operators: str, known: tuple[Tried, ...] = (), **plan: Any
    ) -> Report:
        suite = Suite(name=graph, cases=[Case.model_validate(each) for each in cases], graph=graph)
        return asyncio.run(mutate(suite, desk, Plan(operators=operators, **plan), known=known))

    return run


def fates(report: Report) -> dict[str, str]:
    return {each.mutant: each.fate for each in report.tried}


def test_a_suite_that_looks_everywhere_kills_every_mutant_that_can_be_noticed(mutated: Callable[..., Report]) -> None:
    report = mutated("desk", STRONG)

    assert [f"{each.mutant}: {each.reason}" for each in report.survivors] == []
    assert report.score == 1.0
    assert report.count("killed") >= 25
    assert report.idle == ()
    assert {each.operator for each in report.tried if each.fate == "killed"} == {
        "drop_tool", "wrong_argument", "stale_read", "ignore_error", "double_effect", "lose_effect", "unasked_effect",
        "skip_approval", "ignore_rejection", "drop_node", "swap_edge", "swap_branch", "forget_task", "raise_limit",
        "empty_answer", "wrong_number", "leak_secret",
    }  # fmt: skip


def test_a_suite_that_looks_at_nothing_is_told_what_it_missed_and_what_to_add(mutated: Callable[..., Report]) -> None:
    report = mutated("desk", WEAK)
    missed = {each.mutant: each.reason for each in report.survivors}

    assert report.score is not None
    assert report.score < 0.5
    assert "Case cracked passes with another result" in missed["wrong_argument:refund.order"]
    assert "Expect order of refund in `calls`" in missed["wrong_argument:refund.order"]
    assert "changes: book.0.0 " in missed["lose_effect:refund"]
    assert "No case comes by there. Add a case in which somebody rejects refund" in missed["ignore_rejection:refund"]
    assert "approvals: refund(order='A-1'" in missed["skip_approval:refund"]
    assert (
        "The runtime had to take a secret out"
        in {each.mutant: each.reason for each in report.tried}["leak_secret:answer"]
    )


def test_a_way_that_no_case_takes_is_told_as_such(mutated: Callable[..., Report]) -> None:
    asked = {"id": "stock", "input": "How many pieces of the item kettle are in stock?"}
    report = mutated("clerk", [asked], "swap_goto")
    missed = {each.mutant: each.reason for each in report.survivors}

    assert missed["swap_goto:model → model"].startswith("No case gives it anything to change.")


def test_two_times_come_to_the_same(mutated: Callable[..., Report]) -> None:
    operators = ("wrong_argument", "swap_branch", "skip_approval")
    one, two = (mutated("desk", STRONG, *operators) for _ in range(2))

    assert one.tried == two.tried


@pytest.mark.parametrize(
    ("mutant", "killer"),
    [
        ("drop_tool:read_note", "cracked"),
        ("swap_branch:take_in → look", "cracked"),
        ("forget_task:take_in", "cracked"),
        ("ignore_rejection:refund", "refused"),
        ("ignore_error:read_note", "unknown"),
    ],
)
def test_without_its_killer_a_mutant_survives(mutated: Callable[..., Report], mutant: str, killer: str) -> None:
    lazy = [each if each["id"] != killer else {**each, "expect": {}} for each in STRONG]
    if killer in ("cracked", "refused"):
        lazy = [{**each, "expect": {}} for each in STRONG]

    assert mutated("desk", STRONG, only=(mutant,)).score == 1.0
    assert mutated("desk", lazy, only=(mutant,)).score == 0.0


JSON = st.recursive(
    st.text()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.dates().map(str)
    | st.just("0001-01-01"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(value=JSON, others=st.lists(JSON, max_size=3))
def test_another_value_is_one_of_the_same_kind(value: Any, others: list[Any]) -> None:
    wrong = another(value, others)

    assert type(wrong) is type(value)
    assert wrong != value or value in ([], {}) or (isinstance(value, float) and abs(value) > 1e15)


def test_a_node_that_only_waits_has_no_mutant_that_anybody_could_notice(mutated: Callable[..., Report]) -> None:
    report = mutated("desk", STRONG, "drop_node")

    assert fates(report)["drop_node:gather"] == "equivalent"
    assert report.score == 1.0


def test_a_branch_that_is_never_several_forgets_no_task(mutated: Callable[..., Report]) -> None:
    assert fates(mutated("desk", STRONG, "forget_task"))["forget_task:gather"] == "stillborn"


def test_what_policy_refuses_everywhere_is_no_mistake_of_the_suite(
    desk: Project, mutated: Callable[..., Report]
) -> None:
    (desk.folder / "graphwright.toml").write_text('[policy]\nprofile = "strict"\n')
    cases = [{"id": "late", "input": "A-2", "expect": {"calls": []}}, *STRONG[:1]]
    report = mutated("desk", cases, "unasked_effect")

    assert [each.fate for each in report.tried] != ["survived"]


def test_prompts_can_be_tried_only_by_models_that_read_them(mutated: Callable[..., Report]) -> None:
    asked = {
        "id": "stock",
        "input": "How many pieces of the item kettle are in stock?",
        "expect": {"answer": {"contains": ["6"]}},
    }
    report = mutated("clerk", [asked], "empty_prompt", "loosen_prompt")

    assert fates(report) == {"empty_prompt:clerk": "equivalent", "loosen_prompt:clerk": "equivalent"}
    assert "No model of these cases reads instructions" in report.tried[0].reason
    assert report.score is None


@pytest.mark.parametrize("phrases", [["Say numbers."], ["You are kind.", "Say\n numbers."]])
def test_a_case_that_expects_phrases_of_instructions_notices_that_they_are_gone(
    mutated: Callable[..., Report], phrases: list[str]
) -> None:
    asked = {
        "id": "stock",
        "input": "How many pieces of the item kettle are in stock?",
        "expect": {"instructions": {"clerk": phrases}},
    }
    report = mutated("clerk", [asked], "empty_prompt", "loosen_prompt")

    assert fates(report) == {"empty_prompt:clerk": "killed", "loosen_prompt:clerk": "killed"}


def test_a_case_that_expects_the_first_paragraph_only_does_not_notice_that_the_rest_is_gone(
    mutated: Callable[..., Report],
) -> None:
    asked = {
        "id": "stock",
        "input": "How many pieces of the item kettle are in stock?",
        "expect": {"instructions": {"clerk": ["You are kind."]}},
    }
    report = mutated("clerk", [asked], "empty_prompt", "loosen_prompt")

    assert fates(report) == {"empty_prompt:clerk": "killed", "loosen_prompt:clerk": "survived"}


def test_a_limit_of_turns_is_noticed_by_a_case_whose_model_does_not_end(mutated: Callable[..., Report]) -> None:
    call = {"calls": [{"tool": "stock", "arguments": {"item": "kettle"}}]}
    endless = {
        "id": "endless",
        "input": "Count.",
        "replies": [*[call] * 6, "Enough."],
        "expect": {"answer": {"equals": ""}, "reads": [{"tool": "stock"}] * 2},
    }
    report = mutated("clerk", [endless], "raise_turns", "drop_tool")

    assert fates(report) == {"drop_tool:stock": "killed", "raise_turns:agents": "killed"}


def test_a_node_that_says_where_to_go_is_broken_too(mutated: Callable[..., Report]) -> None:
    cases = [{"id": each, "input": each, "expect": {"answer": {"equals": each}}} for each in ("big", "small")]
    report = mutated("sorting", cases, "swap_goto")

    assert fates(report) == {"swap_goto:decide → big": "killed", "swap_goto:decide → small": "killed"}
    assert {each.by for each in report.tried} == {"big", "small"}


def test_a_run_whose_state_cannot_be_merged_has_failed_and_is_noticed(mutated: Callable[..., Report]) -> None:
    cases = [{"id": "here", "input": "here", "expect": {"answer": {"equals": "['here']"}}}]
    report = mutated("merging", cases, only=("swap_branch:first → second",))

    assert [(each.fate, "KeyError: 'place'" in each.reason) for each in report.tried] == [("killed", True)]


def test_what_was_broken_for_the_whole_process_is_mended(mutated: Callable[..., Report]) -> None:
    mutated("desk", STRONG, "raise_limit")
    module = sys.modules["graphwright_project_graphs_desk"]

    assert vars(module)["MOST_ORDERS"] == 3


def test_a_case_that_notices_nothing_is_named(mutated: Callable[..., Report]) -> None:
    blind = {"id": "blind", "input": "A-3"}
    report = mutated("desk", [*STRONG, blind], "wrong_number", "empty_answer", "drop_tool")

    assert [each.case for each in report.idle] == ["blind"]
    assert report.idle[0].touches
    assert mutated("desk", [*STRONG, blind], "drop_tool", idle=False).idle == ()


def test_a_case_that_fails_by_itself_kills_nothing(mutated: Callable[..., Report]) -> None:
    wrong = {"id": "wrong", "input": "A-3", "expect": {"answer": {"equals": "Goodbye."}}}
    report = mutated("desk", [*STRONG, wrong], "empty_answer")

    assert report.failing == ("wrong",)
    assert report.tried[0].by != "wrong"
    with pytest.raises(NothingToMutate, match="No case of suite 'desk' passes"):
        mutated("desk", [wrong])


def test_a_suite_without_a_graph_has_nothing_to_break(desk: Project) -> None:
    suite = Suite(name="plain", cases=[Case.model_validate({"id": "one", "input": "x"})], function=str.upper)
    with pytest.raises(NothingToMutate, match="runs no graph"):
        asyncio.run(mutate(suite, desk, Plan()))


def test_what_was_tried_is_not_tried_again(mutated: Callable[..., Report]) -> None:
    first = mutated("desk", STRONG, "drop_tool")
    known = tuple(replace(each, reason="as it was") for each in first.tried[:1])
    again = mutated("desk", STRONG, "drop_tool", known=known)

    assert [each.reason == "as it was" for each in again.tried] == [True, False]
    assert again.score == first.score
