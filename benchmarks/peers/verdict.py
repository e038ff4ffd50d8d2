"""What the standings say: a table for people, and the list of what is not good enough."""

from __future__ import annotations

from collections.abc import Sequence

from measuring import DURABLE, DURABLE_VARIANTS, OURS, RAW, Standing

MOST_OF_RAW = 0.75
"""Our share of the raw loop's CPU per turn that is still good."""
JUDGED_DURABLE = {DURABLE + name for name in DURABLE_VARIANTS if name != "-budget"}
"""With everything on, also these must be cheaper than every peer without durability. Budgets are shown beside."""
MOST_CONNECTIONS = 0.5
"""Connections per model call; more means that they are not reused, which costs a TLS handshake a call elsewhere."""


def table(all_standings: Sequence[Standing]) -> str:
    """One Markdown table for each concurrency."""
    parts = []
    for level in dict.fromkeys(one.level for one in all_standings):
        here = [one for one in all_standings if one.level == level]
        best = best_peer(here)
        parts += [
            f"Concurrency {level}: CPU per model turn, single agent, 5 tool turns and an answer",
            "",
            "| client | ms scaled | least - most | ms measured | x raw | measured | x best peer | runs/s | rounds |",
            "|---|---|---|---|---|---|---|---|---|",
            *(_line(one, best) for one in here),
            "",
        ]
    return "\n".join(parts)


def _line(one: Standing, best: Standing | None) -> str:
    to_best = one.norm / best.norm if one.norm and best and best.norm else None
    is_ours = one.client.startswith(OURS)
    name = f"**{one.client}**" if is_ours else one.client
    name += "" if one.is_peer or is_ours else " (floor)"
    spread = f"{_show(one.norm_least)} - {_show(one.norm_most)}"
    ratios = (one.to_raw, one.to_raw_measured, to_best)
    figures = (_show(one.norm), spread, _show(one.cpu), *map(_show, ratios), _show(one.runs_per_s, 0))
    return f"| {name} | " + " | ".join(figures) + f" | {one.rounds} |"


def _show(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def best_peer(here: Sequence[Standing]) -> Standing | None:
    """The cheapest other framework of one concurrency."""
    measured = [one for one in here if one.is_peer and one.norm is not None]
    return min(measured, key=lambda one: one.norm or 0.0, default=None)


def shortcomings(all_standings: Sequence[Standing]) -> list[str]:
    """Why the comparison is lost or proves nothing, in sentences; empty if it is won."""
    found = []
    for level in dict.fromkeys(one.level for one in all_standings):
        found += _shortcomings([one for one in all_standings if one.level == level], level)
    return found


def _shortcomings(here: Sequence[Standing], level: int) -> list[str]:
    found = [
        f"{one.client} at concurrency {one.level} has no good round: {one.problems[-1] if one.problems else 'not run'}."
        for one in here
        if one.norm is None
    ]
    ours = next(one for one in here if one.client == OURS)
    if ours.problems:
        found.append(f"{len(ours.problems)} of our rounds at concurrency {level} failed: {ours.problems[-1]}.")
    if ours.norm is None:
        return found
    if ours.to_raw is None or ours.to_raw_measured is None:
        found.append(f"At concurrency {level} there is no round with {RAW} to compare with.")
    elif max(ours.to_raw, ours.to_raw_measured) > MOST_OF_RAW:
        both = f"{ours.to_raw:.2f}x raw openai ({ours.to_raw_measured:.2f}x as measured)"
        found.append(f"At concurrency {level} a turn costs {both}; {MOST_OF_RAW}x is the limit for both.")
    if (ours.connections_per_call or 0) > MOST_CONNECTIONS:
        found.append(
            f"At concurrency {level} we open {ours.connections_per_call:.2f} connections per model call: reuse them."
        )
    judged = [ours, *(one for one in here if one.client in JUDGED_DURABLE and one.norm is not None)]
    found += [
        f"At concurrency {level} {one.client} is cheaper: {_pair(one)} against {_pair(each)} of {each.client}."
        for each in judged
        for one in here
        if one.is_peer and _is_cheaper(one, each)
    ]
    return found


def _is_cheaper(one: Standing, ours: Standing) -> bool:
    """Whether it is cheaper scaled or as measured."""
    pairs = ((one.norm, ours.norm), (one.cpu, ours.cpu))
    return any(theirs is not None and own is not None and theirs < own for theirs, own in pairs)


def _pair(one: Standing) -> str:
    return f"{_show(one.norm)} ms ({_show(one.cpu)} as measured)"
