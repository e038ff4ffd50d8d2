"""Agents: a model, a prompt and tools under one name.

An :class:`Agent` only declares. Importing one touches no network and reads no key; a graph of
``graphwright.graphs`` makes it work.
"""

from .agent import Agent, AgentDeclarationError
from .budget import Budget, BudgetDeclarationError
from .compaction import Compaction, CompactionDeclarationError

__all__ = [
    "Agent",
    "AgentDeclarationError",
    "Budget",
    "BudgetDeclarationError",
    "Compaction",
    "CompactionDeclarationError",
]
