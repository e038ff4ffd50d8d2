"""``graphwright budget``: what may be spent, what is spent and what is reserved; and raise what a run waits for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from .errors import EXIT_OK, usage
from .invocation import Group, Invocation, pass_invocation
from .output import emit, remark, table

if TYPE_CHECKING:
    from graphwright.runtime.accounts import Account

_COLUMNS = ("BUDGET", "OF", "LIMIT OF", "LIMIT", "SPENT", "RESERVED", "LEFT", "RUN")


@click.group(cls=Group, invoke_without_command=True)
@click.option("--run", "run_id", metavar="ID", help="Only the budgets of this run, also if it has ended.")
@click.option("--all", "everything", is_flag=True, help="Also those of runs, days and months that are over.")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@click.pass_context
def budget(context: click.Context, run_id: str | None, everything: bool, limit: int) -> int | None:
    """Show what each run, agent, thread and tenant may spend, has spent, and has reserved for calls under way.

    Limits are declared in graphwright.toml under [budgets]; those that an agent declares itself are not shown here.
    """
    if context.invoked_subcommand is not None:
        return None
    from graphwright.runtime.accounts import accounts

    from .session import Session, settings_of

    invocation = context.ensure_object(Invocation)
    settings = settings_of(invocation)
    with Session(settings) as session:
        runtime = session.runtime
        if run_id is not None:
            session.find_run(run_id)
        elif settings.database.exists():
            session.run(runtime.sweep())
        known = session.run(
            accounts(runtime.database, settings.budgets, tenant=settings.tenant, clock=runtime.clock, run_id=run_id)
        )
    found = [each for each in known if everything or run_id or each.is_open][:limit]
    if invocation.json:
        for each in found:
            emit(_data(each))
    elif found:
        table(_COLUMNS, [row for each in found for row in _rows(each)])
    else:
        remark("No budget is in use. Declare limits in graphwright.toml under [budgets.run] or [budgets.tenant].")
    return EXIT_OK


@budget.command("raise")
@click.argument("run_id", metavar="RUN")
@click.option("--by", "amount", type=click.FloatRange(min=0, min_open=True), help="By how much, in the limit's unit.")
@pass_invocation
def raise_(invocation: Invocation, run_id: str, amount: float | None) -> int:
    """Raise the limits that RUN waits for: by the amount that it asks for, or by another one."""
    from graphwright.runtime import Approve, Edit, approval_data
    from graphwright.runtime.exceeding import RAISE_BUDGET

    from .session import Session, settings_of

    with Session(settings_of(invocation)) as session:
        run = session.find_run(run_id)
        asked = session.run(session.runtime.approvals.pending(run_id=run_id))
        waiting = [each for each in asked if each.tool == RAISE_BUDGET]
        if not waiting:
            usage(
                f"Run {run_id} is {run.status} and does not wait for a budget. A limit is raised for a run that asks "
                '(on_exceed = "ask"); change the others in graphwright.toml under [budgets].'
            )
        for each in waiting:
            whole = amount is not None and amount.is_integer()
            by = int(amount) if amount is not None and whole else amount
            decision = Approve() if by is None else Edit({**each.arguments, "raise_by": by})
            decided = session.run(session.runtime.decide(each.id, decision, digest=each.digest))
            arguments = decided.arguments
            if invocation.json:
                emit(approval_data(decided))
            remark(
                f"The limit of {arguments['limit']} of {arguments['budget']} is raised by {arguments['raise_by']}."
                if decided.decision is not None
                else f"Recorded; approval {each.id} wants more people to agree."
            )
    remark(f"Go on with: {invocation.program} resume {run_id}")
    return EXIT_OK


def _rows(account: Account) -> Iterator[tuple[str, ...]]:
    from graphwright.runtime.budgets import DIMENSIONS

    for each in DIMENSIONS:
        spent, reserved = account.spent[each], account.reserved[each]
        limit, left = account.limit(each), account.left(each)
        if limit is None and not spent and not reserved:
            continue
        shown = (_number(value) for value in (limit, spent, reserved, left))
        yield account.level, account.name, each, *shown, account.run_id


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")


def _data(account: Account) -> dict[str, Any]:
    from graphwright.runtime.budgets import DIMENSIONS

    return {
        "scope": account.scope,
        "level": account.level,
        "name": account.name,
        "run_id": account.run_id,
        "open": account.is_open,
        "limits": {each: limit for each in DIMENSIONS if (limit := account.limit(each)) is not None},
        "raised": dict(account.raised),
        "spent": dict(account.spent),
        "reserved": dict(account.reserved),
        "left": {each: left for each in DIMENSIONS if (left := account.left(each)) is not None},
    }


COMMANDS = {"budget": budget}
