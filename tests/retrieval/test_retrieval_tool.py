"""`search_knowledge` as an agent meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graphwright.retrieval import KnowledgeBase
from graphwright.retrieval.knowledge_tool import search_knowledge
from graphwright.tools import InvalidArguments, Resources, ToolContext, ToolFailed, render_result


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    (tmp_path / "cards.md").write_text("# Cards\n\n## Fees\n\nThe Gold card costs 95 dollars.")
    base = KnowledgeBase.open(tmp_path / "kb")
    base.ingest([tmp_path / "cards.md"])
    resources = Resources()
    resources.provide(KnowledgeBase, lambda: base)
    return ToolContext(call_id="c1", resources=resources)


async def call(context: ToolContext, **arguments: Any) -> Any:
    return await search_knowledge.invoke(search_knowledge.validate(arguments), context)


async def test_it_returns_passages_with_what_a_citation_needs(context: ToolContext) -> None:
    [row] = await call(context, query="price of the gold card")

    assert list(row)[:5] == ["id", "source", "title", "heading", "text"]
    assert (row["source"], row["heading"], row["trusted"]) == ("cards.md", "Cards > Fees", False)
    assert context.resources.get(KnowledgeBase).get(row["id"]).text == row["text"]
    assert row["id"] in render_result([row], 20_000)


async def test_the_model_sees_a_query_and_a_number_and_no_filter() -> None:
    assert set(search_knowledge.parameters["properties"]) == {"query", "k"}
    assert (search_knowledge.labels.effect, search_knowledge.labels.trusted) == ("read", False)


async def test_an_empty_query_is_told_to_the_model(context: ToolContext) -> None:
    with pytest.raises(ToolFailed, match="Say what to look up"):
        await call(context, query="  ")
    with pytest.raises(InvalidArguments, match="k"):
        await call(context, query="card", k=500)


async def test_another_tenant_reads_nothing(context: ToolContext) -> None:
    stranger = ToolContext(call_id="c2", tenant="other", resources=context.resources)

    with pytest.raises(ToolFailed, match="no knowledge base for this account"):
        await call(stranger, query="gold card")
