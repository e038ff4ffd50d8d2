"""The state of the support desk: that of all patterns, and what is left of the newest message."""

from __future__ import annotations

from graphwright.graphs.patterns import PatternState


class SupportState(PatternState, total=False):
    """One thread of a customer with the desk."""

    requests: list[str]
    """The requests of the newest message, in order."""
    left: list[str]
    """Its requests beyond the limit: the customer is asked to send them again."""
    answered: int
    """How many of them have been answered."""
    began: int
    """How many messages the thread had when the newest one had been taken in."""
    answer: str
    """What the customer reads: all answers to the newest message."""
