"""Places in a graph, in words that stay the same from run to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_SHORT = 12
"""Characters of an id that are kept: enough within one run."""


def path_of(namespace: str) -> str:
    """The path of a checkpoint namespace, such as ``write/model``: node names, parted by ``/``.

    LangGraph writes a node as ``name:task`` and numbers further graphs that one node calls; both the task and the
    number say when, not where, and are left out.
    """
    return "/".join(name for name, is_node, _ in (part.partition(":") for part in namespace.split("|")) if is_node)


def tasks_of(namespace: str, checkpoints: Mapping[str, str]) -> tuple[str, ...]:
    """The tasks inside which something happens, outermost first, each as ``superstep@task``.

    Args:
        namespace: LangGraph's checkpoint namespace of the innermost task.
        checkpoints: The checkpoint from which each graph above took its superstep, by the namespace of the graph
            (``checkpoint_map``). What lies below a graph that is not there is left out.
    """
    tasks, above = [], ""
    for part in namespace.split("|"):
        _name, _, task = part.partition(":")
        if task:
            if above not in checkpoints:
                break
            tasks.append(f"{checkpoints[above][-_SHORT:]}@{task[:_SHORT]}")
        above = f"{above}|{part}" if above else part
    return tuple(tasks)


def are_beside(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two things happen in different tasks of one superstep: neither can know what the other found."""
    for mine, yours in zip(one, other, strict=False):
        if mine != yours:
            return mine.partition("@")[0] == yours.partition("@")[0]
    return False


def is_before(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether the first, which is not later, happened in another superstep than the second, where their ways part."""
    for mine, yours in zip(one, other, strict=False):
        if mine != yours:
            return mine.partition("@")[0] != yours.partition("@")[0]
    return False
