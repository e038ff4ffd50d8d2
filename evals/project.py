"""What a graph needs to run outside the command line: the project's settings, catalogue, tools and prompts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from graphwright.graphs import Catalogue, GraphEntry
from graphwright.prompts import add_prompt_folder
from graphwright.runtime import ReportsFolder, Settings, load_settings
from graphwright.tools import Resources, Tool, load_tools
from graphwright.tools.builtin.clock import Clock
from graphwright.tools.builtin.fetch_rules import FetchRules
from graphwright.tools.builtin.rooted import FilesRoot

if TYPE_CHECKING:
    from graphwright.retrieval import KnowledgeBase

T = TypeVar("T")

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""What the clock tools say in a case, a Monday morning: one that said the real time would not be the same tomorrow."""
FILES = "files"
"""The folder in the state folder in which tools see files; never the project's own."""


@dataclass(frozen=True)
class Project:
    """A user's project, or Graphwright's own checkout, where only what is shipped is found."""

    folder: Path

    @cached_property
    def catalogue(self) -> Catalogue:
        """Every graph that can be found from the project, its prompts at hand."""
        prompts = self._own("prompts")
        if prompts is not None and prompts.is_dir():
            add_prompt_folder(prompts)
        return Catalogue.load(self.folder)

    @cached_property
    def tools(self) -> list[Tool]:
        """The user's tools: the project's folder, the settings' files, entry points."""
        files = [self.folder / path for path in self.settings(self.folder).tools]
        return load_tools(self._own("tools"), files=files).tools

    def settings(self, state: Path) -> Settings:
        """The settings in force, with this state folder."""
        return load_settings(project_dir=self.folder, state_dir=state)

    def build(self, entry: GraphEntry) -> Any:
        """The graph of an entry, uncompiled, with the project's tools."""
        return entry.graph(self.tools)

    def _own(self, name: str) -> Path | None:
        """A folder of the project; None where it is one of the framework's own, seen from its checkout."""
        ours = Path(__file__).resolve().parent.parent / name
        return None if (self.folder / name).resolve() == ours else self.folder / name


def resources_of(entry: GraphEntry, settings: Settings) -> Resources:
    """What the tools of a graph share, all of it below the state folder."""
    resources = Resources()
    files = settings.state / FILES
    files.mkdir(parents=True, exist_ok=True)
    resources.provide(ReportsFolder, lambda: ReportsFolder(settings.state / "reports"))
    resources.provide(FilesRoot, lambda: FilesRoot(files))
    # A case that reached the network would not be the same tomorrow.
    resources.provide(FetchRules, lambda: FetchRules(hosts=()))
    resources.provide(Clock, lambda: Clock(lambda: NOW))
    resources.provide(*_knowledge(settings))
    entry.provide(resources, settings.state)
    return resources


def make_resources(entry: GraphEntry, state: Path) -> None:
    """Make everything that a graph's tools share once, and close it: copies of the folder find it made."""

    async def close() -> None:
        await resources.aclose()

    resources = _Noted()
    entry.provide(resources, state)
    for kind in resources.kinds:
        resources.get(kind)
    asyncio.run(close())


class _Noted(Resources):
    """Resources that remember what they were given factories for."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[type[Any]] = []

    def provide(self, kind: type[T], factory: Callable[[], T]) -> None:
        """Note the kind as well."""
        super().provide(kind, factory)
        self.kinds.append(kind)


def _knowledge(settings: Settings) -> tuple[type[KnowledgeBase], Any]:
    from graphwright.retrieval import KnowledgeBase  # chromadb: only its type is needed until a tool searches

    return KnowledgeBase, lambda: open_knowledge(settings)


def open_knowledge(settings: Settings) -> KnowledgeBase:
    """The knowledge base of a state folder."""
    from graphwright.retrieval import KnowledgeBase  # same

    folder = settings.state / "knowledge"
    return KnowledgeBase.open(folder, settings.knowledge, tenant=settings.tenant, embedder=settings.embedder)
