"""A progress bar on stderr for the mutants of a suite."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from .safe_text import one_line

if TYPE_CHECKING:
    from graphwright.evals.mutation import Progress as Done

PHASES = {"cases": "cases as they are", "mutants": "mutants", "idle": "cases that killed nothing"}


@contextmanager
def mutate_progress(suite: str) -> Iterator[Callable[[Done], None]]:
    """A bar that counts mutants and what became of them; nothing where nobody looks."""
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    fates = TextColumn("{task.fields[fates]}", markup=False)
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, fates, *times, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        name = one_line(suite, 40)
        task = bar.add_task(Text(name).plain, total=None, fates="")

        def tell(done: Done) -> None:
            fates = f"{done.killed} killed, {done.survived} survived"
            bar.update(
                task,
                description=Text(f"{name}: {PHASES[done.phase]}").plain,
                completed=done.done,
                total=done.total,
                fates=fates,
            )

        yield tell
