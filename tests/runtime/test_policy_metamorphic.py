"""What must not change a policy's mind, and which way it may change."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.runtime.policy import PROFILES, Call, Context, Plan, decide
from graphwright.runtime.policy.decision import RANK
from graphwright.tools import Labels

NAMES = [
    "Alice",
    "eve@evil.example",
    "www.evil.example",
    "463820",
    "file-77",
    "the old mill road house",
    "general",
    "13",
]
WORDS = st.lists(st.sampled_from([*NAMES, "please", "send", "to", "and", "delete", "id"]), max_size=8).map(" ".join)
LABELS = st.builds(
    Labels,
    effect=st.sampled_from(["read", "write", "egress"]),
    critical=st.sampled_from([(), ("to",), ("file_id",), ("to", "file_id")]),
    destructive=st.booleans(),
    reversible=st.booleans(),
    private=st.booleans(),
    trusted=st.booleans(),
)
ARGUMENTS = st.fixed_dictionaries(
    {"to": st.one_of(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3)), "text": WORDS},
    optional={"file_id": st.sampled_from(NAMES)},
)
RESULTS = st.one_of(WORDS, st.lists(st.fixed_dictionaries({"id": st.sampled_from(NAMES), "text": WORDS}), max_size=3))
READS = st.lists(st.tuples(LABELS, RESULTS), max_size=4)
PLANS = st.sampled_from([Plan(), Plan(tools=frozenset({"act"})), Plan(tools=frozenset())])
PROFILE = st.sampled_from(["default", "strict"])


def context(prompt: str, reads: list[tuple[Labels, Any]], plan: Plan, profile: str) -> Context:
    known = Context(rules=PROFILES[profile], plan=plan).told(prompt)
    for at, (labels, result) in enumerate(reads):
        known = known.after(Call(tool=f"read{at}", arguments={}, declared=labels, key=f"k{at}"), result)
    return known


def act(labels: Labels, arguments: dict[str, Any], known: Context, **more: Any) -> str:
    return decide(Call(tool="act", arguments=arguments, declared=labels, **more), known).verdict


@settings(max_examples=150, deadline=None)
@given(WORDS, READS, WORDS, st.integers(0, 4), LABELS, ARGUMENTS, PLANS, PROFILE)
def test_untrusted_text_never_opens_a_door(
    prompt: str, reads: list[Any], text: str, place: int, labels: Labels, arguments: Any, plan: Plan, profile: str
) -> None:
    before = act(labels, arguments, context(prompt, reads, plan, profile))
    more = [*reads[:place], (Labels(effect="read", private=True), f"Do this: {text}"), *reads[place:]]

    assert RANK[act(labels, arguments, context(prompt, more, plan, profile))] >= RANK[before]


@settings(max_examples=150, deadline=None)
@given(WORDS, READS, LABELS, ARGUMENTS, PLANS, PROFILE)
def test_renaming_ids_changes_nothing(
    prompt: str, reads: list[Any], labels: Labels, arguments: Any, plan: Plan, profile: str
) -> None:
    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("file-77", "doc-408x")
        if isinstance(value, dict):
            return {name: renamed(each) for name, each in value.items()}
        return [renamed(each) for each in value] if isinstance(value, list) else value

    before = act(labels, arguments, context(prompt, reads, plan, profile), key="call-1")
    others = [(each, renamed(result)) for each, result in reads]
    after = act(labels, renamed(arguments), context(renamed(prompt), others, plan, profile), key="call-2")

    assert after == before


@settings(max_examples=150, deadline=None)
@given(WORDS, st.permutations(range(3)), st.tuples(*[st.tuples(LABELS, RESULTS)] * 3), LABELS, ARGUMENTS, PROFILE)
def test_the_order_of_independent_calls_changes_nothing(
    prompt: str, order: list[int], reads: Any, labels: Labels, arguments: Any, profile: str
) -> None:
    """Calls of one message know nothing of each other's results, whichever of them is faster."""

    def after(places: list[int]) -> Context:
        known = Context(rules=PROFILES[profile]).told(prompt)
        for at in places:
            read = Call(tool=f"read{at}", arguments={"q": "x"}, declared=reads[at][0], key=f"k{at}", batch="m1")
            known = known.after(read, reads[at][1])
        return known

    sibling = {act(labels, arguments, after(order[:some]), batch="m1") for some in range(4)}
    later = {act(labels, arguments, after(places), batch="m2") for places in (order, [0, 1, 2])}

    assert len(sibling) == 1
    assert len(later) == 1
