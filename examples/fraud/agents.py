"""The investigator: gathers evidence about one flagged payment and recommends what to do."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from graphwright.agents import Agent
from graphwright.prompts import prompt

from .tools import EVIDENCE

Recommendation = Literal["freeze", "watch", "clear"]


class Conclusion(BaseModel):
    """What an investigation comes to."""

    pattern: Literal["card testing", "takeover", "mule ring", "other fraud", "honest"] = Field(
        description="What fits best."
    )
    recommendation: Recommendation = Field(description="What to do with the account.")
    summary: str = Field(max_length=800, description="What the records show, with the figures.")


investigator = Agent(
    name="investigator",
    description="Finds out what is behind a flagged payment.",
    prompt=prompt("fraud/investigator"),
    tools=tuple(tool for tool, _ in EVIDENCE.values()),
    output=Conclusion,
    max_turns=6,
    max_calls=10,
)
