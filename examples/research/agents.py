"""The four agents of the research graph."""

from __future__ import annotations

from pydantic import BaseModel, Field

from graphwright.agents import Agent
from graphwright.prompts import prompt
from graphwright.retrieval import search_knowledge


class Plan(BaseModel):
    """How a question is split for research."""

    questions: list[str] = Field(min_length=1, max_length=4, description="The sub-questions, each complete in itself.")


class Verdict(BaseModel):
    """What the checker thinks of a draft."""

    approved: bool = Field(description="True if nothing has to be changed.")
    objections: list[str] = Field(default_factory=list, description="What has to be changed, one sentence each.")


planner = Agent(
    name="planner",
    description="Splits a question into sub-questions that documents can answer.",
    prompt=prompt("research/planner"),
    output=Plan,
)

researcher = Agent(
    name="researcher",
    description="Finds in the knowledge base what answers one question.",
    prompt=prompt("research/researcher"),
    tools=(search_knowledge,),
    max_turns=5,
    max_calls=4,
)

writer = Agent(
    name="writer",
    description="Writes an answer with numbered citations from the sources found.",
    prompt=prompt("research/writer"),
)

checker = Agent(
    name="checker",
    description="Checks a draft against its sources.",
    prompt=prompt("research/checker"),
    output=Verdict,
)
