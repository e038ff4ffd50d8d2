"""The to-do list lives in the state of a thread, and counts a repeated call once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from graphwright.tools import IdempotencyKey, InvalidArguments, Tool, ToolContext, ToolFailed
from graphwright.tools.builtin import add_todos, complete_todos, list_todos


async def run(one: Tool, state: dict[str, Any], key: str = "", **arguments: Any) -> str:
    context = ToolContext(call_id=key or "c", key=IdempotencyKey(key), state=state)
    return str(await one.invoke(one.validate(arguments), context))


async def test_things_are_added_ticked_off_and_listed() -> None:
    state: dict[str, Any] = {}

    await run(add_todos, state, "a", items=["Read the brief", "Write\n the plan"])
    await run(add_todos, state, "b", items=["Ask Ann"])
    await run(complete_todos, state, "c", numbers=[2])

    assert await run(list_todos, state) == (
        "[ ] 1. Read the brief\n[x] 2. Write the plan\n[ ] 3. Ask Ann\n2 of 3 left."
    )


async def test_the_state_is_plain_data_and_each_thread_has_its_own() -> None:
    first: dict[str, Any] = {}

    await run(add_todos, first, items=["Ünïcode 🎉"])

    assert json.loads(json.dumps(first)) == first
    assert await run(list_todos, {}) == "Nothing to do."


async def test_an_old_state_is_never_changed_in_place() -> None:
    state: dict[str, Any] = {}
    await run(add_todos, state, "a", items=["one"])
    before = json.dumps(state["todo"])
    old = state["todo"]

    await run(complete_todos, state, "b", numbers=[1])

    assert json.dumps(old) == before


async def test_the_same_call_again_adds_nothing() -> None:
    state: dict[str, Any] = {}

    first = await run(add_todos, state, "a", items=["one"])
    again = await run(add_todos, state, "a", items=["one"])

    assert first == again == "[ ] 1. one\n1 of 1 left."


async def test_fifty_calls_at_once_lose_nothing() -> None:
    state: dict[str, Any] = {}

    await asyncio.gather(*(run(add_todos, state, f"k{n}", items=[f"thing {n}"]) for n in range(50)))

    assert sorted(todo["number"] for todo in state["todo"]) == list(range(1, 51))


async def test_wrong_numbers_and_too_much_are_refused() -> None:
    state: dict[str, Any] = {}
    await run(add_todos, state, "a", items=["one"])

    with pytest.raises(ToolFailed, match=r"no number 7 on the list\. There are: 1\."):
        await run(complete_todos, state, "b", numbers=[1, 7])
    assert state["todo"][0]["done"] is False
    with pytest.raises(InvalidArguments, match="items"):
        await run(add_todos, state, "c", items=[])
    for n in range(3):
        await run(add_todos, state, f"d{n}", items=["x"] * 50)
    with pytest.raises(ToolFailed, match="more than 200 entries"):
        await run(add_todos, state, "e", items=["x"] * 50)
