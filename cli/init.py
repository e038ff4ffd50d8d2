"""``graphwright init``: make a project that runs at once."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from .errors import EXIT_OK, CliError, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@pass_invocation
def init(invocation: Invocation, folder: Path) -> int:
    """Make a project in DIR: an agent, a graph, tools, a prompt and cases that run at once. Nothing is overwritten."""
    from .project_template import FILES

    there = [name for name in FILES if (folder / name).exists()]
    if there:
        usage(f"{str(folder)!r} already has {', '.join(there)}. Nothing was written. Name another folder.")
    try:
        for name, content in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise CliError(
            f"{error.filename!r} cannot be written: {error.strerror or error}. Name a folder that you may write to."
        ) from error
    if invocation.json:
        emit({"folder": str(folder), "files": list(FILES)})
    else:
        for name in FILES:
            say(str(folder / name))
    here = folder.resolve() == Path.cwd()
    remark(f"Try it: {'' if here else f'cd {shlex.quote(str(folder))} && '}graphwright run desk")
    return EXIT_OK


COMMANDS = {"init": init}
