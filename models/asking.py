"""Where in a graph a model is asked: told by whoever drives it, read by models that repeat what was said there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PLACE: ContextVar[str] = ContextVar("graphwright_asked_at", default="")


def asked_at() -> str:
    """The path of node names from which the request under way comes, parted by ``/``; empty outside of a graph."""
    return _PLACE.get()


@contextmanager
def asking_at(place: str) -> Iterator[None]:
    """Within this block requests come from there."""
    token = _PLACE.set(place)
    try:
        yield
    finally:
        _PLACE.reset(token)
