"""A file of requests and their answers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

VERSION = 1


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """One request and its answer, both as plain JSON data."""

    key: str
    """Hash of the request."""
    request: Mapping[str, Any]
    answer: Mapping[str, Any]
    place: str = ""
    """Where in a graph it was asked, so that branches side by side that ask the same get each their own answer."""


@dataclass(frozen=True, slots=True)
class Cassette:
    """What one model was asked and said, in that order."""

    model: str
    turns: tuple[RecordedTurn, ...] = ()


def read_cassette(path: Path) -> Cassette:
    """The recordings in `path`. Raises FileNotFoundError, and ValueError for a file that is no cassette."""
    try:
        data = orjson.loads(path.read_bytes())
        if data["version"] != VERSION:
            raise ValueError(f"its version is {data['version']!r}, and this one reads {VERSION}")
        turns = tuple(
            RecordedTurn(turn["key"], turn["request"], turn["answer"], turn.get("place", ""))
            for turn in data["recordings"]
        )
        return Cassette(data["model"], turns)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{str(path)!r} is not a cassette: {error}. Record it again.") from error


def write_cassette(path: Path, model: str, turns: Sequence[RecordedTurn]) -> None:
    """Replace `path` as a whole: a crash leaves the old file or the new one."""
    recordings = [
        {"key": turn.key, **({"place": turn.place} if turn.place else {}), "request": turn.request}
        | {"answer": turn.answer}
        for turn in turns
    ]
    data = {"version": VERSION, "model": model, "recordings": recordings}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        with draft.open("wb") as file:
            file.write(orjson.dumps(data, option=orjson.OPT_INDENT_2, default=str) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
