"""Private values leave only if the user wrote them."""

from __future__ import annotations

from itertools import islice

from .call import Call
from .context import MOST, Context
from .decision import Evidence, Finding, listed
from .sources import GRAM, Source, grams
from .words import Leaf, words

NAME = "private_values"


def private_values(call: Call, context: Context) -> Finding | None:
    """Ask where something that leaves repeats private output: a code, an address, a few words in a row.

    Critical arguments are looked at by provenance. A call whose critical arguments are all empty reaches nobody.
    """
    if call.labels.effect != "egress" or not context.tainted or _reaches_nobody(call):
        return None
    private = [source for source in context.sources if source.private]
    if not private:
        return None
    trusted = [source for source in context.sources if source.trusted and not source.private]
    found = (each for leaf in call.others() for each in _repeated(leaf, private, trusted))
    evidence = tuple(islice(found, MOST))
    if not evidence:
        return None
    return Finding("ask", NAME, f"{call.tool} would send out what is private: {listed(evidence)}.", evidence)


def _reaches_nobody(call: Call) -> bool:
    return bool(call.labels.critical) and not any(call.arguments.get(name) for name in call.labels.critical)


def _repeated(leaf: Leaf, private: list[Source], trusted: list[Source]) -> list[Evidence]:
    said = words(str(leaf.value))
    for source in private:
        for word in said:
            if word in source.telling and not any(each.has(word, leaf.key) for each in trusted):
                return [Evidence.of(leaf.path, word, source.origin)]
        for at, gram in enumerate(grams(said)):
            if gram in source.grams and not any(gram in each.grams for each in trusted):
                return [Evidence.of(leaf.path, " ".join(said[at : at + GRAM]), source.origin)]
    return []
