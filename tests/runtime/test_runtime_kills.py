"""The kill test in small: a few runs are killed at chosen and at random moments; and it would notice a doubled effect.

The whole of it is ``benchmarks/reliability/kills.py``; ``make soak`` runs a thousand kills.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "reliability"
WITHOUT_JOURNAL = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import graphwright.runtime.engine
graphwright.runtime.engine.journaled = lambda journal, writer: lambda following: following
import kills
sys.exit(kills.main())
"""
SHAPES = ("parallel", "siblings", "sequence", "subgraph")


def kills(*options: str, seconds: int = 110) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "kills.py"), "--no-stock", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


def test_runs_that_are_killed_at_writes_and_effects_do_everything_once() -> None:
    done = kills("--mode", "boundaries", "--every", "41")

    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"| graphwright | boundaries | {shape} |" in done.stdout for shape in SHAPES)


def test_runs_that_are_killed_at_random_do_everything_once() -> None:
    done = kills("--mode", "random", "--kills", "24", "--seed", "7")

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_runtime_without_its_journal_fails_the_kill_test() -> None:
    options = ["--no-stock", "--mode", "boundaries", "--every", "11", "--shape", "parallel"]
    command = [sys.executable, "-c", WITHOUT_JOURNAL, str(FOLDER), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "WRONG: parallel, boundary" in done.stdout
    assert "doubled" in done.stdout


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_a_thousand_kills_double_nothing_and_lose_nothing() -> None:
    done = kills("--mode", "both", "--kills", "1000", seconds=2900)

    assert done.returncode == 0, done.stdout + done.stderr
