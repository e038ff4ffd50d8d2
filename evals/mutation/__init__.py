"""Mutation: break a graph on purpose, and see whether its suite notices.

A suite that passes says little by itself; the share of planted mistakes that it notices says how much it is worth
(mutation analysis: DeMillo, Lipton and Sayward, "Hints on test data selection", IEEE Computer 11(4), 1978).
"""

from .mutant import Breaking, Mutant
from .operators import OPERATORS, sentence_of
from .results import Fate, Idle, Report, Tried
from .running import MutantNotFound, NothingToMutate, Plan, Progress, mutate

__all__ = [
    "OPERATORS",
    "Breaking",
    "Fate",
    "Idle",
    "Mutant",
    "MutantNotFound",
    "NothingToMutate",
    "Plan",
    "Progress",
    "Report",
    "Tried",
    "mutate",
    "sentence_of",
]
