"""The support desk: who sees what, what is paid back, what waits for whom, and every case of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright.evals.case_files import cases_of
from graphwright.evals.project import Project
from graphwright.evals.sandbox_run import Sandboxes
from graphwright.evals.scorers import verdict
from graphwright.examples.support.agents import account, billing, technical, triage
from graphwright.examples.support.data import CUSTOMERS, rows
from graphwright.examples.support.graph import support
from graphwright.examples.support.requests import is_courtesy, split_requests
from graphwright.examples.support.shop import FILE, Refused, Shop, world
from graphwright.examples.support.tools import LIMIT, refund_rule
from graphwright.models import ModelRequest, ModelRequestInvalid, ScriptedModel
from graphwright.models.script import When, calls
from graphwright.runtime import Approve, NotAllowed, Run, Runtime, Settings
from graphwright.tools import Resources

Opener = Callable[..., Any]


@pytest.fixture
def opened(tmp_path: Path) -> Opener:
    @asynccontextmanager
    async def opener(user: str = "local") -> AsyncIterator[Runtime]:
        state, resources = tmp_path / "state", Resources()
        support.provide(resources, state)
        async with Runtime(Settings(project_dir=tmp_path, state_dir=state, user=user), resources=resources) as runtime:
            yield runtime

    return opener


async def drive(runtime: Runtime, run: Run, model: Any = "offline") -> Run:
    events = runtime.drive(run.id, support.graph(), output=support.answer, model=model)
    async for _ in events:
        pass
    return await runtime.runs.get(run.id)


async def ask(runtime: Runtime, text: str, model: Any = "offline", **more: Any) -> Run:
    return await drive(runtime, await runtime.start("support", support.values(text), **more), model)


async def test_every_case_of_the_desk_is_as_its_data_say(tmp_path: Path) -> None:
    cases = cases_of(support)
    sandboxes = Sandboxes(Project(tmp_path), support, support.graph(), tmp_path / "cases")

    scores = {case.id: verdict(case, await sandboxes.observe(case)) for case in cases}

    assert {name: score.reason for name, score in scores.items() if score.value != 1} == {}
    assert len(cases) >= 30


async def test_a_customer_sees_only_their_own_orders(opened: Opener) -> None:
    async with opened(user="bruno") as runtime:
        own = await ask(runtime, "List all my orders.")
        other = await ask(runtime, "Where is order A-1044?")

    assert "A-2001" in (own.output or "")
    assert "A-1042" not in (own.output or "")
    assert "no order 'A-1044'" in (other.output or "")


async def test_somebody_who_is_no_customer_is_told_so(opened: Opener) -> None:
    async with opened(user="mallory") as runtime:
        run = await ask(runtime, "List all my orders.")

    assert "'mallory' is no customer" in (run.output or "")
    assert "A-1" not in (run.output or "")


async def test_a_large_refund_survives_the_process_that_asked_and_is_paid_once(opened: Opener, tmp_path: Path) -> None:
    async with opened() as runtime:
        run = await ask(runtime, "Please refund 249.00 EUR of order A-1043.")
        (approval,) = await runtime.approvals.pending()
    before = world(tmp_path / "state")

    async with opened() as runtime:
        await runtime.decide(approval.id, Approve(), by="bea", roles=("billing",))
        run = await drive(runtime, await runtime.runs.get(run.id))

    assert before["orders"]["A-1043"]["refunded"] == "0.00"
    assert run.status == "done"
    assert world(tmp_path / "state")["orders"]["A-1043"]["refunded"] == "249.00"


async def test_neither_the_customer_nor_just_anybody_can_approve_a_refund(opened: Opener) -> None:
    async with opened() as runtime:
        await ask(runtime, "Please refund 249.00 EUR of order A-1043.")
        (approval,) = await runtime.approvals.pending()

        with pytest.raises(NotAllowed):
            await runtime.decide(approval.id, Approve(), by="local", roles=("billing",))
        with pytest.raises(NotAllowed):
            await runtime.decide(approval.id, Approve(), by="zoe", roles=("technical",))


async def test_a_specialist_that_fails_gives_the_customer_back_to_triage(opened: Opener) -> None:
    model = ScriptedModel(
        [
            When(is_from("triage"), calls("transfer_to_billing")),
            When(is_from("billing"), ModelRequestInvalid("the prompt is too long")),
            When(is_from("triage"), "Billing cannot be reached now; please write again tomorrow."),
        ]
    )

    async with opened() as runtime:
        run = await ask(runtime, "Please refund 6.50 EUR of order A-1042.", model)

    assert run.status == "done"
    assert "tomorrow" in (run.output or "")


async def test_the_next_message_of_a_thread_goes_through_triage_again(opened: Opener, tmp_path: Path) -> None:
    async with opened() as runtime:
        first = await ask(runtime, "Where is order A-1044?")
        second = await ask(runtime, "Please refund 6.50 EUR of order A-1042.", thread_id=first.thread_id)

    assert "2026-03-04" in (first.output or "")
    assert "6.50 EUR" in (second.output or "")
    assert "2026-03-04" not in (second.output or "")
    assert world(tmp_path / "state")["orders"]["A-1042"]["refunded"] == "6.50"


async def test_requests_beyond_the_limit_are_asked_for_again_once(opened: Opener, tmp_path: Path) -> None:
    six = (
        "Where is order A-1044? Why was I charged twice for order A-1047? What address do you have for me? "
        "Cancel order A-1046. Diagnose my thermostat TH-200 with error E7. Please refund 5.00 EUR of order A-1042."
    )
    async with opened() as runtime:
        first = await ask(runtime, six)
        second = await ask(runtime, "Please refund 5.00 EUR of order A-1042.", thread_id=first.thread_id)

    assert (first.output or "").endswith("Please send this again: Please refund 5.00 EUR of order A-1042.")
    assert "again" not in (second.output or "")
    assert world(tmp_path / "state")["orders"]["A-1042"]["refunded"] == "5.00"


def is_from(agent: str) -> Callable[[ModelRequest], bool]:
    instructions = {each.name: each.instructions.render()[:60] for each in (triage, billing, technical, account)}
    return lambda request: request.messages[0].text.startswith(instructions[agent])


def test_looking_at_the_world_makes_no_database(tmp_path: Path) -> None:
    before = world(tmp_path)

    assert before["customers"]["C-001"]["address"] == CUSTOMERS[0][4]
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_makes_the_same_shop_and_another_seed_another() -> None:
    assert list(rows(7)) == list(rows(7))
    assert list(rows(7)) != list(rows(8))


ORDERS = {"A-1042": Decimal("45.50"), "A-1047": Decimal("50.00")}
"""What can come back without billing: all that was paid, or the limit."""


@given(st.lists(st.tuples(st.sampled_from(sorted(ORDERS)), st.integers(1, 5_000), st.sampled_from("abc")), max_size=8))
@settings(max_examples=15, deadline=None)
def test_however_refunds_come_a_key_counts_once_and_small_ones_stay_below_the_limit(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[tuple[str, int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(folder / FILE)
    customer, receipts = shop.customer("local"), {}

    for order, cents, key in wanted:
        try:
            paid = shop.refund(customer, order, cents, f"{order} {key}")
        except Refused:
            continue
        assert receipts.setdefault((order, key), paid) == paid

    refunded = {order: Decimal(world(folder)["orders"][order]["refunded"]) for order in ORDERS}
    assert sum(refunded.values()) == sum(Decimal(each["amount"]) / 100 for each in receipts.values())
    assert all(refunded[order] <= most for order, most in ORDERS.items())


@pytest.mark.parametrize(
    ("arguments", "roles"),
    [
        ({"order_id": "A-1042", "amount": 50}, None),
        ({"order_id": "A-1042", "amount": "50.00"}, None),
        ({"order_id": "A-1042", "amount": 50.01}, ("billing",)),
        ({"order_id": "A-1042"}, ("billing",)),
        ({"order_id": "A-1042", "amount": None}, ("billing",)),
    ],
)
def test_billing_is_asked_above_the_limit_and_where_nobody_named_an_amount(
    arguments: dict[str, Any], roles: tuple[str, ...] | None
) -> None:
    rules = refund_rule(arguments)

    assert (rules.roles if rules else None) == roles
    assert Decimal("50.00") == LIMIT


@pytest.mark.parametrize("text", ["Hi!", "Hello, how are you?", "Thank you so much, bye", "good morning team"])
def test_a_greeting_asks_for_nothing(text: str) -> None:
    assert is_courtesy(text)


@pytest.mark.parametrize("text", ["", "Hello, where is my order?", "Thanks for nothing", "refund"])
def test_what_asks_for_something_is_no_greeting(text: str) -> None:
    assert not is_courtesy(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Where is order A-1044?", ["Where is order A-1044?"]),
        ("My TH-200 shows error E7. What should I do?", ["My TH-200 shows error E7. What should I do?"]),
        (
            "I moved. Please change my address to 7 Oak Avenue, 3000 Leuven and please hurry.",
            ["I moved. Please change my address to 7 Oak Avenue, 3000 Leuven and please hurry."],
        ),
        (
            "The lid is cracked. Please refund 6 EUR of order A-1042, and where is order A-1044?",
            ["The lid is cracked. Please refund 6 EUR of order A-1042", "where is order A-1044?"],
        ),
        ("Cancel order A-1046. Refund A-1042.\nThanks!", ["Cancel order A-1046.", "Refund A-1042.\nThanks!"]),
    ],
)
def test_a_message_is_split_only_where_it_asks_for_things_of_different_kinds(text: str, parts: list[str]) -> None:
    assert split_requests(text) == parts


@given(
    st.lists(st.sampled_from(["Refund A-1.", "Where is A-2?", "I moved", "and", "my kettle", "Thanks!"]), max_size=8)
)
def test_splitting_loses_no_word_but_those_that_join_requests(pieces: list[str]) -> None:
    text = " ".join(pieces)

    kept = " ".join(split_requests(text)).split()

    assert [word for word in kept if word != "and"] == [word for word in text.split() if word != "and"]
