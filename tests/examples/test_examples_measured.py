"""The suites of the shipped graphs are measured themselves: what they notice, reach, and hold on to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from graphwright.evals import Project, find_suite
from graphwright.evals.coverage import measure
from graphwright.evals.metamorphic import check_relations
from graphwright.evals.mutation import Plan, mutate
from graphwright.graphs.catalogue import SHIPPED


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SHIPPED)
def test_nine_of_ten_planted_mistakes_are_noticed(name: str, tmp_path: Path) -> None:
    project = Project(tmp_path)
    report = asyncio.run(mutate(find_suite(name, project), project, Plan(timeout=300, idle=False)))

    assert report.failing == ()
    assert report.score is not None
    assert report.score >= 0.9, [each.mutant for each in report.survivors]


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SHIPPED)
def test_what_a_case_comes_to_hangs_on_no_order_process_name_or_delivery(name: str, tmp_path: Path) -> None:
    project = Project(tmp_path)
    outcomes = asyncio.run(check_relations(find_suite(name, project), project, sample=6))

    assert [each for each in outcomes if each.verdict == "broken"] == []


def test_the_cases_of_a_graph_exercise_all_of_it(tmp_path: Path) -> None:
    project = Project(tmp_path)
    coverage = asyncio.run(measure([find_suite("research", project)], project))

    assert coverage.share == 1.0
