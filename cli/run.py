"""``graphwright run``: one input through one graph."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .errors import EXIT_WAITING
from .invocation import Command, Invocation, pass_invocation

if TYPE_CHECKING:
    from graphwright.runtime.turns import IfBusy

FILE = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("graph")
@click.argument("input", required=False)
@click.option("--file", type=FILE, metavar="FILE", help="Read the input from a file.")
@click.option("--model", metavar="MODEL", help="Such as openai:gpt-5-mini, or offline.")
@click.option("--thread", metavar="ID", help="Go on with this thread instead of a new one.")
@click.option("--tools", type=FILE, metavar="FILE", multiple=True, help="Add the tools of a Python file; repeatable.")
@click.option(
    "--plan",
    metavar="TOOL",
    multiple=True,
    help="Once a stranger's text was read, deny every tool but this, instead of asking; repeatable.",
)
@click.option(
    "--if-busy",
    type=click.Choice(["reject", "enqueue", "interrupt", "rollback"]),
    default="reject",
    show_default=True,
    help="What to do if the thread's last run has not ended: refuse; wait for its turn; cancel that run; cancel it "
    "and begin with the state from before it.",
)
@click.option("--no-input", is_flag=True, help="Never ask at the terminal; leave questions waiting.")
@pass_invocation
def run(
    invocation: Invocation,
    graph: str,
    input: str | None,
    file: Path | None,
    model: str | None,
    thread: str | None,
    tools: tuple[Path, ...],
    plan: tuple[str, ...],
    if_busy: IfBusy,
    no_input: bool,
) -> int:
    """Run GRAPH on INPUT and print its answer.

    Without INPUT the graph's own example is used; - reads stdin. Ends with 3 where a person is asked and nobody
    is at the terminal; the commands that answer are printed.
    """
    from .driving import Prepared, go_on, is_queued_behind
    from .first_run import fill_knowledge
    from .inputs import input_text
    from .planning import plan_options
    from .session import Session, build, catalogue_of, choose_model, settings_of, tool_options, tools_of

    settings = settings_of(invocation, model=model)
    entry = catalogue_of(settings).get(graph)
    text = input_text(input, file, entry.example)
    prepared = Prepared(entry, build(entry, tools_of(settings, tools)), choose_model(settings))
    with Session(settings, with_resources=True, makes_state=True) as session:
        fill_knowledge(session, entry)
        started = session.run(
            session.runtime.start(
                entry.name,
                entry.values(text),
                thread_id=thread,
                model=prepared.choice.spec,
                title=" ".join(text[:200].split()),
                options={**tool_options(tools), **plan_options(prepared.graph, plan)},
                if_busy=if_busy,
            )
        )
        if is_queued_behind(session, started):
            return EXIT_WAITING
        return go_on(session, started, prepared, invocation, no_input=no_input)


COMMANDS = {"run": run}
