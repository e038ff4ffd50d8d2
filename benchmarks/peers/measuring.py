"""Interleaved rounds of clients against one server, and what they add up to."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environments import PEERS_VARIABLE, Harness, pinned

OURS = "graphwright"
RAW = "raw-openai"
"""The hand-written loop over typed `openai` calls: what a developer writes without any framework."""
FLOORS = ("raw", "rawgraph")
"""Loops written by hand for this benchmark: shown beside the peers, not competitors."""
DURABLE = "graphwright-durable"
"""Ours with everything on; ``-write`` and ``-budget`` are its variants."""
DURABLE_VARIANTS = {"": "read", "-write": "write", "-budget": "budget"}
WITH_CHECKPOINTS = {
    "langgraph-raw-sqlite": ("raw.sqlite.sync", 5.0),
    "langgraph-prebuilt-sqlite": ("prebuilt.sqlite.sync", 13.0),
}
"""LangGraph with stock SQLite checkpoints, and nothing else of what makes a run trustworthy: beside us, not judged."""
OUR_COST = 3.0
"""CPU ms per turn, roughly, as the harness's `COST`: only sizes a measurement."""
TIMEOUT_SECONDS = 300
Row = dict[str, Any]


@dataclass(frozen=True)
class Client:
    """One program that plays the agent."""

    name: str
    environment: str
    """Empty for ours, which runs in this interpreter's environment."""
    command: tuple[str, ...]
    cost: float

    @property
    def is_peer(self) -> bool:
        """Whether it is another framework without durability: neither ours nor a floor."""
        is_ours = self.name.partition("-")[0] == OURS
        return not is_ours and self.name not in WITH_CHECKPOINTS and self.name.partition("-")[0] not in FLOORS


def clients(harness: Harness, names: Sequence[str]) -> list[Client]:
    """The named clients of the harness, and ours."""
    table = harness.table()
    unknown = [name for name in names if name not in table.PEERS and name not in WITH_CHECKPOINTS]
    if unknown:
        raise SystemExit(f"There is no peer {', '.join(unknown)}. There are: {', '.join(table.PEERS)}.")
    found = []
    for name in names:
        if name in WITH_CHECKPOINTS:
            found.append(_with_checkpoints(harness, name))
            continue
        environment, script, arguments, _ = table.PEERS[name]
        program = (str(harness.python(environment)), str(harness.peers / script), *arguments)
        found.append(Client(name, environment, program, table.COST[name]))
    here = Path(__file__).parent
    found.append(Client(OURS, "", (sys.executable, str(here / "peer_graphwright.py")), OUR_COST))
    durable = (sys.executable, str(here / "peer_graphwright_durable.py"), "--variant")
    return [
        *found,
        *(Client(DURABLE + name, "", (*durable, kind), 2 * OUR_COST) for name, kind in DURABLE_VARIANTS.items()),
    ]


def _with_checkpoints(harness: Harness, name: str) -> Client:
    variant, cost = WITH_CHECKPOINTS[name]
    script = (str(harness.python("lg_durable")), str(harness.peers / "peer_langgraph_durable.py"))
    return Client(name, "lg_durable", (*script, "--variant", variant, "--db", str(harness.work / "stock.db")), cost)


def rounds(
    harness: Harness, taking_part: Sequence[Client], address: str, *, concurrency: Sequence[int], count: int
) -> Iterator[Row]:
    """Run everybody once a round, in turned order every second round; a round's numbers belong together."""
    for number in range(count):
        for level in concurrency:
            for client in taking_part if number % 2 == 0 else reversed(taking_part):
                row = {"round": number, "client": client.name, "level": level}
                yield row | measure(harness, client, address, level)


def measure(harness: Harness, client: Client, address: str, level: int) -> Row:
    """One measurement: what the harness printed, or `problem`."""
    size = ["--runs", str(_runs(client.cost, level)), "--concurrency", str(level)]
    warm = ["--warmup", "16"] if level > 1 else []
    command = pinned([*client.command, "--base-url", f"{address}/v1", *size, *warm], 0)
    environment = {**os.environ, PEERS_VARIABLE: str(harness.peers), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, cwd=harness.work, env=environment
        )
        row: Row = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"problem": f"took longer than {TIMEOUT_SECONDS} s"}
    except (ValueError, IndexError):
        return {"problem": f"printed no result: {done.stderr.strip()[-300:]}"}
    return row | _problem(row)


def _runs(cost: float, level: int) -> int:
    """About 1.5 s (3 s with many at once) of CPU of the machine on which the costs were taken."""
    if level == 1:
        return int(max(20, min(300, 1500 / 6 / cost)))
    return int(max(2 * level, min(1000, 3000 / 6 / cost)))


def _problem(row: Row) -> Row:
    if not row.get("calls_ok"):
        said = f"{row.get('model_calls')} calls instead of {row.get('expected_calls')}"
        return {"problem": f"did other work than asked: {said} {row.get('errors')}"}
    if row["ok"] != row["runs"]:
        return {"problem": f"only {row['ok']} of {row['runs']} runs were right: {row['errors']}"}
    if not row["calib_ms"]:
        return {"problem": "was too short to compare with the speed of the machine"}
    return {}


@dataclass(frozen=True)
class Standing:
    """One client at one concurrency, over its good rounds; CPU ms per model turn."""

    client: str
    level: int
    is_peer: bool
    rounds: int
    problems: tuple[str, ...]
    norm: float | None
    """Median, scaled to a quiet machine of reference."""
    norm_least: float | None
    norm_most: float | None
    cpu: float | None
    """Median as measured."""
    to_raw: float | None
    """Median of the ratios to the raw loop of the same round, from the scaled figures."""
    to_raw_measured: float | None
    """The same from the figures as measured. The yardstick runs in the client's own process, so a client that empties
    the CPU's caches slows it down and looks better scaled than it is: up to a tenth."""
    runs_per_s: float | None
    connections_per_call: float | None
    """Near 0 where connections are reused, near 1 where every model call opens its own."""


def standings(rows: Sequence[Row], taking_part: Sequence[Client]) -> list[Standing]:
    """Everybody at every concurrency, cheapest first."""
    found = []
    for level in dict.fromkeys(row["level"] for row in rows):
        here = [_standing([r for r in rows if r["level"] == level], client, level) for client in taking_part]
        found += sorted(here, key=lambda one: one.norm if one.norm is not None else float("inf"))
    return found


def _standing(rows: Sequence[Row], client: Client, level: int) -> Standing:
    own = [row for row in rows if row["client"] == client.name]
    good = [row for row in own if "problem" not in row]
    norms = [row["cpu_ms_per_turn_norm"] for row in good]
    raw = {row["round"]: row for row in rows if row["client"] == RAW and "problem" not in row}
    return Standing(
        client=client.name,
        level=level,
        is_peer=client.is_peer,
        rounds=len(good),
        problems=tuple(row["problem"] for row in own if "problem" in row),
        norm=_median(norms),
        norm_least=min(norms, default=None),
        norm_most=max(norms, default=None),
        cpu=_median([row["cpu_ms_per_turn"] for row in good]),
        to_raw=_median(_ratios(good, raw, "cpu_ms_per_turn_norm")),
        to_raw_measured=_median(_ratios(good, raw, "cpu_ms_per_turn")),
        runs_per_s=_median([row["runs_per_s"] for row in good]),
        connections_per_call=_median([row["connections"] / row["model_calls"] for row in good]),
    )


def _ratios(rows: Sequence[Row], raw: Mapping[int, Row], figure: str) -> list[float]:
    return [row[figure] / raw[row["round"]][figure] for row in rows if row["round"] in raw]


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
