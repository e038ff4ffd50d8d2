"""The connections of a run: opened at the first call, opened again within limits, closed together. A resource."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..errors import ToolDeclarationError, ToolFailed, ToolUnavailable
from ..resources import Resources
from .declarations import Declaration
from .errors import McpProblem
from .servers import McpServer

if TYPE_CHECKING:
    from mcp.types import CallToolResult

    from .connection import Connection

WINDOW = 300.0
"""Seconds over which starts of one server are counted."""
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
IDLE = 1.0
"""Seconds without a call, after which the loop first looks whether the server is still there."""


@dataclass
class _Place:
    """One server on one event loop."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    connection: Connection | None = None
    all: list[Connection] = field(default_factory=list)
    """Also those that were retired and have not ended."""
    starts: deque[float] = field(default_factory=deque)
    used: float = 0.0


class McpConnections:
    """Sessions with servers, by their names."""

    def __init__(
        self, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Place]] = WeakKeyDictionary()

    @classmethod
    def of(cls, resources: Resources) -> McpConnections:
        """The connections of these resources, closed with them; provided here if nobody did."""
        found = resources.find(cls)
        if found is None:
            with suppress(ToolDeclarationError):  # another thread was faster
                resources.provide(cls, cls)
            found = resources.get(cls)
        return found

    async def call(
        self, server: McpServer, accepted: Declaration, arguments: Mapping[str, Any], *, key: str, seconds: float
    ) -> CallToolResult:
        """Make one call of a tool that the server still describes as it was accepted.

        Raises:
            ToolUnavailable: if the server cannot be reached; nothing was called.
            ToolFailed: if it describes the tool otherwise now, or refused the call; nothing was called.
            CallLost: if the call was sent and its outcome is not known.
        """
        connection = await self._offering(server, accepted, seconds)
        try:
            return await connection.call(accepted.name, arguments, key)
        except ToolUnavailable:  # the session was forgotten, as after the server's restart
            connection = await self._offering(server, accepted, seconds)
            return await connection.call(accepted.name, arguments, key)

    async def _offering(self, server: McpServer, accepted: Declaration, seconds: float) -> Connection:
        """A session in which the tool is described as it was accepted."""
        connection = await self.connected(server, seconds)
        says = connection.tools.get(accepted.name)
        if says is None:
            raise ToolFailed(f"MCP server {server.name!r} does not offer {accepted.name!r} any more.")
        if says.sha256 != accepted.sha256:
            raise ToolFailed(
                f"MCP server {server.name!r} describes {accepted.name!r} otherwise than was accepted, so it was not "
                f"called. A person must look: graphwright tools pin {server.name}"
            )
        return connection

    async def listing(self, server: McpServer, seconds: float) -> list[Declaration]:
        """What the server offers now; raises ToolUnavailable."""
        return list((await self.connected(server, seconds)).tools.values())

    async def connected(self, server: McpServer, seconds: float) -> Connection:
        """A session that is up and knows what the server offers; raises ToolUnavailable."""
        try:
            async with asyncio.timeout(seconds):
                return await self._ready(self._place(server), server, seconds)
        except TimeoutError as error:
            late = f"MCP server {server.name!r} was not ready within {seconds:g} seconds. Nothing was called."
            raise ToolUnavailable(late) from error
        except McpProblem as error:
            raise ToolUnavailable(str(error)) from error

    async def aclose(self) -> None:
        """Close every session of this event loop."""
        places = self._loops.pop(asyncio.get_running_loop(), {})
        open_ones = [connection for place in places.values() for connection in place.all]
        await asyncio.gather(*(connection.close() for connection in open_ones))

    def _place(self, server: McpServer) -> _Place:
        return self._loops.setdefault(asyncio.get_running_loop(), {}).setdefault(server.name, _Place())

    async def _ready(self, place: _Place, server: McpServer, seconds: float) -> Connection:
        async with place.lock:
            if place.connection is not None and self._clock() - place.used > IDLE:
                await asyncio.sleep(0.01)  # the loop may have stood still: let it notice a server that has gone
            place.used = self._clock()
            if place.connection is None or not place.connection.is_usable:
                return await self._opened(place, server, seconds)
            if place.connection.is_stale:
                await place.connection.refresh()
            return place.connection

    async def _opened(self, place: _Place, server: McpServer, seconds: float) -> Connection:
        try:
            from .connection import Connection  # the library behind it is an extra, and large
        except ModuleNotFoundError as error:
            raise McpProblem(
                f"MCP server {server.name!r} needs the package {error.name!r}: pip install 'graphwright[mcp]'"
            ) from error
        await self._turn(place, server)
        place.starts.append(self._clock())
        connection = Connection(server)
        place.all = [*(each for each in place.all if not each.has_ended), connection]
        await connection.opened(seconds)
        place.connection = connection
        return connection

    async def _turn(self, place: _Place, server: McpServer) -> None:
        """Pause before a further start; too many of them are refused."""
        now = self._clock()
        while place.starts and now - place.starts[0] > WINDOW:
            place.starts.popleft()
        again = len(place.starts)
        if again > server.restart:
            wait = WINDOW - (now - place.starts[0])
            raise ToolUnavailable(
                f"MCP server {server.name!r} was started {again} times in {WINDOW:g} seconds and does not stay. "
                f"It is left alone for {wait:.0f} seconds.",
                retry_after=wait,
            )
        if again:
            await self._sleep(min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (again - 1)))
