"""The kill test: runs are killed (SIGKILL) at random moments and at every write, resumed in new processes, and judged.

    python benchmarks/reliability/kills.py [--kills N] [--seed S] [--shape NAME ...] [--mode random|boundaries|both]
        [--every N] [--slow MS] [--no-stock] [--workers N] [--json FILE]

An independent ledger counts what really happened. Exit status 1 if on Graphwright anything happened twice or was
lost, an answer was asked for, applied or delivered wrongly, or a run did not end. Stock LangGraph runs the same shapes
with the same number of kills beside it. A kill of mode `boundaries` comes right before or after one of the writes to
the database or of the effects: every one of them once. Numbers of kills are as reached, not as asked for: some runs
end before their killer comes.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# Under PYTHONSAFEPATH a script's own folder is not on the import path.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from ours import Life, Verdict, born, template
from shapes import SHAPES, Shape
from stock import StockLife
from world import Ledger

from graphwright.evals.certification.children import ChildFailed, finish, in_child, start

OURS, ONE_NODE, SPREAD = "graphwright", "langgraph, one ToolNode", "langgraph, a task per call"
KILLS_PER_LIFE = 8
"""More often than this a run is not killed, so that it can end."""
MOST_CHILDREN = 60
"""A run that has not ended after so many processes never will."""
HOUR = 3600.0


@dataclass
class Tally:
    """What happened to one shape on one system in one mode."""

    system: str
    shape: str
    mode: str
    lives: int = 0
    kills: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    failures: list[str] = field(default_factory=list)


class Killer:
    """Decides when a child dies: in seconds, or at a boundary."""

    def __init__(self, rng: random.Random, seconds: float, boundary: int | None = None) -> None:
        self._rng = rng
        self._seconds = seconds
        self._boundary = boundary
        self.kills = 0

    def next(self, *, decider: bool) -> tuple[float | None, int | None]:
        """(seconds to live, boundary to die at) of the next child; None: it lives."""
        if self._boundary is not None:
            return None, self._boundary if self._boundary > 0 and not self.kills else None
        if self.kills >= KILLS_PER_LIFE or self._rng.random() < 0.2:
            return None, None
        return self._rng.random() * self._seconds * (0.5 if decider else 1.0), None

    def told(self, *, killed: bool, passed: int) -> None:
        """How the child ended."""
        self.kills += killed
        if self._boundary is not None and not killed:
            self._boundary -= passed


def live(life: Life | StockLife, killer: Killer) -> Verdict:
    """One run from its beginning to its end, through as many processes as it takes."""
    verdict = Verdict()
    status = ""
    for _ in range(MOST_CHILDREN):
        decider = status.partition(":")[0] in ("waiting", "blocked")
        # The stock decider is a person with a browser: nothing of it can be killed.
        seconds, boundary = killer.next(decider=decider) if not decider or isinstance(life, Life) else (None, None)
        work = life.decide if decider else life.drive
        ended = in_child(lambda work=work, boundary=boundary: work(boundary), kill_after=seconds)
        told = ended.result or {}
        killer.told(killed=ended.killed, passed=told.get("passed", 0))
        if ended.killed:
            continue
        verdict.unknown += told.get("unknown", 0)
        verdict.problems += told.get("problems", [])
        status = told.get("status", "")
        if status == "done":
            verdict.add(Verdict(**in_child(life.judge).result))
            return verdict
        if status.startswith(("failed", "cancelled")):
            break
    verdict.problems.append(f"the run never ended; at last it was {status!r}")
    return verdict


@dataclass(frozen=True)
class Campaign:
    """All the lives of one shape on one system in one mode."""

    system: str
    shape: Shape
    mode: str
    kills: int
    seed: int
    folder: Path
    database: Path
    slow: float = 0.0
    every: int = 1

    def run(self) -> dict[str, Any]:
        """In a worker: live and die until the kills are reached; a life that goes wrong is kept and named."""
        tally = Tally(self.system, self.shape.name, self.mode)
        rng = random.Random(f"{self.seed} {self.shape.name} {self.mode}")
        seconds = self._usual() if self.mode == "random" else 0.0
        boundary = 0
        while tally.kills < self.kills or self.mode == "boundaries":
            boundary += self.every
            killer = Killer(rng, seconds, boundary if self.mode == "boundaries" else None)
            life = self._born(f"{self.mode}{tally.lives}")
            try:
                verdict = live(life, killer)
            except ChildFailed as failed:
                verdict = Verdict(problems=[str(failed)])
            tally.lives += 1
            tally.kills += killer.kills
            tally.verdict.add(verdict)
            if not verdict.is_clean and self.system == OURS:
                where = f"boundary {boundary}" if self.mode == "boundaries" else f"life {tally.lives}"
                tally.failures.append(f"{self.shape.name}, {where}: {_wrong(verdict)}")
            else:
                shutil.rmtree(life.folder)
            if self.mode == "boundaries" and not killer.kills:
                break
        return asdict(tally)

    def _born(self, name: str) -> Life | StockLife:
        folder = self.folder / f"{self.system.replace(' ', '-')}-{self.shape.name}-{name}"
        if self.system == OURS:
            return born(folder, self.shape, self.database, self.slow)
        folder.mkdir(parents=True)
        return StockLife(folder, self.shape, self.system == SPREAD, self.slow)

    def _usual(self) -> float:
        """Seconds that a child usually lives when nobody kills it: the longest of one undisturbed life."""
        life = self._born(f"{self.mode}-undisturbed")
        longest, status = 0.0, ""
        for _ in range(MOST_CHILDREN):
            ended = in_child(life.decide if status == "waiting" else life.drive)
            status = ended.result.get("status", "")
            longest = max(longest, ended.seconds)
            if status == "done":
                break
        shutil.rmtree(life.folder)
        return longest


def _wrong(verdict: Verdict) -> str:
    counts = {name: value for name, value in asdict(verdict).items() if value and isinstance(value, int)}
    usual = ("effects", "answers", "unknown", "repeated")
    found = [f"{name} {value}" for name, value in counts.items() if name not in usual]
    return "; ".join([*found, *verdict.problems])


def warm(folder: Path, database: Path, shapes: list[Shape]) -> None:
    """Run every shape once in this process, so that everything is imported before the first fork."""
    for shape in shapes:
        life = born(folder / f"warm-{shape.name}", shape, database)
        asyncio.run(life._drive(Ledger(life.ledger)))
        asyncio.run(life._decide())
        other = StockLife(folder / f"warm-stock-{shape.name}", shape, False)
        other.folder.mkdir()
        asyncio.run(other._drive(Ledger(other.folder / "ledger")))
    assert threading.active_count() == 1, threading.enumerate()
    gc.collect()
    gc.freeze()


def campaigns(options: argparse.Namespace, folder: Path, database: Path) -> Iterator[Campaign]:
    """What is to be done, the longest first."""
    systems = [OURS] if options.no_stock else [OURS, ONE_NODE, SPREAD]
    modes = ["random", "boundaries"] if options.mode == "both" else [options.mode]
    shapes = [SHAPES[name] for name in options.shape]
    for mode in modes:
        for system in systems:
            for shape in shapes:
                if mode == "boundaries" and system != OURS:
                    continue
                share, slow = -(-options.kills // len(shapes)), options.slow / 1000
                yield Campaign(system, shape, mode, share, options.seed, folder, database, slow, options.every)


def at_once(works: list[Callable[[], dict[str, Any]]], workers: int) -> list[dict[str, Any]]:
    """Run the works in forked workers, so many at a time; results in order."""
    results: list[dict[str, Any]] = []
    running: list[Any] = []
    for work in [*works, *[None] * workers]:
        if running and (len(running) >= workers or work is None):
            last = finish(running.pop(0), longest=HOUR).result
            results.append(last)
            print(f"{last['system']}, {last['shape']}, {last['mode']}: {last['kills']} kills", file=sys.stderr)
        if work is not None:
            running.append(start(work))
    return results


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000, help="of each system, over all shapes, in mode random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shape", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--mode", choices=["random", "boundaries", "both"], default="both")
    parser.add_argument("--no-stock", action="store_true", help="do not run LangGraph beside it")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth boundary only")
    parser.add_argument("--slow", type=float, default=0, metavar="MS", help="checkpoints are written this much later")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    options = parser.parse_args()
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    (folder / "template").mkdir()
    database = template(folder / "template")
    warm(folder, database, [SHAPES[name] for name in options.shape])
    results = at_once([each.run for each in campaigns(options, folder, database)], options.workers)
    print_table(results)
    failures = [failure for each in results for failure in each["failures"]]
    for failure in failures:
        print(f"WRONG: {failure}")
    if failures:
        print(f"Their folders are kept: {folder}")
    else:
        shutil.rmtree(folder)
    print(f"{time.monotonic() - begun:.0f} s, seed {options.seed}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 1 if failures else 0


def print_table(results: list[dict[str, Any]]) -> None:
    """One line for each system, mode and shape."""
    head = ("runs", "kills", "effects", "twice", "lost", "unwanted", "same key", "looked up", "answers", "asked again")
    print("| system | mode | shape | " + " | ".join((*head, "applied twice", "astray")) + " |")
    print("|---" * 15 + "|")
    for each in results:
        verdict = each["verdict"]
        effects, answers = verdict["effects"] or 1, verdict["answers"] or 1
        cells = [
            each["lives"],
            each["kills"],
            verdict["effects"],
            _share(verdict["doubled"], effects),
            _share(verdict["lost"], effects),
            verdict["forbidden"],
            verdict["repeated"],
            verdict["unknown"],
            verdict["answers"],
            _share(verdict["asked_again"], answers),
            _share(verdict["applied_twice"], answers),
            _share(verdict["astray"], answers),
        ]
        print(f"| {each['system']} | {each['mode']} | {each['shape']} | {' | '.join(map(str, cells))} |")


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.1f} %)" if part else "0"


if __name__ == "__main__":
    sys.exit(main())
