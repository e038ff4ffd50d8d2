"""``graphwright resume``: go on with a run from its last checkpoint."""

from __future__ import annotations

from dataclasses import replace

import click

from .invocation import Command, Invocation, pass_invocation


@click.command(cls=Command)
@click.argument("run_id", metavar="RUN")
@click.option("--no-input", is_flag=True, help="Never ask at the terminal; leave questions waiting.")
@click.option("--accept-changes", is_flag=True, help="Go on although the graph is not the one that RUN began with.")
@pass_invocation
def resume(invocation: Invocation, run_id: str, no_input: bool, accept_changes: bool) -> int:
    """Go on with RUN: one that was interrupted, or whose questions are answered by now.

    A run whose graph has changed since is refused, with every difference. With --accept-changes it goes on at the
    nodes that have kept their names; a question that was open at a node of another name is lost.
    """
    from .driving import go_on, prepare
    from .session import Session, catalogue_of, settings_of

    settings = settings_of(invocation)
    with Session(settings, with_resources=True) as session:
        run = session.find_run(run_id)
        prepared = replace(prepare(session, run, catalogue_of(settings)), accept_changes=accept_changes)
        return go_on(session, run, prepared, invocation, no_input=no_input)


COMMANDS = {"resume": resume}
