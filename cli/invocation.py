"""What was typed besides the command: the options that every command takes, before or after its name."""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click


@dataclass(slots=True)
class Invocation:
    """The options that every command shares."""

    state: Path | None = None
    project: Path | None = None
    debug: bool = False
    json: bool = False

    @property
    def program(self) -> str:
        """How a further command for the same project and state begins."""
        options = [("--project", self.project), ("--state", self.state)]
        typed = [word for name, path in options if path is not None for word in (name, str(path.absolute()))]
        return shlex.join([_name(), *typed])


def _name() -> str:
    """The program as it can be typed again: its name if that is on the path, else where it was started from."""
    started = Path(sys.argv[0])
    if shutil.which("graphwright") or started.name not in ("graphwright", "gw") or not started.is_file():
        return "graphwright"
    here = Path.cwd()
    return str(started.resolve().relative_to(here) if started.resolve().is_relative_to(here) else started)


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None and value is not False:
        setattr(context.ensure_object(Invocation), str(parameter.name), value)


def _options() -> list[click.Parameter]:
    common: dict[str, Any] = {"expose_value": False, "callback": _keep, "is_eager": True}
    flag = {**common, "is_flag": True}
    return [
        click.Option(
            ["--state"], type=click.Path(path_type=Path), metavar="DIR", help="State folder (.graphwright).", **common
        ),
        click.Option(
            ["--project"],
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            metavar="DIR",
            help="Project folder (the current one).",
            **common,
        ),
        click.Option(["--json"], help="JSON on stdout, one object a line.", **flag),
        click.Option(["--debug"], help="Show the traceback of an error.", **flag),
    ]


class Command(click.Command):
    """A command that also takes the shared options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_options())


class Group(click.Group):
    """A command with sub-commands that also takes the shared options."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_options())

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command where the typed one does not exist."""
        name = args[0] if args else ""
        known = self.list_commands(ctx)
        if name and not name.startswith("-") and name not in known:
            from difflib import get_close_matches  # only where something was mistyped

            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"There is no command {name!r}.{hint} There are: {', '.join(known)}.", ctx)
        return super().resolve_command(ctx, args)


Group.group_class = Group
