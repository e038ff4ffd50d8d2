"""Tools from elsewhere: who described them is a stranger, and a model reads their descriptions before anything else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphwright.tools import Labels

from ..signature import labels_text
from .sources import Source


def strange_descriptions(signature: Mapping[str, Mapping[str, str]], labelled: Iterable[str] = ()) -> list[Source]:
    """A source for each tool of a graph that nobody labelled: its description is not to be believed.

    Args:
        signature: Of the graph.
        labelled: Tools that the settings label: somebody has looked at them.
    """
    unknown = labels_text(Labels.unknown())
    known = frozenset(labelled)
    held = {name.partition(".")[2]: labels for name, labels in signature.get("tool", {}).items()}
    return [
        Source(f"the description of {name}", f"Tool {name}, which nobody labelled")
        for name, labels in sorted(held.items())
        if labels == unknown and name not in known
    ]
