"""Write down what a model is asked and says, for `RecordedModel` to repeat."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import orjson
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from pydantic import PrivateAttr, SecretStr

from .asking import asked_at
from .cassette import RecordedTurn, read_cassette, write_cassette
from .contract import DeltaSink, ModelRequest
from .rendering import normalised, redacted, request_key
from .telling import to_data
from .wire_json import to_json
from .wrapper import Wrapper


class Recording(Wrapper):
    """Records every answer into `path`, at once and atomically. Keys and tokens are never written.

    Recordings already there stay, except those of requests that are recorded anew.
    """

    path: Path
    secrets: tuple[SecretStr, ...] = ()
    """Texts to hide besides OPENAI_API_KEY and whatever looks like a key."""
    _turns: list[RecordedTurn] = PrivateAttr(default_factory=list)
    _fresh: set[str] = PrivateAttr(default_factory=set)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    def __init__(self, inner: BaseChatModel, path: str | Path, **settings: Any) -> None:
        super().__init__(inner, path=Path(path), **settings)
        if self.path.exists():
            self._turns = list(read_cassette(self.path).turns)

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """Ask, and write the answer down. Errors are not recorded."""
        message = await self.inner.respond(request, on_delta=on_delta)
        secrets = self._hidden()
        asked = normalised(request, secrets=secrets)
        answer = orjson.loads(redacted(to_json(to_data(message)).decode(), secrets))
        await asyncio.to_thread(self._record, RecordedTurn(request_key(asked), asked, answer, asked_at()))
        return message

    def _record(self, turn: RecordedTurn) -> None:
        with self._lock:
            if turn.key not in self._fresh:
                self._turns = [old for old in self._turns if old.key != turn.key]
                self._fresh.add(turn.key)
            self._turns.append(turn)
            write_cassette(self.path, redacted(self.inner.name_of_model, self._hidden()), self._turns)

    def _hidden(self) -> list[str]:
        keys = [*self.secrets, *_keys_of(self.inner)]
        return [key.get_secret_value() for key in keys] + [os.environ.get("OPENAI_API_KEY", "")]


def _keys_of(model: Any) -> list[SecretStr]:
    """The keys of a model and of the models inside it."""
    inside = [getattr(model, name, None) for name in ("inner", "foreign")] + list(getattr(model, "models", ()))
    own = [value for value in vars(model).values() if isinstance(value, SecretStr)]
    return own + [key for other in inside if other is not None for key in _keys_of(other)]
