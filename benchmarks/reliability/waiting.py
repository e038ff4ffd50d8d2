"""What waiting runs cost: bytes on disk, processes, and the time until one of them has gone on.

    python benchmarks/reliability/waiting.py [--runs N] [--quick] [--json FILE]

Every run is an agent that asks for one approval. A child process brings them all to their question and ends; what is
measured after that is a file. The time to resume is that of a process with its imports loaded: open the state folder,
record the decision, drive the run to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# Under PYTHONSAFEPATH a script's own folder is not on the import path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from graphwright.agents import Agent
from graphwright.evals.certification.children import finish, in_child, start
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import When, calls
from graphwright.runtime import Approve, Runtime, Settings
from graphwright.tools import tool

RESUMES = 50
PAGE = 50
AIM_BYTES, AIM_MS = 10_000, 100.0
HOUR = 3600.0


@tool(effect="write", approval="Moves money.")
async def pay(item: str) -> str:
    """Pay for an item."""
    return f"paid {item}"


def graph() -> Any:
    """One payment, then the end."""

    def reply(request: Any) -> Any:
        return "finished" if request.messages[-1].type == "tool" else calls("pay", item="a book")

    model = ScriptedModel([When(lambda _: True, reply, times=None)])
    return agent_loop(Agent(name="clerk", description="Pays.", prompt="Pay.", tools=[pay], model=model))


def opened(folder: Path) -> Runtime:
    """The runtime of this folder, to be entered."""
    return Runtime(Settings(project_dir=folder, state_dir=folder))


async def drive(runtime: Runtime, run_id: str) -> None:
    """Drive a run until it waits or ends."""
    async for _ in runtime.drive(run_id, graph(), output=lambda state: state["messages"][-1].text):
        pass


async def wait(folder: Path, count: int) -> None:
    """Bring so many runs to their question."""
    async with opened(folder) as runtime:
        for _ in range(count):
            run = await runtime.start("pay", {"messages": [{"role": "user", "content": "Buy the book."}]})
            await drive(runtime, run.id)


async def resume(folder: Path) -> dict[str, Any]:
    """Answer the oldest question and drive its run to the end; milliseconds."""
    begun, cpu = time.perf_counter(), time.process_time()
    async with opened(folder) as runtime:
        approval = (await runtime.approvals.pending())[0]
        listed = time.perf_counter()
        await runtime.decide(approval.id, Approve(), by="ann")
        await drive(runtime, approval.run_id)
        status = (await runtime.runs.get(approval.run_id)).status
        ended, cpu_ended = time.perf_counter(), time.process_time()
    assert status == "done", status
    return {"listed": (listed - begun) * 1e3, "all": (ended - begun) * 1e3, "cpu": (cpu_ended - cpu) * 1e3}


async def resume_known(folder: Path, approval_id: str) -> dict[str, Any]:
    """The same for an approval whose id is known, as behind a link in a message."""
    begun, cpu = time.perf_counter(), time.process_time()
    async with opened(folder) as runtime:
        approval = await runtime.decide(approval_id, Approve(), by="ann")
        await drive(runtime, approval.run_id)
        ended, cpu_ended = time.perf_counter(), time.process_time()
        assert (await runtime.runs.get(approval.run_id)).status == "done"
    return {"all": (ended - begun) * 1e3, "cpu": (cpu_ended - cpu) * 1e3}


async def resume_in_one(folder: Path, ids: list[str]) -> list[dict[str, Any]]:
    """The same for some approvals after each other in one process that has the state folder open, as a service has."""
    times = []
    async with opened(folder) as runtime:
        for each in ids:
            begun, cpu = time.perf_counter(), time.process_time()
            approval = await runtime.decide(each, Approve(), by="ann")
            await drive(runtime, approval.run_id)
            ended, cpu_ended = time.perf_counter(), time.process_time()
            assert (await runtime.runs.get(approval.run_id)).status == "done"
            times.append({"all": (ended - begun) * 1e3, "cpu": (cpu_ended - cpu) * 1e3})
    return times


async def first_page(folder: Path) -> dict[str, Any]:
    """The inbox as a person sees it: its first page, and how many wait."""
    async with opened(folder) as runtime:
        begun = time.perf_counter()
        page, count = await runtime.approvals.pending(limit=PAGE), await runtime.approvals.count_pending()
        return {"page": len(page), "count": count, "ms": (time.perf_counter() - begun) * 1e3}


def sizes(database: Path, count: int) -> dict[str, float]:
    """Bytes for each run, of the whole file and by table (where SQLite can tell)."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        found = {"file": database.stat().st_size / count}
        try:
            rows = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 8")
            found |= {name: size / count for name, size in rows}
        except sqlite3.OperationalError:
            pass
    connection.close()
    return found


def children() -> int:
    """How many child processes this one still has."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    return len(listed.read_text().split()) if listed.exists() else 0


async def _warm(folder: Path) -> None:
    await wait(folder, 1)
    await resume(folder)


def main() -> int:
    """Parse, make them wait, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="500 runs")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    count = 500 if options.quick else options.runs
    with tempfile.TemporaryDirectory(prefix="waiting-") as warm, tempfile.TemporaryDirectory(prefix="waiting-") as name:
        asyncio.run(_warm(Path(warm)))
        folder = Path(name)
        begun = time.monotonic()
        finish(start(lambda: asyncio.run(wait(folder, count))), longest=HOUR)
        seconds = time.monotonic() - begun
        size, held = sizes(folder / "graphwright.db", count), children()
        with sqlite3.connect(folder / "graphwright.db") as connection:
            ids = [row[0] for row in connection.execute("SELECT id FROM approvals ORDER BY random()")]
        connection.close()
        times = [in_child(lambda each=each: asyncio.run(resume_known(folder, each))).result for each in ids[:RESUMES]]
        served = in_child(lambda: asyncio.run(resume_in_one(folder, ids[RESUMES : 2 * RESUMES]))).result
        page = in_child(lambda: asyncio.run(first_page(folder))).result
        with_list = in_child(lambda: asyncio.run(resume(folder))).result
    wall = statistics.quantiles([each["all"] for each in times], n=20)
    print(f"{count} waiting runs, made in {seconds:.0f} s; processes held: {held}")
    print(f"on disk: {size['file']:.0f} bytes each (aim: under {AIM_BYTES})")
    print("  " + ", ".join(f"{table} {each:.0f}" for table, each in size.items() if table != "file"))
    print(f"to resume one: median {wall[9]:.0f} ms, p95 {wall[18]:.0f} ms (aim: under {AIM_MS:.0f}), ", end="")
    print(f"CPU {statistics.median(each['cpu'] for each in times):.0f} ms; with a list of all first: ", end="")
    print(f"{with_list['listed']:.0f} ms for the list, {with_list['all']:.0f} ms in all")
    median = {name: statistics.median(each[name] for each in served) for name in ("all", "cpu")}
    print(f"in a process that has the folder open: median {median['all']:.0f} ms, CPU {median['cpu']:.0f} ms")
    print(f"the inbox's first page: {page['page']} of {page['count']} in {page['ms']:.0f} ms")
    if options.json:
        found = {"runs": count, "bytes": size, "resume_ms": times, "listed": with_list, "served": served, "page": page}
        options.json.write_text(json.dumps(found))
    return 1 if held or size["file"] > AIM_BYTES else 0


if __name__ == "__main__":
    sys.exit(main())
