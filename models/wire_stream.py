"""Server-sent events of a chat completion, put together into the shape a plain answer has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx2
import orjson

from .contract import Delta, DeltaSink
from .errors import ModelAnswerMalformed
from .wire_errors import status_error

END_SECONDS = 0.5
"""How long a server may leave its stream open after the last event."""


async def streamed_answer(response: httpx2.Response, on_delta: DeltaSink, *, model: str, where: str) -> Any:
    """Read the stream to its end, handing over each piece; returns what the server would send unstreamed.

    Raises ModelAnswerMalformed when the stream breaks off before the model has finished.
    """
    whole = _Whole()
    events = _events(response)
    async for data in events:
        if data == b"[DONE]":
            await _read_out(events)
            break
        try:
            chunk = orjson.loads(data)
        except ValueError as error:
            raise ModelAnswerMalformed(f"{model!r} streamed {data[:80]!r}, not JSON. Try again.") from error
        if not isinstance(chunk, dict):
            continue
        if problem := chunk.get("error"):
            raise status_error(None, problem, {}, model=model, where=where)
        if delta := whole.add(chunk):
            on_delta(delta)
    if whole.finish is None:
        raise ModelAnswerMalformed(f"{model!r} at {where} broke off in the middle of its answer. Try again.")
    return whole.answer()


async def _read_out(events: AsyncIterator[bytes]) -> None:
    """Read on to the end of the body: a connection whose answer was not read to its end cannot be used again."""
    with suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(END_SECONDS):
            async for _ in events:
                pass


async def _events(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The data of each event; an event may have several data lines, and lines may end in CR LF."""
    buffer, data = b"", []
    async for piece in response.aiter_bytes():
        *lines, buffer = (buffer + piece).split(b"\n")
        for line in lines:
            line = line.rstrip(b"\r")
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line and data:
                yield b"\n".join(data)
                data = []
    if buffer.startswith(b"data:"):
        data.append(buffer[5:].strip())
    if data:
        yield b"\n".join(data)


class _Whole:
    """What has arrived so far."""

    def __init__(self) -> None:
        self.finish: str | None = None
        self._head: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {"content": [], "reasoning_content": [], "refusal": []}
        self._calls: dict[int, dict[str, Any]] = {}

    def add(self, chunk: dict[str, Any]) -> Delta | None:
        """Take one chunk in; returns what a person would see of it."""
        for key in ("id", "model", "usage", "system_fingerprint", "service_tier"):
            if value := chunk.get(key):
                self._head[key] = value
        choices = chunk.get("choices") or ()
        if not choices or choices[0].get("index"):
            return None
        choice = choices[0]
        self.finish = choice.get("finish_reason") or self.finish
        delta = choice.get("delta") or {}
        for call in delta.get("tool_calls") or ():
            self._add_call(call)
        return self._add_texts(delta)

    def answer(self) -> dict[str, Any]:
        """The same as the server would have sent in one piece."""
        message: dict[str, Any] = {key: "".join(texts) for key, texts in self._texts.items() if texts}
        if self._calls:
            message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        return {**self._head, "choices": [{"message": message, "finish_reason": self.finish}]}

    def _add_texts(self, delta: dict[str, Any]) -> Delta | None:
        text, refusal = delta.get("content"), delta.get("refusal")
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(text, list):
            text = "".join(part.get("text") or "" for part in text if isinstance(part, dict))
        if not (text or reasoning or refusal):
            return None
        for key, piece in (("content", text), ("reasoning_content", reasoning), ("refusal", refusal)):
            if piece:
                self._texts[key].append(piece)
        return Delta(text=text or "", reasoning=reasoning or "", refusal=refusal or "")

    def _add_call(self, piece: dict[str, Any]) -> None:
        function = piece.get("function") or {}
        call = self._calls.setdefault(
            self._place(piece, function), {"id": None, "function": {"name": "", "arguments": ""}}
        )
        call["id"] = piece.get("id") or call["id"]
        call["function"]["name"] = function.get("name") or call["function"]["name"]
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            call["function"]["arguments"] += arguments
        elif arguments:  # an object instead of text, sent whole
            call["function"]["arguments"] = arguments

    def _place(self, piece: dict[str, Any], function: dict[str, Any]) -> int:
        """Which call a piece belongs to; some servers leave the index out, or give every call index 0."""
        index = piece.get("index")
        last = max(self._calls, default=-1)
        if index is None:
            index = last
        known = self._calls.get(index)
        said = piece.get("id")
        fresh = known is None or bool(said and known["id"] and said != known["id"] and function.get("name"))
        return max(last + 1, 0) if fresh and (known is not None or index < 0) else int(index)
