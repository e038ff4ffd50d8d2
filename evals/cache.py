"""Runs of cases by what decides them: a case whose graph, model and text are the same is not run again."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from langchain_core.messages import message_to_dict, messages_from_dict

from graphwright.runtime.digests import digest

from .case import Case
from .observed import Asked, Call, Moment, Observed, Spent

VERSION = 2


def case_key(case: Case, signature: str, model: str) -> str:
    """The digest of everything that decides what a case comes to; where it is written does not."""
    told = case.model_dump(mode="json", exclude={"source", "expect", "rename", "slices", "tags"})
    return digest([VERSION, signature, model, told])


class Cache:
    """Observed runs in files, one each, named by their key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: str) -> Observed | None:
        """What is known; a file that cannot be read is as good as none."""
        try:
            told = orjson.loads(self._path(key).read_bytes())
            return _observed(told)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, key: str, observed: Observed) -> None:
        """Keep a run; a process that dies while writing leaves nothing behind that could be read."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        told = asdict(replace(observed, messages=()))
        told["messages"] = [message_to_dict(each) for each in observed.messages]
        beside = path.with_suffix(f".{uuid4().hex[:8]}")
        beside.write_bytes(orjson.dumps(told, default=str, option=orjson.OPT_NON_STR_KEYS))
        beside.replace(path)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"


def _observed(told: dict[str, Any]) -> Observed:
    tuples: dict[str, Any] = {
        "calls": tuple(Call(**each) for each in told.pop("calls")),
        "approvals": tuple(Asked(**each) for each in told.pop("approvals")),
        "retrieved": tuple(told.pop("retrieved")),
        "route": tuple(told.pop("route")),
        "timeline": tuple(Moment(**each) for each in told.pop("timeline", ())),
        "messages": messages_from_dict(told.pop("messages")),
        "spent": Spent(**told.pop("spent")),
    }
    run_id = told.pop("run_id")
    return Observed(**told, **tuples, run_id=run_id if run_id.startswith("cached:") else f"cached:{run_id}")
