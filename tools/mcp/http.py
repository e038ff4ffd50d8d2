"""A server behind an address, by streamable HTTP; its answers are counted, and limited, as they arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

from .servers import McpServer
from .traffic import Flood, Traffic

CONNECT_SECONDS = 30.0
IDLE_SECONDS = 300.0
"""A stream on which nothing came for so long is opened anew."""


@asynccontextmanager
async def http_streams(server: McpServer, traffic: Traffic, ended: Callable[[str], None]) -> AsyncIterator[Any]:
    """Speak with the server; proxies of the environment are not used, redirects stay on its origin.

    Raises:
        McpProblem: if a header names a variable that is not set.
    """
    client = httpx2.AsyncClient(
        transport=_Counted(httpx2.AsyncHTTPTransport(trust_env=False), server, traffic, ended),
        headers={**server.request_headers(), "Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(CONNECT_SECONDS, read=IDLE_SECONDS),
        trust_env=False,
    )
    async with (
        client,
        streamable_http_client(server.url, http_client=client, max_sse_event_size=server.max_message) as streams,
    ):
        yield streams


class _Counted(httpx2.AsyncBaseTransport):
    """Passes requests on and counts what comes back: the library reads bodies of any length."""

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, server: McpServer, traffic: Traffic, ended: Callable[[str], None]
    ) -> None:
        self._inner = inner
        self._server = server
        self._traffic = traffic
        self._ended = ended

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        try:
            self._take(0)
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise self._flooded("it packs its answers, which was not asked for")
        except BaseException:
            await response.aclose()
            raise
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        is_stream = response.headers.get("Content-Type", "").lower().startswith("text/event-stream")
        limit = None if is_stream else self._server.max_message
        return httpx2.Response(
            status_code=response.status_code,
            headers=response.headers,
            stream=_CountedStream(response.stream, self, limit),
            extensions=response.extensions,
        )

    def count(self, size: int, limit: int | None, so_far: int) -> None:
        """Take one chunk of a body."""
        if limit is not None and so_far > limit:
            raise self._flooded("it sent a message that is too long")
        self._take(size)

    def _take(self, size: int) -> None:
        try:
            self._traffic.take(size)
        except Flood as flood:
            raise self._flooded(str(flood)) from None

    def _flooded(self, reason: str) -> httpx2.RemoteProtocolError:
        self._ended(reason)
        return httpx2.RemoteProtocolError(reason)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _CountedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, counter: _Counted, limit: int | None) -> None:
        self._inner = inner
        self._counter = counter
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        so_far = 0
        async for chunk in self._inner:
            so_far += len(chunk)
            self._counter.count(len(chunk), self._limit, so_far)
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
