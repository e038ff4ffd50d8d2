"""Links and addresses that strangers wrote are not passed on in the user's name."""

from __future__ import annotations

from .call import Call
from .context import MOST, Context
from .decision import Evidence, Finding, listed
from .sources import is_said
from .words import is_address, words

NAME = "foreign_links"


def foreign_links(call: Call, context: Context) -> Finding | None:
    """Ask where something that leaves carries an address, link or account that the user did not write.

    Whoever receives it believes that it comes from the user: this is how phishing travels.
    """
    if call.labels.effect != "egress" or not context.tainted:
        return None
    seen: dict[str, Evidence] = {}
    trusted = [source for source in context.sources if source.trusted]
    for leaf in call.others():
        for word in words(str(leaf.value)):
            if len(seen) < MOST and word not in seen and is_address(word) and not is_said(word, trusted):
                seen[word] = Evidence.of(leaf.path, word, context.origin_of(word))
    evidence = tuple(seen.values())
    if not evidence:
        return None
    return Finding("ask", NAME, f"{call.tool} would pass on what the user did not write: {listed(evidence)}.", evidence)
