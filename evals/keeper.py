"""The one who writes results down as they come, counts them, and says when the limits of a run are reached."""

from __future__ import annotations

import time
from collections.abc import Callable

from .planning import Limits, Progress
from .results import Result, RunFolder

Told = Callable[[Progress, Result | None], None]


class Keeper:
    """Keeps the results of one run, whoever brings them."""

    def __init__(self, folder: RunFolder, limits: Limits, progress: Progress, tell: Told | None = None) -> None:
        self._folder = folder
        self._limits = limits
        self._progress = progress
        self._tell = tell
        self._begun = time.monotonic()
        if tell:
            tell(progress, None)

    def keep(self, result: Result) -> None:
        """One more line."""
        self._folder.add(result)
        self._progress.count(result)
        if self._tell:
            self._tell(self._progress, result)

    def is_over(self) -> bool:
        """Whether a limit is reached; ``stopped`` of the progress says which."""
        limits, progress = self._limits, self._progress
        passed = [
            (limits.money, progress.money, "money"),
            (limits.tokens, progress.tokens, "tokens"),
            (limits.seconds, time.monotonic() - self._begun, "seconds"),
        ]
        for limit, used, what in passed:
            if limit is not None and used >= limit:
                progress.stopped = f"The limit of {limit:g} {what} for the whole run is reached ({used:.6g} used)."
        return bool(progress.stopped)
