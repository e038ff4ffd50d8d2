"""From exceptions of every floor to one message and an exit status.

Classes are known by name, so that telling an error imports none of the floors; a test checks that the names exist.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import NoReturn

import click

from .safe_text import shown

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_WAITING = 3
EXIT_GATE = 4
"""A suite did not come to what its gates ask for."""
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141
"""What a shell reports of a program whose reader has gone."""

USAGE_ERRORS = {
    "graphwright.evals": ("CaseProblem", "LiveModelRefused", "ResultsProblem", "SuiteNotFound"),
    "graphwright.evals.mutation": ("MutantNotFound",),
    "graphwright.graphs": ("GraphNotFound",),
    "graphwright.models": ("UnknownModel", "MissingExtra"),
    "graphwright.retrieval": ("EmptyQuery", "KnowledgeBaseMissing", "UnknownChunk", "UnknownEmbedder", "UnknownField"),
    "graphwright.runtime.policy": ("PlanError",),
    "graphwright.runtime": ("DecisionError", "NotAllowed", "NotFound", "SettingsError"),
    "graphwright.tools": ("InvalidArguments", "UnknownTool"),
}
"""Errors of whoever typed the command; every other one means that something failed."""
_USAGE_NAMES = frozenset(name for names in USAGE_ERRORS.values() for name in names)


class CliError(Exception):
    """Something that the command line itself found out. The message says what, where, and what to do."""

    def __init__(self, message: str, *, exit_status: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_status = exit_status


def usage(message: str) -> NoReturn:
    """Stop because of what was typed.

    Raises:
        CliError: always, with the exit status of a usage error.
    """
    raise CliError(message, exit_status=EXIT_USAGE)


def report(error: Exception, *, debug: bool = False) -> int:
    """Print the one message of an error on stderr and return its exit status."""
    if debug:
        traceback.print_exception(error)
    click.echo(f"{_label()} {shown(message_of(error, debug=debug))}", err=True)
    return exit_status_of(error)


def exit_status_of(error: Exception) -> int:
    """The exit status that an exception means."""
    if isinstance(error, CliError):
        return error.exit_status
    if isinstance(error, click.ClickException):
        return error.exit_code
    return EXIT_USAGE if any(each.__name__ in _USAGE_NAMES for each in _ours(error)) else EXIT_FAILED


def message_of(error: Exception, *, debug: bool = False) -> str:
    """What happened, where, and what to do, without a traceback."""
    if isinstance(error, click.UsageError):
        return _usage_message(error)
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, CliError) or _ours(error):
        return str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        name = f" {str(error.filename)!r}" if error.filename is not None else ""
        return f"The system refused{name}: {error.strerror}."
    more = "" if debug else " Run it again with --debug for the traceback."
    return f"Unexpected {type(error).__name__}: {error}{_place(error)}.{more}"


def _usage_message(error: click.UsageError) -> str:
    text = error.format_message()
    if "unexpected extra argument" in text:
        text += " Put quotes around an input of several words."
    path = error.ctx.command_path if error.ctx else "graphwright"
    return f"{text} `{path} --help` shows how."


def _ours(error: Exception) -> list[type]:
    return [each for each in type(error).__mro__ if each.__module__.startswith("graphwright.")]


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" (at {frames[-1].filename}:{frames[-1].lineno})" if frames else ""


def _label() -> str:
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return click.style("error:", fg="red", bold=True) if coloured else "error:"
