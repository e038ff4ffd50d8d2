"""The same suite run twice comes to the same scores, whatever runs beside it; and what differs is told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from graphwright.cli.app import run as command_line
from graphwright.evals import Plan, Project, RunFolder, find_suite, new_run, run_suite
from graphwright.evals.identical import differences
from graphwright.evals.results import Header, Result, Scored
from graphwright.evals.suite_files import suite_places


def ran(project: Project, name: str, root: Path, *, concurrency: int) -> RunFolder:
    suite = find_suite(name, project)
    plan = Plan(concurrency=concurrency)
    folder = new_run(suite, project, plan, root)
    asyncio.run(run_suite(suite, project, plan, folder))
    return folder


@pytest.mark.parametrize("name", ["assistant", "research"])
def test_a_shipped_suite_run_twice_comes_to_the_same_scores(name: str, tmp_path: Path) -> None:
    project = Project(tmp_path)

    one, other = (ran(project, name, tmp_path / "runs", concurrency=many) for many in (1, 4))

    assert differences(one, other) == []
    assert sum(1 for _ in one.results()) == one.header.cases


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_every_suite_run_twice_comes_to_the_same_scores(tmp_path: Path) -> None:
    project = Project(tmp_path)
    for name in suite_places(project):
        one, other = (ran(project, name, tmp_path / "runs", concurrency=many) for many in (2, 4))

        assert differences(one, other) == [], name


def run_of(root: Path, name: str, *results: Result, suite: str = "s", started: float = 0.0) -> RunFolder:
    header = Header(
        run=name, suite=suite, target="t", model="offline", epochs=1, cases=len(results), scorers=("verdict",),
        started=started,
    )  # fmt: skip
    folder = RunFolder.make(root / name, header)
    with folder:
        for each in results:
            folder.add(each)
    return folder


GOOD = Result(case="a", epoch=1, status="done", scores=(Scored("verdict", 1.0, "pass"),), seconds=1.0, answer="Yes.")
BAD = replace(GOOD, scores=(Scored("verdict", 0.0, "fail", "No."),))


def test_times_do_not_count_and_every_score_status_and_missing_run_does(tmp_path: Path) -> None:
    base = run_of(tmp_path, "base", GOOD, replace(GOOD, case="b"), replace(GOOD, case="c"))
    same = run_of(tmp_path, "same", replace(GOOD, case="c", seconds=9.0), replace(GOOD, case="b"), GOOD)
    other = run_of(tmp_path, "other", BAD, replace(GOOD, case="b", status="waiting"))

    assert differences(base, same) == []
    assert [str(each) for each in differences(base, other)] == [
        "a #1: verdict: pass 1 → fail 0",
        "b #1: status: done → waiting",
        "c #1: status: done → not there",
        "c #1: verdict: pass 1 → not there",
    ]


def test_the_command_ends_with_4_where_runs_that_ought_to_be_the_same_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "state" / "evals"
    where = ["--state", str(tmp_path / "state"), "--project", str(tmp_path)]
    for at, (suite, result) in enumerate([("s", GOOD), ("s", GOOD), ("t", GOOD), ("t", BAD)]):
        run_of(root, f"{suite}-{at}", result, suite=suite, started=float(at))

    same = command_line(["eval", "compare", "s~1", "s", "--identical", *where])
    one = capsys.readouterr().out
    every = command_line(["eval", "compare", "all", "--identical", "--json", *where])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    itself = command_line(["eval", "compare", "s", "--identical", *where])

    assert (same, every, itself) == (0, 4, 2)
    assert one == "s: IDENTICAL: 1 runs, 0 differences\n"
    assert [(each["suite"], each["identical"]) for each in told] == [("s", True), ("t", False)]
    assert "with itself" in capsys.readouterr().err


def test_a_suite_that_was_run_once_cannot_be_the_same_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_of(tmp_path / "state" / "evals", "only", GOOD)

    status = command_line(
        ["eval", "compare", "all", "--identical", "--state", str(tmp_path / "state"), "--project", str(tmp_path)]
    )

    assert status == 2
    assert "no two runs of s" in capsys.readouterr().err
