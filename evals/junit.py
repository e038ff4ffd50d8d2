"""JUnit XML: what CI systems read. A suite is a testsuite, a run of a case a testcase, a gate one more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from .reporting import Report
from .results import Result, RunFolder

_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, even escaped."""


def junit_xml(reports: Sequence[Report], folders: Sequence[RunFolder]) -> str:
    """The runs as one document; failures say which scorer failed and why, what was not measured is an error."""
    suites = "".join(_suite(report, folder) for report, folder in zip(reports, folders, strict=True))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{suites}</testsuites>\n'


def _suite(report: Report, folder: RunFolder) -> str:
    cases, failures, errors = [], 0, 0
    for result in folder.results():
        body = "".join(_findings(result))
        failures += "<failure" in body
        errors += "<error" in body and "<failure" not in body
        name = f"{result.case}#{result.epoch}" if report.header.epochs > 1 else result.case
        head = f"classname={_q(report.header.suite)} name={_q(name)}"
        cases.append((name, f'  <testcase {head} time="{result.seconds:.6f}">{body}</testcase>\n'))
    gates = ""
    for gate in report.gates:
        failures += not gate.passed
        body = "" if gate.passed else f"<failure message={_q(gate.why)}>{_t(gate.outcome)}</failure>"
        gates += f"  <testcase classname={_q(report.header.suite + '.gates')} name={_q(gate.gate)}>{body}</testcase>\n"
    many = len(cases) + len(report.gates)
    head = f'<testsuite name={_q(report.header.suite)} tests="{many}" failures="{failures}" errors="{errors}">'
    return f"{head}\n{''.join(text for _, text in sorted(cases))}{gates}</testsuite>\n"


def _findings(result: Result) -> Iterator[str]:
    for each in result.scores:
        if each.outcome == "fail":
            yield f"<failure message={_q(f'{each.name}: {each.reason}')}>{_t(result.source)}</failure>"
        elif each.outcome == "unmeasured":
            yield f"<error message={_q(f'{each.name}: {each.reason}')}>{_t(result.source)}</error>"


def _q(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("�", text), {"\n": "&#10;"})


def _t(text: str) -> str:
    return escape(_FORBIDDEN.sub("�", text))
