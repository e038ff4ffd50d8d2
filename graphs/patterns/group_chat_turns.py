"""Whose turn it is in a group chat, and when it is over: pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .speakers import Choice, choose

NOBODY = "nobody"
"""What a manager names to end the chat."""


@dataclass(frozen=True, slots=True)
class Chat:
    """How far a chat has come since the newest input."""

    turns: tuple[str, ...] = ()
    """Who had the floor, oldest first; also those who passed or failed."""
    silent: int = 0
    """Turns in a row in which nothing was said."""
    tries: int = 0
    """How often in a row the manager named nobody who takes part."""

    @property
    def last(self) -> str:
        """Who had the floor last; empty at the beginning."""
        return self.turns[-1] if self.turns else ""


def called(chat: Chat, named: str | None, names: Sequence[str]) -> tuple[Chat, Choice]:
    """Somebody was named for the next turn: who gets it, or that the manager is asked once more."""
    choice = choose(named, names, tries=chat.tries, last=chat.last)
    return replace(chat, tries=chat.tries + 1 if choice.how == "again" else 0), choice


def spoke(chat: Chat, name: str, text: str) -> Chat:
    """A turn is over; an empty text passed it on."""
    return replace(chat, turns=(*chat.turns, name), silent=0 if text.strip() else chat.silent + 1)


def is_silent(chat: Chat, names: Sequence[str]) -> bool:
    """Whether everybody had the floor since anything was said: nobody has anything to add."""
    return chat.silent >= len(names)


def chat_to_plain(chat: Chat) -> dict[str, Any]:
    """The chat as plain data, as a checkpoint stores it."""
    return {"turns": list(chat.turns), "silent": chat.silent, "tries": chat.tries}


def chat_from_plain(data: Mapping[str, Any] | None) -> Chat:
    """The chat from a checkpoint."""
    data = data or {}
    return Chat(tuple(data.get("turns", ())), data.get("silent", 0), data.get("tries", 0))
