"""Publish the report: the one effect of this graph, and it asks a person first."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from graphwright.runtime import ReportsFolder
from graphwright.tools import IdempotencyKey, ToolContext, ToolFailed, WithArtifact, tool

MAX_BYTES = 2_000_000
_SOURCE = re.compile(r"^- (\[\d+\] .+) \(`\w+`\)$", re.M)


@tool(effect="write", once=False, approval="Publishes the report as a file.", critical=("title",), reversible=True)
def publish_report(
    title: Annotated[str, Field(min_length=1, max_length=200, description="The question that the report answers.")],
    report: Annotated[str, Field(min_length=1, description="The whole report, as Markdown.")],
    *,
    key: IdempotencyKey,
    context: ToolContext,
) -> WithArtifact:
    """Write a finished report to the reports folder and return its path."""
    if len(report.encode("utf-8", "replace")) > MAX_BYTES:
        raise ToolFailed(f"The report is larger than {MAX_BYTES} bytes. Shorten it.")
    folder = context.resources.get(ReportsFolder).path
    folder.mkdir(parents=True, exist_ok=True)
    # The name follows from the call's key: writing again after a crash replaces the same file.
    name = f"{_slug(title)}-{hashlib.sha256(key.encode()).hexdigest()[:8]}.md"
    target = folder / name
    draft = folder / f".{name}.part"
    draft.write_text(report, encoding="utf-8", errors="replace")
    context.check()
    draft.replace(target)
    return WithArtifact(str(target), {"report": report})


def published_in(folder: Path) -> dict[str, Any]:
    """What was published, by the words of the title: how many files, how they are headed, the sources they name."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        about = {"heading": text.partition("\n")[0].lstrip("# "), "sources": _SOURCE.findall(text)}
        known = found.setdefault(path.stem.rpartition("-")[0], {"files": 0, **about})
        known["files"] += 1
    return found


def _slug(title: str) -> str:
    words = re.findall(r"[a-z0-9]+", title.lower())
    return "-".join(words)[:60].strip("-") or "report"
