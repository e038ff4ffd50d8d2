"""Certify a graph: live each case twice unharmed, then once for each moment at which its process is killed."""

from __future__ import annotations

import inspect
import os
import shlex
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..case import Case
from .certificate import CaseRecord, Certificate, Failure, kind_of
from .client import CertifyError as CertifyError
from .client import ForkServer
from .plan import Attempt, Kill, Plan, attempt_at, attempts
from .sameness import Reference, learn

Progress = Callable[[int, int, str], None]
"""Told how many lives are over, of how many, and which was last."""
COMPARED = ("status", "error", "output", "state", "world")
MAX_FINDINGS = 8
"""Findings of one point that a certificate lists."""
LIVES_AHEAD = 2
"""Jobs that the server is given beyond its workers, so that none has to wait."""


def certify(
    graph: str,
    plan: Plan | None = None,
    *,
    project: Path | None = None,
    cases: Sequence[Case] | Path | None = None,
    model: str = "offline",
    prepare: Callable[[], Any] | str | None = None,
    workers: int | None = None,
    keep: Path | None = None,
    on_progress: Progress | None = None,
) -> Certificate:
    """Kill a graph's process at its writes and effects, resume it, and compare with the run that nobody killed.

    Tools are called for real, once for each life. State, reports and files are below a temporary folder; what else
    the tools reach (a server, a mailbox) is reached hundreds of times.

    Args:
        graph: Its name in the catalogue.
        plan: What is tried; everything if left out.
        project: Where the catalogue looks; the current folder if left out.
        cases: Cases, or their file; those of the graph if left out (see :func:`graphwright.evals.cases_of`).
        model: The model of cases that name none.
        prepare: Called first in each process of the graph, to break something on purpose; a function at the top of a
            module, or ``file.py:name``.
        workers: Lives at the same time; None for one a processor.
        keep: A folder for the state folders of lives that failed; they are deleted if left out.
        on_progress: Told after each life.

    Returns:
        The certificate; of an interruption (Ctrl-C) with what was done by then.

    Raises:
        GraphNotFound, CaseProblem: if there is nothing to certify.
        CertifyError: if it cannot be done at all.
        ValueError: if the plan names no point.
    """
    plan = plan or Plan()
    wanted = attempt_at(plan.at) if plan.at else None
    folder = (project or Path.cwd()).resolve()
    told = {
        "graph": graph,
        "project": str(folder),
        "cases": None if cases is None or isinstance(cases, Path) else [each.model_dump(mode="json") for each in cases],
        "file": str(cases.resolve()) if isinstance(cases, Path) else "",
        "only": [wanted.case] if wanted else list(plan.cases),
        "model": model,
        "prepare": _place_of(prepare),
        "workers": workers or os.cpu_count() or 1,
    }
    work = Path(tempfile.mkdtemp(prefix="graphwright-certify-")).resolve()
    try:
        with ForkServer(told, work / "log") as server:
            return _Certification(server, plan, wanted, work, keep, on_progress, told).run()
    finally:
        shutil.rmtree(work, ignore_errors=True)


class _Certification:
    """One certification under way."""

    def __init__(
        self,
        server: ForkServer,
        plan: Plan,
        wanted: Attempt | None,
        work: Path,
        keep: Path | None,
        on_progress: Progress | None,
        told: dict[str, Any],
    ) -> None:
        about = server.about
        self._server = server
        self._plan = plan
        self._wanted = wanted
        self._work = work
        self._keep = keep
        self._on_progress = on_progress
        self._told = told
        self._most = told["workers"] + LIVES_AHEAD
        self._cases = {each["id"]: Case.model_validate(each) for each in about["cases"]}
        self._records = {name: CaseRecord(name) for name in self._cases}
        self._references: dict[str, tuple[Reference, dict[str, Any]]] = {}
        self._templates: dict[tuple[str, ...], Path] = {}
        self._done = 0
        self._total = 2 * len(self._cases)
        self.certificate = Certificate(
            graph=about["graph"],
            signature=about["signature"],
            model=told["model"],
            seed=plan.seed,
            plan=_in_words(plan),
            versions=about["versions"],
            cases=list(self._records.values()),
            remarks=about["remarks"],
        )

    def run(self) -> Certificate:
        """All of it; an interruption ends it early."""
        begun = time.monotonic()
        try:
            self._make_templates()
            lengths = self._live_unharmed()
            self._kill(list(self._attempts(lengths)))
        except KeyboardInterrupt:
            self.certificate.was_interrupted = True
        self.certificate.seconds = time.monotonic() - begun
        self.certificate.failures.sort(key=lambda each: (list(self._cases).index(each.case), _number(each.point)))
        return self.certificate

    def _make_templates(self) -> None:
        """A state folder for each set of documents, copied for every life."""
        for name, case in self._cases.items():
            if self._documents(case) not in self._templates:
                folder = self._work / f"template-{len(self._templates)}"
                self._templates[self._documents(case)] = folder
                job = {"id": name, "kind": "template", "case": name, "folder": str(folder)}
                for _ in self._server.lives([job], 1):
                    pass

    def _live_unharmed(self) -> dict[str, tuple[int, float]]:
        """Two lives of each case that nobody kills; gives the points and seconds of those that can be certified."""
        jobs = [self._job(f"{name}/{which}", name, ()) for name in self._cases for which in ("first", "second")]
        told = dict(self._lives(jobs))
        lengths = {}
        for name, case in self._cases.items():
            first, second = told[f"{name}/first"], told[f"{name}/second"]
            if self._learn(case, first, second):
                lengths[name] = (len(first["points"]), first["alive"])
        return lengths

    def _learn(self, case: Case, first: dict[str, Any], second: dict[str, Any]) -> bool:
        """Make a case's reference out of two lives; False if there is none to compare with."""
        record = self._records[case.id]
        findings = [*first["findings"], *_problems(first), *second["findings"], *_problems(second)]
        seen, other = first["observed"], second["observed"]
        if not findings and seen["status"] != case.expect.status:
            why = f" ({seen['error']})" if seen["error"] else ""
            findings.append(f"The case expects the run to be {case.expect.status}; it is {seen['status']}{why}.")
        if findings:
            self._fail(case.id, "0", "nobody killed it", findings)
            return False
        reference, differences = learn(_compared(seen), _compared(other), (seen["folder"], other["folder"]))
        differences += _more_or_less(seen, other)
        record.points = len(first["points"])
        record.effects, record.approvals = len(seen["effects"]), len(seen["approvals"])
        record.ignored = tuple(reference.ignored)
        record.differences = tuple(differences[:MAX_FINDINGS])
        self._references[case.id] = (reference, seen)
        return not differences

    def _attempts(self, lengths: dict[str, tuple[int, float]]) -> Iterator[Attempt]:
        if self._wanted is not None:
            if self._wanted.case in lengths and self._wanted.kills:
                yield self._wanted
            return
        for name, (points, seconds) in lengths.items():
            yield from attempts(self._plan, name, points, seconds)

    def _kill(self, tried: list[Attempt]) -> None:
        self._total += len(tried)
        by_name = {f"{each.case}/{each.point}": each for each in tried}
        jobs = [self._job(name, each.case, each.kills) for name, each in by_name.items()]
        for name, result in self._lives(jobs):
            self._judge(by_name[name], result)

    def _judge(self, attempt: Attempt, told: dict[str, Any]) -> None:
        record = self._records[attempt.case]
        record.lives += 1
        record.seconds += told["seconds"]
        record.kills += len(told["died"])
        record.looked_up += told["looked_up"]
        for moment in told["died"]:
            record.kinds[kind_of(moment)] = record.kinds.get(kind_of(moment), 0) + 1
        findings = [*told["findings"], *_problems(told)]
        seen = told["observed"]
        if seen and "state" in seen:
            reference, unharmed = self._references[attempt.case]
            record.repeated += seen["repeated"]
            findings += _more_or_less(unharmed, seen)
            differences = reference.differences(_compared(seen), seen["folder"])
            if seen["resolved"] and all(each.startswith(("state.", "output")) for each in differences):
                record.excused += bool(differences)
            else:
                findings += differences
        if findings:
            at = " and then ".join(told["died"]) or "it was not reached"
            self._fail(attempt.case, attempt.point, at, findings, self._folder(f"{attempt.case}/{attempt.point}"))

    def _fail(self, case: str, point: str, at: str, findings: list[str], folder: Path | None = None) -> None:
        kept = ""
        if self._keep is not None and folder is not None and folder.exists():
            kept = str(self._keep / f"{case}-{point}")
            shutil.copytree(folder, kept, dirs_exist_ok=True)
        named = ["--cases", self._told["file"]] if self._told["file"] else []
        named += ["--model", self._told["model"]] if self._told["model"] != "offline" else []
        command = ["graphwright", "certify", self.certificate.graph, "--at", f"{case}:{point}", *named]
        distinct = tuple(dict.fromkeys(findings))[:MAX_FINDINGS]
        self.certificate.failures.append(Failure(case, point, at, distinct, shlex.join(command), kept))

    def _lives(self, jobs: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, result in self._server.lives(jobs, self._most):
            self._done += 1
            if self._on_progress is not None:
                self._on_progress(self._done, self._total, name)
            yield name, result
            shutil.rmtree(self._folder(name), ignore_errors=True)

    def _job(self, name: str, case: str, kills: Sequence[Kill]) -> dict[str, Any]:
        template = self._templates[self._documents(self._cases[case])]
        paths = {"template": str(template), "folder": str(self._folder(name))}
        return {"id": name, "kind": "life", "case": case, "kills": [each.to_json() for each in kills], **paths}

    def _folder(self, name: str) -> Path:
        return self._work / "lives" / name.replace("/", "-")

    @staticmethod
    def _documents(case: Case) -> tuple[str, ...]:
        file = case.source.rpartition(":")[0]
        return (file, *case.documents) if case.documents else ()


def _compared(observed: dict[str, Any]) -> dict[str, Any]:
    return {name: observed[name] for name in COMPARED}


def _problems(told: dict[str, Any]) -> list[str]:
    return list((told["observed"] or {}).get("problems", ()))


def _more_or_less(unharmed: dict[str, Any], seen: dict[str, Any]) -> list[str]:
    """Effects and approvals that there are more or fewer of than in the life that nobody killed."""
    findings = []
    for name, more, fewer in (
        ("effects", "happened though it happens in no unharmed run, or more often than there", "is lost"),
        ("approvals", "was asked again, or otherwise than in an unharmed run", "was not asked, or otherwise"),
    ):
        before, now = Counter(unharmed[name]), Counter(seen[name])
        findings += [f"{each[:200]}: {more}." for each in (now - before).elements()]
        findings += [f"{each[:200]}: {fewer}." for each in (before - now).elements()]
    return findings


def _place_of(prepare: Callable[[], Any] | str | None) -> str:
    """Where the fork server finds a function."""
    if prepare is None or isinstance(prepare, str):
        return prepare or ""
    file = inspect.getsourcefile(prepare)
    if file is None or prepare.__qualname__ != prepare.__name__ or prepare.__name__ == "<lambda>":
        raise CertifyError(f"{prepare!r} cannot be called in another process. Put it at the top level of a file.")
    return f"{Path(file).resolve()}:{prepare.__name__}"


def _in_words(plan: Plan) -> str:
    if plan.at:
        return f"the point {plan.at}"
    points = "every point" if plan.points is None else f"{plan.points} points of each case"
    more = f", {plan.random} random moments of each case" if plan.random else ""
    return f"{points}{more}{', each recovery killed once more' if plan.twice else ''}"


def _number(point: str) -> float:
    return float(point.rstrip("s").split("+")[0])
