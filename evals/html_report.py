"""A report as one HTML page: no script, no request, readable in any browser and in print."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from .comparing import RunComparison
from .reporting import Report
from .results import Header, Result, RunFolder

MOST_DETAILED = 2_000
"""Runs of cases that a page drills down to; those that did not pass come first."""
MAX_TEXT = 20_000
"""Characters of one message that are shown."""
STYLE = """
:root{color-scheme:light dark;--line:#8884;--good:#1a7f37;--bad:#cf222e;--dim:#777}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
table{border-collapse:collapse;margin:.5rem 0 1.5rem;width:100%}
th,td{border-bottom:1px solid var(--line);padding:.3rem .6rem;text-align:left;vertical-align:top}
th{font-weight:600}td.n{text-align:right;font-variant-numeric:tabular-nums}
.pass{color:var(--good)}.fail{color:var(--bad)}.unmeasured,.dim{color:var(--dim)}
details{border:1px solid var(--line);border-radius:.4rem;margin:.4rem 0;padding:.3rem .8rem}
summary{cursor:pointer}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.2rem 0;font-size:13px}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}h3{font-size:1rem;margin:.6rem 0 .2rem}
"""


def html_page(reports: Sequence[Report], folders: Sequence[RunFolder]) -> Iterator[str]:
    """The page, piece by piece: scores, gates, slices, and each case with its messages, calls and approvals."""
    names = ", ".join(each.header.suite for each in reports)
    yield _head(f"Evaluation of {names}")
    for report, folder in zip(reports, folders, strict=True):
        yield from _run(report, folder)
    yield "</body></html>\n"


def comparison_page(compared: RunComparison, folders: Sequence[RunFolder]) -> Iterator[str]:
    """Two runs side by side: the verdict with its reason, and every case that changed with both of its runs."""
    yield _head(f"{compared.base.run} → {compared.new.run}")
    for told in compared.remarks:
        yield f"<p>{escape(told)}</p>"
    rows = [
        (each.scorer, _number(each.base_mean), _number(each.new_mean), each.verdict, each.why, f"{each.mcnemar:.3f}")
        for each in compared.scorers
    ]
    yield _table(("Scorer", "Base", "New", "Verdict", "Why", "McNemar p (a note)"), rows)
    changed = {each.case for scorer in compared.scorers for each in scorer.changed}
    for scorer in compared.scorers:
        yield f"<h2>Cases that changed by {escape(scorer.scorer)}</h2>"
        yield _table(("Case", "Base", "New"), [(e.case, _number(e.base), _number(e.new)) for e in scorer.changed])
    for name, folder in zip(("Base", "New"), folders, strict=True):
        yield f"<h2>{name}: {escape(folder.header.run)}</h2>"
        shown = 0
        for result in folder.results():
            if result.case in changed and shown < MOST_DETAILED:
                shown += 1
                yield _case(result, folder.header)
    yield "</body></html>\n"


def _head(title: str) -> str:
    told = escape(title)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{told}</title><style>{STYLE}</style></head><body><h1>{told}</h1>\n"
    )


def _run(report: Report, folder: RunFolder) -> Iterator[str]:
    header = report.header
    yield f"<h2>{escape(header.suite)}</h2>"
    yield _facts(report)
    rows = [
        (e.name, e.passed, e.failed, e.unmeasured, _number(e.mean), _interval(e.interval), _number(e.all_pass))
        for e in report.scorers
    ]
    repeated = f"pass^{header.epochs}" if header.epochs > 1 else ""
    yield _table(("Scorer", "Passed", "Failed", "Unmeasured", "Mean", "95 % interval", repeated), rows)
    if report.gates:
        yield "<h3>Gates</h3>"
        yield _table(("Gate", "Outcome", "Why"), [(e.gate, e.outcome, e.why) for e in report.gates])
    yield from _slices(folder, report)
    yield "<h3>Cases</h3>"
    yield from _cases(folder, report)


def _facts(report: Report) -> str:
    header = report.header
    money = "" if report.money is None else f", money {report.money:.6g}"
    when = datetime.fromtimestamp(header.started, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    facts = {
        "Run": header.run,
        "Started": when,
        "Target": f"{header.target} (signature {header.signature})",
        "Model": header.model,
        "Runs": f"{report.runs} of {report.cases} cases, {header.epochs} epochs; {report.missing} missing",
        "Doing nothing gets": _number(header.floor) or "not known",
        "Used": f"{report.tokens} tokens{money}, {report.seconds:.1f} s in cases",
        "Versions": ", ".join(f"{name} {version}" for name, version in header.versions.items()),
    }
    lines = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in facts.items())
    return f"<table>{lines}</table>"


def _slices(folder: RunFolder, report: Report) -> Iterator[str]:
    counts: dict[tuple[str, str], list[int]] = {}
    for result in folder.results():
        first = result.scores[0].outcome if result.scores else "unmeasured"
        for name, value in result.slices.items():
            told = counts.setdefault((name, str(value)), [0, 0, 0])
            told[("pass", "fail", "unmeasured").index(first)] += 1
    if not counts:
        return
    yield "<h3>Slices</h3>"
    rows = [(f"{name}={value}", *told) for (name, value), told in sorted(counts.items())]
    yield _table(("Slice", "Passed", "Failed", "Unmeasured"), rows)
    for gap in report.gaps:
        yield f'<p class="fail">{escape(gap)}</p>'


def _cases(folder: RunFolder, report: Report) -> Iterator[str]:
    shown = 0
    for wanted_bad in (True, False):
        for result in folder.results():
            if shown >= MOST_DETAILED:
                yield f'<p class="dim">{report.runs - shown} more runs are in results.jsonl.</p>'
                return
            if wanted_bad == any(each.outcome != "pass" for each in result.scores):
                shown += 1
                yield _case(result, report.header)


def _case(result: Result, header: Header) -> str:
    worst = next((e.outcome for e in result.scores if e.outcome != "pass"), "pass")
    name = f"{result.case} #{result.epoch}" if header.epochs > 1 else result.case
    told = f'<span class="dim">{escape(result.status)}, {result.seconds:.3f} s</span>'
    head = f'<summary><span class="{worst}">{worst}</span> <b>{escape(name)}</b> {told}</summary>'
    scores = [(e.name, e.outcome, _number(e.value), e.reason) for e in result.scores]
    parts = [_table(("Scorer", "Outcome", "Value", "Reason"), scores)]
    for title, text in (("Answer", result.answer), ("Error", result.error), ("Trouble", result.trouble)):
        if text:
            parts.append(f"<h3>{title}</h3>{_pre(text)}")
    if result.detail:
        parts += _detail(result.detail)
    parts.append(f'<p class="dim">{escape(result.source)}</p>')
    return f"<details>{head}{''.join(parts)}</details>\n"


def _detail(detail: Mapping[str, Any]) -> Iterator[str]:
    rows: list[tuple[Any, ...]]
    yield f"<h3>Input</h3>{_pre(_text(detail.get('input')))}"
    if detail.get("messages"):
        rows = [(e["name"] or e["role"], _said(e)) for e in detail["messages"]]
        yield f"<h3>Messages</h3>{_table(('Who', 'Said'), rows)}"
    if detail.get("calls"):
        rows = [(e["tool"], _text(e["arguments"]), e["effect"], e["status"], e["path"]) for e in detail["calls"]]
        yield f"<h3>Tool calls</h3>{_table(('Tool', 'Arguments', 'Effect', 'Status', 'Where'), rows)}"
    if detail.get("approvals"):
        rows = [(e["tool"], _text(e["arguments"]), e["decision"] or "waits") for e in detail["approvals"]]
        yield f"<h3>Approvals</h3>{_table(('Tool', 'Arguments', 'Decision'), rows)}"
    if detail.get("changes"):
        rows = [(path, _text(value)) for path, value in detail["changes"].items()]
        yield f"<h3>Changes of the world</h3>{_table(('Place', 'New value'), rows)}"
    if detail.get("route"):
        yield f"<h3>Timeline</h3><p>{escape(' → '.join(detail['route']))}</p>"


def _said(message: Mapping[str, Any]) -> str:
    calls = "".join(f"\n→ {e['tool']}({_text(e['arguments'])})" for e in message.get("calls", ()))
    return f"{message['text']}{calls}".strip()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _pre(text: str) -> str:
    more = "" if len(text) <= MAX_TEXT else f" … ({len(text)} characters)"
    return f"<pre>{escape(text[:MAX_TEXT])}{more}</pre>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _interval(value: tuple[float, float] | None) -> str:
    return "" if value is None else f"{value[0]:.3f} to {value[1]:.3f}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    kept = [at for at, name in enumerate(columns) if name]
    head = "".join(f"<th>{escape(columns[at])}</th>" for at in kept)
    body = "".join(f"<tr>{''.join(_cell(row[at]) for at in kept)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    if isinstance(value, int):
        return f'<td class="n">{value}</td>'
    text = str(value)
    if text in ("pass", "fail", "unmeasured"):
        return f'<td class="{text}">{text}</td>'
    return f"<td>{_pre(text) if chr(10) in text or len(text) > 200 else escape(text)}</td>"
