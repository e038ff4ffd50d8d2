"""What reviewers may look at, and the two ways in which a case is decided: by an agreed panel, or by a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from graphwright.tools import ApprovalRules, IdempotencyKey, ToolContext, ToolFailed, tool

from .data import Label
from .desk import OUTCOMES, PANEL, CaseRefused, Desk
from .policy import POLICY

PostId = Annotated[str, Field(pattern=r"^[px]-[0-9a-f]{3,8}$", description="Post, like p-017.")]
Opinions = Annotated[str, Field(max_length=2000, description="What each reviewer thinks, one after the other.")]


@tool(effect="read")
def read_post(post_id: PostId, *, context: ToolContext) -> dict[str, str]:
    """Read one post: its author and its text."""
    post = _desk(context).post(post_id)
    if post is None:
        raise ToolFailed(f"There is no post {post_id!r}. Posts of the queue are p-001 to p-080.")
    return post


@tool(effect="read", trusted=True)
def read_case(post_id: PostId, *, context: ToolContext) -> dict[str, Any]:
    """Read how the case of a post was decided, by whom, and its trail."""
    case = _desk(context).case(post_id)
    return case or {"post_id": post_id, "stage": "open", "trail": []}


@tool(effect="read", trusted=True)
def check_rules(post_id: PostId, *, context: ToolContext) -> dict[str, Any]:
    """Compare a post with the written rules: phrases that mean a label."""
    from .rules import by_rules

    opinion = by_rules(_text(post_id, context))
    return {"label": opinion.label, "sure": opinion.sure, "reason": opinion.reason}


@tool(effect="read", trusted=True)
def classify_post(post_id: PostId, *, context: ToolContext) -> dict[str, Any]:
    """Classify a post by the trained classifier; gives how probable each label is."""
    from .classifier import MissingExtra, trained

    try:
        found = trained().classify(_text(post_id, context))
    except MissingExtra as error:
        raise ToolFailed(str(error)) from error
    return {"label": found.label, "probability": found.probability}


@tool(effect="read", trusted=True)
def find_precedents(post_id: PostId, *, context: ToolContext) -> list[dict[str, Any]]:
    """Find the five labelled posts that are most like a post; gives their labels and how alike they are."""
    from .classifier import MissingExtra, trained

    try:
        found = trained().precedents(_text(post_id, context))
    except MissingExtra as error:
        raise ToolFailed(str(error)) from error
    return [{"label": label, "alike": alike} for alike, label, _ in found]


@tool(effect="read", trusted=True)
def read_circumstances(post_id: PostId, *, context: ToolContext) -> dict[str, Any]:
    """Read the circumstances of a post: whether it quotes or warns, whether it disguises words, its author's record."""
    from .rules import speaks_about
    from .spelling import tricks

    desk, text = _desk(context), _text(post_id, context)
    author = desk.author((desk.post(post_id) or {}).get("author_id", ""))
    return {"speaks_about_it": speaks_about(text), "disguises": tricks(text), **author}


@tool(effect="read", trusted=True)
def read_policy(label: Annotated[Label, Field(description="Which section of the policy.")]) -> str:
    """Read the section of the forum's policy about one label."""
    return POLICY[label]


@tool(effect="write", once=False, reversible=True, trusted=True)
def submit_post(
    text: Annotated[str, Field(min_length=1, max_length=5000, description="The post.")], *, context: ToolContext
) -> dict[str, str]:
    """Put a post from outside into the queue."""
    context.check()
    return {"post_id": _desk(context).submit(text), "author_id": "a-new"}


@tool(effect="write", once=False, critical=("post_id", "label"), reversible=True, trusted=True)
def close_agreed_case(
    post_id: PostId, label: Label, opinions: Opinions, *, key: IdempotencyKey, context: ToolContext
) -> dict[str, Any]:
    """Decide a case on which the reviewers agree and are sure."""
    return _decided(post_id, "review", label, PANEL, opinions, key, context)


def _moderator(arguments: Mapping[str, Any]) -> ApprovalRules:
    told = f"The reviewers disagree or are not sure. {_proposal(arguments)}"
    return ApprovalRules(told, roles=("moderator",))


def _other_moderator(arguments: Mapping[str, Any]) -> ApprovalRules:
    excluded = [str(each) for each in arguments.get("excluded") or ()]
    told = f"The author appeals: {arguments.get('statement')!r}. {_proposal(arguments)}"
    return ApprovalRules(told, roles=("moderator",), exclude=tuple(excluded))


@tool(
    effect="write", once=False, approval=_moderator, decisions=("approve", "edit", "reject"),
    critical=("post_id", "label"), reversible=True, trusted=True,
)  # fmt: skip
def decide_case(
    post_id: PostId, label: Label, opinions: Opinions, *, key: IdempotencyKey, context: ToolContext
) -> dict[str, Any]:
    """Decide a case as a moderator approved it."""
    return _decided(post_id, "review", label, _signature(context), opinions, key, context)


@tool(
    effect="write", once=False, approval=_other_moderator, decisions=("approve", "edit", "reject"),
    critical=("post_id", "label"), reversible=True, trusted=True,
)  # fmt: skip
def decide_appeal(
    post_id: PostId,
    label: Label,
    statement: Annotated[str, Field(max_length=2000, description="What the author says.")],
    opinions: Opinions,
    excluded: Annotated[list[str], Field(description="Who decided before and may not decide again.")],
    *,
    key: IdempotencyKey,
    context: ToolContext,
) -> dict[str, Any]:
    """Decide an appeal as a moderator approved it who had no part in the decision."""
    by, first = _signature(context), _desk(context).case(post_id) or {"trail": []}
    deciders = {each["decided_by"] for each in first["trail"] if each["stage"] == "review"}
    if by in deciders:
        raise ToolFailed(f"{by} decided about post {post_id} before and may not decide the appeal.")
    return _decided(post_id, "appeal", label, by, f"{opinions} Statement: {statement}", key, context)


def _proposal(arguments: Mapping[str, Any]) -> str:
    label = str(arguments.get("label"))
    return f"Proposed: {OUTCOMES.get(label, label)}. {arguments.get('opinions', '')}"


def _signature(context: ToolContext) -> str:
    if not context.approved_by:
        raise ToolFailed("Nobody approved this decision; a moderator has to.")
    return context.approved_by


def _decided(
    post_id: str, stage: str, label: Label, by: str, why: str, key: str, context: ToolContext
) -> dict[str, Any]:
    context.check()
    try:
        _desk(context).decide(post_id, stage, label, by=by, why=why, key=key)
    except CaseRefused as refusal:
        raise ToolFailed(str(refusal)) from refusal
    return {"post_id": post_id, "outcome": OUTCOMES[label], "decided_by": by}


def _text(post_id: str, context: ToolContext) -> str:
    post = _desk(context).post(post_id)
    if post is None:
        raise ToolFailed(f"There is no post {post_id!r}.")
    return post["text"]


def _desk(context: ToolContext) -> Desk:
    return context.resources.get(Desk)
