"""``graphwright resume``: go on with a run from its last checkpoint."""

from __future__ import annotations

import click

from .invocation import Command, Invocation, pass_invocation


@click.command(cls=Command)
@click.argument("run_id", metavar="RUN")
@click.option("--no-input", is_flag=True, help="Never ask at the terminal; leave questions waiting.")
@pass_invocation
def resume(invocation: Invocation, run_id: str, no_input: bool) -> int:
    """Go on with RUN: one that was interrupted, or whose questions are answered by now."""
    from .driving import go_on, prepare
    from .session import Session, catalogue_of, settings_of

    settings = settings_of(invocation)
    with Session(settings, with_resources=True) as session:
        run = session.find_run(run_id)
        return go_on(session, run, prepare(session, run, catalogue_of(settings)), invocation, no_input=no_input)


COMMANDS = {"resume": resume}
