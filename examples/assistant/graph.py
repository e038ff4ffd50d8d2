"""One agent with the built-in tools and whatever tools the user loads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.graphs import AgentState, agent_loop, graph
from graphwright.prompts import prompt
from graphwright.retrieval import Memories, forget, recall, remember, search_knowledge
from graphwright.runtime import RunContext, ask_person
from graphwright.tools import Resources, Tool
from graphwright.tools.builtin import builtin_tools

MEMORY = "memory.db"


def provide(resources: Resources, state: Path) -> None:
    """What the assistant remembers, in the state folder."""
    resources.provide(Memories, lambda: Memories(state / MEMORY))


def world(state: Path) -> dict[str, Any]:
    """What is remembered for whom, and whether it is to be relied on."""
    if not (state / MEMORY).exists():
        return {"memories": {}}
    memories = Memories(state / MEMORY)
    return {
        "memories": {
            owner.user: {each.text: "trusted" if each.trusted else "untrusted" for each in memories.all(owner)}
            for owner in memories.owners()
        }
    }


@graph(
    description="One agent with the built-in tools (calculator, clock, files, to-dos, knowledge, memory) and your own.",
    example="What is 17.5 % of 2,480, and what day of the week is it in Tokyo?",
    resources=provide,
    world=world,
    data=("facts that a user asks it to remember, in a SQLite file in the state folder; each run sees its own user's",),
)
def assistant(tools: Sequence[Tool] = ()) -> StateGraph[AgentState, RunContext]:
    """Answer with the help of tools.

    Args:
        tools: Tools of the user's; one with the name of a built-in tool replaces it.
    """
    mine = {each.name for each in tools}
    built_in = [
        each
        for each in (search_knowledge, *builtin_tools(), remember, recall, forget, ask_person)
        if each.name not in mine
    ]
    return agent_loop(
        Agent(
            name="assistant",
            description="Answers questions and does small jobs with tools.",
            prompt=prompt("assistant/assistant"),
            tools=(*built_in, *tools),
        )
    )
