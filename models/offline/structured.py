"""Fills a JSON schema from a conversation; the result always has the schema's types, choices and bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .answer import answer, sentences
from .arguments import assign, offers
from .choices import options_of
from .lexicon import bag
from .mentions import Scene, scene_of
from .questions import sub_questions
from .schema import Param, ToolSpec, filler, fits, read
from .tokens import concept, content_stems, stems_of

_LONG = stems_of(
    bag(
        """
        answer summary report content text body explanation reason reasoning rationale draft message
        feedback comment conclusion note finding notes findings description
        """
    )
)
_SPLIT = stems_of(
    bag(
        """
        queries query questions question subquestions steps step plan tasks task searches topics points
        """
    )
)
_WHOLE = stems_of(bag("question query request goal topic subject title objective input"))


def fill_schema(schema: Mapping[str, Any], question: str, results: Sequence[tuple[str, str]] = ()) -> Any:
    """A value of the schema, from the question and what tools returned."""
    root = read("", schema)
    scene = scene_of(question)
    return _value(root, scene, results, 0)


def _value(param: Param, scene: Scene, results: Sequence[tuple[str, str]], depth: int) -> Any:
    value = _object(param, scene, results, depth) if param.kind == "object" else _leaf(param, scene, results, depth)
    if fits(value, param):
        return value
    shortened = _shortened(value, param)
    return shortened if fits(shortened, param) else filler(param)


def _object(param: Param, scene: Scene, results: Sequence[tuple[str, str]], depth: int) -> dict[str, Any]:
    spec = ToolSpec(param.name, param.description, param.fields, (), ())
    chosen = assign(offers(spec, scene)) if depth < 3 else {}
    filled: dict[str, Any] = {}
    for field in param.fields:
        special = _leaf(field, scene, results, depth) if _spoken(field) else None
        picked = chosen.get(field.name)
        if special is not None and fits(special, field):
            filled[field.name] = special
        elif picked is not None and fits(picked.value, field):
            filled[field.name] = picked.value
        elif field.required:
            filled[field.name] = _value(field, scene, results, depth + 1)
    return filled


def _spoken(field: Param) -> bool:
    """Whether a field wants words of the conversation as a whole rather than one value in it."""
    names = set(field.name_stems)
    if field.enum:
        return False
    if field.kind == "array":
        return bool(names & _SPLIT) and (field.item is None or field.item.kind in ("string", "any", "object"))
    return field.kind == "string" and bool(names & (_LONG | _WHOLE))


def _leaf(param: Param, scene: Scene, results: Sequence[tuple[str, str]], depth: int) -> Any:
    if param.enum:
        return best_option(param, scene)
    if param.kind == "array":
        return _array(param, scene, results, depth)
    if param.kind == "string":
        return _text(param, scene, results)
    return filler(param)


def _text(param: Param, scene: Scene, results: Sequence[tuple[str, str]]) -> str:
    names = set(param.name_stems)
    if names & _LONG or not names & _WHOLE:
        if results:
            return answer(scene.text, results)
        return " ".join(sentences(scene.text)[:2]) if names & _LONG else str(filler(param)) or scene.text[:200]
    return " ".join(scene.text.split())[:500]


def _array(param: Param, scene: Scene, results: Sequence[tuple[str, str]], depth: int) -> list[Any]:
    item = param.item
    parts = sub_questions(scene.text)
    high = param.schema.get("maxItems")
    parts = parts[:high] if isinstance(high, int) and high >= 0 else parts
    if item is None or item.kind in ("string", "any"):
        return parts if set(param.name_stems) & _SPLIT or param.required else []
    if item.kind == "object" and depth < 3 and item.fields:
        return [_value(item, scene_of(part), results, depth + 1) for part in parts]
    return list(filler(param))


def best_option(param: Param, scene: Scene) -> Any:
    """The choice whose words, or line in the description, fit the text best; in doubt the default or first one."""
    asked = {concept(s) for s in content_stems(scene.text)}
    options = options_of(param)
    scores = [_option_score(option, param.description, asked) for option in options]
    best = max(scores, default=0.0)
    return options[scores.index(best)] if best > 0 else filler(param)


def _option_score(option: Any, description: str, asked: set[str]) -> float:
    stems = {concept(s) for s in content_stems(str(option))}
    own = len(stems & asked) / max(len(stems), 1)
    at = description.lower().find(str(option).lower())
    line = description[at : at + 160].split("\n")[0].split(";")[0] if at >= 0 else ""
    told = {concept(s) for s in content_stems(line)} - stems
    return own + 0.5 * len(told & asked) / max(len(told), 1)


def _shortened(value: Any, param: Param) -> Any:
    """Cut or pad a text or a list to the length that the schema allows."""
    what = "Length" if isinstance(value, str) else "Items"
    low, high = param.schema.get(f"min{what}"), param.schema.get(f"max{what}")
    if isinstance(value, str | list) and isinstance(high, int) and high >= 0:
        value = value[:high]
    if isinstance(value, str) and isinstance(low, int) and len(value) < low <= 10_000:
        value = value.ljust(low, ".")
    if isinstance(value, list) and isinstance(low, int) and len(value) < low <= 100:
        value = value + [
            value[-1] if value else filler(param.item) if param.item else "" for _ in range(low - len(value))
        ]
    return value
