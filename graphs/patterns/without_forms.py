"""Who works next, asked by offering a tool for each participant: for models that choose tools better than fill forms.

The offline model compares a request with names and descriptions; what a progress ledger asks it cannot judge. Managers
that fill forms ask it this way instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.runtime import Runtime

from graphwright.agents import Agent
from graphwright.models import ModelRequest
from graphwright.runtime import RunContext
from graphwright.tools import Tool

from ..speaking import ask_model, context_of


def is_offline(agent: Agent, runtime: Runtime[RunContext]) -> bool:
    """Whether the agent's model in this run is the offline one."""
    return context_of(runtime).model_for(agent.model).name_of_model == "offline"


async def next_by_tools(
    agent: Agent,
    request: str,
    given: Sequence[Mapping[str, str]],
    tools: Mapping[str, Tool],
    runtime: Runtime[RunContext],
) -> str:
    """Who works next; empty when the model calls nobody after somebody has succeeded.

    Args:
        agent: Who is asked.
        request: What is to be done.
        given: The work done so far: ``who``, ``what``, ``text``, and ``failed`` if it failed.
        tools: Participant to the tool that calls it.
        runtime: LangGraph's, of the node that asks.

    Raises:
        ModelError: if the model did not answer.
    """
    messages: list[BaseMessage] = [SystemMessage(agent.instructions.render()), HumanMessage(request)]
    for number, each in enumerate(given):
        call = {"name": tools[each["who"]].name, "args": {"instruction": each["what"]}, "id": f"given_{number}"}
        result = ToolMessage(
            each["text"],
            tool_call_id=call["id"],
            name=call["name"],
            status="error" if each.get("failed") else "success",
        )
        messages += [AIMessage("", tool_calls=[call]), result]
    offered = tuple(tool.spec for tool in tools.values())
    answer = await ask_model(agent, ModelRequest(messages=messages, tools=offered), runtime, turn=len(given))
    called = {tool.name: name for name, tool in tools.items()}
    chosen = next((called[call["name"]] for call in answer.tool_calls if call["name"] in called), "")
    asked = [each["who"] for each in given]
    if chosen or any(not each.get("failed") for each in given):
        return chosen if chosen not in asked else ""
    return next((name for name in tools if name not in asked), "")
