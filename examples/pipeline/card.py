"""The model card: tables by code, a head by the reviewer; and the check that the head says no number of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .state import PipelineState, Trained

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*%?")
Metrics = Mapping[str, float]
LIMITS = (
    "- Scores are chances of leaving, learned from generated customers; they say nothing about why one leaves.\n"
    "- Watched on the next batch; taken back by itself if quality or drift gates fail."
)


def facts_of(state: PipelineState) -> str:
    """What the reviewer is given: sentences with every number that it may use."""
    found, config = state["evaluation"], state["chosen"]["config"]
    overall, before = found["overall"], found["in_use"]
    first = (
        f"On {overall['customers']:.0f} test customers the model {config} has an AUC of {overall['auc']:.3f}, "
        f"the version in use {before['auc']:.3f}, the baseline {overall['baseline_auc']:.3f}."
    )
    second = f"Its log loss is {overall['log_loss']:.3f}, that of the baseline {overall['baseline_log_loss']:.3f}."
    warned = [*found["warnings"], *(each["text"] for each in state["problems"])]
    return " ".join([first, second, *map(_sentence, warned)])


def says_nothing_new(summary: str, facts: str) -> bool:
    """Whether every number of a summary stands in the facts."""
    return bool(summary.strip()) and set(_NUMBER.findall(summary)) <= set(_NUMBER.findall(facts))


def card_of(state: PipelineState, summary: str) -> str:
    """The whole card, as Markdown."""
    found = state["evaluation"]
    problems = [f"- {_sentence(each['text'])}" for each in state["problems"]]
    warnings = [f"- {_sentence(each)}" for each in found["warnings"]]
    parts = [
        f"# Model card: churn, from delivery {state['delivery']}",
        summary.strip(),
        "## Test",
        metrics_table({"all": found["overall"], **found["slices"]}),
        "## Search",
        search_table(state["trained"], state["chosen"]),
        "## Warnings",
        "\n".join([*warnings, *problems]) or "- None.",
        "## Limits",
        LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def metrics_table(rows: Mapping[str, Metrics]) -> str:
    """Metrics by slice, the effortless baseline beside them."""
    lines = ["| customers | number | left | AUC | log loss | baseline log loss |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {name} | {each['customers']:.0f} | {each['left']:.0%} | {each['auc']:.3f} | {each['log_loss']:.3f} "
        f"| {each['baseline_log_loss']:.3f} |"
        for name, each in rows.items()
    ]
    return "\n".join(lines)


def search_table(trained: Sequence[Trained], chosen: Trained) -> str:
    """Every setting with its measure on the rows it was chosen by; the baseline last."""
    lines = ["| setting | AUC | |", "|---|---|---|"]
    for each in trained:
        result = f"failed: {each['error']}" if each["error"] else f"{each['auc']:.3f}"
        lines.append(f"| {each['config']} | {result} | {'chosen' if each['config'] == chosen['config'] else ''} |")
    return "\n".join([*lines, "| base rate for everybody | 0.500 | baseline |"])


def finished(state: PipelineState) -> str:
    """The answer: what became of the delivery, the figures, the version in use."""
    found_out = f": {_checked(state['problems'])}" if state.get("checked", True) else " could not be checked."
    lines = [f"Delivery {state['delivery']}{found_out}"]
    if state["ruling"]["action"] == "quarantine":
        return "\n".join([*lines, f"It is in quarantine. {_sentence(state['ruling']['explanation'])}"])
    if state.get("chosen"):
        lines += ["", "Search, by AUC on the quarter held back:", search_table(state["trained"], state["chosen"])]
    if state.get("evaluation"):
        found: Mapping[str, Any] = state["evaluation"]
        rows = {f"all, with {found['version_in_use']}": found["in_use"], "all": found["overall"], **found["slices"]}
        lines += ["", "Test:", metrics_table(rows), *(f"Warning: {_sentence(each)}" for each in found["warnings"])]
    return "\n".join([*lines, "", _ending(state)])


def _ending(state: PipelineState) -> str:
    if not state.get("deployed"):
        return f"Nothing was deployed: {_sentence(state.get('refusal', ''))}"
    seen = state.get("watch") or {}
    told = f"{state['deployed']} was deployed."
    if not seen:
        return f"{told} It could not be watched: {_sentence(state.get('refusal', ''))}"
    told += f" Later batch: AUC {seen['auc']:.3f}, {seen['expected']:.3f} was expected."
    if state.get("rolled_back"):
        return f"{told} Taken back: {'; '.join(seen['failed'])}. {state['rolled_back']} is in use again."
    return f"{told} All gates passed; it stays in use."


def _checked(problems: Sequence[Mapping[str, Any]]) -> str:
    if not problems:
        return "nothing is wrong with it."
    return "; ".join(f"{each['text']} ({each['severity']})" for each in problems) + "."


def _sentence(text: str) -> str:
    return f"{text.strip().rstrip('.')}." if text.strip() else "no reason was given."
