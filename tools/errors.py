"""What goes wrong with tools, sorted by who must act: the model, the caller, the developer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class ToolError(Exception):
    """Base of every error of this folder."""


class ToolFailed(ToolError):
    """A tool could not do what was asked; the text is one sentence written for the model."""


class InvalidArguments(ToolFailed):
    """The arguments of a call do not fit the tool; `problems` lists every one of them."""

    def __init__(self, tool: str, problems: Iterable[str]) -> None:
        self.tool = tool
        self.problems = tuple(problems)
        super().__init__(
            f"The arguments of {tool!r} do not fit:\n"
            + "\n".join(f"- {problem}" for problem in self.problems)
            + "\nCorrect them and call the tool again."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.tool, self.problems)


class UnknownTool(ToolFailed):
    """A call names a tool that is not offered."""


class ToolTimedOut(ToolFailed):
    """A call was given up after its time; whether its effect happened is not known."""


class ToolUnavailable(ToolFailed):
    """A call did not take place and may safely be made again; `retry_after` is in seconds."""

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class ToolBusy(ToolUnavailable):
    """A call did not take place because its turn came too late; that says nothing about the tool."""


class ToolCancelled(ToolError):
    """Raised inside a tool whose caller has given up: stop, and leave the world alone."""


class ResourceMissing(ToolError):
    """A tool asked for a resource that nobody provided (the operator or the developer must act)."""


class ToolDeclarationError(ToolError):
    """A tool is declared wrongly (the developer must act); `problems` lists everything that is wrong."""

    def __init__(self, subject: str, problems: Iterable[str]) -> None:
        self.subject = subject
        self.problems = tuple(problems)
        super().__init__("\n".join([f"{subject}:", *(f"- {problem}" for problem in self.problems)]))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.subject, self.problems)
