"""Answer quality of the `research` graph on questions about installed packages whose answers are known.

    python benchmarks/research/quality.py [--model SPEC] [--half dev|held] [--cache FOLDER] [--show] [--json]

Runs the graph through `Runtime` up to the approval, over the knowledge base that its declaration names. For every
question (questions.yaml) it looks for: a right source among those retrieved, a right source cited, every expected fact
in the answer's sentences, a citation behind every sentence; or, where there is no answer, for a report that says so.
Exit status 1 below the floors.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from graphwright.examples.research.citations import check_citations, cited_numbers, sentences
from graphwright.examples.research.graph import research
from graphwright.retrieval import KnowledgeBase, PackageDocs
from graphwright.runtime import Runtime, Settings
from graphwright.tools import Resources

FLOORS = {"retrieved": 0.9, "cited": 0.85, "facts": 0.85, "every_sentence_cited": 1.0, "says_so": 1.0}
"""For all questions together, offline; a real model is measured but held to no floor."""
UNANSWERED = re.compile(r"\b(?:do(?:es)? not answer|cannot answer|cannot be answered|not answered|no source)", re.I)


@dataclass(frozen=True)
class Question:
    """One question with what a right answer contains."""

    id: str
    half: str
    question: str
    expect: Sequence[str]
    source: str


@dataclass(frozen=True)
class Verdict:
    """What the report for one question has."""

    id: str
    half: str
    answerable: bool
    retrieved: bool
    cited: bool
    facts: float
    """Share of the expected facts that the answer states."""
    every_sentence_cited: bool
    says_so: bool
    """Whether nothing is claimed and the report says that the sources do not answer."""
    rounds: int
    seconds: float
    draft: str


def judge(question: Question, state: Mapping[str, Any], seconds: float) -> Verdict:
    """Compare the final state of one run with what is expected."""
    draft, sources = state["draft"], state["sources"]
    right = {s["number"] for s in sources if question.source and _is_right(question, s)}
    cited = set(cited_numbers(draft))
    said = " ".join(sentences(draft))
    facts = [bool(re.search(fact, said, re.I)) for fact in question.expect]
    objections = check_citations(draft, sources, [])
    return Verdict(
        id=question.id,
        half=question.half,
        answerable=bool(question.expect),
        retrieved=bool(right),
        cited=bool(right & cited),
        facts=sum(facts) / len(facts) if facts else 0.0,
        every_sentence_cited=not objections,
        says_so=not cited and bool(UNANSWERED.search(draft)),
        rounds=state["round"],
        seconds=round(seconds, 3),
        draft=draft,
    )


def _is_right(question: Question, source: Mapping[str, Any]) -> bool:
    return any(re.search(question.source, source[part]) for part in ("source", "heading"))


def read_questions(half: str | None = None) -> list[Question]:
    """The questions of a half, or all."""
    found = yaml.safe_load((Path(__file__).parent / "questions.yaml").read_text(encoding="utf-8"))
    return [Question(**each) for each in found if half in (None, each["half"])]


async def measure(questions: Sequence[Question], knowledge: KnowledgeBase, model: str) -> list[Verdict]:
    """Ask every question on a thread of its own, in a state folder that is thrown away."""
    resources = Resources()
    resources.provide(KnowledgeBase, lambda: knowledge)
    verdicts = []
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(project_dir=Path(folder), state_dir=Path(folder) / "state")
        async with Runtime(settings, resources=resources) as runtime:
            for question in questions:
                began = time.perf_counter()
                run = await runtime.start("research", research.values(question.question))
                async for _ in runtime.drive(run.id, research.graph(), output=research.answer, model=model):
                    pass
                state = await runtime.state_of(run, research.graph())
                verdicts.append(judge(question, state, time.perf_counter() - began))
    return verdicts


def figures(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Shares over the answerable questions; `says_so` over the others."""
    asked = [v for v in verdicts if v.answerable]
    without = [v for v in verdicts if not v.answerable]

    def share(of: Sequence[float]) -> float:
        return round(sum(of) / len(of), 3) if of else 1.0

    return {
        "questions": len(asked),
        "retrieved": share([v.retrieved for v in asked]),
        "cited": share([v.cited for v in asked]),
        "facts": share([v.facts for v in asked]),
        "all_facts": share([v.facts == 1 for v in asked]),
        "every_sentence_cited": share([v.every_sentence_cited for v in verdicts]),
        "unanswerable": len(without),
        "says_so": share([v.says_so for v in without]),
        "seconds": share([v.seconds for v in verdicts]),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures of both halves and of all; 1 below the floors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="offline")
    parser.add_argument("--half", choices=("dev", "held"))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "graphwright-benchmark-knowledge")
    parser.add_argument("--show", action="store_true", help="print the drafts")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    with KnowledgeBase.open(options.cache) as knowledge:
        report = knowledge.ingest([PackageDocs(research.knowledge)])
        print(f"Knowledge base: {report}.", file=sys.stderr)
        verdicts = asyncio.run(measure(read_questions(options.half), knowledge, options.model))
    halves = {name: figures([v for v in verdicts if name in (v.half, "all")]) for name in ("dev", "held", "all")}
    if options.half:
        halves = {options.half: halves[options.half]}
    low = [name for name, floor in FLOORS.items() if halves.get("all", {}).get(name, 1.0) < floor]
    if options.json:
        print(json.dumps({"figures": halves, "floors": FLOORS, "questions": [asdict(v) for v in verdicts]}, indent=2))
    else:
        _print(verdicts, halves, show=options.show)
    for name in low:
        print(f"{name}: {halves['all'][name]} is below the floor of {FLOORS[name]}.", file=sys.stderr)
    return 1 if low and options.model == "offline" else 0


def _print(verdicts: Sequence[Verdict], halves: Mapping[str, Mapping[str, float]], *, show: bool) -> None:
    names = ("retrieved", "cited", "facts", "all_facts", "every_sentence_cited", "says_so", "seconds")
    print(f"{'half':<8}{'asked':>6}" + "".join(f"{name:>22}" if len(name) > 12 else f"{name:>11}" for name in names))
    for half, row in halves.items():
        cells = "".join(f"{row[name]:>22.3f}" if len(name) > 12 else f"{row[name]:>11.3f}" for name in names)
        print(f"{half:<8}{row['questions'] + row['unanswerable']:>6.0f}{cells}")
    heads = f"{'retrieved':>10}{'cited':>7}{'facts':>7}{'all cited':>11}{'says so':>9}{'rounds':>8}"
    print(f"\n{'question':<20}{'half':<6}{heads}")
    for v in verdicts:
        known = (_mark(v.retrieved), _mark(v.cited), f"{v.facts:.1f}", "")
        known = known if v.answerable else ("", "", "", _mark(v.says_so))
        print(
            f"{v.id:<20}{v.half:<6}{known[0]:>10}{known[1]:>7}{known[2]:>7}{_mark(v.every_sentence_cited):>11}"
            f"{known[3]:>9}{v.rounds:>8}"
        )
        if show:
            print("\n" + v.draft + "\n")


def _mark(value: bool) -> str:
    return "yes" if value else "NO"


if __name__ == "__main__":
    raise SystemExit(main())
