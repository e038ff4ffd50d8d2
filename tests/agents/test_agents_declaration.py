"""Agents are declarations that check themselves and touch nothing."""

from __future__ import annotations

import pytest

from graphwright.agents import Agent, AgentDeclarationError
from graphwright.prompts import prompt
from graphwright.tools import ToolDeclarationError, tool


@tool(effect="read")
async def look(where: str) -> str:
    """Look somewhere."""
    return where


def test_every_problem_of_a_declaration_is_named_at_once() -> None:
    with pytest.raises(AgentDeclarationError) as refused:
        Agent(name="no spaces", description=" ", prompt="", max_turns=0, max_calls=-1)

    words = str(refused.value)
    for part in ("name must be", "description is empty", "prompt is empty", "max_turns is 0", "max_calls is -1"):
        assert part in words


def test_a_string_is_an_inline_prompt_with_a_version() -> None:
    agent = Agent(name="a", description="d", prompt="Be kind.")

    assert agent.instructions.render() == "Be kind."
    assert len(agent.instructions.version) == 12


def test_a_prompt_file_is_rendered_without_its_header() -> None:
    agent = Agent(name="a", description="d", prompt=prompt("assistant/assistant"))

    assert agent.instructions.render().startswith("You are a careful assistant")


def test_two_tools_of_one_name_are_refused() -> None:
    @tool(effect="read", name="look")
    async def other(where: str) -> str:
        """Look elsewhere."""
        return where

    with pytest.raises(ToolDeclarationError, match="Two tools are called 'look'"):
        Agent(name="a", description="d", prompt="p", tools=[look, other])


def test_more_tools_make_another_agent() -> None:
    agent = Agent(name="a", description="d", prompt="p")

    assert agent.using(look).toolbox.names == ("look",)
    assert agent.toolbox.names == ()
