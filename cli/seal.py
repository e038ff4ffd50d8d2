"""``graphwright seal``: encrypt a state folder that was written before sealing was switched on."""

from __future__ import annotations

import asyncio

import click

from .errors import EXIT_OK, usage
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, table


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Only count what is in clear; nothing is written.")
@pass_invocation
def seal(invocation: Invocation, dry_run: bool) -> int:
    """Encrypt what the state folder holds in clear: runs, journal, approvals and checkpoints.

    For a folder that was used before `seal = true` was set. Stop every process that has it open first; it is refused
    while runs are being driven. A seal that was broken off, also by a kill, goes on when it is called again; until
    then nothing else opens the folder. What is sealed stays sealed: keep the keys.
    """
    from graphwright.runtime.sealing_in_place import seal_folder

    from .ingest_progress import ingest_progress
    from .session import settings_of

    settings = settings_of(invocation)
    if not settings.seal:
        usage("Sealing is off. Set `seal = true` in graphwright.toml first: a sealed folder is not opened without it.")
    with ingest_progress() as tell:
        done = asyncio.run(seal_folder(settings, dry_run=dry_run, tell=tell))
    if invocation.json:
        emit({"rows": done.rows, "total": done.total, "dry_run": dry_run, "was_sealed": done.was_sealed})
    elif not done.was_sealed:
        table(("table", "rows"), [(name, str(count)) for name, count in done.rows.items()])
    if done.was_sealed:
        remark("The state folder is sealed already; nothing was done.")
    elif dry_run:
        remark(f"{done.total} rows are in clear and would be sealed. Nothing was written.")
    else:
        remark(f"{done.total} rows were sealed. Copies and backups made before still hold them in clear.")
    return EXIT_OK


COMMANDS = {"seal": seal}
