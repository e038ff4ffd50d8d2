"""What a person sees of a run while it runs: one line for each thing that happened, on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .output import remark
from .safe_text import call_text, one_line, shown

if TYPE_CHECKING:
    from graphwright.runtime import Event

MAX_NOTE_LINES = 60
"""Lines of a note that are shown; a draft is longer than a plan."""
_TOLD_ALREADY = ("model", "tools")
"""Steps of the agent loop: what happened in them has lines of its own."""


class View(Protocol):
    """Watches the events of a run."""

    def see(self, event: Event) -> None:
        """Show one event."""

    def close(self) -> None:
        """Leave nothing half drawn."""


class LineView:
    """One line an event; for pipes, logs and terminals that cannot redraw."""

    def see(self, event: Event) -> None:
        """Print the line of the event, if it has one."""
        line = line_of(event)
        if line:
            self.show(line)

    def show(self, line: str) -> None:
        """Print one line."""
        remark(line)

    def close(self) -> None:
        """Nothing is half drawn."""


class QuietView:
    """For ``--json``: the events themselves are on stdout."""

    def see(self, event: Event) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing is drawn."""


def line_of(event: Event) -> str:
    """The event in one line, safe to print; empty for those that only a redrawn view shows."""
    kind = event["type"]
    who = one_line(event.get("agent") or event.get("path") or "graph", 40)
    if kind == "tool_started":
        return f"  {who} → {call_text(event['tool'], event.get('arguments', {}))}"
    if kind == "tool_finished":
        mark = "✓" if event.get("status") == "success" else "✗"
        return f"  {who} {mark} {one_line(event['tool'], 60)}: {one_line(event.get('summary', ''), 160)}"
    if kind == "tool_progress":
        return f"  {who} … {one_line(event['tool'], 60)}: {one_line(event.get('text', ''), 140)}{_share(event)}"
    if kind == "note":
        return f"  {who}: {_paragraph(event.get('text', ''))}"
    if kind == "model_finished":
        return f"  {who} ✓ answered{_tokens(event)}"
    if kind == "step" and event.get("path", "").rpartition("/")[2] not in _TOLD_ALREADY:
        return f"✓ {one_line(event.get('path', ''), 100)}"
    return ""


def _paragraph(text: str) -> str:
    """A note with its own lines, indented, each safe to print."""
    lines = text.splitlines()[:MAX_NOTE_LINES]
    return "\n    ".join(shown(line.rstrip()) for line in lines)


def _share(event: Event) -> str:
    share = event.get("progress")
    return f" ({share:.0%})" if isinstance(share, int | float) else ""


def _tokens(event: Event) -> str:
    usage = event.get("usage") or {}
    return f" ({usage['input_tokens']} + {usage.get('output_tokens', 0)} tokens)" if "input_tokens" in usage else ""
