"""A progress bar on stderr for reading documents in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from .safe_text import one_line

Tell = Callable[[int, int, str], None]
"""Takes done, total, and what is worked on."""


@contextmanager
def ingest_progress() -> Iterator[Tell]:
    """A bar for each stretch of work (documents, then vectors); one line at the end where nobody looks."""
    console = Console(stderr=True, highlight=False)
    columns = (_Current(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task: list[TaskID] = []
        last = [0, -1]

        def tell(done: int, total: int, current: str) -> None:
            if total != last[1] or done < last[0]:
                for old in task:
                    bar.remove_task(old)
                task[:] = [bar.add_task("", total=total)]
            last[:] = [done, total]
            bar.update(task[0], completed=done, description=one_line(current, 48))

        yield tell


class _Current(TextColumn):
    """What is worked on, without markup: a file may be called anything."""

    def __init__(self) -> None:
        super().__init__("", markup=False)

    def render(self, task: object) -> Text:
        """The description as it is, at a fixed width so that the bar stands still."""
        return Text(str(getattr(task, "description", "")).ljust(48), style="dim")
