"""Programs as processes of their own: clean, capped, and gone when nobody waits any more."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from graphwright.tools.builtin.children import run_child

PYTHON = (sys.executable, "-I", "-S", "-c")


async def test_a_program_reads_what_it_is_given_and_sees_only_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "sk-secret")
    code = "import os, sys; print(sys.stdin.read(), os.getcwd(), 'API_KEY' in os.environ, os.environ.get('X'))"

    ended = await run_child((*PYTHON, code), b"hello", seconds=30, most=1_000, environment={"X": "y"})

    assert (ended.status, ended.out.split(), ended.why) == (0, [b"hello", b"/", b"False", b"y"], "")


@pytest.mark.parametrize(
    ("code", "seconds", "why"),
    [
        ("while True: pass", 0.5, "time"),
        ("while True: print('x' * 1000)", 30, "output"),
        ("import sys\nwhile True: print('x' * 1000, file=sys.stderr)", 30, "output"),
    ],
)
async def test_a_program_that_goes_on_too_long_or_says_too_much_is_killed(code: str, seconds: float, why: str) -> None:
    ended = await run_child((*PYTHON, code), b"", seconds=seconds, most=5_000)

    assert (ended.why, ended.status) == (why, -9)
    assert len(ended.out) <= 5_000


async def test_a_program_that_does_not_read_its_input_is_no_error() -> None:
    ended = await run_child((*PYTHON, "print('done')"), b"x" * 5_000_000, seconds=30, most=1_000)

    assert ended.out == b"done\n"


async def test_what_watches_can_end_a_program() -> None:
    ended = await run_child((*PYTHON, "while True: pass"), b"", seconds=30, most=10, watch=lambda: "seen enough")

    assert ended.why == "seen enough"


async def test_a_program_and_its_children_are_gone_when_the_caller_gives_up(tmp_path: Path) -> None:
    told = tmp_path / "ids"
    code = (
        "import os, sys, time\n"
        "child = os.fork()\n"
        f"if child: open({str(told)!r} + '.part', 'w').write(f'{{os.getpid()}} {{child}}')\n"
        f"if child: os.rename({str(told)!r} + '.part', {str(told)!r})\n"
        "time.sleep(600)"
    )
    task = asyncio.create_task(run_child((*PYTHON, code), b"", seconds=600, most=10))
    async with asyncio.timeout(30):
        while not os.access(told, os.R_OK):  # noqa: ASYNC110 (another process makes it)
            await asyncio.sleep(0.01)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    ids = [int(each) for each in told.read_text().split()]
    async with asyncio.timeout(30):
        while any(map(_lives, ids)):  # noqa: ASYNC110 (the kernel ends them)
            await asyncio.sleep(0.01)


def _lives(process: int) -> bool:
    """Whether a process is there and no zombie that waits for its parent."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False
