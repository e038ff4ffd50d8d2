"""A deterministic heuristic baseline behind the chat model contract: no network, no weights, not an LLM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parallel import PlannedCall, plan_calls

if TYPE_CHECKING:
    from .model import OfflineModel

__all__ = ["OfflineModel", "PlannedCall", "plan_calls"]


def __getattr__(name: str) -> Any:
    """`OfflineModel` on first use: it imports langchain_core, the heuristics do not."""
    if name == "OfflineModel":
        from .model import OfflineModel

        return OfflineModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
