"""`search_knowledge`: what an agent calls to look something up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field

from graphwright.tools import ToolContext, ToolFailed, tool

from .chunk import Hit
from .errors import EmptyQuery
from .knowledge_base import KnowledgeBase

MOST_HITS = 20


@tool(effect="read", trusted=False, per_record=True)
def search_knowledge(
    query: Annotated[str, Field(description="What to look up: a question or keywords.")],
    k: Annotated[int, Field(description="How many passages to return.", ge=1, le=MOST_HITS)] = 5,
    *,
    context: ToolContext,
) -> list[dict[str, Any]]:
    """Search the knowledge base and return the best passages with their sources, to quote and to cite by id."""
    base = context.resources.get(KnowledgeBase)
    if base.tenant != context.tenant:
        raise ToolFailed("There is no knowledge base for this account. Answer without it and say so.")
    try:
        return [as_row(hit) for hit in base.search(query, k)]
    except EmptyQuery:
        raise ToolFailed("The query is empty. Say what to look up.") from None


def as_row(hit: Hit) -> dict[str, Any]:
    """A hit as plain data, what is read first in front."""
    chunk = asdict(hit.chunk)
    first = {name: chunk.pop(name) for name in ("id", "source", "title", "heading", "text")}
    ranks = {"score": round(hit.score, 4), "lexical_rank": hit.lexical_rank, "dense_rank": hit.dense_rank}
    return {**first, **ranks, **chunk}
