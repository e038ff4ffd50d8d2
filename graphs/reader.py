"""A reader: an agent without tools that turns untrusted text into typed values. The only way out of taint.

Whoever reads a stranger's text may be talked into anything, so the reader can do nothing but fill in a form. Of the
form, the fields that can carry no sentence (enumerations, numbers, truth values, days and times, short texts with a
bounded pattern) count as trusted afterwards; free text stays untrusted.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.runtime import Runtime
from pydantic import BaseModel

from graphwright.agents import Agent, AgentDeclarationError
from graphwright.models import ModelRequest
from graphwright.runtime import RunContext
from graphwright.runtime.policy.typed import is_typed, typed_fields

from .answers import structured_answer
from .calls import AgentFailed
from .speaking import ask_model, context_of, place_of


class Reader:
    """Reads untrusted text into the fields of a form.

    Raises:
        AgentDeclarationError: if the agent has tools, has no typed output, or none of its fields can be declassified.
    """

    def __init__(self, agent: Agent) -> None:
        if problems := _problems(agent):
            raise AgentDeclarationError(f"Agent {agent.name!r} cannot be a reader: {' '.join(problems)}")
        assert agent.output is not None
        self.agent = agent
        self.output: type[BaseModel] = agent.output

    async def read(self, text: str, runtime: Runtime[RunContext], *, key: str = "read") -> dict[str, Any]:
        """Fill in the form from a text; to be called in a node.

        Args:
            text: What a stranger wrote.
            runtime: LangGraph's, of the node.
            key: Tells the readings of one node apart.

        Returns:
            All fields. Those that are declassified are trusted from now on, for the rest of the run.

        Raises:
            AgentFailed: if the answer does not fit the form.
        """
        prompt = self.agent.instructions
        request = ModelRequest(
            messages=[SystemMessage(prompt.render(), id=f"system:{self.agent.name}"), HumanMessage(text)],
            output=self.output.model_json_schema(),
        )
        turn = sum(key.encode())
        answer = await ask_model(self.agent, request, runtime, turn=turn)
        value, problem = structured_answer(self.output, answer)
        if value is None:
            raise AgentFailed(f"Reader {self.agent.name!r} did not fill in {self.output.__name__}: {problem}")
        context = context_of(runtime)
        place = f"{context.thread_id}|{context.fork}|{place_of(runtime)}|{key}|{answer.id}"
        await context.typed(self.agent.name, typed_fields(self.output, value), place)
        return value


def _problems(agent: Agent) -> list[str]:
    problems = []
    if agent.tools:
        names = ", ".join(agent.toolbox.names)
        problems.append(f"It has tools ({names}); whoever reads a stranger's text may not be able to do anything.")
    if agent.output is None:
        problems.append("It has no output type; say output=YourModel.")
    elif not any(is_typed(field) for field in agent.output.model_fields.values()):
        problems.append(f"No field of {agent.output.__name__} can be declassified; use enumerations, numbers or dates.")
    return problems
