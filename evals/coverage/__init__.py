"""Graph coverage: the nodes, edges, branches, tools, approvals, retries and handoffs that the cases exercise."""

from .declared import KINDS, Item, Kind, declared_items
from .measuring import measure
from .report import Coverage, Missed

__all__ = ["KINDS", "Coverage", "Item", "Kind", "Missed", "declared_items", "measure"]
