"""One agent with the built-in tools and whatever tools the user loads."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.graphs import AgentState, agent_loop, graph
from graphwright.prompts import prompt
from graphwright.retrieval import search_knowledge
from graphwright.runtime import RunContext, ask_person
from graphwright.tools import Tool
from graphwright.tools.builtin import builtin_tools


@graph(
    description="One agent with the built-in tools (calculator, clock, files, to-dos, knowledge) and your own.",
    example="What is 17.5 % of 2,480, and what day of the week is it in Tokyo?",
)
def assistant(tools: Sequence[Tool] = ()) -> StateGraph[AgentState, RunContext]:
    """Answer with the help of tools.

    Args:
        tools: Tools of the user's; one with the name of a built-in tool replaces it.
    """
    mine = {each.name for each in tools}
    built_in = [each for each in (search_knowledge, *builtin_tools(), ask_person) if each.name not in mine]
    return agent_loop(
        Agent(
            name="assistant",
            description="Answers questions and does small jobs with tools.",
            prompt=prompt("assistant/assistant"),
            tools=(*built_in, *tools),
        )
    )
