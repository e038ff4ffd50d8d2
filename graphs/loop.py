"""The agent loop: a ``model`` node and a ``tools`` node, as an ordinary LangGraph state machine.

The model answers or calls tools; each call is a task of its own (one ``Send`` a call), so that a call that waits for
a person or dies does not run its siblings again. Every tool call passes the gate of the run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, InvalidToolCall, SystemMessage, ToolCall
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Send

from graphwright.agents import Agent
from graphwright.models import ModelRequest
from graphwright.runtime import SECRET_ARGUMENT, RunContext
from graphwright.tools import UnknownTool

from .answers import correction, structured_answer, unanswerable
from .calls import AgentFailed, ToolTask, run_call
from .compaction import fitting, remember
from .naming import named
from .speaking import ask_model
from .state import AgentState
from .transcript import repaired, repairs, with_call_ids
from .turns import progress

MAX_CORRECTIONS = 2
"""How often a structured answer that does not fit its schema is sent back before the run fails."""


def agent_loop(agent: Agent) -> StateGraph[AgentState, RunContext]:
    """An agent at work: it calls tools until it can answer.

    Limits: after ``agent.max_turns`` model turns it must answer without tools, and calls past ``agent.max_calls`` are
    refused with a message. A tool's error goes back to the model; an unknown tool or invalid arguments are answered
    so that the model can correct itself.

    Args:
        agent: The declaration.

    Returns:
        The graph, uncompiled; whoever runs it chooses the checkpointer.
    """
    loop = Loop(agent)
    graph = StateGraph(AgentState, context_schema=RunContext)
    graph.add_node("model", loop.model, destinations=("tools", "model", END))
    graph.add_node("tools", loop.tools)
    graph.add_edge(START, "model")
    graph.add_edge("tools", "model")
    return named(graph, name=agent.name, description=agent.description)


class Loop:
    """The two nodes of one agent, with what never changes between turns made once."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self._system: SystemMessage | None = None
        self._tools = agent.toolbox.specs
        self._schema = agent.output.model_json_schema() if agent.output else None

    async def model(self, state: AgentState, runtime: Runtime[RunContext]) -> Command[Any]:
        """One turn of the model, and where to go after it."""
        history = state.get("messages", [])
        so_far = progress(history, self.agent.name)
        last_turn = so_far.turns + 1 >= self.agent.max_turns
        whole = repaired(history)
        sent, summary = await fitting(self.agent, whole, runtime)
        request = ModelRequest(
            messages=[self._instructions(), *sent],
            tools=self._tools,
            tool_choice="none" if last_turn and self._tools else None,
            output=self._schema,
        )
        answer = await ask_model(self.agent, request, runtime, turn=len(history))
        answer = remember(with_call_ids(answer), summary)
        if last_turn and (answer.tool_calls or answer.invalid_tool_calls):
            answer = answer.model_copy(update={"tool_calls": [], "invalid_tool_calls": []})
        if answer.tool_calls or answer.invalid_tool_calls:
            command = self._to_tools(answer, state, so_far.calls)
        else:
            command = self._finish(answer, so_far.corrections)
        return _with_repairs(command, repairs(history, whole))

    async def tools(self, state: ToolTask, runtime: Runtime[RunContext]) -> dict[str, Any]:
        """One tool call, through the gate."""
        return await run_call(self.agent, state, runtime)

    def _instructions(self) -> SystemMessage:
        if self._system is None:
            prompt = self.agent.instructions
            self._system = SystemMessage(prompt.render(), id=f"system:{self.agent.name}:{prompt.version}")
        return self._system

    def _to_tools(self, answer: AIMessage, state: AgentState, used: int) -> Command[Any]:
        sends = []
        refused = [
            unanswerable(answer, call["id"], call["name"], _wrong_call(call)) for call in answer.invalid_tool_calls
        ]
        for at, call in enumerate(answer.tool_calls):
            problem = self._problem(call["name"], used + at) or self._refusal(call, answer, state)
            if problem:
                refused.append(unanswerable(answer, call["id"], call["name"], problem))
            else:
                sends.append(
                    Send("tools", ToolTask(call=call, message=answer.id or "", notes=state.get("notes") or {}))
                )
        update: dict[str, list[BaseMessage]] = {"messages": [answer, *refused]}
        return Command(update=update, goto=sends or "model")

    def _problem(self, name: str, used: int) -> str | None:
        if used >= self.agent.max_calls:
            return f"The limit of {self.agent.max_calls} tool calls is reached. Answer with what you have."
        try:
            self.agent.toolbox.get(name)
        except UnknownTool as unknown:
            return str(unknown)
        return None

    def _refusal(self, call: ToolCall, answer: AIMessage, state: Any) -> str | None:
        """What else speaks against a call, for its model; a pattern that wraps the loop overrides it."""
        return None

    def _finish(self, answer: AIMessage, corrections: int) -> Command[Any]:
        if self.agent.output is None:
            return Command(update={"messages": [answer]}, goto=END)
        value, problem = structured_answer(self.agent.output, answer)
        messages: list[AnyMessage] = [answer]
        if problem is None:
            return Command(update={"messages": messages, "output": value}, goto=END)
        if corrections >= MAX_CORRECTIONS:
            raise AgentFailed(
                f"Agent {self.agent.name!r} gave {corrections + 1} answers that do not fit "
                f"{self.agent.output.__name__}. The last problem: {problem} "
                "Simplify the schema, or use a model that supports structured output."
            )
        return Command(update={"messages": [*messages, correction(answer, problem)]}, goto="model")


def _with_repairs(command: Command[Any], written: list[Any]) -> Command[Any]:
    """The same step, which also writes what a history from elsewhere lacked."""
    if not written:
        return command
    update: Any = command.update
    return replace(command, update={**update, "messages": [*written, *update["messages"]]})


def _wrong_call(call: InvalidToolCall) -> str:
    """Why a call was not made: its arguments cannot be read, or the runtime refused it with a sentence."""
    error = call["error"] or ""
    return error if error.startswith(SECRET_ARGUMENT) else f"The arguments are not JSON: {error}"
