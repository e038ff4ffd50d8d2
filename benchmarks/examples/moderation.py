"""The moderation example: its classifier beside its rules, and what the whole panel decides by itself, offline.

Run: python benchmarks/examples/moderation.py
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from pathlib import Path

from graphwright.evals.project import resources_of
from graphwright.examples.moderation.data import HELD_OUT, LABELS, SEED, TRAIN, Post, earlier_decisions, queue
from graphwright.examples.moderation.desk import OUTCOMES
from graphwright.examples.moderation.evaluation import measure
from graphwright.examples.moderation.graph import moderation
from graphwright.runtime import Run, Runtime, Settings


def main() -> None:
    """Print F1 by label, accuracy by kind of post, and how the posts of the queue are decided."""
    begun = time.process_time()
    measured = measure()
    seconds = time.process_time() - begun
    print(f"Seed {SEED}; trained on {TRAIN} posts, measured on {HELD_OUT} held-out ones; {seconds:.1f} s of CPU.\n")
    names = [*(f"F1 {label}" for label in LABELS), "F1 macro", *(f"acc. {kind}" for kind in measured[0].accuracy)]
    print(f"{'':<20}" + "".join(f"{each.name:>12}" for each in measured))
    for place, name in enumerate(names):
        rows = [[*each.f1.values(), each.macro, *each.accuracy.values()] for each in measured]
        print(f"{name:<20}" + "".join(f"{row[place]:>12.3f}" for row in rows))
    decided = {each[0] for each in earlier_decisions()}
    posts = [each for each in queue() if each.id not in decided]
    outcomes = asyncio.run(reviewed(posts))
    print(f"\nThe graph on the {len(posts)} open posts of the queue, offline:")
    for (how, is_right), count in sorted(outcomes.items()):
        print(f"  {how:<22} {'right' if is_right else 'wrong':<6} {count}")


async def reviewed(posts: list[Post]) -> Counter[tuple[str, bool]]:
    """Review each post; who decides, and whether the decision (or what is proposed to a person) is right."""
    outcomes: Counter[tuple[str, bool]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(project_dir=Path(folder), state_dir=Path(folder) / ".graphwright")
        async with Runtime(settings, resources=resources_of(moderation, settings)) as runtime:
            for post in posts:
                outcomes[await outcome(runtime, post)] += 1
    return outcomes


async def outcome(runtime: Runtime, post: Post) -> tuple[str, bool]:
    """What becomes of one post."""
    run: Run = await runtime.start("moderation", moderation.values(f"Review {post.id}"))
    events = runtime.drive(run.id, moderation.graph(), output=moderation.answer, model="offline")
    async for _ in events:
        pass
    waiting = await runtime.approvals.pending(run_id=run.id)
    if waiting:
        return "proposed to a person", waiting[0].arguments["label"] == post.label
    report = (await runtime.runs.get(run.id)).output or ""
    return "decided by the panel", f"Decision: {OUTCOMES[post.label]}," in report


if __name__ == "__main__":
    main()
