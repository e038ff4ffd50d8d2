"""The two agents: a data steward within rules, and a reviewer who may not invent a number."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from graphwright.agents import Agent
from graphwright.prompts import prompt


class StewardRuling(BaseModel):
    """What becomes of a delivery."""

    action: Literal["continue", "quarantine"] = Field(description="What is done with the delivery.")
    explanation: str = Field(description="Why, in one to three sentences for whoever sent the delivery.")


class Review(BaseModel):
    """What the head of a model card says."""

    summary: str = Field(description="Two to four sentences: how good the model is, for whom it is weak, its limits.")


steward = Agent(
    name="steward",
    description="Explains what is wrong with a delivery and decides within the rules what becomes of it.",
    prompt=prompt("pipeline/steward"),
    output=StewardRuling,
    max_turns=3,
)

reviewer = Agent(
    name="reviewer",
    description="Writes the head of a model card from computed figures.",
    prompt=prompt("pipeline/reviewer"),
    output=Review,
    max_turns=3,
)
