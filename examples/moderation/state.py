"""The state of the moderation graph: plain data only, so that every checkpoint can be read."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from graphwright.graphs import AgentState


class Vote(TypedDict):
    """What came of one reviewer."""

    reviewer: str
    label: str
    """Empty where the reviewer failed."""
    sure: bool
    reason: str


class Proposal(TypedDict):
    """What the reviewers come to together."""

    label: str
    is_clear: bool
    """Whether enough of them agree and are sure, so that nobody needs to be asked."""
    votes: list[Vote]


class ReviewState(AgentState, total=False):
    """The state of one reviewer; ``messages`` and ``output`` are what the panel reads."""

    post_id: str
    warning: str
    """Set where the reviewer is not sure."""


class ModerationState(TypedDict, total=False):
    """From a post, or an appeal, to a decided case. A thread is one post: its appeal is a further run on it."""

    request: str
    stage: Literal["review", "appeal", "none"]
    post_id: str
    text: str
    statement: str
    """What the author says in an appeal."""
    proposal: Proposal
    remark: str
    """What became of the decision, if it was not made."""
    report: str
