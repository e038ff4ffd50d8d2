"""Connections to a model server: kept, reused, and no more looked at than needed."""

from __future__ import annotations

import asyncio
from typing import Any

from graphwright.models.clients import CROWD


async def test_streamed_answers_share_one_connection(server: Any, ask: Any) -> None:
    server.will(server.deltas({"content": "hi"}))

    for _ in range(4):
        await server.model().respond(ask(), on_delta=lambda _: None)

    assert len(server._open) == 1


async def test_plain_answers_share_one_connection(server: Any, ask: Any) -> None:
    server.will(server.text("hi"))

    for _ in range(4):
        await server.model().respond(ask())

    assert len(server._open) == 1


async def test_many_at_once_are_spread_over_pools_and_their_connections_are_used_again(server: Any, ask: Any) -> None:
    server.will(server.text("hi"))
    model = server.model()

    for _ in range(3):
        await asyncio.gather(*(model.respond(ask()) for _ in range(3 * CROWD)))

    assert len(server._open) <= 3 * CROWD


async def test_a_server_that_leaves_its_stream_open_delays_nobody(server: Any, ask: Any) -> None:
    def endless(writer: asyncio.StreamWriter) -> Any:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        event = b'data: {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}\n\n'
        for each in (event, b"data: [DONE]\n\n"):
            writer.write(f"{len(each):x}\r\n".encode() + each + b"\r\n")
        return asyncio.sleep(30)

    server.will(endless)

    async with asyncio.timeout(5):
        answer = await server.model().respond(ask(), on_delta=lambda _: None)

    assert answer.text == "hi"


async def test_a_cancelled_request_leaves_its_door_free(server: Any, ask: Any) -> None:
    server.will(server.silence(), server.text("hi"))
    model = server.model()
    for _ in range(CROWD + 1):
        server.will(server.silence())
        task = asyncio.create_task(model.respond(ask()))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})

    server.will(server.text("hi"))

    assert (await model.respond(ask())).text == "hi"
