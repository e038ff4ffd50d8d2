"""What is known when a call is decided: what the run was told by whom, its plan, its user's roles, the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

from ..places import are_beside, is_before
from .call import Call
from .decision import Finding, Verdict
from .gathered import PrivateWords
from .plan import Plan
from .sources import Source, is_id_name, is_said, sayers
from .words import Leaf, is_address, normal

USER = "the user"
Lane = tuple[tuple[str, ...], str]
"""The tasks and the message of a call."""
MOST = 20
"""So many values are named as evidence at most."""

Rule = Callable[[Call, "Context"], Finding | None]
"""One rule: what it has against a call, or None. A rule only ever adds; it cannot allow what another refuses."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Everything that a decision rests on. Immutable: :meth:`after` gives the context that follows."""

    rules: tuple[Rule, ...] = ()
    sources: tuple[Source, ...] = ()
    plan: Plan = field(default_factory=Plan)
    roles: frozenset[str] | None = None
    """Of the run's user; None where nobody knows."""
    tenant: str = ""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """Tool to what the operator settled: ``allow`` lets through what rules would ask, never what they deny."""
    observe: bool = False
    """Only record what the rules say."""

    @property
    def tainted(self) -> bool:
        """Whether the run has read words of a stranger."""
        return bool(self.tainted_by)

    @cached_property
    def tainted_by(self) -> tuple[str, ...]:
        """Whose words those were: the origins of what taints, the first :data:`MOST`, each once."""
        return _some_origins(source.origin for source in self.sources if source.taints)

    @cached_property
    def private_words(self) -> PrivateWords:
        """What private sources say, gathered; one for all contexts of a run."""
        return PrivateWords()

    @cached_property
    def _lanes(self) -> frozenset[Lane]:
        """Where the newest sources were found, one lane for each task that is under way: beside them a call may be."""
        return _lanes_after(frozenset(), self.sources)

    def told(self, *texts: Any, origin: str = USER) -> Context:
        """The context after a person said this: their words may decide whom an effect hits."""
        said = [Source(origin, text, trusted=True, spoken=True) for text in texts if text]
        return self._and(*said)

    def typed(self, value: Any, origin: str) -> Context:
        """The context after a reader filled fields that cannot carry sentences."""
        return self.including(Source(origin, value, trusted=True))

    def including(self, source: Source) -> Context:
        """The context with one source more."""
        return self._and(source)

    def _and(self, *found: Source) -> Context:
        """With more sources. Its taint is carried on, not asked of every source anew: a run reads thousands of them."""
        more = replace(self, sources=(*self.sources, *found))
        fresh = [each.origin for each in found if each.taints]
        more.__dict__["private_words"] = self.private_words
        more.__dict__["_lanes"] = _lanes_after(self._lanes, found)
        more.__dict__["tainted_by"] = _some_origins((*self.tainted_by, *fresh)) if fresh else self.tainted_by
        return more

    def after(self, call: Call, value: Any, *, believed: bool | None = None) -> Context:
        """The context after a call returned this (a text, or plain data).

        Args:
            call: Which call; one that was told before, by its key, is not told again.
            value: What it returned.
            believed: What :meth:`believes` said when the call was decided; None to ask it now.
        """
        if call.key and any(source.key == call.key for source in self.sources):
            return self
        if believed is None:
            believed = self.before(call).believes(call)
        found = Source(
            call.tool, value, believed, call.labels.private, batch=call.batch, tasks=call.tasks, key=call.key
        )
        parts = _by_record(found, self.tenant) if call.labels.per_record else [found]
        return self._and(*parts)

    def before(self, call: Call) -> Context:
        """What was known when this call was decided on: not what is found beside it, by other calls of its message and
        in other tasks of its superstep. So it does not hang on which of them is faster.
        """
        if not any(_is_beside(lane, call) for lane in self._lanes):
            return self
        known = tuple(each for each in self.sources if not each.is_unknown_to(call.batch, call.tasks))
        less = replace(self, sources=known)
        less.__dict__["private_words"] = self.private_words
        return less

    def believes(self, call: Call) -> bool:
        """Whether the result may be trusted: the tool's may, or records of it, and no stranger chose the question."""
        may_be = call.labels.trusted or call.labels.per_record
        return may_be and (not self.tainted or not self.foreign(call.values(*call.arguments)))

    def foreign(self, values: Iterable[Leaf], *, ids: bool = False) -> list[Leaf]:
        """Those of the values that stand neither in a person's words nor in trusted output.

        Args:
            values: What to look for.
            ids: Whether an opaque id from any result will do, for a parameter that takes an id.

        Returns:
            The first :data:`MOST` of them; one would be enough to ask.
        """
        trusted = [source for source in self.sources if source.trusted]
        strange = (
            leaf for leaf in values if not is_said(leaf.value, trusted, leaf.key) and not (ids and self._is_id(leaf))
        )
        return list(islice(strange, MOST))

    def _is_id(self, leaf: Leaf) -> bool:
        """Whether an id field of a result holds exactly this."""
        if not is_id_name(leaf.key):
            return False
        wanted = normal(leaf.value)
        return not is_address(wanted) and any(wanted in source.ids for source in self.sources)

    def origin_of(self, value: Any) -> str:
        """Which untrusted source this value stands in, newest first; empty if in none."""
        strange = (each for each in reversed(self.sources) if not each.trusted)
        return next((each.origin for each in sayers(value, strange)), "")


def _lanes_after(lanes: frozenset[Lane], found: Sequence[Source]) -> frozenset[Lane]:
    """The lanes once these were found. What a later superstep follows is known to everybody: its lane is over."""
    for source in found:
        lane = source.tasks, source.batch
        if any(lane) and lane not in lanes:
            lanes = frozenset(each for each in lanes if not is_before(each[0], source.tasks)) | {lane}
    return lanes


def _is_beside(lane: Lane, call: Call) -> bool:
    tasks, batch = lane
    return bool(batch and batch == call.batch) or are_beside(tasks, call.tasks)


def _some_origins(of: Iterable[str]) -> tuple[str, ...]:
    return tuple(islice(dict.fromkeys(of), MOST))


def _by_record(found: Source, tenant: str) -> list[Source]:
    """One source for the records that are trusted and our own, one for the others; a stranger's question finds none."""
    if not found.trusted:
        return [found]
    records = found.value if isinstance(found.value, list) else [found.value]
    ours = [
        each for each in records if isinstance(each, dict) and each.get("trusted") is True and _is_ours(each, tenant)
    ]
    strange = [each for each in records if not any(each is one for one in ours)]
    return [replace(found, value=part, trusted=is_ours) for part, is_ours in ((ours, True), (strange, False)) if part]


def _is_ours(record: dict[str, Any], tenant: str) -> bool:
    return not tenant or record.get("owner", tenant) == tenant
