"""``graphwright explain``: what an answer rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .errors import EXIT_OK
from .invocation import Command, Invocation, pass_invocation
from .output import details, emit, moment, say
from .safe_text import call_text, one_line

if TYPE_CHECKING:
    from graphwright.runtime.explaining import Called, Decided, Explanation, Ruled


@click.command(cls=Command)
@click.argument("run_id", metavar="RUN")
@pass_invocation
def explain(invocation: Invocation, run_id: str) -> int:
    """Say how the answer of RUN came about: prompts, models, tool calls, sources, and who approved what and when."""
    from graphwright.runtime.explaining import explain as explained

    from .session import Session, settings_of

    with Session(settings_of(invocation)) as session:
        found = session.run(explained(session.runtime, run_id))
    if invocation.json:
        emit(found.to_data())
    else:
        _tell(found)
    return EXIT_OK


def _tell(found: Explanation) -> None:
    details(
        {
            "run": f"{found.run} ({found.status}) of graph {found.graph}, asked by {found.user}",
            "model": found.model,
            "usage": ", ".join(f"{name} {count}" for name, count in found.usage.items()),
            "signature": found.signature[:16],
            "answer": found.answer,
        }
    )
    _section("Prompts", [f"{name} @ {version}" for name, version in found.prompts.items()])
    asked = [
        f"{moment(each.when)}  {each.agent} asked {each.model}"
        + (f", which called {', '.join(each.calls)}" if each.calls else ", which answered")
        for each in found.asked
    ]
    _section("Models", asked)
    _section("Calls", [_call_line(each) for each in found.called])
    chunks = [f"{each['id']}  {each['source']}  {each.get('heading', '')}".rstrip() for each in found.chunks]
    _section("Sources", chunks)
    _section("Policy", [_ruled_line(each) for each in found.ruled])
    _section("Decisions", [_decision_line(each) for each in found.decided])
    _section("Unknown outcomes", list(found.unknown))


def _section(title: str, lines: list[str]) -> None:
    if lines:
        say("\n".join(["", title, *(f"  {one_line(line, 400)}" for line in lines)]))


def _call_line(call: Called) -> str:
    settled = f" (resolved by {call.resolved_by})" if call.resolved_by else ""
    again = f", attempt {call.attempts}" if call.attempts > 1 else ""
    what = f"{len(call.chunks)} chunks" if call.chunks else one_line(call.outcome, 120)
    made = call_text(call.tool, call.arguments)
    return f"{moment(call.when)}  {call.agent}: {made} → {call.status}{settled}{again}: {what}"


def _ruled_line(ruled: Ruled) -> str:
    told = {"ask": "asked about", "deny": "denied"}[ruled.found] if ruled.verdict == ruled.found else "allowed"
    return f"{moment(ruled.when)}  {told} {ruled.tool} of {ruled.agent}, rule {ruled.rule}: {ruled.sentence}"


def _decision_line(decided: Decided) -> str:
    what = f"{decided.id}  {call_text(decided.tool, dict(decided.arguments))}: {decided.status}"
    if decided.decision is None:
        return what
    kind = str(decided.decision["type"])
    return f"{what}, {kind} by {decided.by} at {moment(decided.decided)} (asked because: {decided.reason})"


COMMANDS = {"explain": explain}
