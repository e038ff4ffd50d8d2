"""Provenance: what decides whom an effect hits comes from the user, not from what was read."""

from __future__ import annotations

from .call import Call
from .context import Context
from .decision import Evidence, Finding, listed

NAME = "provenance"


def provenance(call: Call, context: Context) -> Finding | None:
    """Ask about an effect whose critical arguments stand neither in the user's words nor in trusted output.

    An opaque id from a result will do where the parameter takes an id: it names a thing, and leads nowhere else.
    Addresses, accounts and names of people found in data will not: whoever wrote them chose them.
    """
    if not call.has_effect or call.labels.destructive or not context.tainted:
        return None
    foreign = context.foreign(call.values(*call.critical), ids=True)
    if not foreign:
        return None
    evidence = tuple(Evidence.of(leaf.path, leaf.value, context.origin_of(leaf.value)) for leaf in foreign)
    return Finding("ask", NAME, f"The user did not name what {call.tool} would act on: {listed(evidence)}.", evidence)
