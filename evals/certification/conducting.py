"""One life: a copy of the template, processes that are killed, one that lives on, and a look at what it came to."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from graphwright.runtime import Runtime

from ..case import Case
from ..project import make_resources, open_knowledge
from ..replies import folder_of
from .children import ChildFailed, Ended, in_child
from .living import Life, Stage
from .observing import observe

MOMENT = "a random moment"


def make_template(stage: Stage, case: Case, folder: Path) -> None:
    """In a child: a migrated state folder in which everything shared is made already, to be copied for each life."""
    settings = stage.project.settings(folder)

    async def make() -> None:
        async with Runtime(settings) as runtime:
            await runtime.checkpointer()

    asyncio.run(make())
    documents: list[Any] = [folder_of(case) / each for each in case.documents]
    if not documents and stage.entry.knowledge:
        from graphwright.retrieval import PackageDocs  # chromadb: only where something is read

        documents = [PackageDocs(stage.entry.knowledge)]
    if documents:
        with open_knowledge(settings) as knowledge:
            knowledge.ingest(documents)
    make_resources(stage.entry, settings.state)
    database = sqlite3.connect(settings.database)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def conduct(stage: Stage, job: Mapping[str, Any]) -> dict[str, Any]:
    """Live one life.

    Args:
        stage: What all lives share.
        job: ``case``, ``template``, ``folder``, and ``kills``: for each process but the last what kills it.

    Returns:
        ``died`` (what each killed process died at), ``points``, ``alive`` (seconds) and ``modules`` (newly
        imported) of the last process, ``observed``, ``seconds`` of it all, ``findings`` (what went wrong on the way).
    """
    life = Life(stage, stage.cases[job["case"]], Path(job["folder"]))
    shutil.copytree(job["template"], life.folder)
    begun = time.monotonic()
    told: dict[str, Any] = {"points": [], "died": [], "findings": [], "observed": None, "looked_up": 0}
    try:
        ended = _killed_and_resumed(life, job["kills"], told)
        told["points"], told["alive"] = ended.result["points"], ended.seconds
        told["modules"], told["looked_up"] = ended.result["modules"], ended.result["looked_up"]
        told["findings"] += ended.result["problems"]
        told["observed"] = in_child(partial(observe, life)).result
        if told["observed"] is None:
            told["findings"].append("The process that looked at the result was killed by somebody else.")
    except ChildFailed as error:
        told["findings"].append(f"A process ended by an exception: {_last_line(str(error))}")
        told["trace"] = str(error)
    told["seconds"] = time.monotonic() - begun
    return told


def _killed_and_resumed(life: Life, kills: list[Mapping[str, Any]], told: dict[str, Any]) -> Ended:
    for kill in kills:
        life.death_note.unlink(missing_ok=True)
        work = partial(life.live, kill["at"])
        ended = in_child(work, kill_after=kill["after"], may_die=_between_effects(life))
        if not ended.killed:
            return ended
        note = life.death_note
        told["died"].append(note.read_text() if note.exists() else f"{MOMENT} ({ended.seconds:.3f} s)")
    ended = in_child(partial(life.live, None))
    if ended.killed:
        raise ChildFailed("It was killed by somebody else (out of memory?).")
    return ended


def _between_effects(life: Life) -> Callable[[], bool]:
    """Whether nobody is in the middle of a call that may happen only once and cannot say whether it did.

    There nobody could know whether it happened; before and after it processes are killed like everywhere else.
    """
    return lambda: (
        not any(
            each.semantics == "at_most_once" and not each.status and not each.probed for each in life.ledger.calls()
        )
    )


def _last_line(trace: str) -> str:
    lines = [line for line in trace.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no reason was given"
