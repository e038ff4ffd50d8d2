"""What the standings say: a table for people, and the list of what is not good enough."""

from __future__ import annotations

from collections.abc import Sequence

from measuring import OURS, RAW, Standing

MOST_OF_RAW = 0.75
"""Our share of the raw loop's CPU per turn that is still good."""
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
            "| client | ms (reference) | least - most | ms (measured) | x raw | x best peer | runs/s | rounds |",
            "|---|---|---|---|---|---|---|---|",
            *(_line(one, best) for one in here),
            "",
        ]
    return "\n".join(parts)


def _line(one: Standing, best: Standing | None) -> str:
    to_best = one.norm / best.norm if one.norm and best and best.norm else None
    name = f"**{one.client}**" if one.client == OURS else one.client
    name += "" if one.is_peer or one.client == OURS else " (floor)"
    spread = f"{_show(one.norm_least)} - {_show(one.norm_most)}"
    figures = (_show(one.norm), spread, _show(one.cpu), _show(one.to_raw), _show(to_best), _show(one.runs_per_s, 0))
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
    if ours.to_raw is None:
        found.append(f"At concurrency {level} there is no round with {RAW} to compare with.")
    elif ours.to_raw > MOST_OF_RAW:
        found.append(f"At concurrency {level} a turn costs {ours.to_raw:.2f}x raw openai; {MOST_OF_RAW}x is the limit.")
    if (ours.connections_per_call or 0) > MOST_CONNECTIONS:
        found.append(
            f"At concurrency {level} we open {ours.connections_per_call:.2f} connections per model call: reuse them."
        )
    cheaper = [one for one in here if one.is_peer and one.norm is not None and one.norm < ours.norm]
    found += [
        f"At concurrency {level} {one.client} is cheaper: {_show(one.norm)} against our {_show(ours.norm)} ms."
        for one in cheaper
    ]
    return found
