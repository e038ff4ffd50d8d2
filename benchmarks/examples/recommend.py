"""How good and how quick the recommend example is: held-out sessions against its baselines, and p95 of one answer.

Run: python benchmarks/examples/recommend.py [RUNS]
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, quantiles

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from graphwright.examples.recommend.data import COLD, SEED, SPLIT, USERS, dataset
from graphwright.examples.recommend.evaluation import K, evaluate, paired_interval
from graphwright.examples.recommend.graph import recommend
from graphwright.examples.recommend.rules import Limits
from graphwright.examples.recommend.shop import Shop
from graphwright.runtime import Runtime, Settings

CALLS = 300
Seconds = list[float]


def main() -> None:
    """Print both tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        begun = time.process_time()
        shop = Shop.open(state)
        print(f"Generated (seed {SEED}), learned and trained in {time.process_time() - begun:.1f} s of CPU.\n")
        quality(shop)
        alone = measured(lambda at: one(shop, at), CALLS)
        shop.close()
        print(f"\n{'one recommendation':<34}{'CPU p50':>9}{'CPU p95':>9}{'wall p50':>10}{'wall p95':>10}   (ms)")
        told("features, candidates, rank, rules", *alone)
        told("the whole graph, event to answer", *asyncio.run(through_the_graph(state, runs)))


def quality(shop: Shop) -> None:
    """Recall, nDCG and coverage on the sessions that nothing was learned from."""
    engine, data = shop.engine, dataset()
    assert engine.ranker is not None
    found = evaluate(data, engine.signals, engine.ranker, shop.vectors(engine.signals).nearest)
    ours = found[0]
    print(f"{len(ours.ndcg)} sessions after day {SPLIT} ({COLD} of {USERS} users are new then); first 3 items given.")
    print(f"{'':<28}{f'nDCG@{K}':>9}{f'recall@{K}':>11}{'coverage':>10}   lead in nDCG of the full system (95 %)")
    for each in found:
        gap, low, high = paired_interval(ours.ndcg, each.ndcg)
        lead = "" if each is ours else f"{gap:+.4f} ({low:+.4f} to {high:+.4f})"
        row = f"{each.name:<28}{mean(each.ndcg):>9.4f}{mean(each.recall):>11.4f}{each.coverage:>10.2f}"
        print(f"{row}   {lead}".rstrip())


def one(shop: Shop, at: int) -> None:
    """One user's features from the database, and ten items for them."""
    shop.engine.recommend(shop.profile(f"u-{at % USERS + 1}"), Limits())


def measured(call: Callable[[int], object], times: int) -> tuple[Seconds, Seconds]:
    """CPU and wall seconds of each call."""
    cpu, wall = [], []
    for at in range(times):
        a, b = time.process_time(), time.perf_counter()
        call(at)
        cpu.append(time.process_time() - a)
        wall.append(time.perf_counter() - b)
    return cpu, wall


async def through_the_graph(state: Path, runs: int) -> tuple[Seconds, Seconds]:
    """An event comes in; journal, checkpoints and audit are written to disk as in production."""
    settings = Settings(project_dir=state, state_dir=state)
    cpu, wall = [], []
    async with Runtime(settings) as runtime:
        recommend.provide(runtime.resources, state)
        graph = recommend.graph()
        for at in range(runs + 1):
            values = recommend.values(f"u-{at % USERS + 1} viewed i-{at * 7 % 480 + 1}")
            a, b = time.process_time(), time.perf_counter()
            run = await runtime.start("recommend", values)
            async for _ in runtime.drive(run.id, graph, output=recommend.answer, model="offline", live=False):
                pass
            cpu.append(time.process_time() - a)
            wall.append(time.perf_counter() - b)
            assert (await runtime.runs.get(run.id)).status == "done"
    return cpu[1:], wall[1:]  # the first one opens files


def told(name: str, cpu: Seconds, wall: Seconds) -> None:
    """One line of milliseconds."""
    values = [1000 * quantiles(each, n=100)[at] for each in (cpu, wall) for at in (49, 94)]
    print(f"{name:<34}{values[0]:>9.1f}{values[1]:>9.1f}{values[2]:>10.1f}{values[3]:>10.1f}")


if __name__ == "__main__":
    main()
