"""What differs between two states of a world made of tables: only that need be compared and kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Tables = Mapping[str, Mapping[str, Any]]
"""Name of the table, key of the row, row. Rows that nobody touched are the same object in both states."""


def touched(before: Tables, after: Tables) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows that differ, as they were and as they are."""
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for name, rows in before.items():
        for key in {**rows, **after[name]}:
            was, now = rows.get(key), after[name].get(key)
            if was is now or was == now:
                continue
            if was is not None:
                old.setdefault(name, {})[key] = was
            if now is not None:
                new.setdefault(name, {})[key] = now
    return old, new
