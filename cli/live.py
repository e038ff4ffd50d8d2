"""The same lines at a terminal, and below them, redrawn, what each agent is saying right now."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from .progress import LineView, View
from .safe_text import one_line, shown

if TYPE_CHECKING:
    from graphwright.runtime import Event

_TAIL = 600
"""Characters of an answer in the making that are kept; as many lines of them as fit are shown."""
_LINES = 4


def best_view() -> View:
    """A redrawn view at a terminal that can do it, else plain lines."""
    if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return LiveView()
    return LineView()


class LiveView(LineView):
    """Tokens as they come, by agent; gone when the answer is complete."""

    def __init__(self, console: Console | None = None) -> None:
        self._said: dict[tuple[str, str], str] = {}
        self._console = console or Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, transient=True, refresh_per_second=8, get_renderable=self._drawn)
        self._live.start()

    def see(self, event: Event) -> None:
        """Show the event; tokens gather below the lines."""
        who = (event.get("path", ""), event.get("agent", ""))
        if event["type"] == "token":
            self._said[who] = (self._said.get(who, "") + event.get("text", ""))[-_TAIL:]
        elif event["type"] == "model_started":
            self._said[who] = ""
        elif event["type"] == "model_finished":
            self._said.pop(who, None)
        super().see(event)

    def show(self, line: str) -> None:
        """Print one line above the redrawn part."""
        self._console.print(Text(line, style="" if "→" in line or "✗" in line else "dim"), soft_wrap=True)

    def close(self) -> None:
        """Take the redrawn part away."""
        self._live.stop()

    def _drawn(self) -> Text:
        drawn = Text()
        for (_, agent), said in list(self._said.items()):
            drawn.append(f"{one_line(agent, 40) or 'model'} ", style="bold cyan")
            drawn.append("is thinking …\n" if not said.strip() else _tail(said, self._console.width) + "\n")
        drawn.rstrip()
        return drawn


def _tail(said: str, width: int) -> str:
    """The last lines of what was said so far, as they fit."""
    room = max(20, width - 2) * _LINES
    lines = shown(said).strip().splitlines()[-_LINES:]
    return "\n".join(lines)[-room:]
