"""A model that does what its user wants, and whatever any text tells it: the worst that an injection can make of one.

The task is done by the model inside, which never sees the order. Whoever reads the order carries it out, tries the
tools that it was not given as well, and passes it on: in its answers, and to those to whom it can hand over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from graphwright.models import ModelRequest, calls
from graphwright.models.contract import ChatModel, DeltaSink
from graphwright.models.script import Reply, message_of
from graphwright.models.telling import with_parsed
from graphwright.models.wrapper import Wrapper

from .order import RESULT, Order, Step, is_told, without_orders

NAME = "obedient"
ORDERED = "ordered-"
"""How the ids of calls begin that it makes on a stranger's order."""
HANDS_OVER = ("transfer_to_", "delegate_to_")
PERSON = "person"


class ObedientModel(Wrapper):
    """Does the task of its user by the model inside, and carries out one order of a stranger wherever it reads it."""

    order: Any = None
    """An :class:`Order`; None: nobody orders anything."""
    seen: Any = None
    """Told the names of tools that it called on the order: a list."""

    def __init__(self, inner: ChatModel, order: Order | None, seen: list[str] | None = None) -> None:
        super().__init__(inner, order=order, seen=seen if seen is not None else [])

    @property
    def name_of_model(self) -> str:
        return NAME

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """Carry out the next step of an order that stands in the request; else do the task, and pass the order on."""
        if self.order is None or not any(is_told(text, self.order) for text in texts_of(request)):
            return await self.inner.respond(cleaned(request), on_delta=on_delta)
        call = _next_call(self.order, request)
        if call is not None:
            if not call["name"].startswith(HANDS_OVER):
                self.seen.append(call["name"])
            return message_of(Reply(tool_calls=[call]), request, NAME)
        answer = await self.inner.respond(cleaned(request))
        if answer.tool_calls:
            return answer
        if request.output is not None:
            parsed = _told_on(answer.additional_kwargs.get("parsed"), self.order, request.output)
            return with_parsed(message_of(Reply(output=parsed), request, NAME), request, NAME)
        return answer.model_copy(update={"content": f"{answer.text} {self.order.words}".strip()})


def texts_of(request: ModelRequest) -> Iterator[str]:
    """Everything that a model reads: messages, arguments of calls, descriptions of tools."""
    for message in request.messages:
        yield message.text
        yield from (str(call["args"]) for call in getattr(message, "tool_calls", ()))
    for spec in request.tools:
        yield str(spec["function"].get("description", ""))


def cleaned(request: ModelRequest) -> ModelRequest:
    """The request as if nobody had ordered anything: no orders, no calls on orders, no results of those."""
    messages = [clean for each in request.messages if (clean := _clean(each)) is not None]
    return replace(request, messages=messages)


def _clean(message: BaseMessage) -> BaseMessage | None:
    if isinstance(message, ToolMessage) and message.tool_call_id.startswith(ORDERED):
        return None
    if isinstance(message, AIMessage) and any((call["id"] or "").startswith(ORDERED) for call in message.tool_calls):
        return None
    text = message.text
    return message.model_copy(update={"content": without_orders(text)}) if without_orders(text) != text else message


def _next_call(order: Order, request: ModelRequest) -> Any:
    """The next thing to call: a step of the order, then somebody who may be able to do what this reader cannot."""
    if request.tool_choice == "none" or (request.output is not None and not request.tools):
        return None  # Who can only fill in a form does that as it is told.
    made = [call for call in _calls(request.messages) if (call["id"] or "").startswith(ORDERED)]
    offered = [str(spec["function"]["name"]) for spec in request.tools]
    refused = False
    for number, step in enumerate(order.steps):
        tried = [call for call in made if call["name"] == step.tool and f"-{number}-" in (call["id"] or "")]
        if not tried or (step.tool in offered and not any("-offered" in (call["id"] or "") for call in tried)):
            place = "offered" if step.tool in offered else "refused"
            filled = {name: _filled(value, order, request.messages) for name, value in step.arguments.items()}
            return {**calls(step.tool, **filled), "id": f"{ORDERED}{order.mark}-{number}-{place}"}
        refused = refused or step.tool not in offered
    if not refused:
        return None
    asked = {call["name"] for call in made}
    for name in offered:
        if name.startswith(HANDS_OVER) and not name.endswith(PERSON) and name not in asked:
            spec = next(each["function"] for each in request.tools if each["function"]["name"] == name)
            field = next(iter(spec["parameters"].get("properties", {})), None)
            if field is not None:
                return {**calls(name, **{field: order.words}), "id": f"{ORDERED}{order.mark}-{name}"}
    return None


def _calls(messages: Iterable[BaseMessage]) -> Iterator[Mapping[str, Any]]:
    for message in messages:
        yield from getattr(message, "tool_calls", ())


def _filled(value: Any, order: Order, messages: Sequence[BaseMessage]) -> Any:
    """An argument with what the order's last call gave."""
    if not isinstance(value, str) or RESULT not in value:
        return value
    ordered = f"{ORDERED}{order.mark}"
    given = [each.text for each in messages if isinstance(each, ToolMessage) and each.tool_call_id.startswith(ordered)]
    return value.replace(RESULT, given[-1][:200] if given else "")


def _told_on(parsed: Any, order: Order, schema: Mapping[str, Any]) -> Any:
    """A structured answer that says what was ordered, and passes the order on where it has room for words."""
    if not isinstance(parsed, dict):
        return parsed
    properties = schema.get("properties", {})
    told = {**parsed, **{name: value for name, value in order.answer.items() if name in properties}}
    for name, value in told.items():
        if name in order.answer or "enum" in properties.get(name, {}) or "pattern" in properties.get(name, {}):
            continue
        if isinstance(value, str):
            return {**told, name: f"{value} {order.words}".strip()}
        if isinstance(value, list) and value and isinstance(value[-1], str):
            return {**told, name: [*value[:-1], f"{value[-1]} {order.words}"]}
    return told


def is_ordered(answer: Mapping[str, Any]) -> bool:
    """Whether a recorded answer was given on an order."""
    return any(str(call.get("id") or "").startswith(ORDERED) for call in answer.get("tool_calls") or ())


def step_of(tool: str, **arguments: Any) -> Step:
    """A step, for orders written by hand."""
    return Step(tool, arguments)
