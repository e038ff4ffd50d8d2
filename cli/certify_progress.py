"""A progress bar on stderr for the lives of a certification."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from .safe_text import one_line


@contextmanager
def certify_progress(graph: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar that counts lives; nothing where nobody looks. Gives what takes done, total, and which was last."""
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, *times, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(Text(f"certifying {one_line(graph, 40)}").plain, total=None)

        def tell(done: int, total: int, _name: str) -> None:
            bar.update(task, completed=done, total=total)

        yield tell
