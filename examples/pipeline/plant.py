"""What the tools share: the deliveries, the registry, the quarantine. All below the state folder, made when needed."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .registry import FOLDER, Registry

if TYPE_CHECKING:
    from .checks import Problem
    from .tables import Rows


class Plant:
    """The folders of one pipeline."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER
        self._lock = threading.RLock()

    @classmethod
    def open(cls, state: Path) -> Plant:
        """The pipeline's folders, with a registry that has its first version."""
        plant = cls(state)
        plant.registry  # noqa: B018  # made at first sight
        return plant

    @cached_property
    def registry(self) -> Registry:
        """The registry, with its first version."""
        from .models import SCORECARD

        registry = Registry(self._folder / "registry")
        registry.prepare(SCORECARD)
        return registry

    def table(self, delivery: str, part: str) -> Rows:
        """A table of a delivery: ``train``, ``test`` or ``later``. Raises Unreadable."""
        from .data import write
        from .tables import read

        folder = self._folder / "inbox" / delivery
        with self._lock:
            if not folder.exists():
                folder.parent.mkdir(parents=True, exist_ok=True)
                write(delivery, folder)
        return read(folder / f"{part}.csv")

    def reference(self) -> Rows:
        """The last accepted delivery's rows."""
        from .data import write_reference
        from .tables import read

        folder = self._folder / "reference"
        with self._lock:
            if not folder.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                write_reference(folder)
        return read(folder / "train.csv")

    def quarantine(self, delivery: str, problems: Sequence[Problem], explanation: str) -> None:
        """Put a delivery aside, with what is wrong with it; a second time replaces the note."""
        folder = self._folder / "quarantine"
        folder.mkdir(parents=True, exist_ok=True)
        note: dict[str, Any] = {
            "codes": sorted({each["code"] for each in problems}),
            "problems": list(problems),
            "explanation": explanation,
        }
        part = folder / f".{delivery}.part"
        part.write_text(json.dumps(note, indent=1), encoding="utf-8")
        part.replace(folder / f"{delivery}.json")
