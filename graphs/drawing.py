"""A picture of a graph as Mermaid: every node, every edge, the graphs inside nodes as boxes.

LangGraph's own picture names the nodes of inner graphs with escapes that stricter readers of Mermaid refuse; here every
node has a plain id and a quoted label. Source: Mermaid's flowchart syntax, https://mermaid.js.org/syntax/flowchart.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

_ENDS = {"__start__": "start", "__end__": "end"}


def mermaid(graph: Any) -> str:
    """The picture of a graph, compiled or not, as a Mermaid flowchart.

    Args:
        graph: A ``StateGraph``, compiled or not. Graphs that are nodes of it are drawn as boxes with their own nodes.
    """
    compiled = graph.compile() if hasattr(graph, "compile") else graph
    drawn = compiled.get_graph(xray=True)
    ids = {key: f"n{number}" for number, key in enumerate(drawn.nodes)}
    lines = ["flowchart TD", *_boxes([(key.split(":"), ids[key]) for key in drawn.nodes], "    ", "g")]
    for edge in drawn.edges:
        arrow = "-.->" if edge.conditional else "-->"
        label = f'|"{_escaped(str(edge.data))}"|' if edge.data is not None else ""
        lines.append(f"    {ids[edge.source]} {arrow}{label} {ids[edge.target]}")
    return "\n".join(lines) + "\n"


def _boxes(nodes: Sequence[tuple[list[str], str]], indent: str, box: str) -> Iterator[str]:
    """The nodes of one level, then the boxes within it."""
    inner: dict[str, list[tuple[list[str], str]]] = {}
    for path, number in nodes:
        if len(path) > 1:
            inner.setdefault(path[0], []).append((path[1:], number))
        elif path[0] in _ENDS:
            yield f'{indent}{number}(["{_ENDS[path[0]]}"])'
        else:
            yield f'{indent}{number}["{_escaped(path[0])}"]'
    for at, (name, inside) in enumerate(inner.items()):
        yield f'{indent}subgraph {box}{at}["{_escaped(name)}"]'
        yield from _boxes(inside, indent + "    ", f"{box}{at}_")
        yield f"{indent}end"


def _escaped(text: str) -> str:
    """A label between quotes: entity codes for what would end it or be read as HTML."""
    for character, code in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("\n", " ")):
        text = text.replace(character, code)
    return text
