"""Races for approvals: each is answered by eight processes at once, half of which say yes and half no.

    python benchmarks/reliability/approvals.py [--approvals N] [--quick] [--json FILE]

Of each, exactly one answer may count, and seven must be refused with the name of whoever won. Exit status 1 otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

# Under PYTHONSAFEPATH a script's own folder is not on the import path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from graphwright.evals.certification.children import finish, start
from graphwright.runtime import AlreadyDecided, Approve, Reject, Runtime, Settings
from graphwright.runtime.questions import Question, request_digest
from graphwright.tools.approval_rules import ApprovalRules

DECIDERS = 8
HOUR = 3600.0


def opened(folder: Path) -> Runtime:
    """The runtime of this folder, to be entered."""
    return Runtime(Settings(project_dir=folder, state_dir=folder))


async def ask(folder: Path, count: int) -> list[str]:
    """Put so many questions of one run on disk; their ids."""
    async with opened(folder) as runtime:
        run = await runtime.start("race", {})
        ids = []
        for number in range(count):
            key, arguments = f"{run.thread_id}|{number}", {"amount": number}
            question = Question(
                key=key,
                call_id=str(number),
                tool="pay",
                arguments=arguments,
                rules=ApprovalRules(reason="Moves money."),
                run_id=run.id,
                thread_id=run.thread_id,
                digest=request_digest("local", run.thread_id, key, "pay", arguments),
            )
            ids.append((await runtime.approvals.record(question)).id)
        return ids


async def answer(folder: Path, ids: list[str], me: int, barrier: Any) -> list[str]:
    """What this decider was told about each: "" where its answer counts."""
    decision = Approve() if me % 2 else Reject("No.")
    told = []
    async with opened(folder) as runtime:
        for each in ids:
            barrier.wait()
            try:
                await runtime.decide(each, decision, by=f"person {me}")
                told.append("")
            except AlreadyDecided as refusal:
                told.append(str(refusal))
    return told


def problems(folder: Path, ids: list[str], told: list[list[str]]) -> list[str]:
    """Approvals with other than one winner, a refusal that does not name it, or another decision on disk."""

    async def decided() -> dict[str, Any]:
        async with opened(folder) as runtime:
            (run,) = await runtime.runs.runs(tenant="local")
            return {each.id: each for each in await runtime.approvals.of_run(run.id)}

    on_disk = asyncio.run(decided())
    found = []
    for at, each in enumerate(ids):
        winners = [me for me, answers in enumerate(told) if answers[at] == ""]
        if len(winners) != 1:
            found.append(f"{each} has {len(winners)} winners")
            continue
        name, said = f"person {winners[0]}", "approved" if winners[0] % 2 else "rejected"
        words = re.compile(rf"already {said} by {name} at")
        found += [f"{each}: {answers[at]!r}" for answers in told if answers[at] and not words.search(answers[at])]
        if on_disk[each].decided_by != name or (on_disk[each].decision.type == "approve") != (said == "approved"):
            found.append(f"{each}: {name} {said}, on disk it is {on_disk[each].decided_by}")
    return found


def main() -> int:
    """Parse, race, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--approvals", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true", help="500 approvals")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    count = 500 if options.quick else options.approvals
    with tempfile.TemporaryDirectory(prefix="approvals-") as name:
        folder = Path(name)
        ids = asyncio.run(ask(folder, count))
        barrier = multiprocessing.get_context("fork").Barrier(DECIDERS)
        begun = time.monotonic()
        children = [start(lambda me=me: asyncio.run(answer(folder, ids, me, barrier))) for me in range(DECIDERS)]
        told = [finish(each, longest=HOUR).result for each in children]
        seconds = time.monotonic() - begun
        found = problems(folder, ids, told)
    wins: Counter[int] = Counter()
    refused: defaultdict[int, int] = defaultdict(int)
    for me, answers in enumerate(told):
        wins[me] = answers.count("")
        refused[me] = len(answers) - wins[me]
    print(
        f"{count} approvals, {DECIDERS} deciders each, {seconds:.0f} s: {sum(wins.values())} answers counted, ", end=""
    )
    print(f"{sum(refused.values())} were refused, {len(found)} problems")
    print("wins by decider: " + ", ".join(f"{wins[me]}" for me in range(DECIDERS)))
    for each in found[:20]:
        print(f"WRONG: {each}")
    if options.json:
        options.json.write_text(json.dumps({"approvals": count, "seconds": seconds, "wins": wins, "problems": found}))
    return 1 if found or sum(wins.values()) != count else 0


if __name__ == "__main__":
    sys.exit(main())
