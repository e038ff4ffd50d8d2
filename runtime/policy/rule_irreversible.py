"""The strict profile's own rule: after untrusted text, what cannot be undone is asked."""

from __future__ import annotations

from .call import Call
from .context import Context
from .decision import Evidence, Finding

NAME = "irreversible"


def irreversible(call: Call, context: Context) -> Finding | None:
    """Ask about every effect that is not declared reversible, once untrusted text was read."""
    if not call.has_effect or not context.tainted or (call.labels.reversible and not call.labels.destructive):
        return None
    read = tuple(Evidence("", "", each.origin) for each in context.sources if each.taints)[-1:]
    told = f"what {read[0].source} returned"
    return Finding("ask", NAME, f"{call.tool} cannot be undone, and untrusted text was read before it: {told}.", read)
