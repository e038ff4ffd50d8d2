"""The default verdict, and the floors beside it: a matrix of mutated gold runs on a world of our own."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwright.evals import CallMade, Case, Observed
from graphwright.evals.observed import Call
from graphwright.evals.scorers import changes_of, exact, floors_of, null_passes, verdict
from graphwright.evals.scorers.floors import oracle_run

WORLD: dict[str, Any] = {
    "orders": {f"A-{n}": {"status": "open", "paid": n, "items": [f"i{n}", "bag"]} for n in range(6)},
    "notes": {},
}
Step = tuple[str, dict[str, Any]]
Mutation = Callable[[list[Step]], list[Step]]

orders = st.sampled_from(sorted(WORLD["orders"]))
writes = st.one_of(
    st.tuples(st.just("cancel"), st.fixed_dictionaries({"order": orders})),
    st.tuples(st.just("set_paid"), st.fixed_dictionaries({"order": orders, "amount": st.integers(100, 105)})),
    st.tuples(st.just("note"), st.fixed_dictionaries({"about": orders, "text": st.sampled_from(["a", "b"])})),
)
reads = st.tuples(st.just("find"), st.fixed_dictionaries({"order": orders}))
runs = st.lists(writes, min_size=1, max_size=4)


def act(world: dict[str, Any], tool: str, arguments: dict[str, Any]) -> None:
    if tool == "cancel":
        world["orders"][arguments["order"]]["status"] = "cancelled"
    elif tool == "set_paid":
        world["orders"][arguments["order"]]["paid"] = arguments["amount"]
    elif tool == "note":
        world["notes"][str(len(world["notes"]))] = dict(arguments)


def after(steps: list[Step]) -> dict[str, Any]:
    world = deepcopy(WORLD)
    for tool, arguments in steps:
        act(world, tool, arguments)
    return world


def gold_case(steps: list[Step]) -> Case:
    calls = [{"tool": tool, "arguments": arguments} for tool, arguments in steps]
    changes = changes_of(WORLD, after(steps))
    return Case.model_validate({"id": "c", "input": "x", "expect": {"calls": calls, "changes": changes}})


def ran(steps: list[Step]) -> Observed:
    made = tuple(
        Call(tool=tool, arguments=arguments, effect="read" if tool == "find" else "write") for tool, arguments in steps
    )
    return Observed(case_id="c", status="done", calls=made, world_before=WORLD, world_after=after(steps))


def wrong(steps: list[Step]) -> list[Step]:
    *before, (tool, arguments) = steps
    name = sorted(arguments)[0]
    other = next(order for order in sorted(WORLD["orders"]) if order != arguments.get("order", arguments.get("about")))
    return [*before, (tool, {**arguments, name if name in ("order", "about") else "order": other})]


HARMFUL: dict[str, Mutation] = {
    "dropped": lambda steps: steps[:-1],
    "wrong": wrong,
    "extra": lambda steps: [*steps, ("note", {"about": "A-0", "text": "nobody asked"})],
    "duplicated": lambda steps: [*steps, steps[-1]],
}


@given(runs)
def test_the_gold_run_passes(steps: list[Step]) -> None:
    assert verdict(gold_case(steps), ran(steps)).outcome == "pass"


@pytest.mark.parametrize("mutation", HARMFUL)
@given(steps=runs)
def test_no_dropped_wrong_extra_or_duplicated_write_passes(mutation: str, steps: list[Step]) -> None:
    score = verdict(gold_case(steps), ran(HARMFUL[mutation](steps)))

    assert score.outcome == "fail"
    assert score.reason


@given(runs, st.lists(st.tuples(reads, st.integers(0, 4)), min_size=1))
def test_every_harmless_read_passes(steps: list[Step], added: list[tuple[Step, int]]) -> None:
    made = list(steps)
    for read, place in added:
        made.insert(place, read)

    assert verdict(gold_case(steps), ran(made)).outcome == "pass"


def test_a_change_that_no_call_tells_of_is_seen() -> None:
    steps: list[Step] = [("cancel", {"order": "A-1"})]
    observed = ran(steps)
    assert observed.world_after is not None
    observed.world_after["orders"]["A-2"]["paid"] = 0

    score = verdict(gold_case(steps), observed)

    assert "orders.A-2.paid became 0, which nobody expected" in score.reason


def test_the_oracle_reaches_what_the_case_expects_and_doing_nothing_does_not() -> None:
    cases = [gold_case([("cancel", {"order": "A-1"})]), gold_case([("note", {"about": "A-2", "text": "a"})])]

    floors = floors_of(verdict, cases, WORLD)

    assert (floors.null, floors.echo, floors.oracle) == (0.0, 0.0, 1.0)
    assert floors.normalised(0.5) == 0.5


@given(runs)
def test_the_oracle_always_passes(steps: list[Step]) -> None:
    case = gold_case(steps)

    assert verdict(case, oracle_run(case, WORLD)).outcome == "pass"


def test_a_case_that_doing_nothing_passes_is_named() -> None:
    idle = Case.model_validate({"id": "idle", "input": "x", "expect": {"calls": [], "changes": {}}})
    busy = gold_case([("cancel", {"order": "A-1"})])

    assert null_passes(verdict, [idle, busy], WORLD) == ["idle"]


def test_floors_are_shown_where_echo_is_enough() -> None:
    cases = [Case.model_validate({"id": "e", "input": "hello", "expect": {"answer": {"equals": "hello"}}})]

    floors = floors_of(exact, cases)

    assert (floors.null, floors.echo, floors.oracle) == (0.0, 1.0, 1.0)


def test_a_removed_row_is_a_change_to_nothing() -> None:
    case = Case.model_validate({"id": "c", "input": "x", "expect": {"changes": {"orders.A-1": None}}})
    gone = deepcopy(WORLD)
    del gone["orders"]["A-1"]

    def judge(world: dict[str, Any]) -> str:
        return verdict(case, Observed(case_id="c", status="done", world_before=WORLD, world_after=world)).outcome

    assert judge(gone) == "pass"
    assert judge(WORLD) == "fail"
    assert verdict(case, oracle_run(case, WORLD)).outcome == "pass"
    assert CallMade(tool="f").arguments == {}


@pytest.mark.parametrize(
    ("answer", "outcome"), [("Order A-5 is there.", "pass"), ("It is 1,205.", "fail"), ("From 3-5 days.", "pass")]
)
def test_a_number_in_an_answer_has_no_sign_from_a_hyphen(answer: str, outcome: str) -> None:
    case = Case.model_validate({"id": "c", "input": "x", "expect": {"answer": {"number": {"value": 5}}}})

    assert verdict(case, Observed(case_id="c", status="done", answer=answer)).outcome == outcome


@pytest.mark.parametrize(
    ("told", "outcome", "reason"),
    [
        ({"desk": "Be brief. Never refund\n    more than was paid."}, "pass", ""),
        ({"desk": "Never refund more."}, "fail", "The instructions of 'desk' do not say 'Never refund more than'."),
        ({"desk": ""}, "fail", "do not say"),
        ({"scout": "Never refund more than was paid."}, "fail", "The model of 'desk' was not asked"),
        ({}, "fail", "The model of 'desk' was not asked"),
    ],
)
def test_instructions_hold_their_phrases_however_their_lines_are_broken(
    told: dict[str, str], outcome: str, reason: str
) -> None:
    expect = {"instructions": {"desk": ["Never refund more than", "brief"]}}
    case = Case.model_validate({"id": "c", "input": "x", "expect": expect})

    score = verdict(case, Observed(case_id="c", status="done", instructions=told))

    assert score.outcome == outcome
    assert reason in score.reason


def test_an_oracle_says_the_instructions_that_are_expected() -> None:
    case = Case.model_validate({"id": "c", "input": "x", "expect": {"instructions": {"desk": ["a b", "c"]}}})

    assert verdict(case, oracle_run(case)).outcome == "pass"
