"""``graphwright migrate``: move a paused run to a graph whose nodes have other names."""

from __future__ import annotations

import click

from .errors import EXIT_OK, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark


@click.command(cls=Command)
@click.argument("run_id", metavar="RUN")
@click.option("--rename", "pairs", multiple=True, required=True, metavar="OLD=NEW", help="A renamed node; repeatable.")
@pass_invocation
def migrate(invocation: Invocation, run_id: str, pairs: tuple[str, ...]) -> int:
    """Move a paused RUN to today's graph, in which nodes have other names; open questions go along.

    The run's state is written as a new checkpoint; the old one stays. Refused where the graph differs in more than
    the names, and where the waiting step has done things that are recorded under its old name: a call that its node
    made by itself, a graph inside it. A question that such a node asks by itself is asked anew.
    """
    from graphwright.runtime.renaming import rename_nodes

    from .checkpoints import graph_of
    from .session import Session, settings_of

    names = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if len(names) != len(pairs) or not all(old and new for old, new in names.items()):
        usage("--rename takes OLD=NEW, each old name once, such as --rename ask=ask_customer.")
    with Session(settings_of(invocation)) as session:
        run = session.find_run(run_id)
        _, graph = graph_of(session, run.graph, run)
        checkpoint = session.run(rename_nodes(session.runtime, graph, run_id, names))
    if invocation.json:
        emit({"run": run_id, "thread": run.thread_id, "checkpoint": checkpoint, "renamed": names})
    remark(f"Run {run_id} was moved. Go on with: {invocation.program} resume {run_id}")
    return EXIT_OK


COMMANDS = {"migrate": migrate}
