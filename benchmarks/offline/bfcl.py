"""Function-calling accuracy of the offline model on Berkeley's cases, beside the floors it must hold.

`python benchmarks/offline/bfcl.py [--data FOLDER] [--half even|odd|all] [--json]`; scoring as in BFCL's AST check.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graphwright.evals.external.bfcl import (
    PARTS,
    Call,
    arguments_match,
    broken_gold,
    calls_match,
    load_part,
    same_value,
    score_calls,
)
from graphwright.models.offline import plan_calls

__all__ = ["arguments_match", "broken_gold", "calls_match", "judge", "main", "measure", "same_value"]


def wire(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A case's tool as the OpenAI wire has it."""
    return {"type": "function", "function": dict(tool)}


def answer(case: Mapping[str, Any]) -> list[Call]:
    """The calls the offline model makes for one case."""
    text = "\n".join(message["content"] for message in case["messages"] if message["role"] == "user")
    return [(call.name, call.arguments) for call in plan_calls(text, [wire(tool) for tool in case["tools"]])]


def judge(case: Mapping[str, Any]) -> dict[str, Any]:
    """One case's verdict: right names, right everything, and whether its gold breaks its own schema."""
    given = answer(case)
    verdict = score_calls(case, given)
    return {
        "id": case["id"], "names": verdict.names, "full": verdict.full, "broken": verdict.is_broken, "given": given
    }  # fmt: skip


def measure(data: Path, parts: Sequence[str] = PARTS) -> dict[str, dict[str, Any]]:
    """Figures for each part and half: cases, share of right names, share of all right, data errors."""
    report: dict[str, dict[str, Any]] = {}
    for part in parts:
        cases = load_part(data, part)
        began = time.process_time()
        verdicts = [judge(case) for case in cases]
        spent = (time.process_time() - began) * 1_000 / max(len(verdicts), 1)
        report[part] = {
            half: _figures(chosen)
            for half, chosen in (("even", verdicts[::2]), ("odd", verdicts[1::2]), ("all", verdicts))
        } | {"cpu_ms": round(spent, 2)}
    return report


def _figures(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    count = max(len(verdicts), 1)
    return {
        "cases": len(verdicts),
        "names": round(sum(v["names"] for v in verdicts) / count, 3),
        "full": round(sum(v["full"] for v in verdicts) / count, 3),
        "data_errors": sum(v["broken"] for v in verdicts),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 2 when the data is absent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2].parent / "shared/data/bfcl")
    parser.add_argument("--part", action="append", help="name of a .jsonl file in the folder; may be repeated")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    if not options.data.is_dir():
        print(
            f"There is no folder {str(options.data)!r}. Give --data a folder of BFCL's .jsonl files.", file=sys.stderr
        )
        return 2
    report = measure(options.data, options.part or PARTS)
    if options.json:
        print(json.dumps(report, indent=2))
        return 0
    print("offline model (deterministic heuristics, not an LLM); irrelevance: share of cases with no call")
    print(f"{'part':<16}{'half':<6}{'cases':>6}{'names':>8}{'full':>8}{'data errors':>13}{'CPU ms':>8}")
    for part, halves in report.items():
        for half in ("even", "odd", "all"):
            row = halves[half]
            print(
                f"{part:<16}{half:<6}{row['cases']:>6}{row['names']:>8.3f}{row['full']:>8.3f}{row['data_errors']:>13}{halves['cpu_ms']:>8}"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
