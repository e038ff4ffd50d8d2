"""Runs a small program as a process of its own: clean environment, a cap on its output, killed when its time is over.

What cannot be interrupted inside a process (a parser, a regular expression, native code) ends with the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 65_536
_LOOK = 0.1
"""Seconds between two looks at what the program is doing to its surroundings."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    status: int
    """Its exit status; negative for the signal that ended it."""
    out: bytes
    err: bytes
    why: str = ""
    """Why it was killed by us: `time`, `output` or what `watch` said; empty if it was not."""


def python_command(script: Path) -> tuple[str, ...]:
    """The command for a script of the standard library alone: no environment, no site-packages, no user's files."""
    return (sys.executable, "-I", "-S", "-B", "-X", "utf8", str(script))


async def run_child(
    command: Sequence[str],
    given: bytes,
    *,
    seconds: float,
    most: int,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    watch: Callable[[], str] | None = None,
) -> Ended:
    """Run a program until it ends, or kill it and everything it started.

    Args:
        command: The program and its arguments.
        given: What it reads from its standard input.
        seconds: Wall-clock time it may take.
        most: Bytes of output it may write.
        folder: Where it works; the root folder if left out.
        environment: All of its environment variables; none if left out.
        watch: Looked at ten times a second; a text ends the program and says why.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder or "/",
        env=dict(environment or {}),
        start_new_session=True,
    )
    try:
        return await _followed(process, given, seconds, most, watch)
    finally:
        await asyncio.shield(_end(process))


async def _followed(
    process: asyncio.subprocess.Process, given: bytes, seconds: float, most: int, watch: Callable[[], str] | None
) -> Ended:
    assert process.stdout is not None
    assert process.stderr is not None
    out, err = bytearray(), bytearray()
    work = asyncio.gather(
        _feed(process, given), _read(process.stdout, out, most), _read(process.stderr, err, most), process.wait()
    )
    why = ""
    over = asyncio.get_running_loop().time() + seconds
    while not why:
        left = over - asyncio.get_running_loop().time()
        done, _ = await asyncio.wait((work,), timeout=max(0.0, min(left, _LOOK)))
        if len(out) > most or len(err) > most:
            why = "output"
        elif done:
            break
        else:
            why = "time" if left <= 0 else watch() if watch else ""
    if why:
        _kill(process)
    await work
    return Ended(process.returncode or 0, bytes(out[:most]), bytes(err[:most]), why)


async def _feed(process: asyncio.subprocess.Process, given: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()


async def _read(stream: asyncio.StreamReader, into: bytearray, most: int) -> None:
    """Read to the end; what is beyond the cap is thrown away, one byte over tells that there was more."""
    while chunk := await stream.read(_CHUNK):
        if len(into) <= most:
            into += chunk[: most + 1 - len(into)]


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        _kill(process)
        await process.wait()
