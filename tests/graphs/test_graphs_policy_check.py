"""The lint finds what is dangerous together however the graph hides it: in any pattern, agent, node or helper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from langgraph.graph import START, StateGraph

from graphwright.agents import Agent
from graphwright.graphs import (
    AgentState,
    agent_loop,
    concurrent,
    group_chat,
    handoff,
    magentic,
    maker_checker,
    map_reduce,
    plan_execute,
    router,
    sequential,
    supervisor,
    use_tool,
)
from graphwright.graphs.policy_check import policy_findings
from graphwright.runtime import RunContext
from graphwright.runtime.policy.settings import PolicySettings
from graphwright.tools import Tool, tool


@tool(effect="read")
def read_page() -> str:
    """Read a page of a stranger."""
    return ""


@tool(effect="read", private=True, trusted=True)
def show_profile() -> str:
    """Show what is known about a customer."""
    return ""


@tool(effect="egress", critical=("to",), trusted=True)
def post(to: str) -> str:
    """Send something out."""
    return to


@tool(effect="egress", critical=("to",), trusted=True, approval="It leaves.")
def post_gated(to: str) -> str:
    """Send something out, if somebody says so."""
    return to


def agent(name: str, *tools: Tool) -> Agent:
    return Agent(name=name, description=f"{name}.", prompt="Work.", tools=list(tools))


PATTERNS: dict[str, Callable[[Agent, Agent, Agent], Any]] = {
    "sequential": sequential,
    "concurrent": concurrent,
    "concurrent, judged": lambda a, b, c: concurrent(a, b, aggregate=c),
    "router": lambda a, b, c: router([a, b, c], rules=[("x", "a")], default="a"),
    "handoff": handoff,
    "supervisor": lambda a, b, c: supervisor(a, b, manager=c),
    "supervisor, by form": lambda a, b, c: supervisor(a, b, c, manager=agent("m"), by="form"),
    "group chat, and who acts after it": lambda a, b, c: sequential(group_chat(a, agent("d")), b, c),
    "maker and checker": lambda a, b, c: maker_checker(sequential(a, b), c),
    "plan and execute": lambda a, b, c: plan_execute(agent("p"), a, b, c),
    "map and reduce": lambda a, b, c: map_reduce(a, b, c),
    "magentic": lambda a, b, c: magentic(a, b, c, manager=agent("m")),
    "a graph in a graph in a graph": lambda a, b, c: sequential(a, sequential(b, concurrent(c, agent("d")))),
    "a loop beside a pattern": lambda a, b, c: sequential(agent_loop(a), supervisor(b, manager=c)),
}


@pytest.mark.parametrize("name", PATTERNS)
def test_whoever_of_a_pattern_holds_them_the_three_dangers_are_found(name: str) -> None:
    for first, second, third in ((read_page, show_profile, post), (show_profile, read_page, post)):
        (found,) = policy_findings(PATTERNS[name](agent("a", first), agent("b", second), agent("c", third)))

        assert "reads untrusted text (read_page)" in found
        assert "holds private data (show_profile)" in found
        assert "sends out without a gate (post)" in found


@pytest.mark.parametrize("name", PATTERNS)
def test_with_a_gate_or_with_two_of_the_three_there_is_nothing_to_find(name: str) -> None:
    for tools in ((read_page, show_profile, post_gated), (show_profile, read_page), (read_page, None, post),
                  (show_profile, None, post)):  # fmt: skip
        given = [agent(letter, *filter(None, tools[at : at + 1])) for at, letter in enumerate("abc")]

        assert policy_findings(PATTERNS[name](*given)) == []


async def of_a_node(state: AgentState, runtime: Any) -> AgentState:
    await use_tool(read_page, {}, runtime, agent="a", key="1")
    await use_tool(show_profile, {}, runtime, agent="a", key="2")
    await use_tool(post, {"to": "x"}, runtime, agent="a", key="3")
    return {}


async def helper(runtime: Any) -> None:
    await of_a_node({}, runtime)


async def through_a_helper(state: AgentState, runtime: Any) -> AgentState:
    await helper(runtime)
    return {}


@dataclass
class Desk:
    """Keeps its tools on itself."""

    tools: tuple[Tool, ...]

    async def work(self, state: AgentState, runtime: Any) -> AgentState:
        for each in self.tools:
            await use_tool(each, {}, runtime, agent="desk", key=each.name)
        return {}


async def with_a_desk(state: AgentState, runtime: Any, *, desk: Desk) -> AgentState:
    return await desk.work(state, runtime)


DESK = Desk((read_page, show_profile, post))


def closed_over() -> Any:
    desk = DESK

    async def node(state: AgentState, runtime: Any) -> AgentState:
        return await desk.work(state, runtime)

    return node


NODES: dict[str, Any] = {
    "named in a node": of_a_node,
    "named in a helper of a node": through_a_helper,
    "kept by the object of a method": DESK.work,
    "kept by an object that a node closes over": closed_over(),
    "bound to a node": partial(with_a_desk, desk=DESK),
    "a whole agent inside of a node": agent_loop(agent("a", read_page, show_profile, post)).compile(),
}


@pytest.mark.parametrize("place", NODES)
def test_tools_that_the_graphs_own_code_uses_count(place: str) -> None:
    graph = StateGraph(AgentState, context_schema=RunContext)
    graph.add_node("work", NODES[place])
    graph.add_edge(START, "work")

    (found,) = policy_findings(graph)

    assert "sends out without a gate (post)" in found


def test_what_the_settings_say_of_tools_counts() -> None:
    graph = agent_loop(agent("a", read_page, show_profile, post))
    safe = agent_loop(agent("a", read_page, post))

    for verdict in ("ask", "deny"):
        assert policy_findings(graph, PolicySettings.model_validate({"tools": {"post": {"verdict": verdict}}})) == []
    assert policy_findings(graph, PolicySettings.model_validate({"tools": {"read_page": {"trusted": True}}})) == []
    assert policy_findings(safe, PolicySettings.model_validate({"tools": {"read_page": {"private": True}}})) != []
