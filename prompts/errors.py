"""What goes wrong with prompts; a developer must act."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class PromptError(Exception):
    """A prompt is missing, written wrongly or filled wrongly; `problems` lists everything that is wrong."""

    def __init__(self, subject: str, problems: Iterable[str]) -> None:
        self.subject = subject
        self.problems = tuple(problems)
        super().__init__("\n".join([f"{subject}:", *(f"- {problem}" for problem in self.problems)]))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.subject, self.problems)
