"""`remember`, `recall`, `forget`: what an agent keeps about its user from one conversation to the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field

from graphwright.tools import IdempotencyKey, ToolContext, ToolFailed, ToolUnavailable, tool

from .errors import FolderNotWritable, MemoryRefused
from .memory import MAX_ABOUT, MAX_TEXT, Memories, Memory, Owner

MOST_RECALLED = 20
About = Annotated[str, Field(max_length=MAX_ABOUT, description="Subject in a few words, like 'home address'.")]


@tool(effect="write", once=False, reversible=True, trusted=True)
def remember(
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, description="The fact, in a sentence.")],
    about: About = "",
    *,
    key: IdempotencyKey,
    context: ToolContext,
) -> str:
    """Remember a fact about the user for later conversations."""
    context.check()
    with _in_words():
        found = context.resources.get(Memories).remember(
            owner_of(context),
            text,
            about=about,
            trusted=not context.tainted,
            heard=context.tainted_by,
            run=context.run_id,
            key=key,
        )
    if not context.tainted:
        return f"Remembered as {found}."
    names = ", ".join(context.tainted_by) or "it is not known of whom"
    return f"Remembered as {found}, and not to be relied on: strangers' words were read before ({names})."


@tool(effect="read", private=True, per_record=True)
def recall(
    query: Annotated[
        str, Field(max_length=MAX_TEXT, description="Question, words or exact subject; empty for the newest.")
    ],
    k: Annotated[int, Field(description="How many facts to return.", ge=1, le=MOST_RECALLED)] = 5,
    *,
    context: ToolContext,
) -> list[dict[str, Any]]:
    """Recall facts about the user that were remembered in earlier conversations."""
    with _in_words():
        found = context.resources.get(Memories).recall(owner_of(context), query, most=k)
    return [as_record(each, context.tenant) for each in found]


@tool(effect="write", once=False, critical=("memory_id",), destructive=True, trusted=True)
def forget(
    memory_id: Annotated[str, Field(max_length=40, description="Id of the memory, like m-0a1b2c3d4e5f.")],
    *,
    key: IdempotencyKey,
    context: ToolContext,
) -> str:
    """Forget a remembered fact for good."""
    context.check()
    with _in_words():
        context.resources.get(Memories).forget(owner_of(context), memory_id, key=key)
    return f"Forgotten: {memory_id.strip().lower()}."


def owner_of(context: ToolContext) -> Owner:
    """Whose memories a call may see: those of the run's user, within its tenant."""
    return Owner(context.tenant, context.user)


def as_record(memory: Memory, tenant: str) -> dict[str, Any]:
    """A memory as plain data, with the labels that policy reads: whether it is trusted, and whose it is."""
    told = {"memory_id": memory.id, "text": memory.text, "about": memory.about}
    day = datetime.fromtimestamp(memory.written, UTC).date().isoformat()
    labels = {"trusted": memory.trusted, "owner": tenant, "heard_from": list(memory.heard)}
    return {**told, "day": day, "run": memory.run, **labels}


@contextmanager
def _in_words() -> Iterator[None]:
    """What the store refuses goes to the model as a sentence."""
    try:
        yield
    except MemoryRefused as refusal:
        raise ToolFailed(str(refusal)) from refusal
    except FolderNotWritable as busy:
        raise ToolUnavailable("The memories cannot be opened just now. Go on without them.") from busy
