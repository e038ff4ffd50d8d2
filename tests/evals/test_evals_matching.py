"""Calls are paired by a maximum matching: known answers that others get wrong, and agreement with SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from graphwright.evals import Case, Observed
from graphwright.evals.observed import Call
from graphwright.evals.scorers import best_pairs, maximum_matching, tool_choice, trajectory, verdict

tables = st.integers(0, 7).flatmap(
    lambda columns: st.lists(st.lists(st.booleans(), min_size=columns, max_size=columns), max_size=7)
)
weights = st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, 9).map(float), min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0]
    )
)


def case(*calls: tuple[str, dict[str, Any]]) -> Case:
    expected = [{"tool": tool, "arguments": arguments} for tool, arguments in calls]
    return Case.model_validate({"id": "c", "input": "x", "expect": {"calls": expected}})


def run(*calls: tuple[str, dict[str, Any]]) -> Observed:
    made = tuple(Call(tool=tool, arguments=arguments, effect="write") for tool, arguments in calls)
    return Observed(case_id="c", status="done", calls=made)


@given(tables)
def test_a_matching_is_as_large_as_scipys(fits: list[list[bool]]) -> None:
    columns = len(fits[0]) if fits else 0

    pairs = maximum_matching(range(len(fits)), range(columns), lambda row, column: fits[row][column])

    assert all(fits[row][column] for row, column in pairs.items())
    assert len(set(pairs.values())) == len(pairs)
    if fits and columns:
        assert len(pairs) == int(np.sum(maximum_bipartite_matching(csr_array(np.array(fits, dtype=int))) >= 0))


@given(weights)
def test_the_best_pairs_weigh_as_much_as_scipys(table: list[list[float]]) -> None:
    rows, columns = linear_sum_assignment(np.array(table), maximize=True)

    pairs = best_pairs(table)

    assert sum(table[row][column] for row, column in pairs.items()) == float(np.array(table)[rows, columns].sum())
    assert len(set(pairs.values())) == len(pairs)


def test_nothing_pairs_with_nothing() -> None:
    assert best_pairs([]) == {}
    assert best_pairs([[], []]) == {}
    assert best_pairs([[0.0]]) == {}


@pytest.mark.parametrize("mode", ["unordered", "superset", "subset"])
def test_a_general_call_does_not_take_the_only_match_of_a_special_one(mode: str) -> None:
    gold = case(("f", {"a": 1}), ("f", {"a": 1, "b": 2}))
    made = run(("f", {"a": 1, "b": 2}), ("f", {"a": 1}))

    assert trajectory(mode=mode)(gold, made).outcome == "pass"
    assert verdict(gold, made).outcome == "pass"


def test_the_same_call_made_twice_and_expected_twice_is_all_right() -> None:
    gold, made = case(("f", {}), ("f", {})), run(("f", {}), ("f", {}))

    assert tool_choice(gold, made).value == 1.0
    assert verdict(gold, made).outcome == "pass"


def test_one_expected_call_and_nine_that_destroy_are_not_all_right() -> None:
    gold, made = case(("find", {})), run(("find", {}), *[("delete_all", {})] * 9)

    assert tool_choice(gold, made).value == pytest.approx(2 / 11)
    assert trajectory(gold, made).outcome == "fail"
    assert verdict(gold, made).outcome == "fail"


def test_a_call_that_is_needed_twice_and_was_made_once_is_no_match() -> None:
    gold, made = case(("pay", {"to": "a"}), ("pay", {"to": "a"})), run(("pay", {"to": "a"}))

    assert verdict(gold, made).outcome == "fail"
    assert "missing" in verdict(gold, made).reason
    assert trajectory(gold, made).outcome == "fail"
