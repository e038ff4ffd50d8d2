"""The pytest plugin: suites are tests, nothing real is reached, and the fixtures do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import socket

import pytest

from graphwright.models import model
from graphwright.models.script import calls
from graphwright.runtime import Approve


def test_other_machines_are_out_of_reach():
    with pytest.raises(OSError, match="tests reach this machine only"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_real_models_are_out_of_reach():
    from graphwright.models.errors import RealModelBanned

    with pytest.raises(RealModelBanned):
        model("openai:gpt-5-mini").invoke("Hello?")


@pytest.mark.live_models
def test_a_marked_test_may_try():
    import os

    assert "GRAPHWRIGHT_BAN_REAL_MODELS" not in os.environ


async def test_the_inbox_asks_and_takes_the_answer(inbox):
    run = await inbox.start("sound", "A-1")
    assert run.status == "waiting"

    run = await inbox.decide(await inbox.first(run), Approve(), by="ann")

    assert run.status == "done"


def test_the_clock_stands_still(clock):
    before = clock()
    clock.advance(60)
    assert clock() == before + 60


def test_a_script_must_be_asked_for(scripted_model):
    scripted_model("never asked for")
"""
CONFIG = "[pytest]\nasyncio_mode = auto\naddopts = --import-mode=importlib\n"


@pytest.fixture
def shop(project: Path) -> Path:
    (project / "pytest.ini").write_text(CONFIG)
    (project / "evals").mkdir()
    (project / "evals" / "sound.yaml").write_text("- {id: one, input: A-1, expect: {status: waiting}}\n")
    return project


def pytest_in(shop: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-q", *arguments]
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, timeout=100, env=environment, check=False)
    return done.stdout + done.stderr


def test_the_fixtures_and_the_ban_do_what_they_say(shop: Path) -> None:
    (shop / "test_shop.py").write_text(TESTS)

    said = pytest_in(shop, "test_shop.py")

    assert "6 passed, 1 error" in said, said
    assert "never asked for" in said


def test_a_suite_is_a_test_that_fails_with_its_gate_and_its_cases(shop: Path) -> None:
    (shop / "evals" / "good-suite.yaml").write_text("name: good\ngraph: sound\ncases: sound.yaml\n")
    (shop / "evals" / "bad.yaml").write_text("- {id: two, input: A-2, expect: {status: done}}\n")
    (shop / "evals" / "bad-suite.yaml").write_text("name: bad\ngraph: sound\ncases: bad.yaml\n")
    (shop / "evals" / "broken-suite.yaml").write_text("name: broken\ngraph: sound\ncases: nowhere.yaml\n")
    (shop / "evals" / "other-suite.yaml").write_text("something: else\n")

    said = pytest_in(shop, "evals")

    assert "2 failed, 1 passed" in said, said
    assert "failed: mean of verdict at least 1" in said
    assert "It is waiting, not done." in said
    assert "nowhere.yaml: No such file" in said
