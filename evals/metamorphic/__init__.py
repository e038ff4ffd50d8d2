"""Metamorphic checks: what may be done to a case without changing what it comes to, and whether that is so."""

from .checking import RELATIONS, check_relations
from .outcome import VERDICTS, Outcome, counted
from .relation import Relation, Tried

__all__ = ["RELATIONS", "VERDICTS", "Outcome", "Relation", "Tried", "check_relations", "counted"]
