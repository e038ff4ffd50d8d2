"""A fork server: the parent imports everything once; each piece of work runs in a forked child that may be killed.

Starting Python for every piece would cost seconds of imports; a fork costs milliseconds. The parent must have no
threads when it forks.
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


def finish(child: Child, *, kill_after: float | None = None) -> Ended:
    """Wait for a child, and kill it (SIGKILL) once it has lived for ``kill_after`` seconds.

    Raises:
        ChildFailed: if it ended by an exception, or hung.
    """
    hangs = kill_after is None
    deadline = child.begun + (LONGEST_SECONDS if kill_after is None else kill_after)
    received = b""
    while True:
        ready, _, _ = select.select([child.reader], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            os.kill(child.pid, signal.SIGKILL)
            break
        piece = os.read(child.reader, 65536)
        if not piece:
            break
        received += piece
    os.close(child.reader)
    _, status = os.waitpid(child.pid, 0)
    seconds = time.monotonic() - child.begun
    if os.WIFSIGNALED(status):
        if hangs and seconds >= LONGEST_SECONDS:
            raise ChildFailed(f"The child gave no answer within {LONGEST_SECONDS:.0f} s.")
        return Ended(True, None, seconds)
    told = json.loads(received or b'{"error": "The child said nothing."}')
    if "error" in told:
        raise ChildFailed(told["error"])
    return Ended(False, told["result"], seconds)


def in_child(work: Callable[[], Any], *, kill_after: float | None = None) -> Ended:
    """Run ``work`` in a forked child and wait for it; see :func:`finish`."""
    return finish(start(work), kill_after=kill_after)


def _be_child(work: Callable[[], Any], writer: int) -> None:
    try:
        told = {"result": work()}
    except BaseException:
        told = {"error": traceback.format_exc()}
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(json.dumps(told, default=str).encode())
    # Not sys.exit: the parent's clean-up handlers are not the child's.
    os._exit(0)
