"""Logs of a process without secrets: a filter on every handler that there is."""

from __future__ import annotations

import logging

from .redaction import RedactingFilter, Redactor


class _Guard(RedactingFilter):
    """The filter that :func:`redact_logs` put there."""


def redact_logs(redactor: Redactor) -> None:
    """Redact every record that this process logs from now on; again with another redactor, that one counts.

    For whoever owns the process, as the command line does; a library leaves other people's handlers alone. Handlers
    that are added later are not covered: call it again.
    """
    names = (None, *logging.root.manager.loggerDict)
    handlers = {id(each): each for name in names for each in logging.getLogger(name).handlers}
    for handler in (*handlers.values(), *([logging.lastResort] if logging.lastResort else [])):
        for old in [each for each in handler.filters if isinstance(each, _Guard)]:
            handler.removeFilter(old)
        handler.addFilter(_Guard(redactor))
