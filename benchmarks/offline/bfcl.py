"""Function-calling accuracy of the offline model on Berkeley's cases, beside the floors it must hold.

`python benchmarks/offline/bfcl.py [--data FOLDER] [--half even|odd|all] [--json]`; scoring as in BFCL's AST check.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graphwright.models.offline import plan_calls

PARTS = ("simple_python", "multiple", "parallel", "irrelevance")
PUNCTUATION = re.compile(r"[ ,./\-_*^]")
Call = tuple[str, Mapping[str, Any]]


def same_text(value: str) -> str:
    """A string as BFCL compares it: case, spaces and the marks `,./-_*^` do not count."""
    return PUNCTUATION.sub("", value).lower().replace("'", '"')


def same_value(given: Any, accepted: Any) -> bool:
    """Whether one value equals one accepted value: ints pass as floats, lists and objects element by element."""
    if isinstance(given, bool) or isinstance(accepted, bool):
        return given is accepted
    if isinstance(given, str) and isinstance(accepted, str):
        return same_text(given) == same_text(accepted)
    if isinstance(given, int | float) and isinstance(accepted, int | float):
        return float(given) == float(accepted)
    if isinstance(given, list) and isinstance(accepted, list):
        return len(given) == len(accepted) and all(map(same_value, given, accepted))
    if isinstance(given, dict) and isinstance(accepted, dict):
        return arguments_match(given, accepted)
    return given is None and accepted is None


def arguments_match(given: Mapping[str, Any], accepted: Mapping[str, Any]) -> bool:
    """Whether every argument has an accepted value, and none is missing or unexpected."""
    unknown = any(name not in accepted for name in given)
    missing = any("" not in _choices(values) for name, values in accepted.items() if name not in given)
    return not unknown and not missing and all(_among(value, accepted[name]) for name, value in given.items())


def _choices(values: Any) -> Sequence[Any]:
    return values if isinstance(values, list) else [values]


def _among(value: Any, accepted: Any) -> bool:
    return any(same_value(value, choice) for choice in _choices(accepted))


def calls_match(given: Sequence[Call], gold: Sequence[Mapping[str, Mapping[str, Any]]]) -> bool:
    """Whether calls and gold pair up one to one, in any order (augmenting paths)."""
    if len(given) != len(gold):
        return False
    wanted = [next(iter(item.items())) for item in gold]
    fits = [
        [j for j, (name, args) in enumerate(wanted) if name == call[0] and arguments_match(call[1], args)]
        for call in given
    ]
    owner: dict[int, int] = {}

    def place(index: int, seen: set[int]) -> bool:
        for slot in fits[index]:
            if slot not in seen:
                seen.add(slot)
                if slot not in owner or place(owner[slot], seen):
                    owner[slot] = index
                    return True
        return False

    return all(place(index, set()) for index in range(len(given)))


def names_match(given: Sequence[Call], gold: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the called functions are the wanted ones, repetitions included."""
    return sorted(name for name, _ in given) == sorted(next(iter(item)) for item in gold)


def broken_gold(case: Mapping[str, Any]) -> bool:
    """Whether an accepted call lacks a required parameter or names one that its schema does not have."""
    schemas = {tool["name"]: tool["parameters"] for tool in case["tools"]}
    for item in case["ground_truth"] or ():
        name, arguments = next(iter(item.items()))
        schema = schemas.get(name)
        if (
            schema is None
            or set(arguments) - set(schema["properties"])
            or set(schema.get("required", ())) - set(arguments)
        ):
            return True
        if not all(_some_fits(arguments[key], schema["properties"][key]) for key in arguments):
            return True
    return False


_TYPES: dict[str, type | tuple[type, ...]] = {
    "integer": int, "number": (int, float), "string": str, "boolean": bool, "array": list, "object": dict,
}  # fmt: skip


def _some_fits(accepted: Any, schema: Mapping[str, Any]) -> bool:
    """Whether at least one accepted value ("" means left out) has the type and is among the choices of its schema."""
    real = [value for value in _choices(accepted) if value not in ("", None)]
    return not real or any(_fits(value, schema) for value in real)


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    kind, choices = schema.get("type"), schema.get("enum")
    if kind in _TYPES and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return False
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return all(isinstance(entry, Mapping) or _fits(entry, schema["items"]) for entry in value)
    return not choices or not isinstance(value, str) or any(same_text(value) == same_text(str(c)) for c in choices)


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
    gold = case["ground_truth"]
    if not gold:
        return {"id": case["id"], "names": not given, "full": not given, "broken": False, "given": given}
    right = names_match(given, gold)
    full = right and calls_match(given, gold)
    return {"id": case["id"], "names": right, "full": full, "broken": broken_gold(case), "given": given}


def measure(data: Path, parts: Sequence[str] = PARTS) -> dict[str, dict[str, Any]]:
    """Figures for each part and half: cases, share of right names, share of all right, data errors."""
    report: dict[str, dict[str, Any]] = {}
    for part in parts:
        lines = (data / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()
        began = time.process_time()
        verdicts = [judge(json.loads(line)) for line in lines if line.strip()]
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
