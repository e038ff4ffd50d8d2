"""A chat model that repeats what another one said."""

from __future__ import annotations

import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from pydantic import PrivateAttr

from .asking import asked_at
from .cassette import Cassette, RecordedTurn, read_cassette
from .contract import ChatModel, DeltaSink, ModelRequest
from .drift import first_difference, nearest
from .errors import CassetteMiss
from .rendering import normalised, request_key
from .telling import from_data, tell
from .wire_json import from_json, to_json


class RecordedModel(ChatModel):
    """Answers from a cassette written by `Recording`; the same request asked again gets the next recording of it.

    Those that were made at the same place of a graph come first, so that it does not matter which of several branches
    asks first. After the last one it is repeated. A request that was never recorded raises CassetteMiss with the first
    difference to the nearest recording.
    """

    path: Path
    _cassette: Cassette = PrivateAttr()
    _turns: dict[tuple[str, str | None], list[RecordedTurn]] = PrivateAttr()
    """By request and place; without a place those of all places."""
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    def __init__(self, path: str | Path, **settings: Any) -> None:
        super().__init__(path=Path(path), **settings)  # type: ignore[call-arg]  # pydantic reads fields by name
        self._cassette = read_cassette(self.path)
        self._turns = defaultdict(list)
        for turn in self._cassette.turns:
            self._turns[turn.key, turn.place].append(turn)
            self._turns[turn.key, None].append(turn)

    @property
    def name_of_model(self) -> str:
        return f"recorded:{self.path}"

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """The recorded answer, with an id of its own."""
        asked = normalised(request)
        key = request_key(asked)
        with self._lock:
            anywhere = self._turns.get((key, None), [])
            turns = self._turns.get((key, asked_at())) or anywhere
            turn = None if not turns else turns.pop(0) if len(turns) > 1 else turns[0]
            if turns is not anywhere and turn in anywhere and len(anywhere) > 1:
                anywhere.remove(turn)
        if turn is None:
            raise CassetteMiss(self._why(asked))
        message = from_data(from_json(to_json(turn.answer).decode()))  # its own copy
        tell(message, on_delta)
        return message

    def _why(self, asked: dict[str, Any]) -> str:
        recorded = [turn.request for turn in self._cassette.turns]
        if not recorded:
            return f"{str(self.path)!r} holds no recordings. Record it with Recording(model, path)."
        index = nearest(asked, recorded)
        return (
            f"No recording in {str(self.path)!r} answers this request. The nearest is number {index + 1} of "
            f"{len(recorded)}; the first difference is: {first_difference(recorded[index], asked)}\n"
            "Record it again if the change is meant."
        )
