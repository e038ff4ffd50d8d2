"""A server that is a process of ours: one JSON message a line over its stdin and stdout.

The library's own transport reads lines of any length, writes stderr to ours, and tells nobody why a server ended; this
one limits, counts and remembers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

from .errors import McpProblem
from .servers import McpServer
from .traffic import Flood, Tail, Traffic

GRACE = 1.0
"""Seconds that a process has to end after its stdin was closed, and once more after SIGTERM."""
MOST_GARBAGE = 100
"""Lines that are no messages, which careless servers print; with more it is not speaking MCP."""

Incoming = MemoryObjectSendStream[SessionMessage | Exception]
Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]
Ended = Callable[[str], None]
"""Told why a connection ended, as soon as that is known."""


@asynccontextmanager
async def stdio_streams(server: McpServer, traffic: Traffic, stderr: Tail, ended: Ended) -> AsyncIterator[Streams]:
    """Start the process and speak with it; at the end it and its children are gone.

    Raises:
        McpProblem: if it cannot be started.
    """
    process = await _started(server)
    incoming, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    sending, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    async with anyio.create_task_group() as tasks:
        heard = asyncio.Event()
        tasks.start_soon(_read, process, incoming, (traffic, ended, heard))
        tasks.start_soon(_write, process, outgoing)
        tasks.start_soon(_listen, process, stderr, heard)
        try:
            yield received, sending
        finally:
            with anyio.CancelScope(shield=True):
                for stream in (received, sending, outgoing):
                    await stream.aclose()
                await _stop(process)
            tasks.cancel_scope.cancel()


async def _started(server: McpServer) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable if server.command == "python" else server.command,
            *server.args,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=server.cwd,
            env=server.environment(),
            start_new_session=True,
            limit=server.max_message,
        )
    except (OSError, ValueError) as error:
        raise McpProblem(f"its command {server.command!r} cannot be run: {error}") from error


async def _read(process: Process, incoming: Incoming, watch: tuple[Traffic, Ended, asyncio.Event]) -> None:
    traffic, ended, heard = watch
    reason = ""
    try:
        await _read_lines(process, incoming, traffic)
    except asyncio.IncompleteReadError:
        reason = await _last_word(process, heard)
    except _Garbage as garbage:
        reason = str(garbage)
    except Flood as flood:
        reason = str(flood)
    except asyncio.LimitOverrunError:
        reason = "it sent a message that is too long"
    except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        reason = "the connection was closed"
    finally:
        ended(reason or "the connection was closed")
        await incoming.aclose()


class _Garbage(Exception):
    """A process that does not speak MCP."""


async def _read_lines(process: Process, incoming: Incoming, traffic: Traffic) -> None:
    """Hand on one message after the other, until there are no more."""
    assert process.stdout is not None
    garbage = 0
    while True:
        line = await process.stdout.readuntil(b"\n")
        traffic.take(len(line))
        if not line.strip():
            continue
        try:
            message = SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
        except ValueError:
            garbage += 1
            if garbage > MOST_GARBAGE:
                raise _Garbage(f"it does not speak MCP: {garbage} lines of its output were no messages") from None
            continue
        await incoming.send(message)


async def _last_word(process: Process, heard: asyncio.Event) -> str:
    """Say how the process ended; what it said on stderr has been read by then."""
    try:
        async with asyncio.timeout(GRACE):
            status = await process.wait()
            await heard.wait()
    except TimeoutError:
        return "its process closed its output"
    return f"its process was killed by signal {-status}" if status < 0 else f"its process ended with status {status}"


async def _write(process: Process, outgoing: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError, anyio.ClosedResourceError):
        async for message in outgoing:
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(text.encode() + b"\n")
            await process.stdin.drain()


async def _listen(process: Process, stderr: Tail, heard: asyncio.Event) -> None:
    assert process.stderr is not None
    while chunk := await process.stderr.read(65_536):
        stderr.add(chunk)
        if len(chunk) > 4_096:
            await asyncio.sleep(0.005)  # one that floods its stderr waits, not we
    heard.set()


async def _stop(process: Process) -> None:
    """Close its stdin, then ask it, then end it, with everything that it started."""
    assert process.stdin is not None
    process.stdin.close()
    if not await _ends(process):
        _signal(process, signal.SIGTERM)
        await _ends(process)
    _signal(process, signal.SIGKILL)
    await _ends(process)
    transport = getattr(process, "_transport", None)  # nothing public closes pipes that a grandchild holds open
    if transport is not None:
        transport.close()


async def _ends(process: Process) -> bool:
    try:
        async with asyncio.timeout(GRACE):
            while process.returncode is None:  # noqa: ASYNC110  # `wait` would also wait for pipes that grandchildren hold open
                await asyncio.sleep(0.01)
    except TimeoutError:
        return False
    return True


def _signal(process: Process, number: signal.Signals) -> None:
    """To the whole group of the process, which outlives a leader that has ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
