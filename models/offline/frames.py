"""Several calls of one tool: values that fit a parameter as well as the chosen one did make further calls."""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from .arguments import assign, offers, suited
from .candidates import Candidate
from .cues import Slot
from .mentions import Scene
from .schema import ToolSpec
from .units import measure

ROUNDS, LIKE, MOST = 12, 0.62, 24
"""Rounds of looking for further values; how nearly as sure one must be; calls at most."""
Offered = Sequence[tuple[Slot, list[Candidate]]]
Frame = dict[str, Candidate]


def frames(tool: ToolSpec, scene: Scene) -> list[Frame]:
    """The values of each call, first call first; one frame when nothing repeats."""
    scene = suited(tool, scene)
    offered = offers(tool, scene)
    first = assign(offered)
    spread = _enumerations(offered, first, scene)
    if spread:
        return spread
    columns: dict[str, list[Candidate]] = {name: [c] for name, c in first.items()}
    again = [(slot, _alike(slot, found, first, scene)) for slot, found in offered if slot.param.name in first]
    for _ in range(ROUNDS):
        used = [(c.start, c.end) for column in columns.values() for c in column]
        more = {name: c for name, c in assign(again, used).items() if c.end > c.start}
        if not more:
            break
        for name, candidate in more.items():
            columns[name].append(candidate)
    return _combined(columns, first, offered, scene)


def _enumerations(offered: Offered, first: Mapping[str, Candidate], scene: Scene) -> list[Frame]:
    """Calls for whole enumerations: 'a, b and c' for one parameter, or taken in turns by several; else nothing."""
    holders: dict[int, list[str]] = {}
    for slot, _ in offered:
        chosen = first.get(slot.param.name)
        if (
            chosen is not None
            and chosen.mention is not None
            and chosen.mention.group >= 0
            and not isinstance(chosen.value, list)
        ):
            holders.setdefault(chosen.mention.group, []).append(slot.param.name)
    tables = {
        slot.param.name: {(c.mention.start, c.mention.end): c for c in found if c.mention is not None}
        for slot, found in offered
    }
    columns: dict[str, list[Candidate]] = {}
    arrays = {
        slot.param.name
        for slot, found in offered
        if slot.param.kind == "array" and slot.param.name not in first and found
    }
    for group, names in holders.items() if not arrays else ():
        members = scene.groups[group]
        if len(members) <= len(names) or len(members) % len(names):
            continue
        for turn, name in enumerate(names):
            picked = [tables[name].get((m.start, m.end)) for m in members[turn :: len(names)]]
            if all(c is not None and c.score > 0.2 for c in picked):
                columns[name] = [c for c in picked if c is not None]
    shared = [names for group, names in holders.items() if len(names) > 1 and all(n in columns for n in names)]
    if not columns or not (
        shared
        or len(columns) == 1
        or len({len(c) for c in columns.values()}) > 1
        or _crossed(columns, scene)
        or re.search(r"\brespectively\b", scene.text)
    ):
        return []
    rest = {name: c for name, c in first.items() if name not in columns}
    if any(not isinstance(c.value, list) and _repeats(c, offered, name, rest) for name, c in rest.items()):
        return []
    if shared or (len({len(c) for c in columns.values()}) == 1 and not _crossed(columns, scene)):
        size = min(len(c) for c in columns.values())
        return [{**rest, **{name: column[i] for name, column in columns.items()}} for i in range(size)][:MOST]
    return [
        {**rest, **dict(zip(columns, row, strict=True))}
        for row in itertools.islice(itertools.product(*columns.values()), MOST)
    ]


def _repeats(chosen: Candidate, offered: Offered, name: str, rest: Mapping[str, Candidate]) -> bool:
    """Whether another value outside any enumeration fits a parameter as surely as the chosen one."""
    others = [c for slot, found in offered if slot.param.name == name for c in found]
    used = [(c.start, c.end) for c in rest.values()]
    return any(
        _same_kind(c, chosen) and c.mention is not None and c.mention.group < 0 and c.score >= 0.85 * chosen.score
        for c in others
        if not any(c.start < b and a < c.end for a, b in used)
    )


def _alike(slot: Slot, found: Sequence[Candidate], first: Mapping[str, Candidate], scene: Scene) -> list[Candidate]:
    """Candidates of the same kind as the chosen one and nearly as sure, or in an enumeration of the same form."""
    model = first[slot.param.name]
    if slot.param.kind in ("boolean", "object") or model.end <= model.start:
        return []
    enough = max(LIKE * model.score, min(0.35, model.score))
    return [c for c in found if (c.score >= enough or _same_form(c, model, scene)) and _same_kind(c, model)]


def _same_form(one: Candidate, two: Candidate, scene: Scene) -> bool:
    """Whether two values stand at the same place of two enumerations of equal length: '3 and 4', '5 and 12'."""
    if one.mention is None or two.mention is None or min(one.mention.group, two.mention.group) < 0:
        return False
    a, b = scene.groups[one.mention.group], scene.groups[two.mention.group]
    starts = [m.start for m in a], [m.start for m in b]
    return a is not b and len(a) == len(b) and starts[0].index(one.mention.start) == starts[1].index(two.mention.start)


def _same_kind(a: Candidate, b: Candidate) -> bool:
    if (a.mention is None) != (b.mention is None):
        return False
    if a.mention is None or b.mention is None:
        return True
    if a.mention.group >= 0 and a.mention.group == b.mention.group:
        return True
    if a.mention.kind == "number" and a.mention.text[0].isalpha() != b.mention.text[0].isalpha():
        return False
    return a.mention.kind == b.mention.kind and (measure(a.mention.unit) or a.mention.unit) == (
        measure(b.mention.unit) or b.mention.unit
    )


def _combined(
    columns: Mapping[str, list[Candidate]], chosen: Mapping[str, Candidate], offered: Offered, scene: Scene
) -> list[Frame]:
    _fill_up(columns, offered)
    for column in columns.values():
        column.sort(key=lambda c: c.start)
    many = {name: column for name, column in columns.items() if len(column) > 1}
    one = {name: column[0] for name, column in columns.items() if len(column) == 1}
    if not many or not _convincing(many, scene):
        return [dict(chosen)]
    if re.search(r"\brespectively\b", scene.text, re.I):
        compact: dict[str, list[Candidate]] = {}
    else:
        compact = {name: c for name, c in many.items() if _enumerated(c) or _joined(c, scene)}
    spread = {name: column for name, column in many.items() if name not in compact}
    if len(compact) == 1 and len(spread) == 0:
        spread, compact = compact, {}
    rows = _in_step(one, spread, offered)
    across = [
        dict(zip(compact, row, strict=True)) for row in itertools.islice(itertools.product(*compact.values()), MOST)
    ]
    return [{**row, **values} for row in rows for values in across][:MOST]


def _in_step(one: Frame, many: Mapping[str, list[Candidate]], offered: Offered) -> list[Frame]:
    """Calls from columns that go together: the first values, the second values, and so on."""
    lengths = {len(column) for column in many.values()}
    if len(lengths) <= 1:
        return [{**one, **{name: column[i] for name, column in many.items()}} for i in range(max(lengths, default=1))]
    return _around(one, many, offered)


def _fill_up(columns: Mapping[str, list[Candidate]], offered: Offered) -> None:
    """Give a single value the company that other columns have, when exactly that many of its kind are left over."""
    longest = max((len(column) for column in columns.values()), default=0)
    for slot, found in offered:
        column = columns.get(slot.param.name, [])
        if longest < 2 or len(column) != 1 or column[0].mention is None or isinstance(column[0].value, list):
            continue
        used = [(c.start, c.end) for other in columns.values() for c in other]
        free = {
            (c.start, c.end): c
            for c in found
            if c.mention is not None
            and c.mention.kind == column[0].mention.kind
            and _same_kind(c, column[0])
            and not any(c.start < b and a < c.end for a, b in used)
        }
        if len(free) == longest - 1:
            column.extend(free.values())


def _convincing(many: Mapping[str, list[Candidate]], scene: Scene) -> bool:
    """Whether repeated values look like several calls: enumerated, alternating, or with the same words before each."""
    scalar = [column for column in many.values() if not isinstance(column[0].value, list) or _literal(column)]
    if any(_enumerated(column) or _joined(column, scene) for column in scalar):
        return True
    if len(scalar) >= 2 and len({len(column) for column in scalar}) == 1:
        return True
    return any(_same_lead(column, scene) for column in scalar)


def _literal(column: Sequence[Candidate]) -> bool:
    return all(c.mention is not None and c.mention.kind == "list" for c in column)


def _joined(column: Sequence[Candidate], scene: Scene) -> bool:
    gaps = [scene.text[a.end : b.start] for a, b in itertools.pairwise(column)]
    return all(
        re.fullmatch(r"\W*(?:and|or|,|&)?\W*(?:the|an?)?\W*(?:\w+ )?", gap) and re.search(r"and|or|,", gap)
        for gap in gaps
    )


def _same_lead(column: Sequence[Candidate], scene: Scene) -> bool:
    """Whether the same two words stand before each value: 'the factorial of 5, the factorial of 7'."""
    leads = {
        tuple(w.text for w in scene.words[max(0, at - 2) : at])
        for c in column
        for at in [bisect_left(scene.starts, c.start)]
    }
    return len(leads) == 1 and all(leads)


def _crossed(many: Mapping[str, list[Candidate]], scene: Scene) -> bool:
    """Whether two enumerations stand one after the other and nothing says 'respectively'."""
    if len(many) < 2 or re.search(r"\brespectively\b", scene.text, re.I):
        return False
    return all(_enumerated(column) for column in many.values())


def _enumerated(column: Sequence[Candidate]) -> bool:
    groups = {c.mention.group if c.mention is not None else -1 for c in column}
    return len(groups) == 1 and groups != {-1}


def _around(one: Frame, many: Mapping[str, list[Candidate]], offered: Offered) -> list[Frame]:
    """A call for each value of the longest column; the others' values go to the call they stand nearest to."""
    required = {slot.param.name for slot, _ in offered if slot.param.required}
    lead = max(many, key=lambda name: (len(many[name]), name in required))
    rows: list[Frame] = [{**one, lead: c} for c in many[lead]]
    for name, column in many.items():
        if name == lead:
            continue
        for value in column:
            near = min(range(len(rows)), key=lambda i: abs(rows[i][lead].start - value.start))
            rows[near].setdefault(name, value)
        for before, row in itertools.pairwise(rows):
            if name not in row and name in required and name in before:
                row[name] = before[name]
        for row in rows:
            if name not in row and name in required:
                row[name] = column[0]
    return rows[:MOST]
