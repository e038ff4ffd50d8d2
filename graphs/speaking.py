"""Ask a model on behalf of an agent: streamed to whoever listens, counted, and attributed."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage
from langgraph.config import get_config
from langgraph.runtime import Runtime

from graphwright.agents import Agent
from graphwright.models import Delta, ModelRequest
from graphwright.runtime import EventType, ModelCall, RunContext, default_context, event, path_of
from graphwright.runtime.places import tasks_of


def context_of(runtime: Runtime[RunContext]) -> RunContext:
    """The run's context, or the default one where the graph runs on bare LangGraph."""
    return runtime.context or default_context()


def is_heard(runtime: Runtime[RunContext]) -> bool:
    """Whether anybody listens to the custom stream; if not, nothing needs to be streamed.

    LangGraph gives every run a writer. One that leads somewhere is a closure over the stream; the silent one is bare.
    """
    return getattr(runtime.stream_writer, "__closure__", True) is not None


def place_of(runtime: Runtime[RunContext]) -> str:
    """The path in the graph, such as ``write/model``: node names without task ids."""
    info = runtime.execution_info
    if info is None or not info.checkpoint_ns:
        return ""
    return path_of(info.checkpoint_ns)


def tasks_in(runtime: Runtime[RunContext]) -> tuple[str, ...]:
    """The tasks inside which a node works, outermost first."""
    info = runtime.execution_info
    if info is None or not info.checkpoint_ns:
        return ()
    return tasks_of(info.checkpoint_ns, get_config()["configurable"].get("checkpoint_map") or {})


async def ask_model(
    agent: Agent, request: ModelRequest, runtime: Runtime[RunContext], *, turn: int, is_streamed: bool = True
) -> AIMessage:
    """One answer of the agent's model.

    Args:
        agent: Who asks; its name stands on every event and on the answer.
        request: What is asked.
        runtime: LangGraph's, of the node that asks.
        turn: Distinguishes the calls of one node; the length of the history does.
        is_streamed: Whether its pieces are told to whoever listens, as they are part of what is said.

    Raises:
        ModelError: if the model did not answer.
    """
    context = context_of(runtime)
    model = context.model_for(agent.model)
    heard = is_heard(runtime)
    path = place_of(runtime)
    if heard:
        runtime.stream_writer(event("model_started", agent=agent.name, path=path, model=model.name_of_model))
    answer = await context.ask_model(
        ModelCall(
            model=model,
            request=request,
            agent=agent.name,
            key=_key(context, runtime, turn),
            path=path,
            prompt=agent.instructions.name,
            prompt_version=agent.instructions.version,
            on_delta=_Sink(agent.name, path, runtime) if heard and is_streamed else None,
            budget=agent.budget,
        )
    )
    answer.name = agent.name
    if heard:
        usage: dict[str, Any] = dict(answer.usage_metadata or {})
        runtime.stream_writer(
            event("model_finished", agent=agent.name, path=path, usage=usage, model=model.name_of_model)
        )
    return answer


def _key(context: RunContext, runtime: Runtime[RunContext], turn: int) -> str:
    info = runtime.execution_info
    place = info.checkpoint_ns if info is not None else ""
    return f"{context.thread_id}|{context.fork}|{place}|{turn}"


class _Sink:
    """Streams the pieces of one answer under the agent's name."""

    def __init__(self, agent: str, path: str, runtime: Runtime[RunContext]) -> None:
        self._agent = agent
        self._path = path
        self._runtime = runtime

    def __call__(self, delta: Delta) -> None:
        if delta.text:
            self._runtime.stream_writer(event("token", agent=self._agent, path=self._path, text=delta.text))

    def restart(self) -> None:
        """The answer broke off and is asked for again: what was streamed of it does not count."""
        self._runtime.stream_writer(event("restarted", agent=self._agent, path=self._path))


def tell(runtime: Runtime[RunContext], kind: EventType, *, agent: str, **data: Any) -> None:
    """Tell whoever watches the run; nothing happens where nobody does."""
    if is_heard(runtime):
        runtime.stream_writer(event(kind, agent=agent, path=place_of(runtime), **data))
