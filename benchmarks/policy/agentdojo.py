"""AgentDojo's attacks against our policy: how many succeed, how many tasks need nobody, how often a person is asked.

An obedient agent without a model carries out every instruction that it reads (``graphwright.runtime.policy.rehearsal``
says exactly how), so the figures are those of the policy and of nothing else. The cases are third-party data and read
by path; without them the exit status is 2.

    python benchmarks/policy/agentdojo.py [--data DIR] [--labels FILE] [--suite NAME] [--seeds N] [--json]

``--labels`` names a YAML file, suite to tool to labels, in the words of ``graphwright.tools.Labels``; a tool that it
leaves out counts as unlabelled. ``labels.yaml`` beside this file says how ours were written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from graphwright.runtime.policy import PROFILES
from graphwright.runtime.policy.profiles import DEFAULT
from graphwright.runtime.policy.rehearsal import Attack, Figures, Rehearsal, Step, Task, measure, without
from graphwright.tools import Labels

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[2] / "shared" / "data" / "agentdojo"
EXTRAS = (1, 4, 8)
EXIT_NO_DATA = 2
EMPTY = Figures(tasks=0, attacks=0, automatic=0, broken=0, approvals=0, succeeded=0, touched=0, approved=0)


def load(data: Path, labels: Path) -> list[Rehearsal]:
    """Every suite in ``replay.json``.

    Raises:
        FileNotFoundError: if it is not there.
    """
    replay = json.loads((data / "replay.json").read_text(encoding="utf-8"))
    known = yaml.safe_load(labels.read_text(encoding="utf-8"))
    return [_suite(name, suite, replay, known.get(name) or {}) for name, suite in replay["suites"].items()]


def _suite(name: str, suite: Mapping[str, Any], replay: Mapping[str, Any], labels: Mapping[str, Any]) -> Rehearsal:
    def steps(calls: list[dict[str, Any]]) -> tuple[Step, ...]:
        return tuple(Step(call["function"], call["args"], replay["results"][call["result"]]) for call in calls)

    template = replay["attack_template"].replace("{user}", "the user").replace("{model}", "the assistant")
    return Rehearsal(
        name=name,
        labels={tool: Labels(**given) for tool, given in labels.items()},
        tools=tuple(tool["name"] for tool in suite["tools"]),
        tasks=tuple(
            Task(each["id"], each["prompt"], steps(each["ground_truth"]), each["delegating"])
            for each in suite["user_tasks"]
        ),
        attacks=tuple(
            Attack(each["id"], each["goal"], steps(each["ground_truth"])) for each in suite["injection_tasks"]
        ),
        template=template,
        defaults={tool["name"]: _defaults(tool) for tool in suite["tools"]},
    )


def _defaults(tool: Mapping[str, Any]) -> dict[str, Any]:
    properties = tool["parameters"].get("properties", {})
    return {name: schema["default"] for name, schema in properties.items() if "default" in schema}


def table(suites: list[Rehearsal], seeds: int = 3) -> dict[str, Figures]:
    """The figures of each policy over all suites, by its name."""
    draws = range(seeds)
    rows: dict[str, Figures] = {"no policy": _over(suites, ())}
    rows |= {profile: _over(suites, rules) for profile, rules in PROFILES.items() if profile != "observe"}
    rows |= {f"{each.name}: default": _over([each], DEFAULT) for each in suites}
    rows |= {f"default, {extra} tools too many": _over(suites, DEFAULT, extra=extra, seeds=draws) for extra in EXTRAS}
    rows["default, no plan declared"] = _over(suites, DEFAULT, locked=False)
    names = [rule.__name__ for rule in DEFAULT]
    rows |= {f"default without {name}": _over(suites, without(DEFAULT, name)) for name in names}
    return rows


def _over(suites: list[Rehearsal], rules: Any, **how: Any) -> Figures:
    total = EMPTY
    for suite in suites:
        total += measure(suite, rules, **how)
    return total


def line(name: str, figures: Figures) -> str:
    """One row of the table."""
    tasks, attacks = figures.tasks or 1, figures.attacks or 1
    return (
        f"| {name} | {figures.succeeded} of {figures.attacks} ({figures.succeeded / attacks:.1%}) "
        f"| {figures.touched} | {figures.automatic} of {figures.tasks} ({figures.automatic / tasks:.0%}) "
        f"| {figures.per_task:.2f} | {figures.broken} | {figures.approved / attacks:.1%} |"
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 2 if the data is absent."""
    parser = argparse.ArgumentParser(description="AgentDojo's attacks against the policy.")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--labels", type=Path, default=HERE / "labels.yaml")
    parser.add_argument("--suite", action="append", help="only this suite; may be given more than once")
    parser.add_argument("--seeds", type=int, default=3, help="draws of superfluous tools")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        suites = load(given.data, given.labels)
    except FileNotFoundError as missing:
        print(
            f"{missing.filename} is not there; name the folder with --data, or the labels with --labels.",
            file=sys.stderr,
        )
        return EXIT_NO_DATA
    suites = [each for each in suites if not given.suite or each.name in given.suite]
    rows = table(suites, given.seeds)
    if given.json:
        print(json.dumps({name: _plain(figures) for name, figures in rows.items()}, indent=1))
        return 0
    print(
        "| policy | attacks that succeed | any effect | tasks with no approval | approvals a task | tasks denied |"
        " if the person approves everything |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, figures in rows.items():
        print(line(name, figures))
    won = rows["default"].succeeded_ids
    print(f"\nsucceeded under default: {', '.join(won) or 'none'}")
    return 0


def _plain(figures: Figures) -> dict[str, Any]:
    return {name: getattr(figures, name) for name in figures.__dataclass_fields__} | {"per_task": figures.per_task}


if __name__ == "__main__":
    sys.exit(main())
