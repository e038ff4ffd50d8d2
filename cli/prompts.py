"""``graphwright prompts``: what is said to models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .errors import EXIT_OK, usage
from .invocation import Group, Invocation, pass_invocation
from .output import details, emit, remark, say, table

if TYPE_CHECKING:
    from graphwright.prompts import Prompt


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def prompts(context: click.Context) -> int | None:
    """List the prompts in force, each with the version that runs record."""
    if context.invoked_subcommand is not None:
        return None
    from graphwright.prompts import PromptError, list_prompts, prompt

    invocation = context.ensure_object(Invocation)
    _look_in_project(invocation)
    rows = []
    for source in list_prompts():
        try:
            found = prompt(source.name)
        except PromptError as error:
            remark(f"Broken: {error}")
            continue
        rows.append((found.name, found.version, found.header.title, str(source.path)))
    if invocation.json:
        for row in rows:
            emit(dict(zip(("name", "version", "title", "path"), row, strict=True)))
    else:
        table(("PROMPT", "VERSION", "TITLE", "FILE"), rows)
    return EXIT_OK


@prompts.command()
@click.argument("name")
@pass_invocation
def show(invocation: Invocation, name: str) -> None:
    """Show one prompt: who sends it, when, which places it has, and its text."""
    _look_in_project(invocation)
    found = _prompt(name)
    header = found.header
    facts = {
        "name": found.name,
        "version": found.version,
        "title": header.title,
        "sent_by": header.sent_by,
        "when": header.when,
        "file": str(found.path or ""),
    }
    if invocation.json:
        emit({**facts, "places": dict(header.places), "text": found.text})
        return
    places = "\n".join(f"{place}: {about}" for place, about in header.places.items())
    details({**facts, "places": places or "(none)"})
    say(f"\n{found.text.rstrip()}")


@prompts.command()
@click.argument("before")
@click.argument("after")
@pass_invocation
def diff(invocation: Invocation, before: str, after: str) -> None:
    """Show what changes from one prompt to another; a name or a file of either."""
    from graphwright.prompts import diff_prompts

    _look_in_project(invocation)
    text = diff_prompts(_prompt(before), _prompt(after))
    if invocation.json:
        emit({"before": before, "after": after, "diff": text})
    elif text:
        say(text)
    else:
        remark(f"{before} and {after} say the same.")


def _prompt(name: str) -> Prompt:
    """The prompt of this name, or the one in a file.

    Raises:
        CliError: a usage error, if there is none.
    """
    from graphwright.prompts import Prompt, PromptError, list_prompts, prompt

    path = Path(name)
    try:
        return Prompt.parse(path.stem, path.read_bytes().decode(), path) if path.suffix == ".md" else prompt(name)
    except OSError as error:
        usage(f"Prompt file {name!r} cannot be read: {error.strerror or error}.")
    except UnicodeDecodeError:
        usage(f"Prompt file {name!r} is not UTF-8 text.")
    except PromptError as error:
        if path.suffix != ".md" and name not in {source.name for source in list_prompts()}:
            usage(str(error))
        raise


def _look_in_project(invocation: Invocation) -> None:
    from .session import look_for_prompts, settings_of

    look_for_prompts(settings_of(invocation))


COMMANDS = {"prompts": prompts}
