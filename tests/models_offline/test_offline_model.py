"""The offline model behind the chat model contract."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from graphwright.models.contract import Delta, ModelRequest
from graphwright.models.offline import OfflineModel

Tool = dict[str, Any]


def tool(name: str, description: str, **params: str) -> Tool:
    properties = {key: {"type": "string", "description": value} for key, value in params.items()}
    schema = {"type": "object", "properties": properties, "required": list(params)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


SEARCH = tool("search_knowledge", "Search the knowledge base.", query="What to look for.")
WRITE = tool("write_file", "Write a text file.", path="Path of the file.", content="What to write.")
STOCK = tool("check_stock", "Check the stock of a warehouse.", warehouse="Name of the warehouse.")
HANDOFFS = [
    tool("transfer_to_billing", "Explains charges and refunds orders."),
    tool("transfer_to_technical", "Fixes problems with login and passwords."),
]
HITS = json.dumps(
    [
        {"id": "c1", "source": "kites.md", "heading": "Lines", "text": "A kite line is braided. It is 30 metres long."},
        {"id": "c2", "source": "soup.md", "heading": "Leek", "text": "Leek soup wants potatoes."},
    ]
)


async def ask(messages: list[AnyMessage], *tools: Tool, **more: Any) -> AIMessage:
    return await OfflineModel().respond(ModelRequest(messages=messages, tools=tools, **more))


async def after(question: str, result: str, *tools: Tool, status: Any = "success") -> tuple[AIMessage, AIMessage]:
    """The first answer, and the one after every call got the same result."""
    start: list[AnyMessage] = [HumanMessage(question)]
    first = await ask(start, *tools)
    results = [ToolMessage(result, tool_call_id=call["id"] or "", status=status) for call in first.tool_calls]
    return first, await ask([*start, first, *results], *tools)


async def test_every_answer_says_that_it_is_no_language_model() -> None:
    answer = await ask([HumanMessage("Hello")])

    assert answer.response_metadata["offline"] is True
    assert answer.response_metadata["notice"] == "deterministic heuristic baseline, not an LLM"
    assert answer.response_metadata["usage_is_estimate"] is True
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["input_tokens"] == 2


async def test_ids_are_fresh_and_the_rest_is_the_same() -> None:
    one, two = (
        await ask([HumanMessage("Check the stock of warehouse 'North'")], STOCK),
        await ask([HumanMessage("Check the stock of warehouse 'North'")], STOCK),
    )

    assert one.id != two.id
    assert [(c["name"], c["args"]) for c in one.tool_calls] == [(c["name"], c["args"]) for c in two.tool_calls]


async def test_it_searches_and_then_answers_with_citations() -> None:
    first, second = await after("How long is a kite line?", HITS, SEARCH)

    assert [(c["name"], c["args"]) for c in first.tool_calls] == [
        ("search_knowledge", {"query": "How long is a kite line?"})
    ]
    assert second.tool_calls == []
    assert second.text.startswith("It is 30 metres long. [1]") or "braided. [1]" in second.text
    assert "[1] kites.md — Lines — c1" in second.text
    assert "Leek" not in second.text


async def test_each_part_of_a_question_is_searched() -> None:
    answer = await ask([HumanMessage("How long is a kite line, and what does leek soup want?")], SEARCH)

    assert [c["args"]["query"] for c in answer.tool_calls] == [
        "How long is a kite line?",
        "What does leek soup want?",
    ]


async def test_a_text_to_write_waits_for_the_search_and_carries_its_answer() -> None:
    first, second = await after("How long is a kite line? Write the answer to kite.md", HITS, SEARCH, WRITE)

    assert [c["name"] for c in first.tool_calls] == ["search_knowledge"]
    [call] = second.tool_calls
    assert call["name"] == "write_file"
    assert call["args"]["path"] == "kite.md"
    assert "kite line" in call["args"]["content"]


async def test_it_says_plainly_when_the_results_do_not_answer() -> None:
    _, second = await after("Who invented the zeppelin?", HITS, SEARCH)

    assert second.text.startswith("I cannot answer this")


async def test_the_same_call_is_never_made_twice() -> None:
    first, second = await after("Check the stock of warehouse 'North'", "12 pallets", STOCK)

    assert len(first.tool_calls) == 1
    assert second.tool_calls == []
    assert "12 pallets" in second.text


async def test_a_failed_call_is_corrected_once_from_what_the_error_names() -> None:
    error = "There is no warehouse 'North'. It has: 'North-East', 'South'."
    first, second = await after("Check the stock of warehouse 'North'", error, STOCK, status="error")
    [retry] = second.tool_calls
    history: list[AnyMessage] = [
        HumanMessage("Check the stock of warehouse 'North'"),
        first,
        ToolMessage(error, tool_call_id=first.tool_calls[0]["id"] or "", status="error"),
        second,
        ToolMessage("There is no warehouse 'North-East'.", tool_call_id=retry["id"] or "", status="error"),
    ]

    third = await ask(history, STOCK)

    assert retry["args"] == {"warehouse": "North-East"}
    assert third.tool_calls == []
    assert "check_stock failed" in third.text


async def test_a_handoff_goes_to_whom_the_description_names() -> None:
    money = await ask([HumanMessage("I was charged twice for my order")], *HANDOFFS)
    login = await ask([HumanMessage("My password does not work")], *HANDOFFS)
    hello = await ask([HumanMessage("Hello there")], *HANDOFFS)

    assert [c["name"] for c in money.tool_calls] == ["transfer_to_billing"]
    assert [c["name"] for c in login.tool_calls] == ["transfer_to_technical"]
    assert hello.tool_calls == []


async def test_tool_choice_is_honoured() -> None:
    question: list[AnyMessage] = [HumanMessage("Check the stock of warehouse 'North'")]

    assert (await ask(question, STOCK, tool_choice="none")).tool_calls == []
    assert (await ask([HumanMessage("Hm")], STOCK, tool_choice="required")).tool_calls != []
    forced = await ask(question, STOCK, SEARCH, tool_choice="search_knowledge")
    assert [c["name"] for c in forced.tool_calls] == ["search_knowledge"]


async def test_structured_answers_come_parsed_and_as_json() -> None:
    schema = {
        "title": "Plan",
        "type": "object",
        "properties": {"queries": {"type": "array", "items": {"type": "string"}}},
        "required": ["queries"],
    }

    answer = await ask([HumanMessage("How long is a kite line? What does soup want?")], output=schema)

    assert answer.additional_kwargs["parsed"] == {"queries": ["How long is a kite line?", "What does soup want?"]}
    assert json.loads(answer.text) == answer.additional_kwargs["parsed"]


async def test_the_pieces_add_up_to_the_answer() -> None:
    pieces: list[Delta] = []

    answer = await OfflineModel().respond(ModelRequest(messages=[HumanMessage("Hello")]), on_delta=pieces.append)

    assert "".join(piece.text for piece in pieces) == answer.text


def test_answers_do_not_depend_on_hash_randomisation() -> None:
    script = (
        "from graphwright.models.offline import plan_calls\n"
        "p = {'type': 'object', 'properties': {'city': {'type': 'string'}, 'days': {'type': 'integer'}}}\n"
        "t = [{'name': n, 'description': n + ' forecast', 'parameters': p} for n in ('rain', 'snow', 'rain_or_snow')]\n"
        "print(plan_calls('rain and snow forecast for Oslo, Bergen and Narvik in 3 days', t))\n"
    )

    seen = {_run(script, seed) for seed in ("1", "2", "77")}

    assert len(seen) == 1


def _run(script: str, seed: str) -> str:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout
