"""The model of a case: a scripted one from its replies, a recording, or one by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from graphwright.models import ScriptedModel, calls
from graphwright.models.script import Reply, When

from .case import Case, ScriptedReply


def model_of(case: Case, default: str = "offline", *, answered: int = 0, places: Iterable[str] = ()) -> Any:
    """What the case is run with: a specification, or a model that plays its replies.

    Args:
        case: The case.
        default: The specification where the case names none.
        answered: How many model answers the run has recorded already; a scripted model goes on after them.
        places: Where in the graph those were asked for, where replies are addressed.
    """
    if case.cassette is not None:
        return f"recorded:{folder_of(case) / case.cassette}"
    if case.replies is None:
        return case.model or default
    replies = [ScriptedReply(text=each) if isinstance(each, str) else each for each in case.replies]
    if replies and replies[0].is_addressed:
        return ScriptedModel(list(_addressed(replies, Counter(places))))
    return ScriptedModel([_reply(each) for each in replies[answered:]])


def _addressed(replies: Sequence[ScriptedReply], given: Counter[str]) -> Iterator[When]:
    """Replies by place and words: of those at a place the longer words go first, as they may hold the shorter ones."""
    for each in sorted(replies, key=lambda each: (not each.at, -len(each.when or "") if each.at else 0)):
        if each.at is None:
            yield When(each.when or "", _reply(each), times=None)
        elif each.when is None and given[each.at]:
            given[each.at] -= 1
        else:
            yield When(each.when or "", _reply(each), times=1, place=each.at)


def folder_of(case: Case) -> Path:
    """Where the paths in a case are relative to: the folder of its file, else the current one."""
    file = case.source.rpartition(":")[0]
    return Path(file).parent if file else Path()


def _reply(reply: ScriptedReply) -> Reply:
    made = [calls(each.tool, **each.arguments) for each in reply.calls]
    return Reply(text=reply.text, tool_calls=made, output=reply.output)
