"""``graphwright replay``: a run again from its records, compared with what was stored."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .errors import EXIT_FAILED, EXIT_OK
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say

if TYPE_CHECKING:
    from graphwright.runtime.replaying import Replay


@click.command(cls=Command)
@click.argument("run_id", metavar="RUN")
@pass_invocation
def replay(invocation: Invocation, run_id: str) -> int:
    """Execute RUN again in memory, served from its records, and compare every step with what was stored.

    No model is asked, no tool is called, nothing is written. Says "same", or the first step that is not and how it
    differs; what is not recorded is reported and not executed. Ends with 1 where it is not the same.
    """
    from graphwright.runtime.replaying import replay as play

    from .checkpoints import graph_of
    from .session import Session, settings_of

    with Session(settings_of(invocation), with_resources=True) as session:
        run = session.find_run(run_id)
        entry, graph = graph_of(session, run.graph, run)
        session.provide(entry)
        found = session.run(play(session.runtime, graph, run_id))
    if invocation.json:
        emit(asdict(found))
    else:
        _tell(found)
    return EXIT_OK if found.verdict == "same" else EXIT_FAILED


def _tell(found: Replay) -> None:
    from .history import change_lines

    if found.verdict == "same":
        say(f"same: {found.steps} steps of {found.run_id} end as they did.")
    else:
        where = f"step {found.steps + 1} ({', '.join(found.nodes) or 'no node'}), from checkpoint {found.checkpoint}"
        what = {"differs": "differs", "not_recorded": "asks for what is not recorded", "failed": "fails"}
        say(f"{found.verdict}: {where}, {what[found.verdict]}. The {found.steps} steps before it are the same.")
    for each in found.changes:
        say("\n".join(f"    {line}" for line in change_lines(each)))
    for missing in found.missing:
        say(f"    not recorded: {missing}")
    if found.error:
        say(f"    {found.error}")
    for note in found.notes:
        remark(f"Note: {note}")


COMMANDS = {"replay": replay}
