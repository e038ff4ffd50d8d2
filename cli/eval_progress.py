"""A progress bar on stderr for the cases of a suite, with the scores so far."""

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
    from graphwright.evals.results import Result
    from graphwright.evals.runner import Progress as Done


@contextmanager
def eval_progress(suite: str) -> Iterator[Callable[[Done, Result | None], None]]:
    """A bar that counts cases and how they were judged; nothing where nobody looks."""
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    scores = TextColumn("{task.fields[scores]}", markup=False)
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, scores, *times, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(Text(one_line(suite, 40)).plain, total=None, scores="")

        def tell(done: Done, _last: Result | None) -> None:
            if bar.disable:
                return
            scores = f"{done.passed} passed, {done.failed} failed"
            more = f", {done.unmeasured} unmeasured" if done.unmeasured else ""
            bar.update(task, completed=done.done, total=done.total, scores=scores + more)

        yield tell
