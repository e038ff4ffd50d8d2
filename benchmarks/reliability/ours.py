"""One life of a run on Graphwright: what each child process does, and the verdict when the run has ended."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shapes import Shape
from world import Boundaries, Ledger

from graphwright.runtime import Runtime, Settings
from graphwright.runtime.checkpoints import FencedSaver
from graphwright.runtime.database import Database


@dataclass
class Verdict:
    """What was found about one run, or about many added up."""

    effects: int = 0
    """That had to happen."""
    doubled: int = 0
    lost: int = 0
    forbidden: int = 0
    """That happened although nobody wanted or allowed them."""
    repeated: int = 0
    """Under the same idempotency key, by tools that declare that this is safe."""
    answers: int = 0
    """That people gave."""
    asked_again: int = 0
    """Questions put a second time, though answered."""
    applied_twice: int = 0
    astray: int = 0
    """Answers that were lost or reached another call."""
    unknown: int = 0
    """Calls that somebody had to look up in the ledger."""
    problems: list[str] = field(default_factory=list)

    def add(self, other: Verdict) -> None:
        """Add another's numbers to these."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def is_clean(self) -> bool:
        """Whether nothing happened twice, went lost or went wrong."""
        wrong = self.doubled + self.lost + self.forbidden + self.asked_again + self.applied_twice + self.astray
        return not wrong and not self.problems


@dataclass(frozen=True)
class Life:
    """A folder in which one run lives through any number of processes."""

    folder: Path
    shape: Shape
    slow: float = 0.0
    """Seconds that LangGraph's saver takes before each write, as a database far away would."""

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    @property
    def settings(self) -> Settings:
        return Settings(project_dir=self.folder, state_dir=self.folder)

    def drive(self, kill_at: int | None = None) -> dict[str, Any]:
        """In a child: drive the run until it ends or waits; ``kill_at`` is the boundary to die at."""
        boundaries = Boundaries(kill_at)
        watch(boundaries, self.slow)
        status = asyncio.run(self._drive(Ledger(self.ledger, boundaries)))
        return {"status": status, "passed": boundaries.passed}

    async def _drive(self, ledger: Ledger) -> str:
        async with Runtime(self.settings) as runtime:
            found = await runtime.runs.runs(tenant="local")
            run = found[0] if found else await runtime.start(self.shape.name, {"messages": [["user", "go"]]})
            if run.status == "done":
                return "done"
            async for _ in runtime.drive(
                run.id, self.shape.build(ledger), output=lambda state: state["messages"][-1].text
            ):
                pass
            after = await runtime.runs.get(run.id)
            return after.status if not after.error else f"{after.status}: {after.error}"

    def decide(self, kill_at: int | None = None) -> dict[str, Any]:
        """In a child: answer every open question, and look up every unknown outcome in the ledger."""
        boundaries = Boundaries(kill_at)
        watch(boundaries, self.slow)
        return {**asyncio.run(self._decide()), "passed": boundaries.passed}

    async def _decide(self) -> dict[str, Any]:
        ledger = Ledger(self.ledger)
        problems, looked_up = [], 0
        async with Runtime(self.settings) as runtime:
            for approval in await runtime.approvals.pending():
                answer = self.shape.answers[approval.arguments["item"]]
                await runtime.decide(approval.id, answer, by="ann", digest=approval.digest)
            for entry in await runtime.journal.unknown():
                if entry.semantics != "at_most_once":
                    problems.append(f"{entry.name} is {entry.semantics}, its outcome should not be unknown")
                happened = ledger.has(entry.key)
                looked_up += 1
                await runtime.journal.resolve(entry.id, "happened" if happened else "retry", by="ann")
        return {"problems": problems, "unknown": looked_up}

    def judge(self) -> dict[str, Any]:
        """In a child: what the ledger, the approvals and the history say about a run that is done."""
        return vars(asyncio.run(self._judge()))

    async def _judge(self) -> Verdict:
        ledger = Ledger(self.ledger)
        times, distinct = ledger.times(), ledger.distinct()
        verdict = Verdict(effects=len(self.shape.effects), answers=len(self.shape.answers))
        for name in self.shape.effects:
            count = distinct[name] if name in self.shape.idempotent else times[name]
            verdict.doubled += max(0, count - 1)
            verdict.lost += count == 0
            verdict.repeated += times[name] - distinct[name]
        verdict.forbidden = sum(name not in self.shape.effects for name in times)
        async with Runtime(self.settings) as runtime:
            (run,) = await runtime.runs.runs(tenant="local")
            approvals = await runtime.approvals.of_run(run.id)
            graph = self.shape.build(ledger).compile(checkpointer=await runtime._checkpointer())
            history = (await graph.aget_state({"configurable": {"thread_id": run.thread_id}})).values["messages"]
        asked = Counter(each.original_arguments["item"] for each in approvals)
        verdict.asked_again = sum(count - 1 for count in asked.values())
        verdict.astray = sum(asked[item] == 0 for item in self.shape.answers)
        if run.output != "finished":
            verdict.problems.append(f"the run ended as {run.status} with {run.output!r}")
        verdict.problems += [f"{each.id} is {each.status}, never delivered" for each in approvals if not each.delivered]
        verdict.problems += [
            f"{each.id} was decided as {each.decision!r}"
            for each in approvals
            if each.decision != self.shape.answers[each.original_arguments["item"]]
        ]
        verdict.problems += broken_calls(history) + self._rows()
        return verdict

    def _rows(self) -> list[str]:
        with sqlite3.connect(self.folder / "graphwright.db") as database:
            query = "SELECT approval_id, count(*) FROM decisions GROUP BY approval_id HAVING count(*) > 1"
            doubled = [f"{approval} has {count} decisions" for approval, count in database.execute(query)]
            query = "SELECT name, status FROM journal WHERE status IN ('intent', 'unknown', 'retry')"
            return doubled + [f"the journal says {name} is {status}" for name, status in database.execute(query)]


def template(folder: Path) -> Path:
    """A migrated, empty state database to copy, so that no life has to pay for Alembic."""

    async def make() -> None:
        async with Runtime(Settings(project_dir=folder, state_dir=folder)) as runtime:
            await runtime._checkpointer()

    asyncio.run(make())
    with sqlite3.connect(folder / "graphwright.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return folder / "graphwright.db"


def born(folder: Path, shape: Shape, database: Path, slow: float = 0.0) -> Life:
    """A new life in an empty folder."""
    folder.mkdir(parents=True)
    shutil.copy(database, folder / "graphwright.db")
    return Life(folder, shape, slow)


def broken_calls(history: list[Any]) -> list[str]:
    """Tool calls without exactly one result, and results without a call."""
    asked = Counter(call["id"] for message in history if message.type == "ai" for call in message.tool_calls)
    answered = Counter(message.tool_call_id for message in history if message.type == "tool")
    return [
        f"call {call} was made {asked[call]} times and has {answered[call]} results"
        for call in asked | answered
        if not asked[call] == answered[call] == 1
    ]


def watch(boundaries: Boundaries, slow: float = 0.0) -> None:
    """Make every transaction of ours and every write of LangGraph's saver a boundary, before and after it.

    Args:
        boundaries: What counts them.
        slow: Seconds that the saver takes before each write.
    """
    transaction, put, put_writes = Database._transaction, FencedSaver.aput, FencedSaver.aput_writes

    def counted(self: Database, work: Any) -> Any:
        boundaries("before a transaction")
        result = transaction(self, work)
        boundaries("after a transaction")
        return result

    async def counted_put(self: FencedSaver, *args: Any, **named: Any) -> Any:
        await asyncio.sleep(slow)
        boundaries("before a checkpoint")
        result = await put(self, *args, **named)
        boundaries("after a checkpoint")
        return result

    async def counted_writes(self: FencedSaver, *args: Any, **named: Any) -> None:
        await asyncio.sleep(slow)
        boundaries("before writes")
        await put_writes(self, *args, **named)
        boundaries("after writes")

    Database._transaction = counted  # type: ignore[method-assign]  # this child is watched
    FencedSaver.aput = counted_put  # type: ignore[method-assign]  # same
    FencedSaver.aput_writes = counted_writes  # type: ignore[method-assign]  # same
