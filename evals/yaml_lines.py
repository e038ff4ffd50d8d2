"""YAML as plain data, with the line of everything in it; a key written twice is an error."""

from __future__ import annotations

from typing import Any

import yaml

Lines = dict[tuple[str | int, ...], int]
"""Place in the data (keys and positions) to line, counted from 1."""


def read_yaml(text: str) -> tuple[Any, Lines]:
    """The data of a YAML text and the line of each part.

    Raises:
        yaml.YAMLError: if it is not YAML, or a mapping has a key twice.
    """
    loader = yaml.SafeLoader(text)
    lines: Lines = {}
    try:
        node = loader.get_single_node()
        return (None if node is None else _value(loader, node, (), lines)), lines
    finally:
        loader.dispose()


def _value(loader: yaml.SafeLoader, node: yaml.Node, place: tuple[str | int, ...], lines: Lines) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, each, (*place, at), lines) for at, each in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node, deep=True)
    loader.flatten_mapping(node)
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        if key in found:
            raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands there twice", problem_mark=key_node.start_mark)
        lines[(*place, key)] = key_node.start_mark.line + 1
        found[key] = _value(loader, value_node, (*place, key), lines)
    return found
