"""``graphwright eval``: what is printed, what is written, and with which status it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from graphwright.cli.app import run as command_line

Eval = Callable[..., tuple[int, str, str]]


@pytest.fixture
def gw(project: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Eval:
    """Types a command in the shop; gives status, stdout and stderr."""
    (project / "evals").mkdir()
    (project / "evals" / "good.yaml").write_text("- {id: one, input: A-1, expect: {status: waiting}}\n")
    (project / "evals" / "bad.yaml").write_text("- {id: two, input: A-2}\n- {id: three, input: A-3}\n")
    for name in ("good", "bad"):
        text = f"name: {name}\ngraph: sound\ncases: {name}.yaml\ngates: [{{at_least: 0.9}}]\n"
        (project / "evals" / f"{name}-suite.yaml").write_text(text)

    def typed(*words: str) -> tuple[int, str, str]:
        status = command_line([*words, "--project", str(project), "--state", str(tmp_path / "state")])
        printed = capfd.readouterr()
        return status, printed.out, printed.err

    return typed


def test_a_suite_that_passes_its_gates_ends_with_0(gw: Eval) -> None:
    status, out, _ = gw("eval", "run", "good")

    assert status == 0
    assert "good: 1 runs of 1 cases on sound, model offline" in out
    assert "PASSED: gate mean of verdict at least 0.9" in out


def test_a_suite_below_its_gate_ends_with_4_and_names_statistic_and_cases(gw: Eval) -> None:
    status, out, _ = gw("eval", "run", "bad")

    assert status == 4
    assert "two: verdict fail: It is waiting, not done." in out
    assert "FAILED: gate mean of verdict at least 0.9: mean of verdict is 0.000" in out


def test_json_is_one_object_for_each_suite(gw: Eval) -> None:
    status, out, _ = gw("eval", "run", "bad", "--json")

    told = json.loads(out)
    assert (status, told["verdict"], told["runs"]) == (4, "failed", 2)


def test_what_is_typed_wrongly_ends_with_2(gw: Eval) -> None:
    unknown, no_case = gw("eval", "run", "god"), gw("eval", "run", "good", "--case", "nine")
    live, no_run = gw("eval", "run", "good", "--model", "openai:gpt-5-mini"), gw("eval", "report", "good")

    assert [each[0] for each in (unknown, no_case, live, no_run)] == [2, 2, 2, 2]
    assert "Did you mean 'good'" in unknown[2]
    assert "--live" in live[2]


def test_runs_are_listed_reported_compared_and_gone_on_with(gw: Eval, tmp_path: Path) -> None:
    gw("eval", "run", "bad")
    page, lines = tmp_path / "page.html", tmp_path / "all.jsonl"

    _, listed, _ = gw("eval", "runs")
    again, _, _ = gw("eval", "run", "bad", "--resume", "last")
    _, told, _ = gw("eval", "compare", "bad", "--html", str(page))
    status, _, _ = gw("eval", "report", "bad", "--out", str(lines), "--junit", str(tmp_path / "all.xml"))

    assert listed.count("bad-") == 1
    assert (again, status) == (4, 4)
    assert "CANNOT TELL. No case changed" in told
    assert page.read_text().startswith("<!doctype html>")
    assert len(lines.read_text().splitlines()) == 2


def test_a_run_becomes_a_case_of_a_suite_in_one_command(gw: Eval, project: Path) -> None:
    gw("run", "sound", "A-7", "--no-input")
    run = json.loads(gw("runs", "--json")[1].splitlines()[0])

    status, _, said = gw("eval", "promote", run["thread_id"], "--id", "promoted")
    ran, _, _ = gw("eval", "run", "sound-promoted")

    assert (status, ran) == (0, 0), said
    assert "comes to the same" in said
    assert "id: promoted" in (project / "evals" / "sound-promoted.yaml").read_text()


def test_recorded_answers_are_replayed_and_a_miss_is_explained(gw: Eval, project: Path, tmp_path: Path) -> None:
    (project / "graphs" / "talk.py").write_text(
        "from graphwright.agents import Agent\nfrom graphwright.graphs import agent_loop, graph\n"
        "from graphwright.prompts import prompt\n\n\n@graph(description='Talks.')\ndef talk():\n"
        "    return agent_loop(Agent(name='talker', description='Talks.', prompt=prompt('talker')))\n"
    )
    (project / "prompts").mkdir()
    talker = project / "prompts" / "talker.md"
    talker.write_text("---\ntitle: Talker\nsent_by: talker\nwhen: always\n---\nYou talk.\n")
    (project / "evals" / "talk.yaml").write_text("- {id: hello, input: Hello there}\n")
    said = gw("eval", "run", "talk", "--record")
    assert said[0] == 0, said
    cassette = next((tmp_path / "state" / "evals").glob("talk-*/recordings/hello.json"))
    (project / "evals" / "hello.json").write_bytes(cassette.read_bytes())
    (project / "evals" / "talk.yaml").write_text("- {id: hello, input: Hello there, cassette: hello.json}\n")

    fits, _, _ = gw("eval", "diff", "talk")
    (project / "evals" / "talk.yaml").write_text("- {id: hello, input: Goodbye now, cassette: hello.json}\n")
    misses, out, _ = gw("eval", "diff", "talk")

    assert (fits, misses) == (0, 1)
    assert "the first difference is: prompt" in out
