"""The two agents: one reads what code cannot, one puts reasons into words. Neither chooses what is shown."""

from __future__ import annotations

from pydantic import BaseModel, Field

from graphwright.agents import Agent
from graphwright.prompts import prompt


class Reading(BaseModel):
    """What a request in free words says."""

    user: str | None = Field(default=None, description="The user's id, like u-17; null for somebody new.")
    topic: str = Field(description="What the user likes or looks for, in the words of the request; empty if unsaid.")


class Line(BaseModel):
    """The reason for one item."""

    item: str = Field(description="The item's id, like i-203.")
    why: str = Field(description="One short sentence made of the facts given for this item, and of nothing else.")


class Reasons(BaseModel):
    """A reason for each item."""

    lines: list[Line] = Field(description="One line for each item, in the order given.")


reader = Agent(
    name="reader",
    description="Reads for whom a request in free words wants recommendations.",
    prompt=prompt("recommend/reader"),
    output=Reading,
    max_turns=2,
)

explainer = Agent(
    name="explainer",
    description="Puts the facts behind each recommendation into one sentence.",
    prompt=prompt("recommend/explainer"),
    output=Reasons,
    max_turns=2,
)
