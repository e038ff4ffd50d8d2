"""tau2 retail: a shop of our own behind the gold actions, which reach the gold state and without their last do not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from graphwright.evals import CallMade
from graphwright.evals.external import MissingData
from graphwright.evals.external.tau2_retail import Retail, Task
from graphwright.evals.external.tau2_shop import WRITES, Shop
from graphwright.evals.scorers import verdict

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TEST_DATA") or ROOT.parent / "shared" / "data") / "tau2" / "retail"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(),
    reason="tau2's cases are third-party data, not in the repository: TEST_DATA=DIR points to DIR/tau2/retail",
)

HOME = {"address1": "1 A St", "address2": "", "city": "B", "state": "C", "country": "D", "zip": "1"}


def variant(item: str, price: float, *, available: bool = True) -> dict[str, Any]:
    return {"item_id": item, "options": {"size": item[-1]}, "available": available, "price": price}


def order(number: str, status: str) -> dict[str, Any]:
    return {
        "order_id": number, "user_id": "ann", "address": HOME, "status": status,
        "items": [{"name": "Cup", "product_id": "P", "item_id": "cup-s", "price": 5.0, "options": {"size": "s"}}],
        "payment_history": [{"transaction_type": "payment", "amount": 5.0, "payment_method_id": "gift"}],
    }  # fmt: skip


TABLES: dict[str, Any] = {
    "products": {"P": {"name": "Cup", "product_id": "P", "variants": {
        "cup-s": variant("cup-s", 5.0), "cup-l": variant("cup-l", 7.5), "cup-x": variant("cup-x", 7.5, available=False),
        "cup-g": variant("cup-g", 99.0)}}},
    "users": {"ann": {"user_id": "ann", "address": HOME, "payment_methods": {
        "gift": {"source": "gift_card", "id": "gift", "balance": 10.0},
        "card": {"source": "credit_card", "id": "card"}}}},
    "orders": {"#1": order("#1", "pending"), "#2": order("#2", "delivered")},
}  # fmt: skip
SWAP = {"item_ids": ["cup-s"], "new_item_ids": ["cup-l"], "payment_method_id": "gift"}


def test_a_cancelled_order_gives_every_payment_back() -> None:
    shop = Shop(TABLES)

    assert shop.call("cancel_pending_order", {"order_id": "#1", "reason": "no longer needed"})

    assert shop.tables["orders"]["#1"]["status"] == "cancelled"
    assert shop.tables["orders"]["#1"]["payment_history"][-1]["transaction_type"] == "refund"
    assert shop.tables["users"]["ann"]["payment_methods"]["gift"]["balance"] == 15.0
    assert TABLES["users"]["ann"]["payment_methods"]["gift"]["balance"] == 10.0


def test_changed_items_are_paid_at_once_and_only_once() -> None:
    shop = Shop(TABLES)

    assert shop.call("modify_pending_order_items", {"order_id": "#1", **SWAP})

    changed = shop.tables["orders"]["#1"]
    assert (changed["items"][0]["item_id"], changed["items"][0]["price"]) == ("cup-l", 7.5)
    assert shop.tables["users"]["ann"]["payment_methods"]["gift"]["balance"] == 7.5
    assert not shop.call("modify_pending_order_items", {"order_id": "#1", **SWAP})
    assert shop.call("modify_pending_order_address", {"order_id": "#1", **HOME, "city": "E"})


def test_another_payment_takes_and_gives_back() -> None:
    shop = Shop(TABLES)

    assert shop.call("modify_pending_order_payment", {"order_id": "#1", "payment_method_id": "card"})

    assert shop.tables["users"]["ann"]["payment_methods"]["gift"]["balance"] == 15.0
    assert len(shop.tables["orders"]["#1"]["payment_history"]) == 3


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("cancel_pending_order", {"order_id": "#2", "reason": "no longer needed"}),
        ("cancel_pending_order", {"order_id": "#1", "reason": "too dear"}),
        ("cancel_pending_order", {"order_id": "#9", "reason": "no longer needed"}),
        ("cancel_pending_order", {"order_id": "#1"}),
        ("modify_pending_order_items", {"order_id": "#1", **SWAP, "new_item_ids": ["cup-x"]}),
        ("modify_pending_order_items", {"order_id": "#1", **SWAP, "new_item_ids": ["cup-g"]}),
        ("modify_pending_order_items", {"order_id": "#1", **SWAP, "new_item_ids": ["mug"]}),
        ("modify_pending_order_items", {"order_id": "#1", **SWAP, "new_item_ids": []}),
        ("exchange_delivered_order_items", {"order_id": "#2", **SWAP, "item_ids": ["cup-s", "cup-s"]}),
        ("exchange_delivered_order_items", {"order_id": "#2", **SWAP, "payment_method_id": "cash"}),
        ("return_delivered_order_items", {"order_id": "#2", "item_ids": ["cup-s"], "payment_method_id": "card"}),
        ("modify_pending_order_payment", {"order_id": "#1", "payment_method_id": "gift"}),
        ("modify_user_address", {"user_id": "ann", "city": "E"}),
        ("get_order_details", {"order_id": "#1"}),
        ("drop_everything", {}),
    ],
)
def test_what_the_policy_forbids_changes_nothing(tool: str, arguments: dict[str, Any]) -> None:
    shop = Shop(TABLES)

    assert not shop.call(tool, arguments)
    assert shop.tables == TABLES


@pytest.fixture
def small(tmp_path: Path) -> Retail:
    actions = [
        {"name": "get_order_details", "arguments": {"order_id": "#2"}},
        {"name": "exchange_delivered_order_items", "arguments": {"order_id": "#2", **SWAP}},
        {"name": "modify_user_address", "arguments": {"user_id": "ann", **HOME, "city": "E"}},
        {"name": "return_delivered_order_items", "arguments": {"order_id": "#1", **SWAP}},
    ]
    told = {"id": "0", "user_scenario": {"instructions": {"reason_for_call": "Swap my cup."}}}
    (tmp_path / "db.json").write_text(json.dumps(TABLES))
    (tmp_path / "tasks.json").write_text(json.dumps([{**told, "evaluation_criteria": {"actions": actions}}]))
    return Retail(tmp_path)


def test_a_task_becomes_a_case_of_the_gold_actions_that_were_taken(small: Retail) -> None:
    (task,) = small.tasks
    case = small.case(task)

    assert [each.tool for each in small.refused(task.gold)] == ["return_delivered_order_items"]
    assert case.expect.calls is not None
    assert len(case.expect.calls) == 2
    assert verdict(case, small.observed(task, task.gold)).outcome == "pass"
    assert verdict(case, small.observed(task, task.gold[:2])).outcome == "fail"


def test_a_folder_without_the_shop_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"tau2 retail needs db.json, tasks.json in"):
        Retail(tmp_path)


def without_last_write(task: Task) -> tuple[CallMade, ...]:
    last = max(at for at, each in enumerate(task.gold) if each.tool in WRITES)
    return task.gold[:last] + task.gold[last + 1 :]


@pytest.fixture(scope="module")
def retail() -> Retail:
    return Retail(DATA)


@needs_data
def test_gold_actions_reach_the_gold_state_and_nothing_else_does(retail: Retail) -> None:
    writing = [task for task in retail.tasks if task.writes]

    assert sum(retail.right(task, task.gold) for task in retail.tasks) == len(retail.tasks) == 114
    assert (sum(not retail.right(task, without_last_write(task)) for task in writing), len(writing)) == (103, 104)
    assert sum(retail.right(task, ()) for task in retail.tasks) == 11


@needs_data
def test_two_gold_actions_break_the_policy_themselves(retail: Retail) -> None:
    refused = {task.id: [each.tool for each in retail.refused(task.gold)] for task in retail.tasks}

    # An item that is sold out, and one item of an order exchanged twice: errors of the data.
    assert {key for key, tools in refused.items() if tools} == {"64", "105"}


@needs_data
def test_the_default_verdict_passes_gold_and_no_run_without_its_last_write(retail: Retail) -> None:
    for task in retail.tasks:
        assert verdict(retail.case(task), retail.observed(task, task.gold)).outcome == "pass"
    passed = [
        task.id
        for task in retail.tasks
        if task.writes and verdict(retail.case(task), retail.observed(task, without_last_write(task))).outcome == "pass"
    ]

    assert passed == ["105"]  # whose last write is one of those that are refused
