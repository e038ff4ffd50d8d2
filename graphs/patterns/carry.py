"""What goes along when the work passes from one participant to the next.

Whatever the policy, the history stays whole: no tool call without its result, no result without its call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Literal, TypeAlias

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.runtime import Runtime

from graphwright.agents import Agent
from graphwright.models import ModelRequest
from graphwright.prompts import prompt
from graphwright.runtime import RunContext

from ..speaking import ask_model, context_of

Filter: TypeAlias = Callable[[Sequence[BaseMessage]], Sequence[BaseMessage]]
Carry: TypeAlias = Literal["full", "last", "summary"] | Filter
"""``full``: the whole history. ``last``: the newest answer. ``summary``: what a model makes of it. Or a filter."""

POLICIES = ("full", "last", "summary")
MAX_QUOTED = 400
"""Characters of each message that a summary without a model quotes."""


def summarizer() -> Agent:
    """Who summarizes a history for the next participant; it uses the run's model."""
    return Agent(
        name="summarizer",
        description="Says what the next participant has to know of what went before.",
        prompt=prompt("patterns/summary"),
    )


def carried(messages: Sequence[BaseMessage], policy: Carry) -> list[BaseMessage]:
    """What of a history goes along; pure. A summary quotes here; :func:`carry_over` asks a model for one.

    Args:
        messages: The history, oldest first.
        policy: See :data:`Carry`.

    Returns:
        A whole history: what is left of an incomplete exchange with a tool is rendered as text.
    """
    if callable(policy):
        return whole(policy(list(messages)))
    if policy == "full":
        return whole(messages)
    if policy == "last":
        return last_said(messages)
    return _as_one(messages, quoted(messages))


async def carry_over(
    messages: Sequence[BaseMessage],
    policy: Carry,
    runtime: Runtime[RunContext],
    *,
    listener: str | Collection[str],
    by: Agent | None = None,
    turn: int | None = None,
) -> list[BaseMessage]:
    """What of a history goes along to ``listener``, as it hears it; see :func:`carried` and :func:`as_heard`.

    A summary is made by the model of ``by`` (the run's model, if it is None) and journalled like every answer; the
    offline model does not summarize, so there the messages are quoted.

    Args:
        turn: Distinguishes this question to a model from others that the same node asks; the history's length if
            None.

    Raises:
        ModelError: if the model did not answer.
    """
    if policy != "summary" or len(messages) < 2:
        return as_heard(carried(messages, policy), listener)
    who = by or summarizer()
    if context_of(runtime).model_for(who.model).name_of_model == "offline":
        return as_heard(carried(messages, policy), listener)
    text = "\n\n".join(f"[{speaker(each)}] {each.text.strip()}" for each in whole(messages) if each.text.strip())
    request = ModelRequest(
        messages=[SystemMessage(who.instructions.render(), id="system:summary"), HumanMessage(text, id="told:summary")]
    )
    answer = await ask_model(who, request, runtime, turn=len(messages) if turn is None else turn)
    return _as_one(messages, str(answer.text))


def whole(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The same history, with every exchange with a tool complete or told as text.

    A call is complete if exactly one result for it follows before anybody else speaks.
    """
    kept: list[BaseMessage] = []
    place = 0
    while place < len(messages):
        message = messages[place]
        place += 1
        if isinstance(message, ToolMessage):
            kept.append(_as_text(message))
        elif isinstance(message, AIMessage) and (message.tool_calls or message.invalid_tool_calls):
            results = _results_after(messages, place)
            place += len(results)
            kept.extend(_exchange(message, results))
        else:
            kept.append(message)
    return kept


def last_said(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The newest message that says something and is no exchange with a tool; nothing if there is none."""
    for message in reversed(messages):
        if isinstance(message, ToolMessage | SystemMessage) or getattr(message, "tool_calls", None):
            continue
        if message.text.strip():
            return [message]
    return []


def as_heard(messages: Sequence[BaseMessage], listener: str | Collection[str]) -> list[BaseMessage]:
    """A whole history as ``listener`` hears it: what others answered is told to it, under their names.

    Several names are those under which one participant speaks (:attr:`Participant.speaks_as`).

    To a model, assistant messages are its own words; those of another agent are not. Exchanges with tools stay as
    they are, or the calls would lose their results.
    """
    own = {listener} if isinstance(listener, str) else set(listener)
    return [_told(each) if _is_of_another(each, own) else each for each in messages]


def speaker(message: BaseMessage) -> str:
    """Who says it, in one word."""
    return message.name or {"human": "user", "ai": "assistant"}.get(message.type, message.type)


def quoted(messages: Sequence[BaseMessage]) -> str:
    """A summary without a model: each message's beginning, under its speaker's name; tools' results are left out."""
    lines = []
    for message in messages:
        text = " ".join(message.text.split())
        if text and not isinstance(message, ToolMessage | SystemMessage):
            cut = text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 1].rstrip()}…"
            lines.append(f"{speaker(message)}: {cut}")
    return "\n".join(lines)


def _as_one(messages: Sequence[BaseMessage], text: str) -> list[BaseMessage]:
    if not text.strip():
        return []
    return [HumanMessage(text, id=f"summary:{len(messages)}:{messages[-1].id}", additional_kwargs={"summary": True})]


def _results_after(messages: Sequence[BaseMessage], place: int) -> list[ToolMessage]:
    results: list[ToolMessage] = []
    for message in messages[place:]:
        if not isinstance(message, ToolMessage):
            break
        results.append(message)
    return results


def _exchange(message: AIMessage, results: Sequence[ToolMessage]) -> list[BaseMessage]:
    called = [call["id"] for call in (*message.tool_calls, *message.invalid_tool_calls)]
    answered = [result.tool_call_id for result in results]
    if sorted(map(str, called)) == sorted(map(str, answered)) and len(set(called)) == len(called):
        return [message, *results]
    return [_as_text(message), *(_as_text(result) for result in results)]


def _as_text(message: AIMessage | ToolMessage) -> BaseMessage:
    """A call without its result, or a result without its call, as words that anybody may read."""
    if isinstance(message, ToolMessage):
        text = f"[result of {message.name or 'a tool'}: {message.text}]"
        return HumanMessage(text, id=f"text:{message.id}" if message.id else None, name=message.name)
    said = [message.text.strip()] if message.text.strip() else []
    said += [f"[called {call['name']} with {json.dumps(call['args'], default=str)}]" for call in message.tool_calls]
    said += [f"[called {call['name']} with {call['args']}]" for call in message.invalid_tool_calls]
    return AIMessage("\n".join(said), id=message.id, name=message.name)


def _is_of_another(message: BaseMessage, own: Collection[str]) -> bool:
    is_answer = isinstance(message, AIMessage) and not message.tool_calls and not message.invalid_tool_calls
    return is_answer and message.name is not None and message.name not in own


def _told(message: BaseMessage) -> HumanMessage:
    return HumanMessage(str(message.text), id=f"told:{message.id}" if message.id else None, name=message.name)
