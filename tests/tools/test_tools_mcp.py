"""MCP servers made with the library, by stdio and by streamable HTTP; and HTTP servers that misbehave."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from graphwright.tools import Resources, Tool, ToolContext, ToolFailed, ToolUnavailable, WithArtifact
from graphwright.tools.mcp import CallLost, McpConnections, McpServer, mcp_tools

SERVER = '''
import os
import sys

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import BaseModel

server = MCPServer("real", log_level="ERROR")


class Sum(BaseModel):
    total: int


@server.tool()
def add(a: int, b: int) -> Sum:
    """Add two numbers."""
    return Sum(total=a + b)


@server.tool()
def divide(a: int, b: int) -> float:
    """Divide two numbers."""
    if b == 0:
        raise ValueError("not by zero")
    return a / b


@server.tool()
def environment() -> list[str]:
    """Name the variables that are set."""
    return sorted(os.environ)


@server.tool()
def key(context: Context) -> str:
    """Say under which key the call is made."""
    return context.request_context.meta["graphwright/idempotency-key"]


if len(sys.argv) > 1:
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]), json_response=len(sys.argv) > 2)
else:
    server.run("stdio")
'''


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mcp") / "real_server.py"
    path.write_text(SERVER)
    return path


@pytest.fixture(scope="module")
def address(script: Path) -> Iterator[str]:
    """A streamable HTTP server on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(script), str(port)], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while time.monotonic() < until and process.poll() is None:
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
async def resources() -> AsyncIterator[Resources]:
    resources = Resources()
    yield resources
    await resources.aclose()


async def accepted(resources: Resources, server: McpServer) -> dict[str, Tool]:
    says = await McpConnections.of(resources).listing(server, 30.0)
    assert [problem for each in says for problem in each.problems()] == []
    return {tool.name: tool for tool in mcp_tools([server], {"real": {each.name: each for each in says}}).tools}


async def call(resources: Resources, tool: Tool, **given: Any) -> Any:
    return await tool.invoke(tool.validate(given), ToolContext(call_id="call_7", resources=resources))


async def test_a_server_of_the_library_is_used_by_stdio(
    resources: Resources, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("MY_TOKEN", "t")
    server = McpServer(name="real", command=sys.executable, args=(str(script),), env={"TOKEN": "${MY_TOKEN}"})
    tools = await accepted(resources, server)

    assert await call(resources, tools["real_add"], a=1, b=2) == WithArtifact('{\n  "total": 3\n}', {"total": 3})
    with pytest.raises(ToolFailed, match="divide"):
        await call(resources, tools["real_divide"], a=1, b=0)
    assert (await call(resources, tools["real_key"])).content == "call_7"
    seen = (await call(resources, tools["real_environment"])).artifact["result"]
    assert "TOKEN" in seen
    assert not {"OPENAI_API_KEY", "MY_TOKEN"} & set(seen)


async def test_a_server_of_the_library_is_used_by_http(resources: Resources, address: str) -> None:
    tools = await accepted(resources, McpServer(name="real", url=address))

    answers = await asyncio.gather(*(call(resources, tools["real_add"], a=number, b=1) for number in range(5)))

    assert [answer.artifact["total"] for answer in answers] == [1, 2, 3, 4, 5]
    with pytest.raises(ToolFailed, match="divide"):
        await call(resources, tools["real_divide"], a=1, b=0)


async def test_proxies_of_the_environment_are_not_used(
    resources: Resources, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert await McpConnections.of(resources).listing(McpServer(name="real", url=address), 30.0)


async def test_an_address_where_nobody_listens_is_out_of_reach(resources: Resources) -> None:
    with pytest.raises(ToolUnavailable, match="'real' is not there"):
        await McpConnections.of(resources).listing(McpServer(name="real", url="http://127.0.0.1:1/mcp"), 5.0)


TOOLS = [{"name": name, "description": "Does it.", "inputSchema": {"type": "object"}} for name in ("fine", "bad")]


@asynccontextmanager
async def misbehaving(way: str) -> AsyncIterator[str]:
    """An HTTP server that shakes hands and then answers the call of `bad` in its own way."""
    forgotten: list[str] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                size = next((int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
                asked = json.loads(await reader.readexactly(size)) if size else {}
                if way == "forgets" and asked.get("method") == "tools/call" and not forgotten:
                    forgotten.append(head)
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                await _answer(way, asked, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    finally:
        server.close()


async def _answer(way: str, asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
    about = {"protocolVersion": "2025-06-18", "serverInfo": {"name": "raw", "version": "1"}, "capabilities": {}}
    text = {"content": [{"type": "text", "text": "fine"}]}
    results = {"initialize": about, "tools/list": {"tools": TOOLS}, "tools/call": text}
    method = asked.get("method", "")
    if method == "tools/call" and asked["params"]["name"] == "bad":
        await _misbehave(way, writer)
        return
    if "id" not in asked:
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        return
    session = ("Mcp-Session-Id: s1",) if way == "forgets" else ()
    told = {"result": results[method]} if method in results else {"error": {"code": -32601, "message": "no"}}
    _send(writer, json.dumps({"jsonrpc": "2.0", "id": asked["id"], **told}).encode(), *session)


def _send(writer: asyncio.StreamWriter, body: bytes, *headers: str) -> None:
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    writer.write("\r\n".join(lines).encode() + body)


async def _misbehave(way: str, writer: asyncio.StreamWriter) -> None:
    if way == "packed":
        _send(writer, gzip.compress(b" " * 50_000_000), "Content-Encoding: gzip")
    elif way == "long":
        _send(writer, b" " * 200_000)
    elif way == "garbage":
        _send(writer, b"<html>It works!</html>")
    elif way == "gone":
        writer.close()
    elif way == "error":
        writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
    elif way == "redirect":
        writer.write(b"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    else:
        note = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": 1}})
        event = b"x" * 1000 if way == "endless event" else f"data: {note}\n\n".encode()
        start = b"data: " if way == "endless event" else b""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + start)
        while True:
            writer.write(event * 20)
            await writer.drain()


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("packed", "packs its answers"),
        ("long", "too long"),
        ("garbage", "parse"),
        ("gone", "lost"),
        ("error", "error response"),
        ("redirect", "not followed"),
        ("events", "more than 300,000 bytes"),
        ("endless event", "more than 300,000 bytes|SSE stream failed"),
    ],
)
async def test_an_http_server_that_misbehaves_loses_the_call_and_nothing_else(
    resources: Resources, way: str, why: str
) -> None:
    async with misbehaving(way) as url:
        server = McpServer(name="real", url=url, max_message=100_000, max_bytes=300_000)
        tools = await accepted(resources, server)

        with pytest.raises(CallLost, match=why):
            await call(resources, tools["real_bad"])

        assert await call(resources, tools["real_fine"]) == "fine"
        await resources.aclose()


async def test_an_http_server_that_forgot_our_session_is_greeted_again(resources: Resources) -> None:
    async with misbehaving("forgets") as url:
        tools = await accepted(resources, McpServer(name="real", url=url))

        assert await call(resources, tools["real_fine"]) == "fine"
        await resources.aclose()
