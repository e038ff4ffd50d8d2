"""What cannot be got back is done on the user's word only."""

from __future__ import annotations

from graphwright.tools import Labels

from .call import Call
from .context import Context
from .decision import Evidence, Finding, listed

NAME = "destructive"


def destructive(call: Call, context: Context) -> Finding | None:
    """Ask about a destructive call after untrusted text was read.

    That the user named what it would act on does not help: to ask when an order arrives is no wish to cancel it. Only
    of a tool that nobody labelled, which need not destroy anything, it is enough if the user named every argument; ids
    from results do not count, for choosing among them is what an attacker would do.
    """
    if not call.labels.destructive or not context.tainted:
        return None
    values = call.values(*call.critical)
    foreign = context.foreign(values)
    if values and not foreign and call.labels == Labels.unknown():
        return None
    evidence = tuple(Evidence.of(leaf.path, leaf.value, context.origin_of(leaf.value)) for leaf in foreign)
    told = "untrusted text was read before, which may be what asks for it"
    if evidence:
        told = f"the user did not name {listed(evidence)}"
    elif not values:
        told = "the user named nothing that it would act on"
    return Finding("ask", NAME, f"{call.tool} destroys something, and {told}.", evidence)
