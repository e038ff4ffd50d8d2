"""Places in a graph, in words that stay the same from run to run."""

from __future__ import annotations


def path_of(namespace: str) -> str:
    """The path of a checkpoint namespace, such as ``write/model``: node names, parted by ``/``.

    LangGraph writes a node as ``name:task`` and numbers further graphs that one node calls; both the task and the
    number say when, not where, and are left out.
    """
    return "/".join(name for name, is_node, _ in (part.partition(":") for part in namespace.split("|")) if is_node)
