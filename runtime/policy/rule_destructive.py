"""What cannot be got back is done on the user's word only."""

from __future__ import annotations

from .call import Call
from .context import Context
from .decision import Evidence, Finding, listed

NAME = "destructive"


def destructive(call: Call, context: Context) -> Finding | None:
    """Ask about a destructive call after untrusted text was read, unless the user named every critical argument.

    Ids from results do not count: choosing among them is what an attacker would do. A destructive call without
    arguments names nothing, so it is asked.
    """
    if not call.labels.destructive or not context.tainted:
        return None
    values = call.values(*call.critical)
    foreign = context.foreign(values)
    if values and not foreign:
        return None
    evidence = tuple(Evidence.of(leaf.path, leaf.value, context.origin_of(leaf.value)) for leaf in foreign)
    told = f"the user did not name {listed(evidence)}" if evidence else "the user named nothing that it would act on"
    return Finding("ask", NAME, f"{call.tool} destroys something, and {told}.", evidence)
