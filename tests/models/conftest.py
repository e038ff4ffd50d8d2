"""A server on a real socket that speaks OpenAI's protocol as badly as it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from graphwright.models import ModelRequest, OpenAIModel, close_clients

Write = Callable[[asyncio.StreamWriter], Any]


@dataclass
class LoopbackServer:
    """Answers each request with the next reply it was given; the last one is repeated."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    _replies: list[Write] = field(default_factory=list)
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    def will(self, *replies: Write) -> None:
        self._replies = list(replies)

    def model(self, name: str = "test-model", **settings: Any) -> OpenAIModel:
        return OpenAIModel(name, base_url=self.url, **{"api_key": "sk-test", **settings})

    def status(self, status: int, body: Any, **headers: str) -> Write:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        whole = f"HTTP/1.1 {status} X\r\n{head}content-length: {len(data)}\r\n\r\n".encode() + data
        return lambda writer: writer.write(whole)

    def error(self, status: int, message: str, **body: Any) -> Write:
        return self.status(status, {"error": {"message": message, **body}})

    def message(self, finish_reason: str | None = "stop", usage: Any = None, **message: Any) -> Write:
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
        answer = {"id": "chatcmpl-1", "model": "test-model-2026", "choices": [choice]}
        return self.status(200, {**answer, **({"usage": usage} if usage else {})})

    def text(self, text: str) -> Write:
        return self.message(content=text, usage={"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10})

    def calls(self, *calls: tuple[str | None, str, Any]) -> Write:
        """Tool calls as (id, name, arguments)."""
        listed = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in calls]
        return self.message("tool_calls", content=None, tool_calls=listed)

    def stream(self, *chunks: Any, done: bool = True) -> Write:
        """Chunks as server-sent events in HTTP chunks; without `done` the connection just ends."""
        events = [c if isinstance(c, bytes) else f"data: {json.dumps(c)}\n\n".encode() for c in chunks]
        events += [b"data: [DONE]\n\n"] if done else []

        def write(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            for event in events:
                writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            if done:
                writer.write(b"0\r\n\r\n")
            else:
                writer.close()

        return write

    def deltas(self, *deltas: dict[str, Any], finish: str | None = "stop", usage: Any = None, **kw: Any) -> Write:
        chunks: list[Any] = [{"model": "m", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        if finish:
            chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        if usage:
            chunks.append({"choices": [], "usage": usage})
        return self.stream(*chunks, **kw)

    def reset(self) -> Write:
        return lambda writer: writer.transport.abort()

    def silence(self) -> Write:
        return lambda writer: asyncio.sleep(30)

    def half(self) -> Write:
        """A head that promises more than is sent."""

        def write(writer: asyncio.StreamWriter) -> None:
            writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"id":')
            writer.close()

        return write

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
                self.headers.append(headers)
                self.bodies.append(json.loads(await reader.readexactly(int(headers["content-length"]))))
                self.asked.set()
                reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
                if (pending := reply(writer)) is not None:
                    await pending

    async def close(self) -> None:
        for writer in self._open:
            writer.transport.abort()
        await asyncio.sleep(0)


@pytest.fixture
async def server() -> AsyncIterator[LoopbackServer]:
    loopback = LoopbackServer()
    listening = await asyncio.start_server(loopback.serve, "127.0.0.1", 0)
    loopback.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    yield loopback
    await close_clients()
    await loopback.close()
    listening.close()


LOOKUP = {
    "type": "function",
    "function": {
        "name": "lookup",
        "description": "Look up the weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
def lookup() -> dict[str, Any]:
    """A tool in wire form."""
    return LOOKUP


@pytest.fixture
def ask() -> Callable[..., ModelRequest]:
    """Make a request from one question."""
    from langchain_core.messages import HumanMessage

    return lambda text="Hello?", **parts: ModelRequest(messages=[HumanMessage(text)], **parts)
