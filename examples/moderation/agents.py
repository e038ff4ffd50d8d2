"""The two agents of the panels: one judges by the policy, one looks at appeals."""

from __future__ import annotations

from pydantic import BaseModel, Field

from graphwright.agents import Agent
from graphwright.prompts import prompt

from .data import Label
from .tools import read_policy


class Assessment(BaseModel):
    """What an agent thinks of a post."""

    label: Label = Field(
        description=(
            "ok: asks, advises, disagrees, reports or warns; "
            "spam: offers goods in bulk with discount, shipping, coupon; "
            "scam: wants money, deposit, password, card or wallet by a lie about profit or prize; "
            "harassment: insults or threatens a person, idiot, loser, regret; "
            "self_promotion: advertises the author's own channel, video, shop, blog, book or course."
        )
    )
    sure: bool = Field(description="True only if a careful colleague could not see it otherwise.")
    reason: str = Field(description="Why, in one sentence.")


policy_reviewer = Agent(
    name="policy",
    description="Judges a post by the forum's policy.",
    prompt=prompt("moderation/policy_reviewer"),
    tools=(read_policy,),
    output=Assessment,
    max_turns=5,
    max_calls=3,
)

appeal_reviewer = Agent(
    name="advocate",
    description="Looks at a decision again, with the author's statement.",
    prompt=prompt("moderation/appeal_reviewer"),
    tools=(read_policy,),
    output=Assessment,
    max_turns=5,
    max_calls=3,
)
