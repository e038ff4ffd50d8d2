"""``graphwright search``: look into the knowledge base as an agent would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_OK, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say

if TYPE_CHECKING:
    from graphwright.retrieval import Hit

_SHOWN = 600


@click.command(cls=Command)
@click.argument("query")
@click.option("-k", "count", type=click.IntRange(1, 100), default=5, show_default=True, help="How many passages.")
@click.option("--name", metavar="KB", help="The knowledge base to search; the one of the settings if left out.")
@pass_invocation
def search(invocation: Invocation, query: str, count: int, name: str | None) -> int:
    """Print the passages that answer QUERY best, with their source."""
    from .session import open_knowledge, settings_of

    if not query.strip():
        usage("The query is empty. Type what to look for.")
    with open_knowledge(settings_of(invocation), name=name, create=False) as knowledge:
        hits = knowledge.search(query, count)
    for number, hit in enumerate(hits, 1):
        if invocation.json:
            emit(_facts(hit))
        else:
            say(_text(number, hit))
    if not hits:
        remark("Nothing was found.")
    return EXIT_OK


def _facts(hit: Hit) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(hit.chunk), "score": hit.score, "lexical_rank": hit.lexical_rank, "dense_rank": hit.dense_rank}


def _text(number: int, hit: Hit) -> str:
    chunk = hit.chunk
    page = f", page {chunk.page}" if chunk.page else f":{chunk.start_line}" if chunk.start_line else ""
    heading = f" — {chunk.heading}" if chunk.heading else ""
    text = chunk.text if len(chunk.text) <= _SHOWN else chunk.text[:_SHOWN].rstrip() + " …"
    body = "\n".join(f"    {line}".rstrip() for line in text.strip().splitlines())
    return f"{number}. {chunk.source}{page}{heading}  [{hit.score:.2f}, {chunk.id}]\n{body}\n"


COMMANDS = {"search": search}
