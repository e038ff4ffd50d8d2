"""``graphwright certify``: what it prints, writes and ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphwright.cli.app import run

CASES = "- {id: paid, input: A-1, people: [{tool: refund, decide: approve}]}\n"


@pytest.fixture
def shop(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (project / "evals").mkdir()
    for name in ("sound", "effect_before_the_interrupt"):
        (project / "evals" / f"{name}.yaml").write_text(CASES)
    monkeypatch.chdir(project)
    return project


def test_a_certificate_is_printed_for_people_and_written_for_programs(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(["certify", "sound", "--points", "3", "--out", "certificate.json"])

    said = capsys.readouterr().out
    assert status == 0
    assert "Verdict   PASSED" in said
    assert "CASE\tPOINTS\tKILLS" in said
    assert json.loads((shop / "certificate.json").read_text())["verdict"] == "passed"


def test_a_finding_is_printed_with_the_command_that_reproduces_it(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["certify", "effect_before_the_interrupt", "--points", "13", "--json"]) == 1
    failure = json.loads(capsys.readouterr().out)["failures"][0]

    status = run(failure["command"].split()[1:])

    said = capsys.readouterr().out
    assert status == 1
    assert "Verdict   FAILED" in said
    assert f"paid:{failure['point']}  {failure['at']}" in said
    assert failure["findings"][0] in said
    assert f"Again: {failure['command']}" in said


def test_wrong_words_are_usage_errors(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "broken.yaml").write_text("- {id: a, imput: x}\n")

    assert run(["certify", "sund"]) == 2
    assert run(["certify", "sound", "--at", "17"]) == 2
    assert run(["certify", "sound", "--case", "none"]) == 2
    assert run(["certify", "sound", "--cases", "broken.yaml"]) == 2

    said = capsys.readouterr().err
    assert "broken.yaml:1: case 'a': there is no 'imput'. Did you mean 'input'?" in said
