"""`graphwright init` makes a project that works."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", "from graphwright.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


@pytest.fixture
def made(gw: Cli, tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    assert gw("init", str(folder)).status == 0
    return folder


def test_a_new_project_runs_at_once(made: Path) -> None:
    done = start(made, "run", "desk")

    assert done.returncode == 0, done.stderr
    assert "A-1042" in done.stdout
    assert "shipped on Monday" in done.stdout


def test_a_new_project_asks_before_it_refunds(made: Path) -> None:
    asked = start(made, "run", "desk", "Refund order A-1042")
    assert asked.returncode == 3, asked.stderr
    approval = json.loads(start(made, "inbox", "--json").stdout)["id"]

    assert "A-1042 was refunded" in start(made, "approve", approval).stdout


def test_the_cases_of_a_new_project_pass_and_notice_most_mistakes(made: Path) -> None:
    done = start(made, "eval", "run", "desk", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "passed"

    broken = start(made, "mutate", "desk", "--json", "--no-idle")
    told = json.loads(broken.stdout)
    survivors = {each["mutant"] for each in told["tried"] if each["fate"] == "survived"}
    assert survivors == {"lose_effect:refund_order", "swap_goto:model → model", "raise_turns:agents"}


def test_the_tools_of_a_new_project_have_no_errors(made: Path) -> None:
    done = start(made, "tools", "check", "--json")

    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["level"] for line in done.stdout.splitlines()} <= {"remark", "warning"}


def test_the_prompt_of_a_project_is_found_from_elsewhere(made: Path, tmp_path: Path) -> None:
    done = start(tmp_path, "--project", str(made), "run", "desk")

    assert done.returncode == 0, done.stderr


def test_nothing_is_overwritten(gw: Cli, made: Path) -> None:
    (made / "agents" / "clerk.py").write_text("mine")

    done = gw("init", str(made))

    assert done.status == 2
    assert "Nothing was written" in done.err
    assert (made / "agents" / "clerk.py").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_named(gw: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = gw("init", str(tmp_path / "file" / "mine"))

    assert done.status == 1
    assert "cannot be written" in done.err
