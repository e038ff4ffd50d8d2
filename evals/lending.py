"""A knowledge base that cases share: each reads it, and whoever writes to it gets a copy that nobody else sees."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from graphwright.retrieval import KnowledgeBase

if TYPE_CHECKING:
    from graphwright.retrieval import IngestReport
    from graphwright.retrieval.sources import Source

OF_ONE_PROCESS = (".lock", "owner.json", "*-shm")
"""What belongs to the process that has the folder open, and is not copied."""


class Lent(KnowledgeBase):
    """Someone else's knowledge base, until the first ingest: then it is a copy in a folder of its own.

    Closing it gives only the copy free. A copy that is there already (an earlier process of the same case made it) is
    opened instead.
    """

    def __init__(self, owner: KnowledgeBase, folder: Path, reopen: Callable[[], KnowledgeBase]) -> None:
        """
        Args:
            owner: Whose passages are read. Nobody may write to it while it is lent.
            folder: Of the copy.
            reopen: Opens the knowledge base in that folder.
        """
        super().__init__(owner.folder, owner.name, owner.tenant, owner._open)
        self._reopen = reopen
        self._own: KnowledgeBase | None = None
        self._copies = threading.Lock()
        self._copy = folder
        if folder.exists():
            self._take_copy()

    def ingest(
        self,
        sources: Iterable[Path | str | Source] | Path | str,
        *,
        on_progress: Callable[[int, int, str], None] | None = None,
    ) -> IngestReport:
        """Into a copy of its own, which searches see from then on."""
        with self._copies:
            if self._own is None:
                # A process that dies in the middle leaves a part behind that is no copy.
                part = self._copy.with_name(f"{self._copy.name}.part")
                shutil.rmtree(part, ignore_errors=True)
                shutil.copytree(self.folder, part, ignore=shutil.ignore_patterns(*OF_ONE_PROCESS))
                part.rename(self._copy)
                self._take_copy()
        return super().ingest(sources, on_progress=on_progress)

    def close(self) -> None:
        """Give the copy free, where there is one; safe to call twice."""
        self._index = None
        if self._own is not None:
            self._own.close()

    def _take_copy(self) -> None:
        self._own = self._reopen()
        self.folder, self._index = self._own.folder, self._own._open
