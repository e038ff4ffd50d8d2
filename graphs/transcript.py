"""What a history must be so that every provider takes it: each tool call has its one result, right behind it.

The check is for tests and evals, the repair for histories that come from elsewhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, RemoveMessage, ToolMessage

from .answers import tool_message

NO_RESULT = "This call has no result: it is not known whether it was carried out."


@dataclass(frozen=True, slots=True)
class Exchange:
    """An assistant's message with the results behind it, or any other message by itself."""

    messages: tuple[BaseMessage, ...]
    at: int
    """Position of the first of them in the history."""


def transcript_problems(messages: Sequence[BaseMessage], *, is_at_work: bool = False) -> list[str]:
    """Everything because of which a provider would refuse a history, or misunderstand it; empty if nothing.

    Args:
        messages: The history, oldest first, with or without its system message.
        is_at_work: Tools are at work: the calls of the last assistant's message may be without results yet.
    """
    problems = [
        f"messages {first} and {second} have one id, {id_!r}." for first, second, id_ in _same_ids(messages) if id_
    ]
    exchanges = list(exchanges_of(messages))
    for number, exchange in enumerate(exchanges):
        is_open = is_at_work and number == len(exchanges) - 1
        problems.extend(_problems(exchange, is_open=is_open))
    return problems


def exchanges_of(messages: Sequence[BaseMessage]) -> Iterator[Exchange]:
    """A history in parts that only go together, in order."""
    at = 0
    while at < len(messages):
        end = at + 1
        if isinstance(messages[at], AIMessage) and calls_of(messages[at]):
            while end < len(messages) and isinstance(messages[end], ToolMessage):
                end += 1
        yield Exchange(tuple(messages[at:end]), at)
        at = end


def calls_of(message: BaseMessage) -> list[tuple[str, str]]:
    """Id and tool of each call that a message makes, also of those whose arguments could not be read."""
    if not isinstance(message, AIMessage):
        return []
    calls = [(call["id"] or "", call["name"]) for call in message.tool_calls]
    return calls + [(call["id"] or "", call["name"] or "unnamed") for call in message.invalid_tool_calls]


def repaired(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """A history as providers take it. One without problems is returned as it is.

    A result that stands elsewhere is moved behind its call, one too many and one without a call are left out, and a
    call without a result gets one that says so. Calls of one message that share an id are given different ones.
    """
    if is_sound(messages):
        return list(messages)
    results = _results(messages)
    whole: list[AnyMessage] = []
    for at, message in enumerate(messages):
        if isinstance(message, ToolMessage):
            continue
        told_apart = with_call_ids(message) if isinstance(message, AIMessage) else message
        whole.append(told_apart)
        for (old, tool), (new, _) in zip(calls_of(message), calls_of(told_apart), strict=True):
            found = results[at, old].pop(0) if results[at, old] else None
            if found is None:
                made = tool_message(message.id, new, tool, NO_RESULT, status="error")
                whole.append(made if message.id else made.model_copy(update={"id": None}))
            else:
                whole.append(found if old == new else found.model_copy(update={"tool_call_id": new, "id": None}))
    return whole


def repairs(before: Sequence[AnyMessage], after: Sequence[AnyMessage]) -> list[AnyMessage | RemoveMessage]:
    """What to write into a message channel so that ``before`` becomes ``after``: all anew from the first difference.

    Nothing, where a message that would have to go has no id; what a model is sent is repaired each time then.
    """
    first = next((at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old is not new), len(before))
    first = min(first, len(after))
    if first == len(before) == len(after) or not all(each.id for each in before[first:]):
        return []
    return [*(RemoveMessage(id=str(each.id)) for each in before[first:]), *after[first:]]


def with_call_ids(answer: AIMessage) -> AIMessage:
    """The same message, each of its calls with an id of its own: some servers give none, or one to several."""
    ids = [call_id for call_id, _ in calls_of(answer)]
    if len(set(ids)) == len(ids) and "" not in ids:
        return answer
    taken: set[str] = set()
    fresh = iter([_free(call_id or "call", taken) for call_id in ids])
    return answer.model_copy(
        update={
            "tool_calls": [{**call, "id": next(fresh)} for call in answer.tool_calls],
            "invalid_tool_calls": [{**call, "id": next(fresh)} for call in answer.invalid_tool_calls],
        }
    )


def _free(wanted: str, taken: set[str]) -> str:
    found, number = wanted, 2
    while found in taken:
        found, number = f"{wanted}-{number}", number + 1
    taken.add(found)
    return found


def is_sound(messages: Sequence[BaseMessage]) -> bool:
    """Whether each call has its one result right behind it; quick, for every turn."""
    missing: set[str] = set()
    for message in messages:
        if isinstance(message, ToolMessage):
            if message.tool_call_id not in missing:
                return False
            missing.discard(message.tool_call_id)
        elif missing:
            return False
        elif isinstance(message, AIMessage) and (message.tool_calls or message.invalid_tool_calls):
            ids = [call_id for call_id, _ in calls_of(message)]
            missing = set(ids)
            if len(missing) != len(ids) or "" in missing:
                return False
    return not missing


def _problems(exchange: Exchange, *, is_open: bool) -> Iterator[str]:
    first, *results = exchange.messages
    where = f"message {exchange.at}"
    if isinstance(first, ToolMessage):
        yield f"{where}: a result of {first.tool_call_id!r} ({first.name}) that stands behind no call of it."
        return
    calls = calls_of(first)
    made = Counter(call_id for call_id, _ in calls)
    answered = Counter(each.tool_call_id for each in results if isinstance(each, ToolMessage))
    for call_id, tool in dict(calls).items():
        if not call_id:
            yield f"{where}: the call of {tool!r} has no id."
        if made[call_id] > 1:
            yield f"{where}: {made[call_id]} calls have one id, {call_id!r}."
        if answered[call_id] > 1:
            yield f"{where}: the call {call_id!r} of {tool!r} has {answered[call_id]} results."
        if not answered[call_id] and not is_open:
            yield f"{where}: the call {call_id!r} of {tool!r} has no result."
    for call_id in answered:
        if call_id not in made:
            yield f"{where}: a result of {call_id!r} stands behind it, and it made no such call."


def _same_ids(messages: Sequence[BaseMessage]) -> Iterator[tuple[int, int, str]]:
    seen: dict[str, int] = {}
    for at, message in enumerate(messages):
        if message.id:
            if message.id in seen:
                yield seen[message.id], at, message.id
            seen.setdefault(message.id, at)


def _results(messages: Sequence[BaseMessage]) -> dict[tuple[int, str], list[ToolMessage]]:
    """The results of each call, by the position of its message and its id, wherever they stand."""
    found: dict[tuple[int, str], list[ToolMessage]] = defaultdict(list)
    for at, message in enumerate(messages):
        if isinstance(message, ToolMessage):
            caller = caller_of(messages[:at], message)
            if caller is not None:
                found[caller, message.tool_call_id].append(message)
    return found


def caller_of(history: Sequence[BaseMessage], result: ToolMessage) -> int | None:
    """Position of the message whose call a result answers: the one that its id names, else the newest; None if none.

    Servers reuse call ids, so those of two messages may be the same.
    """
    newest = None
    for at in range(len(history) - 1, -1, -1):
        message = history[at]
        if any(call_id == result.tool_call_id for call_id, _ in calls_of(message)):
            if result.id == f"result:{message.id}:{result.tool_call_id}":
                return at
            newest = at if newest is None else newest
            if not (result.id or "").startswith("result:"):
                return newest
    return newest
