"""``graphwright fork``: go on from an earlier checkpoint."""

from __future__ import annotations

import json
from typing import Any

import click

from .errors import EXIT_OK, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark


@click.command(cls=Command)
@click.argument("thread", metavar="THREAD")
@click.argument("input", required=False)
@click.option("--at", "checkpoint", required=True, metavar="CHECKPOINT", help="From where; `history` lists them.")
@click.option("--set", "edits", multiple=True, metavar="KEY=JSON", help="Change the state first; repeatable.")
@click.option("--model", metavar="MODEL", help="Another model for the new branch.")
@click.option("--no-continue", is_flag=True, help="Make the branch only; do not run it yet.")
@click.option("--no-input", is_flag=True, help="Never ask at the terminal; leave questions waiting.")
@pass_invocation
def fork(
    invocation: Invocation,
    thread: str,
    input: str | None,
    checkpoint: str,
    edits: tuple[str, ...],
    model: str | None,
    no_continue: bool,
    no_input: bool,
) -> int:
    """Go on from an earlier CHECKPOINT of THREAD, as a new run on the same thread.

    What was done after that checkpoint stays done in the world, and its records stay; on the new branch models,
    people and tools are asked anew. With INPUT, a conversation goes on from there with other words.
    """
    from graphwright.runtime.forking import fork as make_fork

    from .checkpoints import graph_of, newest_run
    from .driving import Prepared, go_on
    from .inputs import input_text
    from .session import Session, choose_model, settings_of

    settings = settings_of(invocation, model=model)
    changes = edits_of(edits)
    with Session(settings, with_resources=not no_continue) as session:
        thread_id, newest, _ = newest_run(session, thread)
        entry, graph = graph_of(session, session.run(session.runtime.runs.thread(thread_id)).graph, newest)
        values = entry.values(input_text(input, None, "")) if input is not None else None
        made = make_fork(session.runtime, graph, thread_id, checkpoint, edits=changes, values=values, model=model or "")
        run = session.run(made)
        remark(f"Forked {thread_id} at {checkpoint} as run {run.id}.")
        if no_continue:
            if invocation.json:
                emit({"run": run.id, "thread": thread_id, "checkpoint": checkpoint})
            remark(f"Go on with: {invocation.program} resume {run.id}")
            return EXIT_OK
        return go_on(session, run, Prepared(entry, graph, choose_model(settings, run.model)), invocation,
                     no_input=no_input)  # fmt: skip


def edits_of(pairs: tuple[str, ...]) -> dict[str, Any]:
    """``KEY=JSON`` pairs as a mapping.

    Raises:
        CliError: a usage error, naming every pair that is not one.
    """
    found: dict[str, Any] = {}
    wrong = []
    for pair in pairs:
        key, equals, text = pair.partition("=")
        try:
            if not (key and equals):
                raise ValueError("there is no KEY=")
            found[key] = json.loads(text)
        except ValueError as error:
            wrong.append(f"{pair!r}: {error}")
    if wrong:
        usage(f"--set takes KEY=JSON, such as --set 'answer=\"yes\"'. {'; '.join(wrong)}.")
    return found


COMMANDS = {"fork": fork}
