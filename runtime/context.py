"""What a run carries to its nodes: who runs it, its models, the gate to the tools, and shared resources."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from graphwright.models.asking import asking_at
from graphwright.tools import Resources

from .gate import Handler, ask_first, build_gate, stacked
from .questions import ask_by_interrupt

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from graphwright.agents import Budget
    from graphwright.models import ChatModel, DeltaSink, ModelRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One call of a model by one agent."""

    model: ChatModel
    request: ModelRequest
    agent: str
    key: str
    """Names this call for ever: thread, place in the graph, turn."""
    path: str = ""
    """Where in the graph it is made: node names, parted by ``/``."""
    prompt: str = ""
    """Name of the system prompt."""
    prompt_version: str = ""
    """Its content hash."""
    on_delta: DeltaSink | None = None
    budget: Budget | None = None
    """What the agent declares that it may spend in a run."""


Typed = Callable[[str, Mapping[str, Any], str], Awaitable[None]]
"""Told what a reader typed: on whose behalf, its declassified fields, and the key of the reading."""


async def _untold(_agent: str, _fields: Mapping[str, Any], _key: str) -> None:
    """Nobody judges calls by it: the graph runs without a policy."""


ModelHandler = Callable[[ModelCall], Awaitable["AIMessage"]]


async def call_model(call: ModelCall) -> AIMessage:
    """The innermost step of a model call: ask the model."""
    with asking_at(call.path):
        return await call.model.respond(call.request, on_delta=call.on_delta)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """LangGraph's ``context`` of every graph of ours; a node reads it from ``runtime.context``."""

    run_id: str = ""
    thread_id: str = ""
    user: str = "local"
    tenant: str = "local"
    model: Any = None
    """The run's model (a spec, a model object or None for the default), for agents that name none."""
    gate: Handler = field(default_factory=build_gate)
    step: Handler = field(default_factory=lambda: stacked(ask_first(ask_by_interrupt)))
    """The way to an effect inside of a node."""
    ask_model: ModelHandler = call_model
    typed: Typed = _untold
    resources: Resources = field(default_factory=Resources)
    fork: int = 0
    """How often the thread was forked before this run; part of every call's key."""

    def model_for(self, wanted: Any = None) -> ChatModel:
        """The model of an agent: its own, else the run's.

        Raises:
            UnknownModel: if the spec cannot be read.
        """
        return resolved(wanted if wanted is not None else self.model)

    def using(self, **changes: Any) -> RunContext:
        """The same context with some fields replaced."""
        return replace(self, **changes)


def resolved(wanted: Any) -> ChatModel:
    """A model by its spec, a foreign one wrapped, or the default one for None.

    Raises:
        UnknownModel: if the spec cannot be read.
    """
    from graphwright.models import ChatModel, as_chat_model

    if isinstance(wanted, ChatModel):
        return wanted
    if wanted is None or isinstance(wanted, str):
        return _by_spec(wanted)
    return as_chat_model(wanted)


@cache
def _by_spec(spec: str | None) -> ChatModel:
    from graphwright.models import resolve_model

    return resolve_model(spec).model


@cache
def default_context() -> RunContext:
    """The context of a graph that runs on bare LangGraph, without a :class:`Runtime`."""
    return RunContext()
