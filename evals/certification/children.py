"""Child processes by fork: everything is imported once, a child costs milliseconds, and it may be killed.

Nothing may fork while it has threads or a running event loop: the fork server and the conductors have neither.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LONGEST_SECONDS = 120.0
"""A child that takes longer hangs; it is killed and reported."""


class ChildFailed(Exception):
    """A child ended by an exception, or it hung; carries its traceback."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended."""

    killed: bool
    result: Any
    seconds: float


@dataclass(frozen=True, slots=True)
class Child:
    """A running child and the end of the pipe on which its result arrives."""

    pid: int
    reader: int
    begun: float


def start(work: Callable[[], Any]) -> Child:
    """Fork a child that runs ``work`` and sends what it returns (plain JSON)."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _be_child(work, writer)
    os.close(writer)
    return Child(pid, reader, time.monotonic())


def read_some(child: Child) -> bytes:
    """What has arrived of a child's answer; empty at its end."""
    return os.read(child.reader, 1 << 20)


def end(child: Child, received: bytes, status: int | None = None) -> Ended:
    """Collect a child that has closed its pipe.

    Args:
        child: Which.
        received: What it said.
        status: How it ended, if somebody has waited for it already.

    Raises:
        ChildFailed: if it ended by an exception.
    """
    os.close(child.reader)
    if status is None:
        _, status = os.waitpid(child.pid, 0)
    seconds = time.monotonic() - child.begun
    if os.WIFSIGNALED(status):
        return Ended(True, None, seconds)
    told = json.loads(received or b'{"error": "The process ended without a word."}')
    if "error" in told:
        raise ChildFailed(told["error"])
    return Ended(False, told["result"], seconds)


def in_child(
    work: Callable[[], Any], *, kill_after: float | None = None, may_die: Callable[[], bool] = lambda: True
) -> Ended:
    """Run ``work`` (it returns plain JSON) in a forked child and wait for it; see :func:`finish`."""
    return finish(start(work), kill_after=kill_after, may_die=may_die)


def finish(
    child: Child,
    *,
    kill_after: float | None = None,
    may_die: Callable[[], bool] = lambda: True,
    longest: float = LONGEST_SECONDS,
) -> Ended:
    """Wait for a child.

    Args:
        child: Which.
        kill_after: Seconds of its life after which it is killed (SIGKILL), if it still lives.
        may_die: Asked, while the child stands still, whether it may be killed now; else it is a moment later.
        longest: Seconds of its life after which it hangs.

    Raises:
        ChildFailed: if it ended by an exception, or hung.
    """
    hangs_at = child.begun + longest
    due = hangs_at if kill_after is None else child.begun + kill_after
    received, status = b"", None
    while True:
        ready, _, _ = select.select([child.reader], [], [], max(0.0, min(due, hangs_at) - time.monotonic()))
        if ready:
            piece = read_some(child)
            if not piece:
                return end(child, received, status)
            received += piece
        elif time.monotonic() >= hangs_at:
            os.kill(child.pid, signal.SIGKILL)
            end(child, b"")
            raise ChildFailed(f"The process gave no answer within {longest:.0f} s.")
        else:
            due = time.monotonic() + 0.001
            status = _kill_if(child.pid, may_die) if status is None else status


def _kill_if(pid: int, may_die: Callable[[], bool]) -> int | None:
    """Let a child stand still, and kill it or let it go on; gives its status if it has ended meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    _, status = os.waitpid(pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        return status
    if not may_die():
        os.kill(pid, signal.SIGCONT)
        return None
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def _be_child(work: Callable[[], Any], writer: int) -> None:
    try:
        told = {"result": work()}
    except BaseException:
        told = {"error": traceback.format_exc()}
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(json.dumps(told, default=str).encode())
    # Not sys.exit: the parent's clean-up handlers are not the child's.
    os._exit(0)
