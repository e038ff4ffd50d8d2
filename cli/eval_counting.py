"""A progress bar on stderr for checks that count cases."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .safe_text import one_line


@contextmanager
def counting(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar; nothing where nobody looks. Gives what takes how many are done, and how many there are."""
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, *times, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(one_line(name, 40), total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tell
