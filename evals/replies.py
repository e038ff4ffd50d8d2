"""The model of a case: a scripted one from its replies, a recording, or one by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from langchain_core.messages import AIMessage

from graphwright.models import ScriptedModel, calls
from graphwright.models.script import Reply, When
from graphwright.runtime.journal import Entry

from .case import Case, ScriptedReply


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model has answered already, as the journal has it."""

    place: str
    """Where in the graph it was asked."""
    text: str
    calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()

    def is_of(self, reply: ScriptedReply) -> bool:
        """Whether this reply, of this place, was it."""
        wanted = tuple((each.tool, dict(each.arguments)) for each in reply.calls)
        if reply.at != self.place or self.calls != wanted:
            return False
        if reply.output is None:
            return self.text == reply.text
        try:
            return bool(orjson.loads(self.text) == reply.output)
        except orjson.JSONDecodeError:
            return False


def answers_of(entries: Iterable[Entry]) -> list[Answered]:
    """What models answered in a run, in order."""
    found = []
    for entry in entries:
        if entry.kind == "model":
            message = AIMessage.model_validate(entry.outcome)
            made = tuple((call["name"], call["args"]) for call in message.tool_calls)
            found.append(Answered(entry.path, message.text, made))
    return found


def model_of(case: Case, default: str = "offline", *, answered: Sequence[Answered] = ()) -> Any:
    """What the case is run with: a specification, or a model that plays its replies.

    Args:
        case: The case.
        default: The specification where the case names none.
        answered: What was answered in this run already; a scripted model goes on after it.
    """
    if case.cassette is not None:
        return f"recorded:{folder_of(case) / case.cassette}"
    if case.replies is None:
        return case.model or default
    replies = [ScriptedReply(text=each) if isinstance(each, str) else each for each in case.replies]
    if replies and replies[0].is_addressed:
        return ScriptedModel([_addressed(each) for each in _left(replies, answered)])
    return ScriptedModel([_reply(each) for each in replies[len(answered) :]])


def _left(replies: Sequence[ScriptedReply], answered: Sequence[Answered]) -> list[ScriptedReply]:
    """The replies that were not given yet: of those at a place the longer words first, as they may hold the shorter."""
    left = sorted(replies, key=lambda each: (not each.at, -len(each.when or "") if each.at else 0))
    for given in answered:
        of_place = [each for each in left if each.at == given.place]
        # An answer that was changed since (a secret taken out) still used up the next one that is given in order.
        used = next(filter(given.is_of, of_place), None) or next((each for each in of_place if each.when is None), None)
        if used is not None:
            left.remove(used)
    return left


def _addressed(reply: ScriptedReply) -> When:
    times = None if reply.at is None else 1
    return When(reply.when or "", _reply(reply), times=times, place=reply.at)


def folder_of(case: Case) -> Path:
    """Where the paths in a case are relative to: the folder of its file, else the current one."""
    file = case.source.rpartition(":")[0]
    return Path(file).parent if file else Path()


def _reply(reply: ScriptedReply) -> Reply:
    made = [calls(each.tool, **each.arguments) for each in reply.calls]
    return Reply(text=reply.text, tool_calls=made, output=reply.output)
