"""The scores of a run for people: a table, what failed and why, what became of the gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import remark, say, table
from .safe_text import one_line

if TYPE_CHECKING:
    from graphwright.evals.reporting import Report, ScorerLine


def print_report(report: Report, *, most: int) -> None:
    """Print one run's report on stdout; where it is kept, on stderr."""
    header = report.header
    model = f", model {header.model}" if header.model else ""
    epochs = f", {header.epochs} epochs" if header.epochs > 1 else ""
    say(f"{header.suite}: {report.runs} runs of {report.cases} cases{epochs} on {header.target}{model}")
    columns = ("SCORER", "PASSED", "FAILED", "UNMEASURED", "MEAN", "95 % INTERVAL")
    repeated = (f"PASS^{header.epochs}",) if header.epochs > 1 else ()
    table((*columns, *repeated), [_row(each, is_repeated=bool(repeated)) for each in report.scorers])
    for line in report.scorers:
        if line.floors:
            say(f"  floors of {line.name}: {_floors(line)}")
    for each in report.bad[:most]:
        name = f"{each.case}#{each.epoch}" if header.epochs > 1 else each.case
        say(f"  {name}: {each.scorer} {each.outcome}: {one_line(each.reason, 240)}")
    if len(report.bad) > most:
        say(f"  and {len(report.bad) - most} more; --html FILE or --out FILE has all.")
    for gap in report.gaps:
        say(f"  slice {gap}")
    for gate in report.gates:
        say(f"{gate.outcome.upper()}: gate {gate.gate}: {gate.why}")
    if not report.gates:
        remark(f"Suite {header.suite} has no gates; its scores are only told.")
    remark(f"Run {header.run}: {report.folder}")


def _floors(line: ScorerLine) -> str:
    told = [f"{name} {value:.3f}" for name, value in line.floors.items() if value is not None]
    above = "" if line.above_null is None else f"; between null and oracle: {line.above_null:.3f}"
    return f"{', '.join(told)}{above}"


def _row(line: ScorerLine, *, is_repeated: bool) -> tuple[object, ...]:
    mean = "" if line.mean is None else f"{line.mean:.3f}"
    interval = "" if line.interval is None else f"{line.interval[0]:.3f} to {line.interval[1]:.3f}"
    told = (line.name, line.passed, line.failed, line.unmeasured, mean, interval)
    return (*told, "" if line.all_pass is None else f"{line.all_pass:.3f}") if is_repeated else told
