"""Running suites: every case once, each result kept at once, nothing lost or repeated by a kill, scores that repeat."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graphwright.evals import Case, LiveModelRefused, Observed, Plan, Project, ResultsProblem, RunFolder, Score, Suite
from graphwright.evals.finding import find_run
from graphwright.evals.results import Result
from graphwright.evals.resuming import folder_to_resume
from graphwright.evals.runner import Choice, Limits, Progress, new_run, run_suite

Ran = tuple[Progress, dict[str, Result]]


def case(id: str, input: str, **more: Any) -> Case:
    return Case.model_validate({"id": id, "input": input, **more})


REFUND = case(
    "refund",
    "A-1",
    people=[{"tool": "refund", "decide": "approve", "by": "ann"}],
    expect={
        "calls": [{"tool": "reserve", "arguments": {"order": "A-1"}}, {"tool": "refund"}],
        "approvals": [{"tool": "refund", "arguments": {"amount": 5}}],
        "changes": {"book": [["reserve", "A-1"], ["refund", "A-1", 5]]},
        "route": ["hold", "pay"],
    },
)


@pytest.fixture
def run(project: Path, tmp_path: Path) -> Callable[..., Ran]:
    """Runs a suite of the shop in a folder of its own."""

    def run_it(suite: Suite, folder: RunFolder | None = None, **plan: Any) -> Ran:
        made = Plan(**plan)
        folder = folder or new_run(suite, Project(project), made, tmp_path / "runs")
        progress = asyncio.run(run_suite(suite, Project(project), made, folder))
        return progress, {f"{each.case}#{each.epoch}": each for each in folder.results()}

    return run_it


def shouting(text: str) -> str:
    return text.upper()


SHOUTS = [case(f"c{at}", f"word {at}", expect={"answer": {"equals": f"WORD {at}"}}) for at in range(20)]
SHOUTING = Suite(name="shouting", cases=SHOUTS, function=shouting)


def test_a_case_is_run_on_the_whole_runtime_with_its_people_and_judged(run: Callable[..., Ran]) -> None:
    progress, results = run(Suite(name="shop", cases=[REFUND], graph="sound"))

    assert (progress.passed, progress.failed) == (1, 0), results["refund#1"].scores
    detail = results["refund#1"].detail
    assert detail is not None
    assert [each["tool"] for each in detail["calls"]] == ["reserve", "refund"]
    assert detail["approvals"][0]["decision"] == "approve"


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ({"status": "failed"}, "It is done, not failed."),
        ({"calls": [{"tool": "reserve"}]}, "refund(amount=5, order='A-1') was not expected"),
        ({"calls": [{"tool": "reserve"}, {"tool": "refund"}, {"tool": "refund"}]}, "refund() is missing"),
        (
            {"calls": [{"tool": "reserve"}, {"tool": "refund", "arguments": {"amount": 6}}]},
            "refund(amount=6) is missing",
        ),
        ({"changes": {}}, "book.0.0 became 'reserve', which nobody expected"),
        ({"approvals": []}, "The approval refund(order='A-1', amount=5) was not expected"),
        ({"route": ["pay", "hold"]}, "'hold' is missing there"),
        ({"state": {"said": []}}, "The state's 'said' is"),
        ({"retrieved": ["a.md"]}, "Nothing was retrieved from 'a.md'"),
        ({"answer": {"regex": "^nothing$"}}, "does not match '^nothing$'"),
    ],
)
def test_what_is_not_as_expected_fails_the_verdict_with_its_reason(
    run: Callable[..., Ran], expect: dict[str, Any], told: str
) -> None:
    wrong = case("refund", "A-1", people=[{"tool": "refund", "decide": "approve"}], expect=expect)

    progress, results = run(Suite(name="shop", cases=[wrong], graph="sound"))

    assert progress.failed == 1
    assert told in results["refund#1"].scores[0].reason


def test_cases_do_not_see_each_others_world(run: Callable[..., Ran]) -> None:
    cases = [REFUND.model_copy(update={"id": f"r{at}"}) for at in range(6)]

    progress, _ = run(Suite(name="shop", cases=cases, graph="sound"), concurrency=3)

    assert progress.passed == 6


def test_two_runs_give_the_same_scores(run: Callable[..., Ran]) -> None:
    suite = Suite(name="shop", cases=[REFUND, case("alone", "A-2", expect={"status": "waiting"})], graph="sound")

    (_, first), (_, second) = run(suite), run(suite)

    assert {key: each.scores for key, each in first.items()} == {key: each.scores for key, each in second.items()}


def test_a_scorer_that_raises_measures_nothing_and_the_run_goes_on(run: Callable[..., Ran]) -> None:
    def broken(case: Case, observed: Observed) -> Score:
        raise RuntimeError(f"no idea about {case.id}")

    def not_a_number(case: Case, observed: Observed) -> Score:
        return Score(float("nan"), "pass")

    progress, results = run(replace(SHOUTING, scorers=(broken, not_a_number)))

    assert (progress.done, progress.unmeasured) == (20, 20)
    assert results["c3#1"].scores[0].reason == "The scorer raised RuntimeError: no idea about c3"
    assert results["c3#1"].scores[1].value is None


def test_a_function_that_raises_fails_its_case_and_no_other(run: Callable[..., Ran]) -> None:
    def sometimes(text: str) -> str:
        if text == "word 4":
            raise ValueError("not four")
        return text.upper()

    progress, results = run(replace(SHOUTING, function=sometimes))

    assert (progress.passed, progress.failed) == (19, 1)
    assert results["c4#1"].error == "ValueError: not four"


async def test_async_functions_run_side_by_side(project: Path, tmp_path: Path) -> None:
    together = asyncio.Barrier(4)

    async def waits(text: str) -> str:
        await together.wait()
        return text.upper()

    suite, plan = replace(SHOUTING, function=waits), Plan(concurrency=4)
    folder = new_run(suite, Project(project), plan, tmp_path)

    assert (await run_suite(suite, Project(project), plan, folder)).passed == 20


def test_epochs_run_each_case_so_often(run: Callable[..., Ran]) -> None:
    progress, results = run(replace(SHOUTING, epochs=3))

    assert progress.done == 60
    assert {"c0#1", "c0#2", "c0#3"} <= results.keys()


def test_only_chosen_cases_are_run_and_a_sample_follows_its_seed(run: Callable[..., Ran]) -> None:
    _, some = run(SHOUTING, choice=Choice(ids=("c2", "c5")))
    draws = [set(run(SHOUTING, choice=Choice(sample=5), seed=seed)[1]) for seed in (1, 1, 2)]

    assert set(some) == {"c2#1", "c5#1"}
    assert draws[0] == draws[1] != draws[2]
    assert len(draws[0]) == 5


def test_a_run_stops_before_the_case_that_would_pass_its_limit_and_goes_on_with_more(
    project: Path, tmp_path: Path
) -> None:
    ran: list[str] = []

    def slow(text: str) -> str:
        ran.append(text)
        time.sleep(0.02)
        return text.upper()

    suite, shop = replace(SHOUTING, function=slow), Project(project)
    folder = new_run(suite, shop, Plan(), tmp_path)

    stopped = asyncio.run(run_suite(suite, shop, Plan(limits=Limits(seconds=0.05)), folder))
    done = asyncio.run(run_suite(suite, shop, Plan(), folder))

    assert "limit of 0.05 seconds" in stopped.stopped
    assert stopped.done < 20
    assert done.done == 20
    assert sorted(ran) == sorted(str(each.input) for each in SHOUTS)


def test_a_real_model_is_refused_before_anything_runs(run: Callable[..., Ran]) -> None:
    live = Suite(name="live", cases=[case("a", "A-1", model="openai:gpt-5-mini")], graph="sound")

    with pytest.raises(LiveModelRefused, match=r"openai:gpt-5-mini.*--live"):
        run(live)


def test_the_cache_runs_a_case_once_and_again_when_its_text_changes(run: Callable[..., Ran], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    suite = Suite(name="shop", cases=[REFUND], graph="sound")
    changed = Suite(name="shop", cases=[REFUND.model_copy(update={"input": "A-9"})], graph="sound")

    fresh, known, other = (run(each, cache=cache)[1]["refund#1"] for each in (suite, suite, changed))

    assert (fresh.is_cached, known.is_cached, other.is_cached) == (False, True, False)
    assert known.scores == fresh.scores
    assert known.detail is not None
    assert fresh.detail is not None
    assert {**known.detail, "run_id": ""} == {**fresh.detail, "run_id": ""}


def test_a_graph_runs_bare_where_its_suite_says_so(run: Callable[..., Ran]) -> None:
    plain = case("hold", "A-1", expect={"calls": [{"tool": "reserve", "arguments": {"order": "A-1"}}]})

    _, results = run(Suite(name="bare", cases=[plain], graph="sound", runtime="bare"))

    assert "need `runtime: full`" in results["hold#1"].trouble
    assert results["hold#1"].scores[0].outcome == "unmeasured"


def test_two_processes_do_not_work_on_one_run(project: Path, tmp_path: Path) -> None:
    folder = new_run(SHOUTING, Project(project), Plan(), tmp_path)

    with folder, pytest.raises(ResultsProblem, match="Another process"), RunFolder.find(folder.path):
        pass


def test_a_full_disk_is_told_as_what_it_is(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = new_run(SHOUTING, Project(project), Plan(), tmp_path)

    def full(_result: Result) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "add", full)

    with pytest.raises(OSError, match="No space left"):
        asyncio.run(run_suite(SHOUTING, Project(project), Plan(), folder))


def test_a_torn_last_line_is_dropped_and_its_case_run_again(project: Path, tmp_path: Path) -> None:
    folder = new_run(SHOUTING, Project(project), Plan(), tmp_path)
    asyncio.run(run_suite(SHOUTING, Project(project), Plan(), folder))
    whole = folder.file.read_bytes()
    folder.file.write_bytes(whole[:-40])

    progress = asyncio.run(run_suite(SHOUTING, Project(project), Plan(), folder))

    assert progress.done == 20
    assert sorted(each.case for each in folder.results()) == sorted(each.id for each in SHOUTS)


def test_results_of_another_version_are_refused(project: Path, tmp_path: Path) -> None:
    folder = new_run(SHOUTING, Project(project), Plan(), tmp_path)
    header = json.loads((folder.path / "run.json").read_text())
    (folder.path / "run.json").write_text(json.dumps({**header, "schema": 99}))

    with pytest.raises(ResultsProblem, match="schema 99"):
        RunFolder.find(folder.path)


def test_a_run_of_a_graph_that_changed_is_not_gone_on_with(project: Path, tmp_path: Path) -> None:
    suite = Suite(name="shop", cases=[REFUND], graph="sound")
    new_run(suite, Project(project), Plan(), tmp_path)
    source = project / "graphs" / "shop.py"
    source.write_text(source.read_text() + "\n# another word\n")

    with pytest.raises(ResultsProblem, match="cannot be mixed"):
        folder_to_resume(suite, Project(project), tmp_path, "last")


def test_a_run_is_found_by_its_suite_and_how_far_back_it_is(project: Path, tmp_path: Path) -> None:
    made = [new_run(SHOUTING, Project(project), Plan(), tmp_path, now=1000.0 + at) for at in range(3)]

    found = [find_run(tmp_path, name).header.run for name in ("last", "shouting", "shouting~2")]

    assert found == [made[2].header.run, made[2].header.run, made[0].header.run]
    with pytest.raises(ResultsProblem, match="There are 3 runs of 'shouting'"):
        find_run(tmp_path, "shouting~3")


KILLED = """
import asyncio, os, sys, time
from pathlib import Path
from graphwright.evals import Case, Plan, Project, RunFolder, Suite, new_run, run_suite

def slow(text):
    with open("ran.log", "a") as log:
        log.write(text + "\\n")
    time.sleep(0.004)
    return text

cases = [Case(id=f"c{at}", input=f"c{at}", expect={"answer": {"equals": f"c{at}"}}) for at in range(60)]
suite = Suite(name="slow", cases=cases, function=slow)
here = Path.cwd()
found = list(here.glob("slow-*"))
folder = RunFolder.find(found[0]) if found else new_run(suite, Project(here), Plan(), here)
print("ready", flush=True)
asyncio.run(run_suite(suite, Project(here), Plan(), folder))
"""


@pytest.mark.parametrize("seconds", [0.1, *(pytest.param(at / 50, marks=pytest.mark.soak) for at in range(1, 15))])
def test_a_killed_run_goes_on_without_losing_or_repeating_a_finished_case(tmp_path: Path, seconds: float) -> None:
    (tmp_path / "killed.py").write_text(KILLED)
    command = [sys.executable, "killed.py"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, env={**os.environ, "PYTHONSAFEPATH": "1"})
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    folder = RunFolder.find(next(tmp_path.glob("slow-*")))
    finished = {each.case for each in folder.results()}

    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    ran = (tmp_path / "ran.log").read_text().split()
    assert sorted(each.case for each in folder.results()) == sorted(f"c{at}" for at in range(60))
    assert all(ran.count(each) == 1 for each in finished)
    assert len(ran) <= 61  # what was in the middle when it died


def test_a_run_that_is_killed_three_times_has_every_case_once(tmp_path: Path) -> None:
    many, seed = 300, random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    (tmp_path / "killed.py").write_text(KILLED.replace("range(60)", f"range({many})"))
    command, env = [sys.executable, "killed.py"], {**os.environ, "PYTHONSAFEPATH": "1"}
    finished: list[set[str]] = []
    log, before = tmp_path / "ran.log", [0]
    for _ in range(3):
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, env=env)
        assert process.stdout is not None
        process.stdout.readline()
        lines = next(tmp_path.glob("slow-*")) / "results.jsonl"
        wanted = len(finished[-1] if finished else ()) + rng.randint(1, 80)
        while process.poll() is None and (not lines.exists() or lines.read_bytes().count(b"\n") < wanted):
            time.sleep(rng.random() * 0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, f"seed {seed}"
        process.stdout.close()
        finished.append({each.case for each in RunFolder.find(lines.parent).results()})
        before.append(len(log.read_text().split()))

    subprocess.run(command, cwd=tmp_path, env=env, check=True, capture_output=True)

    ran = log.read_text().split()
    assert sorted(each.case for each in RunFolder.find(lines.parent).results()) == sorted(
        f"c{at}" for at in range(many)
    )
    assert finished[0] < finished[1] < finished[2], f"seed {seed}"
    for known, at in zip(finished, before[1:], strict=True):
        assert not known & set(ran[at:]), f"seed {seed}"
    assert len(ran) <= many + 3  # what was in the middle each time
