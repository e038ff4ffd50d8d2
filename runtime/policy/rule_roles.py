"""Roles: a tool that is for certain people is refused to everybody else."""

from __future__ import annotations

from .call import Call
from .context import Context
from .decision import Finding

NAME = "roles"


def roles(call: Call, context: Context) -> Finding | None:
    """Deny a call whose tool wants a role that the run's user does not have; nobody's roles are no roles."""
    wanted = call.labels.roles
    if not wanted or wanted & (context.roles or frozenset()):
        return None
    names = " or ".join(sorted(wanted))
    return Finding("deny", NAME, f"{call.tool} is for the role {names}, which the user of this run does not have.")
