"""The root command: names and one-line helps are static, a command's module is imported when it is called.

`--help` must not pay for LangGraph, Chroma or rich; a test holds it to that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import click

from .errors import EXIT_INTERRUPTED, EXIT_PIPE, report
from .invocation import Group, Invocation

_COMMANDS = {
    "run": ("run", "Run a graph; its own example where no input is given."),
    "chat": ("chat", "Talk to a graph, one thread per session."),
    "resume": ("resume", "Go on with a run that was interrupted or waits."),
    "graphs": ("graphs", "The graphs that can be run; `show` draws one."),
    "tools": ("tools", "The tools that can be used; `show`, `check` or `call` one."),
    "prompts": ("prompts", "The prompts in force; `show` one, `diff` two."),
    "ingest": ("ingest", "Read documents into the knowledge base."),
    "search": ("search", "Search the knowledge base."),
    "inbox": ("inbox", "What waits for a person; `show` one question."),
    "approve": ("decide", "Let a waiting call run as it is shown."),
    "reject": ("decide", "Refuse a waiting call."),
    "edit": ("decide", "Let a waiting call run with other arguments."),
    "respond": ("decide", "Answer in place of a waiting call."),
    "delegate": ("decide", "Hand a waiting question to somebody else."),
    "resolve": ("resolve", "Say what became of a call with unknown outcome."),
    "runs": ("runs", "The newest runs; `show`, `pause` or `cancel` one."),
    "threads": ("threads", "The threads last used; `show`, `copy`, `delete` or `prune` them."),
    "history": ("history", "The checkpoints of a run or thread, and what each changed."),
    "diff": ("history", "The difference between two checkpoints."),
    "fork": ("fork", "Go on from an earlier checkpoint, on a branch of its own."),
    "replay": ("replay", "Run a run again from its records, and compare every step."),
    "explain": ("explain", "How an answer came about: prompts, tools, sources, approvals."),
    "migrate": ("migrate", "Move a paused run to a graph whose node was renamed."),
    "seal": ("seal", "Encrypt a state folder that was written in clear."),
    "budget": ("budget", "What may be spent, is spent and is reserved; `raise` a limit."),
    "eval": ("eval", "Run suites of cases and judge them; `list`, `run`, `compare`, `report`, `promote`."),
    "mutate": ("mutate", "Break a suite's graph on purpose; its cases must notice."),
    "certify": ("certify", "Kill a graph at every write and effect; it must lose nothing."),
    "audit": ("audit", "The log of every effect and decision; `verify` it."),
    "doctor": ("doctor", "What is stuck, orphaned, unknown, changed or too old."),
    "init": ("init", "Make a project that runs at once."),
    "config": ("config", "The settings in force and where each comes from."),
}
"""Name: (module in this folder, one-line help). The module has a click command of this name in ``COMMANDS``."""


class LazyGroup(Group):
    """Knows its commands by name and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which people meet them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f".{_COMMANDS[cmd_name][0]}", __package__)
        found: click.Command = module.COMMANDS[cmd_name]
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader who left is met here, before click makes a failure of it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return _reader_has_gone()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by their static helps; click would import every one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=lambda *a: _version(*a))
def root() -> None:
    """Build, run and test multi-agent graphs that people can trust.

    Results go to stdout, progress and remarks to stderr. Exit status: 0 ok, 1 failed, 2 usage, 3 waiting for a
    person or blocked, 4 an eval below its gate, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit status."""
    _print_anything()
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line; return its exit status. Says what went wrong on stderr, in one message."""
    invocation = Invocation()
    try:
        status = root.main(list(arguments), prog_name="graphwright", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return _reader_has_gone()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1
    except Exception as error:
        return report(error, debug=invocation.debug)
    return status if isinstance(status, int) else 0


def _version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value:
        return
    from importlib.metadata import version  # only here: it opens files

    click.echo(f"graphwright {version('graphwright')}")
    context.exit()


def _reader_has_gone() -> int:
    """Whoever read our output has left (``| head``): keep Python from complaining when it flushes at exit."""
    import os

    with open(os.devnull, "w") as nowhere:  # noqa: PTH123  # a device, by its file number
        for stream in (sys.stdout, sys.stderr):
            _point(stream, nowhere.fileno())
    return EXIT_PIPE


def _point(stream: Any, target: int) -> None:
    import os

    try:
        os.dup2(target, stream.fileno())
    except (OSError, ValueError, AttributeError):
        return


def _print_anything() -> None:
    """A terminal that cannot show a character gets its escape instead of an exception."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Callable[..., None] | None = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
