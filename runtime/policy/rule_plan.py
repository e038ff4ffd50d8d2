"""The plan lock: what was read cannot give a run tools that it did not have."""

from __future__ import annotations

from .call import Call
from .context import Context
from .decision import Evidence, Finding

NAME = "plan_lock"


def plan_lock(call: Call, context: Context) -> Finding | None:
    """After untrusted text was read, deny calls outside the plan. It is not asked: a careless person would say yes.

    A step is none that a text could have chosen: the graph's own code makes it, under a name of its own.
    """
    if call.is_step or not context.tainted or context.plan.allows(call.tool, call.agent, call.toolbox):
        return None
    return _outside(call, context, "and untrusted text was read since")


def plan_always(call: Call, context: Context) -> Finding | None:
    """Deny calls outside the plan, whatever was read."""
    if call.is_step or context.plan.allows(call.tool, call.agent, call.toolbox):
        return None
    return _outside(call, context, "and the profile is strict")


def _outside(call: Call, context: Context, why: str) -> Finding:
    at_hand = context.plan.is_at_hand(call.tool, call.agent, call.toolbox)
    whose = "this run declared" if at_hand else f"agent {call.agent!r} was given when the run began"
    read = tuple(Evidence("", "", each.origin) for each in context.sources if each.taints)[-1:]
    verdict = context.plan.beyond if at_hand else "deny"
    return Finding(verdict, NAME, f"{call.tool} is not among the tools that {whose}, {why}.", read)
