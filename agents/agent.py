"""What an agent is: a frozen declaration that checks itself and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphwright.prompts import Prompt
from graphwright.tools import Tool, Toolbox, as_tool

from .budget import Budget
from .compaction import Compaction

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from pydantic import BaseModel

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class AgentDeclarationError(ValueError):
    """An agent was declared wrongly. For the developer: the message lists every problem found."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Agent:
    """A model, a prompt and tools under one name.

    Raises:
        AgentDeclarationError: listing every problem of the declaration at once.
    """

    name: str
    """What events, approvals and other agents call it: a letter, then letters, digits, ``_`` or ``-`` (64 at most)."""
    description: str
    """One sentence that a supervisor reads before handing over."""
    prompt: Prompt | str
    """The system prompt; a string is an inline prompt."""
    tools: tuple[Any, ...] = ()
    """Tools of ours, LangChain tools or plain functions; kept as a tuple of :class:`Tool`."""
    model: str | BaseChatModel | None = None
    """A model spec such as ``"openai:gpt-5-mini"``, a model object, or None for the run's model."""
    output: type[BaseModel] | None = None
    """The pydantic model that the final answer must fill, if it is structured."""
    max_turns: int = 12
    """Model turns for one input; the last one may not call tools, so that it ends in an answer."""
    max_calls: int = 40
    """Tool calls for one input; a call past it is refused with a message to the model."""
    budget: Budget | None = None
    """What it may spend in one run; a budget of the same name in ``graphwright.toml`` replaces it."""
    compaction: Compaction | None = None
    """How its model is kept from being sent too much history; None: it is sent all of it."""
    toolbox: Toolbox = field(init=False, repr=False)
    """The tools by name."""

    def __post_init__(self) -> None:
        problems = self._problems()
        if problems:
            raise AgentDeclarationError(
                f"Agent {self.name!r} cannot be declared: " + " ".join(f"({i}) {p}" for i, p in enumerate(problems, 1))
            )
        if isinstance(self.prompt, str):
            object.__setattr__(self, "prompt", Prompt.inline(self.prompt))
        object.__setattr__(self, "tools", tuple(as_tool(each) for each in self.tools))
        object.__setattr__(self, "toolbox", Toolbox(self.tools))

    def _problems(self) -> list[str]:
        problems = []
        if not _NAME.fullmatch(self.name):
            problems.append("The name must be a letter, then letters, digits, '_' or '-' (64 at most).")
        if not self.description.strip():
            problems.append("The description is empty; say in one sentence when to hand over to it.")
        if isinstance(self.prompt, str) and not self.prompt.strip():
            problems.append("The prompt is empty.")
        if not isinstance(self.tools, list | tuple):
            problems.append(f"tools must be a list, not {type(self.tools).__name__}.")
        if self.max_turns < 1:
            problems.append(f"max_turns is {self.max_turns}; at least 1 is needed to answer.")
        if self.max_calls < 0:
            problems.append(f"max_calls is {self.max_calls}; it cannot be negative.")
        return problems

    @property
    def instructions(self) -> Prompt:
        """The prompt as a :class:`Prompt`, also where it was declared as a string."""
        assert isinstance(self.prompt, Prompt)
        return self.prompt

    def using(self, *tools: Tool) -> Agent:
        """The same agent with further tools, for example those that a user named on the command line."""
        return Agent(
            name=self.name,
            description=self.description,
            prompt=self.prompt,
            tools=(*self.tools, *tools),
            model=self.model,
            output=self.output,
            max_turns=self.max_turns,
            max_calls=self.max_calls,
            budget=self.budget,
            compaction=self.compaction,
        )
