"""One live session with one server, in a task of its own that outlives the calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from typing import Any

from mcp import types
from mcp.client.client import Client
from mcp.client.session import ClientSession, IncomingMessage
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND
from pydantic import ValidationError

from ..errors import ToolFailed, ToolUnavailable
from .declarations import Declaration
from .errors import CallLost, McpProblem
from .http import http_streams
from .servers import McpServer
from .stdio import GRACE, stdio_streams
from .traffic import Tail, Traffic

MOST_TOOLS = 256
MOST_PAGES = 50
KEY = "graphwright/idempotency-key"
"""Where in a call's `_meta` its idempotency key stands."""

_FORGOTTEN = "Session terminated"
"""What the library says for a 404 within a session, which by the protocol means: begin a new one."""

logger = logging.getLogger(__name__)
for _noisy in ("mcp", "client"):
    # What a hostile server does is told by our errors; the library's tracebacks must not reach a terminal unasked.
    logging.getLogger(_noisy).addHandler(logging.NullHandler())


class Connection:
    """A session that is usable until it ends, is retired or is closed."""

    def __init__(self, server: McpServer) -> None:
        self.server = server
        self.tools: dict[str, Declaration] = {}
        """What the server said that it offers, by its own names."""
        self.is_stale = True
        """Whether the server may offer other tools now than it said."""
        self.stderr = Tail()
        self._traffic = Traffic(server)
        self._client: Client | None = None
        self._why = ""
        self._calls = 0
        self._is_retired = False
        self._opened = asyncio.Event()
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._live(), name=f"mcp {server.name}")
        self._task.add_done_callback(lambda _: self._opened.set())

    @property
    def is_usable(self) -> bool:
        """Whether a call may be made on it."""
        return self._client is not None and not (self._is_retired or self._closing.is_set() or self._task.done())

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it is left."""
        return self._task.done()

    async def opened(self, seconds: float) -> None:
        """Wait until the server has shaken hands and said which tools it has; McpProblem if it does not."""
        try:
            async with asyncio.timeout(seconds):
                await self._opened.wait()
                if self._client is not None:
                    await self.refresh()
        except TimeoutError:
            self._ended(f"it was not ready within {seconds:g} seconds")
        except McpProblem:
            await self.close()
            raise
        except BaseException:
            self._task.cancel()
            raise
        if not self.is_usable:
            await self.close()
            self._log()
            raise McpProblem(f"MCP server {self.server.name!r} is not there: {self._why or 'it ended at once'}.")

    async def refresh(self) -> None:
        """Ask which tools there are; McpProblem if that is no list that can be used."""
        self.is_stale = False
        found: dict[str, Declaration] = {}
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._page(cursor)
            for each in page.tools:
                if each.name in found:
                    self._reject(f"it lists two tools called {each.name[:80]!r}")
                found[each.name] = Declaration(
                    each.name, each.description or "", dict(each.input_schema), each.output_schema
                )
            if len(found) > MOST_TOOLS:
                self._reject(f"it lists more than {MOST_TOOLS} tools")
            cursor = page.next_cursor
            if cursor is None:
                self.tools = found
                return
        self._reject(f"its list of tools has more than {MOST_PAGES} pages")

    async def call(self, tool: str, arguments: Mapping[str, Any], key: str) -> types.CallToolResult:
        """Make one call.

        Raises:
            ToolFailed: if the server refused it.
            ToolUnavailable: if the server did not take it, having forgotten the session.
            CallLost: if nobody knows what became of it.
        """
        request = types.CallToolRequest(
            params=types.CallToolRequestParams(name=tool, arguments=dict(arguments), _meta={KEY: key})  # type: ignore[arg-type]  # it takes further keys
        )
        self._calls += 1
        try:
            self._traffic.renew()
            return await self._session.send_request(request, types.CallToolResult)
        except MCPError as error:
            raise self._told(tool, error) from error
        except ValidationError as error:
            raise CallLost(f"MCP server {self.server.name!r} answered {tool!r} with what is no result.") from error
        except asyncio.CancelledError:
            self._is_retired = True  # it may hang: the next call gets a new one
            raise
        finally:
            self._calls -= 1
            if self._is_retired and not self._calls:
                self._closing.set()

    async def close(self) -> None:
        """End the session, and with it the server's process."""
        self._closing.set()
        if self._client is None:
            self._task.cancel()  # it hangs in the handshake
        await asyncio.wait((self._task,), timeout=5 * GRACE)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=5 * GRACE)

    async def _live(self) -> None:
        """Hold the session open. Scopes of the library must be left by the task that entered them."""
        try:
            info = types.Implementation(name="graphwright", version=version("graphwright"))
            async with Client(self._streams(), client_info=info, cache=None, message_handler=self._heard) as client:
                self._client = client
                self._opened.set()
                await self._closing.wait()
        except Exception as error:
            self._ended(_first(error))
        finally:
            self._closing.set()

    def _streams(self) -> AbstractAsyncContextManager[Any]:
        if self.server.url:
            return http_streams(self.server, self._traffic, self._ended)
        return stdio_streams(self.server, self._traffic, self.stderr, self._ended)

    def _ended(self, reason: str) -> None:
        """Remember the first reason: what follows from it is noise."""
        if not self._closing.is_set():
            self._why = self._why or reason
        self._closing.set()
        self._opened.set()

    async def _heard(self, message: IncomingMessage) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            self.is_stale = True

    async def _page(self, cursor: str | None) -> types.ListToolsResult:
        try:
            self._traffic.renew()
            return await self._session.list_tools(params=types.PaginatedRequestParams(cursor=cursor))
        except MCPError as error:
            self._reject(self._why or f"it does not list its tools: {error.message[:200]}")
        except ValidationError:
            self._reject("its list of tools is no such list")
        raise AssertionError

    def _reject(self, reason: str) -> None:
        self._ended(reason)
        raise McpProblem(f"MCP server {self.server.name!r} is not used: {self._why or reason}.")

    @property
    def _session(self) -> ClientSession:
        assert self._client is not None
        return self._client.session

    def _told(self, tool: str, error: MCPError) -> Exception:
        said = error.message.split("\n")[0][:300]
        if error.code in (METHOD_NOT_FOUND, INVALID_PARAMS):
            return ToolFailed(f"MCP server {self.server.name!r} refused the call of {tool!r}: {said}")
        if self.server.url:
            self._is_retired = True  # a session that the server has forgotten is never found again
        if error.code == INVALID_REQUEST and said == _FORGOTTEN:
            return ToolUnavailable(f"MCP server {self.server.name!r} has forgotten its session with us.")
        self._log()
        why = self._why or said or "it gave no reason"
        return CallLost(f"The call of {tool!r} was lost, MCP server {self.server.name!r}: {why}.")

    def _log(self) -> None:
        if self.stderr.text:
            logger.warning("MCP server %r said on stderr: %s", self.server.name, self.stderr.text[-2_000:])


def _first(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = str(error).removesuffix(".")
    return (
        text
        if isinstance(error, McpProblem)
        else f"{type(error).__name__}: {text[:300]}"
        if text
        else type(error).__name__
    )
