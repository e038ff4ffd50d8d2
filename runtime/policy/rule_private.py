"""Private values leave only if the user wrote them."""

from __future__ import annotations

from itertools import islice

from .call import Call
from .context import MOST, Context
from .decision import Evidence, Finding, listed
from .gathered import PrivateWords
from .sources import GRAM, Source, grams, is_said
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
    found = (each for leaf in call.others() for each in _repeated(leaf, private, trusted, context.private_words))
    evidence = tuple(islice(found, MOST))
    if not evidence:
        return None
    return Finding("ask", NAME, f"{call.tool} would send out what is private: {listed(evidence)}.", evidence)


def _reaches_nobody(call: Call) -> bool:
    return bool(call.labels.critical) and not any(call.arguments.get(name) for name in call.labels.critical)


def _repeated(leaf: Leaf, private: list[Source], trusted: list[Source], known: PrivateWords) -> list[Evidence]:
    """The first word, or words in a row, that the first source says which says any; empty if none does."""
    said = words(str(leaf.value))
    in_a_row = grams(said)
    telling = known.telling.among(private, said)
    # A source makes its rows of words when it is first asked for them, which a short argument never does.
    repeated = known.grams.among(private, in_a_row) if in_a_row else set()
    strange = {word for word in telling if not is_said(word, trusted, leaf.key)}
    rows = {gram for gram in repeated if not any(gram in each.grams for each in trusted)}
    for source in private if strange or rows else ():
        for word in said if strange else ():
            if word in strange and word in source.telling:
                return [Evidence.of(leaf.path, word, source.origin)]
        for at, gram in enumerate(in_a_row) if rows else ():
            if gram in rows and gram in source.grams:
                return [Evidence.of(leaf.path, " ".join(said[at : at + GRAM]), source.origin)]
    return []
