"""What makes two runs of a suite comparable: the graph, its prompts and source, and the versions of what carries it."""

from __future__ import annotations

import hashlib
import inspect
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from graphwright.graphs import GraphEntry
from graphwright.graphs.parts import agents_of
from graphwright.runtime.digests import digest
from graphwright.runtime.signature import signature_of

from .project import Project
from .suite import Suite

PACKAGES = ("graphwright", "langgraph", "langchain-core")
SOURCES = (".py", ".md")
OWN_FOLDERS = ("agents", "graphs", "tools", "prompts")
"""Of a project: whatever a graph of it may be made of."""


def signature_of_target(suite: Suite, entry: GraphEntry | None, graph: Any, project: Project) -> str:
    """A digest of everything of ours that decides what a case comes to: 16 hexadecimal digits.

    The graph's nodes, edges, state and tool labels; the versions of its prompts; the files beside its source, and for
    a project's graph those of the project.
    """
    if entry is None:
        return digest([suite.target, _code_of(suite.function)])[:16]
    prompts = {each.instructions.name: each.instructions.version for each in agents_of(graph)}
    files = {path.as_posix(): _content(path) for path in _sources(entry, project)}
    return digest([dict(signature_of(graph.compile())), prompts, files, versions()["graphwright"]])[:16]


@cache
def versions() -> dict[str, str]:
    """The versions that a run notes."""
    return {**{name: version(name) for name in PACKAGES}, "python": platform.python_version()}


def _sources(entry: GraphEntry, project: Project) -> list[Path]:
    here = Path(entry.source.rpartition(":")[0]).parent
    is_projects = here.resolve() == (project.folder / "graphs").resolve()
    folders = [project.folder / name for name in OWN_FOLDERS] if is_projects else [here]
    found = {path for folder in folders for path in folder.rglob("*") if path.suffix in SOURCES and path.is_file()}
    return sorted(found)


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _code_of(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return repr(getattr(function, "__code__", function))
