"""The agent loop: what it does with a model's answers, and with tools that misbehave."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel, Field

from graphwright.agents import Agent
from graphwright.graphs import AgentFailed, agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import Reply, calls
from graphwright.tools import ToolContext, ToolFailed, tool


@tool(effect="read")
async def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@tool(effect="read")
async def fail(reason: str) -> str:
    """Fail for this reason."""
    raise ToolFailed(f"It cannot be done: {reason}.")


@tool(effect="read", ends_run=True)
async def fatal() -> str:
    """Fail so that the run ends."""
    raise ToolFailed("The disk is gone.")


@tool(effect="read")
async def crash() -> str:
    """Raise something unexpected."""
    raise ZeroDivisionError("division by zero")


@tool(effect="read")
async def remember(word: str, context: ToolContext) -> str:
    """Keep a word for this thread."""
    context.state["words"] = [*context.state.get("words", []), word]
    return "kept"


def worker(*script: Any, **settings: Any) -> Agent:
    model = ScriptedModel(script)
    settings.setdefault("tools", [double, fail, fatal, crash, remember])
    return Agent(name="worker", description="Works.", prompt="You work.", model=model, **settings)


async def run(agent: Agent, text: str = "go") -> dict[str, Any]:
    return await agent_loop(agent).compile().ainvoke({"messages": [HumanMessage(text)]})


def results(messages: list[BaseMessage]) -> list[ToolMessage]:
    return [each for each in messages if isinstance(each, ToolMessage)]


async def test_an_answer_without_tools_ends_the_run_and_carries_the_agents_name() -> None:
    done = await run(worker("42"))

    assert done["messages"][-1].text == "42"
    assert done["messages"][-1].name == "worker"


async def test_parallel_calls_are_all_answered_in_the_order_they_were_made() -> None:
    done = await run(worker([calls("double", number=n) for n in (1, 2, 3)], "done"))

    assert [each.content for each in results(done["messages"])] == ["2", "4", "6"]
    assert done["messages"][-1].text == "done"


async def test_parallel_calls_run_side_by_side() -> None:
    met = asyncio.Barrier(3)

    @tool(effect="read")
    async def meet() -> str:
        """Wait until three are here."""
        async with asyncio.timeout(5):
            await met.wait()
        return "met"

    done = await run(worker([calls("meet")] * 3, "done", tools=[meet]))

    assert [each.content for each in results(done["messages"])] == ["met"] * 3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (calls("fail", reason="no key"), "It cannot be done: no key."),
        (calls("crash"), "crash failed: ZeroDivisionError: division by zero"),
        (calls("duble", number=1), "There is no tool 'duble'. Did you mean 'double'?"),
        (calls("double", number="many"), "number"),
        (calls("double"), "number"),
        (calls("double", number=1, colour="red"), "colour"),
    ],
)
async def test_what_goes_wrong_with_a_call_is_told_to_the_model(call: Any, words: str) -> None:
    done = await run(worker(call, "sorry"))

    (result,) = results(done["messages"])
    assert words in str(result.content)
    assert result.status == "error"
    assert done["messages"][-1].text == "sorry"


async def test_arguments_that_are_not_json_are_answered_so_that_the_model_can_correct_itself() -> None:
    broken = Reply(invalid_tool_calls=[{"name": "double", "args": "{number: 1", "error": "Expecting property name"}])

    done = await run(worker(broken, calls("double", number=2), "4"))

    first, second = results(done["messages"])
    assert "not JSON" in str(first.content)
    assert second.content == "4"


async def test_a_tool_that_declares_so_ends_the_run() -> None:
    with pytest.raises(AgentFailed, match=r"'fatal' failed and its errors end the run: The disk is gone\."):
        await run(worker(calls("fatal"), "never"))


async def test_the_last_turn_may_not_call_tools() -> None:
    agent = worker(calls("double", number=1), calls("double", number=2), max_turns=2)

    done = await run(agent)

    assert agent.model.requests[0].tool_choice is None
    assert agent.model.requests[1].tool_choice == "none"
    assert isinstance(done["messages"][-1], AIMessage)
    assert not done["messages"][-1].tool_calls
    assert len(results(done["messages"])) == 1


async def test_calls_past_the_limit_are_refused_with_a_message() -> None:
    done = await run(worker([calls("double", number=n) for n in range(4)], "done", max_calls=2))

    refused = [each for each in results(done["messages"]) if each.status == "error"]
    assert len(refused) == 2
    assert all("limit of 2 tool calls" in str(each.content) for each in refused)


async def test_limits_count_from_the_newest_input_not_from_the_start_of_the_thread() -> None:
    agent = worker(calls("double", number=1), "2", calls("double", number=3), "6", max_turns=2)
    graph = agent_loop(agent).compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}

    await graph.ainvoke({"messages": [HumanMessage("one")]}, config)
    done = await graph.ainvoke({"messages": [HumanMessage("two")]}, config)

    assert done["messages"][-1].text == "6"


class Sum(BaseModel):
    total: Annotated[int, Field(ge=0)]


async def test_a_structured_answer_becomes_plain_data_in_the_state() -> None:
    done = await run(worker({"total": 3}, output=Sum))

    assert done["output"] == {"total": 3}


async def test_a_structured_answer_that_does_not_fit_is_sent_back_and_mended() -> None:
    agent = worker({"total": -1}, {"total": 5}, output=Sum)

    done = await run(agent)

    assert done["output"] == {"total": 5}
    assert "total: Input should be greater than or equal to 0" in agent.model.requests[1].messages[-1].text


async def test_a_structured_answer_that_never_fits_fails_with_the_last_problem() -> None:
    with pytest.raises(AgentFailed, match="gave 3 answers that do not fit Sum"):
        await run(worker({"total": -1}, {"total": -1}, {"total": -1}, output=Sum))


async def test_what_tools_keep_is_there_at_the_next_call() -> None:
    done = await run(worker(calls("remember", word="one"), calls("remember", word="two"), "done"))

    assert done["notes"] == {"words": ["one", "two"]}


async def test_events_carry_the_agents_name_and_tokens_are_streamed() -> None:
    graph = agent_loop(worker(calls("double", number=1), "two words")).compile()

    events = [each async for each in graph.astream({"messages": [HumanMessage("go")]}, stream_mode="custom")]

    assert {each["agent"] for each in events} == {"worker"}
    assert "".join(each["text"] for each in events if each["type"] == "token") == "two words"
    kinds = [each["type"] for each in events if each["type"] != "token"]
    assert kinds == [
        "model_started",
        "model_finished",
        "tool_started",
        "tool_finished",
        "model_started",
        "model_finished",
    ]


async def test_progress_of_a_tool_is_streamed_under_its_call() -> None:
    @tool(effect="read")
    async def slow(context: ToolContext) -> str:
        """Take a while."""
        context.progress("half way", 0.5)
        return "there"

    graph = agent_loop(worker(calls("slow"), "done", tools=[slow])).compile()

    events = [each async for each in graph.astream({"messages": [HumanMessage("go")]}, stream_mode="custom")]

    (progress,) = [each for each in events if each["type"] == "tool_progress"]
    assert (progress["text"], progress["progress"], progress["tool"]) == ("half way", 0.5, "slow")


class Ledger:
    """What happened in the world."""

    def __init__(self) -> None:
        self.paid: list[int] = []

    def agent(self, *script: Any) -> Agent:
        @tool(effect="write", approval="Moves money.", critical=("amount",))
        async def pay(amount: int) -> str:
            """Pay an amount."""
            self.paid.append(amount)
            return f"paid {amount}"

        return worker(*script, tools=[pay, double])


async def decided(ledger: Ledger, decision: dict[str, Any]) -> dict[str, Any]:
    agent = ledger.agent([calls("pay", amount=5), calls("double", number=4)], "done")
    graph = agent_loop(agent).compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    paused = await graph.ainvoke({"messages": [HumanMessage("go")]}, config)
    (question,) = paused["__interrupt__"]
    assert question.value["name"] == "pay"
    assert question.value["args"] == {"amount": 5}
    assert ledger.paid == []
    return await graph.ainvoke(Command(resume={question.id: decision}), config)


async def test_an_approval_asks_before_the_effect_and_its_sibling_runs_once() -> None:
    ledger = Ledger()

    done = await decided(ledger, {"type": "approve"})

    assert ledger.paid == [5]
    assert [each.content for each in results(done["messages"])] == ["paid 5", "8"]


async def test_a_rejected_call_does_not_happen_and_the_model_is_told_why() -> None:
    ledger = Ledger()

    done = await decided(ledger, {"type": "reject", "message": "too much"})

    assert ledger.paid == []
    assert "too much" in str(results(done["messages"])[0].content)
    assert results(done["messages"])[0].status == "error"


async def test_an_edited_call_runs_with_the_edited_arguments_only() -> None:
    ledger = Ledger()

    await decided(ledger, {"type": "edit", "edited_action": {"name": "pay", "args": {"amount": 3}}})

    assert ledger.paid == [3]


async def test_an_edit_is_validated_like_the_models_arguments() -> None:
    ledger = Ledger()

    done = await decided(ledger, {"type": "edit", "edited_action": {"name": "pay", "args": {"amount": "lots"}}})

    assert ledger.paid == []
    assert results(done["messages"])[0].status == "error"


async def test_a_response_stands_as_the_result_without_a_call() -> None:
    ledger = Ledger()

    done = await decided(ledger, {"type": "respond", "message": "already paid"})

    assert ledger.paid == []
    assert results(done["messages"])[0].content == "already paid"
    assert results(done["messages"])[0].status == "success"


class Listening(ScriptedModel):
    """Remembers whether each answer was to be streamed."""

    heard: list[bool] = Field(default_factory=list)

    async def respond(self, request: Any, *, on_delta: Any = None) -> AIMessage:
        self.heard.append(on_delta is not None)
        return await super().respond(request, on_delta=on_delta)


async def test_answers_are_streamed_only_where_somebody_listens() -> None:
    model = Listening(["one", "two", "three"], heard=[])
    graph = agent_loop(Agent(name="a", description="d", prompt="p", model=model)).compile()
    question = {"messages": [HumanMessage("go")]}

    await graph.ainvoke(question)
    _ = [each async for each in graph.astream(question, stream_mode="updates")]
    _ = [each async for each in graph.astream(question, stream_mode="custom")]

    assert model.heard == [False, False, True]
