"""``graphwright resolve``: say what became of a call of which nobody knows whether it happened."""

from __future__ import annotations

from typing import Literal

import click

from .errors import EXIT_OK
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark
from .safe_text import call_text

_TOLD = {
    "happened": "It is taken as carried out and not repeated",
    "retry": "It is carried out now",
    "abandon": "It is not repeated, and the agent is told that it failed",
}


@click.command(cls=Command)
@click.argument("call_id", metavar="ID")
@click.argument("resolution", type=click.Choice(list(_TOLD)))
@click.option("--note", default="", metavar="TEXT", help="What the agent is told in place of the lost answer.")
@click.option("--no-continue", is_flag=True, help="Record it only; do not go on with the run.")
@pass_invocation
def resolve(
    invocation: Invocation,
    call_id: str,
    resolution: Literal["happened", "retry", "abandon"],
    note: str,
    no_continue: bool,
) -> int:
    """Say what became of call ID, and go on with its run.

    happened: it was carried out, do not repeat it. retry: it was not; do it now. abandon: do not repeat it, whatever
    became of it; the agent is told that it failed.
    """
    from graphwright.runtime import ThreadBusy, unknown_data

    from .driving import go_on, prepare
    from .session import Session, catalogue_of, settings_of

    settings = settings_of(invocation)
    with Session(settings, with_resources=not no_continue) as session:
        runtime = session.runtime
        entry = session.run(runtime.journal.resolve(call_id, resolution, by=settings.user, note=note))
        if invocation.json:
            emit({**unknown_data(entry), "resolution": resolution, "by": settings.user, "note": note})
        remark(f"{call_text(entry.name, entry.request)} of {entry.run_id}: {resolution}. {_TOLD[resolution]}.")
        run = session.find_run(entry.run_id)
        if run.status in ("done", "failed", "cancelled"):
            remark(f"Run {run.id} is {run.status}; there is nothing to go on with.")
            return EXIT_OK
        if no_continue:
            remark(f"Go on with: {invocation.program} resume {run.id}")
            return EXIT_OK
        try:
            return go_on(session, run, prepare(session, run, catalogue_of(settings)), invocation)
        except ThreadBusy as busy:
            remark(f"It is recorded. {busy}")
            return EXIT_OK


COMMANDS = {"resolve": resolve}
