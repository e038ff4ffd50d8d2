"""``graphwright certify``: kill a graph at every write and effect, and see that nothing is lost or done twice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, usage
from .invocation import Command, Invocation, pass_invocation
from .output import details, emit, remark, say, table
from .safe_text import json_line

if TYPE_CHECKING:
    from graphwright.evals.certification import Certificate, Failure

FILE = click.Path(path_type=Path)
MAX_SHOWN = 20
"""Failing points that are printed; the rest are in --json and --out."""


@click.command(cls=Command)
@click.argument("graph")
@click.option("--cases", type=FILE, metavar="FILE", help="Cases from this file, instead of the graph's own.")
@click.option("--case", "only", metavar="ID", multiple=True, help="Only this case; repeatable.")
@click.option("--points", type=click.IntRange(min=1), metavar="N", help="N points of each case, spread evenly.")
@click.option("--random", "moments", type=click.IntRange(min=0), default=0, metavar="N", help="N random moments more.")
@click.option("--twice", is_flag=True, help="Kill the process that recovers as well.")
@click.option("--seed", type=int, default=0, metavar="N", help="For what is random.")
@click.option("--at", default="", metavar="CASE:POINT", help="Only this point: reproduces a finding.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Lives at the same time; one a processor.")
@click.option("--model", default="offline", show_default=True, metavar="MODEL", help="For cases that name none.")
@click.option("--out", type=FILE, metavar="FILE", help="Write the certificate there, as JSON.")
@click.option("--keep", type=FILE, metavar="DIR", help="Keep the state folders of what failed.")
@pass_invocation
def certify(
    invocation: Invocation,
    graph: str,
    cases: Path | None,
    only: tuple[str, ...],
    points: int | None,
    moments: int,
    twice: bool,
    seed: int,
    at: str,
    workers: int | None,
    model: str,
    out: Path | None,
    keep: Path | None,
) -> int:
    """Certify GRAPH: kill its process at every write and effect, resume it, compare.

    Each case is lived once for each moment at which its process is killed (SIGKILL). The end must be that of the run
    which nobody killed: same state, every effect once, every approval asked and applied once, transcript and audit
    log in order. Tools are called for real. Ends with 1 where something is wrong.
    """
    from graphwright.evals.certification import Plan, certify
    from graphwright.evals.certification.plan import attempt_at

    from .certify_progress import certify_progress  # rich
    from .session import settings_of

    if at:
        try:
            attempt_at(at)
        except ValueError as error:
            usage(str(error))
    settings = settings_of(invocation)
    plan = Plan(points=points, random=moments, twice=twice, seed=seed, cases=only, at=at)
    with certify_progress(graph) as tell:
        certificate = certify(
            graph,
            plan,
            project=settings.project_dir,
            cases=cases,
            model=model,
            workers=workers,
            keep=keep,
            on_progress=tell,
        )
    if out is not None:
        out.write_text(json_line(certificate.to_json()) + "\n", encoding="utf-8")
    if invocation.json:
        emit(certificate.to_json())
    else:
        _print(certificate)
    return _told(certificate)


def _print(certificate: Certificate) -> None:
    details(
        {
            "Graph": f"{certificate.graph} (signature {certificate.signature})",
            "Tried": f"{certificate.plan}; seed {certificate.seed}; model {certificate.model}",
            "Kills": f"{certificate.kills} ({_counted(certificate.kinds)})" if certificate.kills else "0",
            "Versions": ", ".join(f"{name} {version}" for name, version in certificate.versions.items()),
            "Time": f"{certificate.seconds:.1f} s",
            "Verdict": certificate.verdict.upper(),
        }
    )
    say("")
    table(
        ("CASE", "POINTS", "KILLS", "EFFECTS", "APPROVALS", "LOOKED UP", "SAME KEY AGAIN", "FAILED"),
        [
            (
                case.id, case.points, case.kills, case.effects, case.approvals, case.looked_up, case.repeated,
                sum(each.case == case.id for each in certificate.failures),
            )
            for case in certificate.cases
        ],
    )  # fmt: skip
    for failure in certificate.failures[:MAX_SHOWN]:
        _print_failure(failure)
    if len(certificate.failures) > MAX_SHOWN:
        say(f"\nand {len(certificate.failures) - MAX_SHOWN} failing points more (--json lists all).")
    for case in certificate.cases:
        if case.differences:
            say(f"\nCase {case.id} is not deterministic: two lives that nobody killed differ.")
            for each in case.differences:
                say(f"  {each}")


def _print_failure(failure: Failure) -> None:
    say(f"\n{failure.case}:{failure.point}  {failure.at}")
    for finding in failure.findings:
        say(f"  {finding}")
    if failure.folder:
        say(f"  Its state folder: {failure.folder}")
    say(f"  Again: {failure.command}")


def _counted(kinds: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda each: -each[1]))


def _told(certificate: Certificate) -> int:
    for each in certificate.remarks:
        remark(each)
    if certificate.was_interrupted:
        remark(f"Interrupted after {certificate.kills} kills; what was done by then is above.")
        return EXIT_INTERRUPTED
    if certificate.verdict == "not deterministic":
        remark("It cannot be certified: keep time and randomness in tools, or give the case replies of its own.")
    return EXIT_OK if certificate.passed else EXIT_FAILED


COMMANDS = {"certify": certify}
