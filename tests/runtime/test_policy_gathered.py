"""What private sources say is gathered for a whole run; what else was asked in it must not change a decision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphwright.runtime.policy import PROFILES, Call, Context, decide
from graphwright.tools import Labels

SEND = Labels(effect="egress", critical=("to",))
PLACES = "the old mill road house by river bank".split()
CODES = ["463820", "file-77", "ann@example.org", "A-1042"]
SAID = st.lists(st.sampled_from([*PLACES, *CODES]), max_size=12).map(" ".join)
READ = st.tuples(st.booleans(), st.booleans(), SAID)
"""Private, trusted, and the text."""
CALLS = st.lists(st.tuples(st.sampled_from(["ann@example.org", "eve@evil.example"]), SAID), min_size=1, max_size=4)


def after(context: Context, at: int, read: tuple[bool, bool, str], batch: str = "") -> Context:
    private, trusted, text = read
    labels = Labels(effect="read", private=private, trusted=trusted)
    call = Call(tool=f"read{at}", arguments={}, declared=labels, key=f"key{at}", batch=batch)
    return context.after(call, text, believed=trusted)


def sending(to: str, text: str, batch: str = "") -> Call:
    return Call(tool="send", arguments={"to": to, "text": text}, declared=SEND, batch=batch)


def afresh(context: Context) -> Context:
    """The same context, which nobody was ever asked about."""
    return replace(context, sources=tuple(replace(each) for each in context.sources))


def decided(call: Call, context: Context) -> Any:
    decision = decide(call, context)
    return decision.verdict, decision.rules, decision.sentence, decision.evidence


@settings(max_examples=200, deadline=None)
@given(SAID, st.lists(READ, max_size=6), CALLS)
def test_a_decision_is_the_same_whatever_was_asked_before(prompt: str, reads: list[Any], calls: list[Any]) -> None:
    context = Context(rules=PROFILES["default"]).told(prompt)
    for at, read in enumerate(reads):
        context = after(context, at, read)
        for to, text in calls:
            assert decided(sending(to, text), context) == decided(sending(to, text), afresh(context))


@settings(max_examples=200, deadline=None)
@example("", [], [(True, False, "463820"), (True, False, "file-77")], [("ann@example.org", "file-77")])
@given(SAID, st.lists(READ, max_size=3), st.lists(READ, min_size=2, max_size=3), CALLS)
def test_what_another_branch_or_a_call_beside_it_read_is_not_known(
    prompt: str, reads: list[Any], branches: list[Any], calls: list[Any]
) -> None:
    trunk = Context(rules=PROFILES["default"]).told(prompt)
    for at, read in enumerate(reads):
        trunk = after(trunk, at, read)
    grown = [after(trunk, 10, read, batch="now") for read in branches]
    for to, text in calls:
        for context in (*grown, trunk):
            assert decided(sending(to, text), context) == decided(sending(to, text), afresh(context))
            beside = sending(to, text, batch="now")
            assert decided(beside, context) == decided(beside, afresh(trunk))


def test_the_first_source_that_says_it_is_named_and_addresses_go_before_rows_of_words() -> None:
    context = Context(rules=PROFILES["default"]).told("Write to ann@example.org.")
    context = after(context, 0, (True, False, "the old mill road"))
    context = after(context, 1, (True, False, "463820 and the old mill road"))

    sentence = decide(sending("ann@example.org", "See 463820, the old mill road."), context).sentence

    assert "'the old mill road' (found in what read0 returned)" in sentence
    assert "463820" not in sentence
    assert "'463820' (found in what read1 returned)" in decide(sending("ann@example.org", "463820"), context).sentence
