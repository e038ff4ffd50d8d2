"""The same answer to the same request, without asking again."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from pydantic import Field, PrivateAttr

from .contract import DeltaSink, ModelRequest
from .rendering import plain, request_key
from .telling import from_data, tell, to_data
from .wire_json import to_json
from .wrapper import Wrapper


class Cached(Wrapper):
    """Remembers the `size` answers used last, and all of them in `path` if one is given (one JSON line each).

    A remembered answer has an id of its own, `cached: True` in its metadata, and no tokens were used for it.
    """

    size: int = Field(default=1024, ge=1)
    path: Path | None = None
    _answers: OrderedDict[str, bytes] = PrivateAttr(default_factory=OrderedDict)
    _offsets: dict[str, int] | None = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    def __init__(self, inner: BaseChatModel, **settings: Any) -> None:
        super().__init__(inner, **settings)

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """The remembered answer, or a new one, which is remembered."""
        key = request_key({"model": self.name_of_model, **plain(request)})
        with self._lock:
            known = self._find(key)
        if known is not None:
            message = _reused(known)
            tell(message, on_delta)
            return message
        message = await self.inner.respond(request, on_delta=on_delta)
        with self._lock:
            self._keep(key, to_json(to_data(message)))
        return message

    def _find(self, key: str) -> bytes | None:
        if key in self._answers:
            self._answers.move_to_end(key)
            return self._answers[key]
        offset = self._index().get(key)
        if offset is None or self.path is None:
            return None
        with self.path.open("rb") as file:
            file.seek(offset)
            found = to_json(orjson.loads(file.readline())["answer"])
        self._remember(key, found)
        return found

    def _keep(self, key: str, answer: bytes) -> None:
        self._remember(key, answer)
        if self.path is None or key in self._index():
            return
        line = b'{"key":"' + key.encode() + b'","answer":' + answer + b"}\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            end = os.lseek(file, 0, os.SEEK_END)
            torn = end > 0 and os.pread(file, 1, end - 1) != b"\n"  # by a crash
            os.write(file, b"\n" + line if torn else line)  # one append is not torn by another process's
            self._index()[key] = os.lseek(file, 0, os.SEEK_CUR) - len(line)
        finally:
            os.close(file)

    def _remember(self, key: str, answer: bytes) -> None:
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > self.size:
            self._answers.popitem(last=False)

    def _index(self) -> dict[str, int]:
        """Where in the file each answer begins; a last line torn by a crash is passed over."""
        if self._offsets is None:
            self._offsets, offset = {}, 0
            lines = self.path.read_bytes().splitlines(keepends=True) if self.path and self.path.exists() else []
            for line in lines:
                with suppress(ValueError, KeyError, TypeError):
                    self._offsets[orjson.loads(line)["key"]] = offset
                offset += len(line)
        return self._offsets


def _reused(answer: bytes) -> AIMessage:
    message = from_data(orjson.loads(answer))
    message.response_metadata = {**message.response_metadata, "cached": True}
    if message.usage_metadata is not None:
        message.usage_metadata = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    return message
