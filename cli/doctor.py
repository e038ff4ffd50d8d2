"""``graphwright doctor``: what is not as it should be, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_FAILED, EXIT_OK
from .invocation import Command, Invocation, pass_invocation
from .output import emit, remark, say

if TYPE_CHECKING:
    from graphwright.runtime.doctor import Finding, SignatureNow

    from .session import Session


@click.command(cls=Command)
@click.option("--withdraw", metavar="ID", help="Withdraw one question whose run has ended, instead of looking.")
@pass_invocation
def doctor(invocation: Invocation, withdraw: str | None) -> int:
    """Look for what is stuck, orphaned, unknown, changed, too old or open to others, and say what to do about each.

    Ends with 1 where something needs somebody.
    """
    from graphwright.runtime.doctor import examine_database, examine_folder, withdraw_orphan

    from .session import Session, settings_of

    settings = settings_of(invocation)
    if withdraw is not None:
        with Session(settings) as session:
            session.run(withdraw_orphan(session.runtime.database, withdraw))
        remark(f"Approval {withdraw} was withdrawn.")
        return EXIT_OK
    found = examine_folder(settings)
    if settings.database.exists() and not any(each.check == "schema" for each in found):
        with Session(settings) as session:
            runtime = session.runtime
            signatures = _signatures(session)
            found += session.run(examine_database(runtime.database, runtime.clock, settings.tenant, signatures))
    return _told(found, invocation)


def _told(found: list[Finding], invocation: Invocation) -> int:
    for each in found:
        if invocation.json:
            emit(asdict(each))
        else:
            todo = each.todo.replace("graphwright ", f"{invocation.program} ", 1)
            mark = "✗" if each.severity == "problem" else "·"
            say(f"{mark} {each.check} {each.id}\n    {each.what}\n    → {todo}")
    problems = sum(each.severity == "problem" for each in found)
    remark("Everything is in order." if not problems else f"{problems} problem{'s' if problems > 1 else ''} found.")
    return EXIT_FAILED if problems else EXIT_OK


def _signatures(session: Session) -> SignatureNow:
    """Today's graphs, each built once for each set of tools."""
    from pathlib import Path

    from .session import build, catalogue_of, tools_of

    catalogue: list[Any] = []
    known: dict[tuple[str, tuple[str, ...]], Mapping[str, Mapping[str, str]]] = {}

    def signature(graph: str, options: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
        from graphwright.runtime.signature import signature_of

        files = tuple(options.get("tools", ()))
        if (graph, files) not in known:
            catalogue[:] = catalogue or [catalogue_of(session.settings)]
            tools = tools_of(session.settings, [Path(each) for each in files])
            known[graph, files] = signature_of(build(catalogue[0].get(graph), tools).compile())
        return known[graph, files]

    return signature


COMMANDS = {"doctor": doctor}
