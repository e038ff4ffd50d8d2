"""Keep what a model is sent of a history within the budget that its agent declares.

The state keeps the whole history; only the request is smaller. What is sent follows from the history alone, step by
step from its beginning: a turn later the same is sent with more behind it, until the budget is exceeded again. So a
resumed run sends what it would have sent, and providers find the beginning of most prompts in their caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.runtime import Runtime

from graphwright.agents import Agent, Compaction
from graphwright.runtime import RunContext
from graphwright.runtime.digests import digest
from graphwright.runtime.estimates import size_of

from .summaries import SUMMARY, Summary, summary_message, write_summary
from .transcript import exchanges_of

CLEARED = "cleared"
"""In ``additional_kwargs`` of a result that was shortened to a mark."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left of a history."""

    messages: list[AnyMessage]
    dropped: list[AnyMessage]
    """What was left out, in the order in which it was; a longer history has the same and then more."""


@dataclass(slots=True)
class _Part:
    """An exchange on its way through the fold."""

    messages: Sequence[BaseMessage]
    size: int


@dataclass(slots=True)
class _Fold:
    """What is sent after each exchange of the history, from its beginning."""

    compaction: Compaction
    parts: list[_Part] = field(default_factory=list)
    dropped: list[BaseMessage] = field(default_factory=list)
    size: int = 0

    def add(self, messages: Sequence[BaseMessage]) -> None:
        part = _Part(messages, 0 if _is_summary(messages[0]) else sum(map(size_of, messages)))
        self.parts.append(part)
        self.size += part.size
        room = room_for_summary(self.compaction)
        if self.size > self.compaction.budget - room:
            self._shrink(int(self.compaction.budget * self.compaction.keep) - room)

    def _shrink(self, wanted: int) -> None:
        if self.compaction.strategy == "clear_results":
            self._clear(wanted)
            # With less room won, the next turn would exceed the budget again, and every prompt would begin anew.
            if self.size <= (wanted + self.compaction.budget) // 2:
                return
        stays = _that_stay(self.parts)
        left = []
        for part in self.parts:
            if self.size <= wanted or id(part) in stays:
                left.append(part)
            else:
                self.size -= part.size
                self.dropped.extend(part.messages)
        self.parts = left

    def _clear(self, wanted: int) -> None:
        for part in self.parts[:-1]:
            if self.size <= wanted:
                return
            part.messages = [_cleared(each) for each in part.messages]
            size = sum(map(size_of, part.messages))
            self.size -= part.size - size
            part.size = size


def compacted(history: Sequence[AnyMessage], compaction: Compaction) -> Kept:
    """What a model is sent of a history, without a summary of the rest; pure.

    Args:
        history: Oldest first, each call with its result (see :func:`repaired`), without the system prompt.
        compaction: What the agent declares.
    """
    if sum(map(size_of, history)) <= compaction.budget - room_for_summary(compaction):
        return Kept(list(history), [])
    fold = _Fold(compaction)
    for exchange in exchanges_of(history):
        fold.add(exchange.messages)
    sent: Any = [message for part in fold.parts for message in part.messages]
    dropped: Any = fold.dropped
    return Kept(sent, dropped)


async def fitting(
    agent: Agent, history: Sequence[AnyMessage], runtime: Runtime[RunContext]
) -> tuple[list[AnyMessage], Summary | None]:
    """What the agent's model is sent of a history, and the summary in it, if it is a new one.

    A new summary is to be kept on the answer to this request (:func:`remember`), where later turns find it.
    """
    compaction = agent.compaction
    if compaction is None:
        return list(history), None
    kept = compacted(history, compaction)
    if compaction.strategy != "summarise" or not kept.dropped:
        return kept.messages, None
    covered = digest([each.id or [each.type, each.content] for each in kept.dropped])
    known = _known(agent, history)
    summary = known
    if known is None or (known.count, known.digest) != (len(kept.dropped), covered):
        before = known if known is not None and _is_beginning(known, kept.dropped) else None
        news = kept.dropped[before.count if before else 0 :]
        text = await write_summary(agent, compaction, before, news, runtime, turn=-len(history))
        summary = Summary(text=text, count=len(kept.dropped), digest=covered)
    assert summary is not None
    room = min(room_for_summary(compaction), sum(map(size_of, kept.dropped)))
    told = summary_message(summary, room)
    return [*([told] if told else []), *kept.messages], None if summary is known else summary


def remember(answer: AIMessage, summary: Summary | None) -> AIMessage:
    """The answer, with the summary that its request was the first to carry."""
    if summary is None:
        return answer
    kept = {**answer.additional_kwargs, SUMMARY: summary.as_data()}
    return answer.model_copy(update={"additional_kwargs": kept})


def room_for_summary(compaction: Compaction) -> int:
    """Tokens that a summary may take; they are kept free for it."""
    return int(compaction.budget * compaction.keep) // 4 if compaction.strategy == "summarise" else 0


def _known(agent: Agent, history: Sequence[AnyMessage]) -> Summary | None:
    for message in reversed(history):
        if isinstance(message, AIMessage) and message.name == agent.name and SUMMARY in message.additional_kwargs:
            return Summary.from_data(message.additional_kwargs[SUMMARY])
    return None


def _is_beginning(known: Summary, dropped: Sequence[BaseMessage]) -> bool:
    first = dropped[: known.count]
    return (
        len(first) == known.count and digest([each.id or [each.type, each.content] for each in first]) == known.digest
    )


def _that_stay(parts: Sequence[_Part]) -> set[int]:
    """What is never left out: what a person said first and last, system messages, summaries, and the newest part."""
    said = [part for part in parts if _is_of_a_person(part.messages[0])]
    fixed = [part for part in parts if isinstance(part.messages[0], SystemMessage) or _is_summary(part.messages[0])]
    return {id(part) for part in (*said[:1], *said[-1:], *parts[-1:], *fixed)}


def _is_of_a_person(message: BaseMessage) -> bool:
    return isinstance(message, HumanMessage) and not {"correction", SUMMARY} & message.additional_kwargs.keys()


def _is_summary(message: BaseMessage) -> bool:
    return isinstance(message, HumanMessage) and SUMMARY in message.additional_kwargs


def _cleared(message: BaseMessage) -> BaseMessage:
    if not isinstance(message, ToolMessage) or CLEARED in message.additional_kwargs:
        return message
    mark = f"[result of {message.name or 'a tool'}, {len(message.text):,} characters, removed]"
    extra = {**message.additional_kwargs, CLEARED: True}
    short = message.model_copy(update={"content": mark, "artifact": None, "additional_kwargs": extra})
    return short if size_of(short) < size_of(message) else message
