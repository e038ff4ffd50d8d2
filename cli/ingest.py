"""``graphwright ingest``: read documents into the knowledge base."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .errors import EXIT_FAILED, EXIT_OK, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say
from .safe_text import one_line

if TYPE_CHECKING:
    from graphwright.retrieval import IngestReport, KnowledgeBase, Source
    from graphwright.runtime import Settings

_MOST_NAMED = 20


@click.command(cls=Command)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--package", "packages", multiple=True, metavar="NAME", help="Documentation of an installed package.")
@click.option("--name", metavar="KB", help="The knowledge base to fill; the one of the settings if left out.")
@click.option("--embedder", metavar="NAME", help="Of a new index: lsa, openai:MODEL or chroma:minilm (settings).")
@click.option("--rebuild", is_flag=True, help="Move the old index aside and start an empty one.")
@pass_invocation
def ingest(
    invocation: Invocation,
    paths: tuple[Path, ...],
    packages: tuple[str, ...],
    name: str | None,
    embedder: str | None,
    rebuild: bool,
) -> int:
    """Read files, folders and package documentation into the knowledge base; only what changed is read again."""
    from graphwright.retrieval import PackageDocs

    from .ingest_progress import ingest_progress
    from .session import settings_of

    if not paths and not packages:
        usage("Nothing was named. Give a PATH, or --package NAME.")
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        usage(f"There is no {', '.join(repr(path) for path in missing)}. Nothing was read. Check the names.")
    sources: list[Path | Source] = [
        *(path.absolute() for path in paths),
        *([PackageDocs(packages)] if packages else []),
    ]
    with _opened(settings_of(invocation, embedder=embedder), name, rebuild) as knowledge:
        with ingest_progress() as tell:
            report = knowledge.ingest(sources, on_progress=tell)
        count = knowledge.count()
    return _told(invocation, report, count)


def _opened(settings: Settings, name: str | None, rebuild: bool) -> KnowledgeBase:
    from graphwright.retrieval import KnowledgeBase

    from .session import knowledge_folder, open_knowledge

    if not rebuild:
        return open_knowledge(settings, name=name)
    return KnowledgeBase.rebuild(
        knowledge_folder(settings), name or settings.knowledge, tenant=settings.tenant, embedder=settings.embedder
    )


def _told(invocation: Invocation, report: IngestReport, count: int) -> int:
    for each in report.quarantined[:_MOST_NAMED]:
        remark(f"Left out: {one_line(each.source, 120)}: {one_line(each.reason)}")
    if len(report.quarantined) > _MOST_NAMED:
        remark(f"Left out: {len(report.quarantined) - _MOST_NAMED} more (--json names all).")
    read = report.added + report.unchanged + report.duplicates
    if invocation.json:
        emit(
            {
                "added": report.added,
                "unchanged": report.unchanged,
                "removed": report.removed,
                "duplicates": report.duplicates,
                "documents": report.documents,
                "chunks": count,
                "quarantined": [{"source": each.source, "reason": each.reason} for each in report.quarantined],
            }
        )
    else:
        say(
            f"{report.documents:,} documents: {report.added:,} passages added, {report.unchanged:,} unchanged, "
            f"{report.removed:,} removed, {len(report.quarantined):,} left out; {count:,} in all."
        )
    if not read:
        remark("error: Nothing could be read. See what was left out and why.")
        return EXIT_FAILED
    return EXIT_OK


COMMANDS = {"ingest": ingest}
