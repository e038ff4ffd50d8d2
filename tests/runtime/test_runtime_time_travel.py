"""Time travel: history, differences, forks that ask again, and replays that call nothing."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from graphwright.agents import Agent
from graphwright.graphs import agent_loop, use_tool
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, NotAllowed, NotFound, Respond, Run, RunContext, Runtime, Settings, ThreadBusy
from graphwright.runtime.explaining import explain
from graphwright.runtime.forking import fork
from graphwright.runtime.history import Point, difference, history
from graphwright.runtime.replaying import replay
from graphwright.tools import ToolContext, tool

GO = {"messages": [{"role": "user", "content": "go"}]}


class Shop:
    """A world with money in it, a catalogue to look things up in, and a clerk."""

    def __init__(self) -> None:
        self.paid: list[int] = []
        self.looked = 0

        @tool(effect="write", approval="Moves money.")
        async def pay(amount: int) -> str:
            """Pay an amount."""
            self.paid.append(amount)
            return f"paid {amount}"

        @tool(effect="read")
        async def search(words: str) -> list[dict[str, Any]]:
            """Search the catalogue."""
            self.looked += 1
            return [{"id": f"chunk-{words}", "source": "book.md", "heading": "Prices", "text": f"{words} costs 5"}]

        self.tools = (pay, search)

    def graph(self, *script: Any) -> StateGraph[Any, Any]:
        model = ScriptedModel(script)
        return agent_loop(Agent(name="clerk", description="Pays.", prompt="Pay.", tools=self.tools, model=model))


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "state")) as opened:
        yield opened


def text_of(state: Any) -> str:
    return str(state["messages"][-1].text) if "messages" in state else str(state)


async def drive(runtime: Runtime, run: Run, graph: StateGraph[Any, Any]) -> Run:
    async for _ in runtime.drive(run.id, graph, output=text_of):
        pass
    return await runtime.runs.get(run.id)


async def answer_all(runtime: Runtime, run: Run) -> None:
    for approval in await runtime.approvals.pending(run_id=run.id):
        await runtime.decide(approval.id, Approve(), by="ann")


async def bought(runtime: Runtime, shop: Shop) -> Run:
    """A run that looked something up, paid for it after approval, and ended."""
    run = await runtime.start("clerk", GO)
    await drive(runtime, run, shop.graph(calls("search", words="tea"), calls("pay", amount=5)))
    await answer_all(runtime, run)
    return await drive(runtime, run, shop.graph("bought"))


async def points_of(runtime: Runtime, shop: Shop, run: Run) -> list[Point]:
    compiled = shop.graph().compile(checkpointer=await runtime.checkpointer())
    return await history(compiled, run.thread_id)


def before(points: list[Point], node: str) -> Point:
    """The last checkpoint from which this node comes next."""
    return next(each for each in reversed(points) if node in each.next)


async def test_history_names_each_steps_run_next_nodes_and_changes(runtime: Runtime, shop: Shop) -> None:
    run = await bought(runtime, shop)

    points = await points_of(runtime, shop, run)

    assert [each.source for each in points] == ["input", *["loop"] * (len(points) - 1)]
    assert [each.next for each in points[-4:]] == [("model",), ("tools",), ("model",), ()]
    assert {each.run for each in points} == {run.id}
    assert all(later.parent == earlier.id for earlier, later in itertools.pairwise(points))
    assert [each.key for each in points[-1].changed] == ["messages[5] ai"]


async def test_two_checkpoints_differ_by_the_messages_between_them(runtime: Runtime, shop: Shop) -> None:
    run = await bought(runtime, shop)
    compiled = shop.graph().compile(checkpointer=await runtime.checkpointer())
    points = await history(compiled, run.thread_id)
    first, last = (compiled, run.thread_id, points[-3].id), (compiled, run.thread_id, points[-1].id)

    there, back = await difference(first, last), await difference(last, first)

    assert [(each.kind, each.key) for each in there] == [("added", "messages[4] tool"), ("added", "messages[5] ai")]
    assert [each.kind for each in back] == ["removed", "removed"]
    assert there[0].after["content"] == "paid 5"
    with pytest.raises(NotFound, match="graphwright history"):
        await difference(first, (compiled, run.thread_id, "1ef00000-0000-6000-8000-000000000000"))


async def test_a_fork_asks_again_and_repeats_nothing_by_itself(runtime: Runtime, shop: Shop) -> None:
    run = await bought(runtime, shop)
    at = before(await points_of(runtime, shop, run), "tools")

    forked = await fork(runtime, shop.graph(), run.thread_id, at.id)
    after = await drive(runtime, forked, shop.graph("bought twice"))

    assert after.status == "waiting"
    assert shop.paid == [5]
    (asked,) = await runtime.approvals.pending()
    assert asked.run_id == forked.id
    await answer_all(runtime, forked)
    done = await drive(runtime, forked, shop.graph("bought twice"))
    assert (done.status, done.output) == ("done", "bought twice")
    assert shop.paid == [5, 5]
    assert len([each for each in await runtime.journal.of_run(run.id) if each.name == "pay"]) == 1


async def test_a_fork_begins_with_the_state_of_its_checkpoint_and_the_branch_it_left_stays(
    runtime: Runtime, shop: Shop
) -> None:
    run = await bought(runtime, shop)
    points = await points_of(runtime, shop, run)
    at = before(points[:-1], "model")

    forked = await fork(runtime, shop.graph(), run.thread_id, at.id)
    await drive(runtime, forked, shop.graph("another end"))

    now = await points_of(runtime, shop, run)
    assert [each.id for each in now[: len(points)]] == [each.id for each in points]
    assert [each.text for each in now[-1].values["messages"]][:-1] == [each.text for each in at.values["messages"]]
    assert now[len(points)].source == "fork"
    compiled = shop.graph().compile(checkpointer=await runtime.checkpointer())
    assert not await difference((compiled, run.thread_id, points[-1].id), (compiled, run.thread_id, points[-1].id))


async def test_a_fork_is_a_copy_only_when_it_is_driven_and_makes_it_once(runtime: Runtime, shop: Shop) -> None:
    run = await bought(runtime, shop)
    points = await points_of(runtime, shop, run)

    forked = await fork(runtime, shop.graph(), run.thread_id, before(points, "tools").id)
    assert len(await points_of(runtime, shop, run)) == len(points)
    for _ in range(3):
        await drive(runtime, forked, shop.graph())

    assert len(await points_of(runtime, shop, run)) == len(points) + 1
    assert forked.options["fork"]["epoch"] == 1


async def test_a_fork_takes_edits_as_updates_of_the_state(runtime: Runtime, shop: Shop) -> None:
    run = await bought(runtime, shop)
    points = await points_of(runtime, shop, run)
    at = before(points[:-1], "model")
    said = {"role": "user", "content": "and cake", "id": "cake"}

    edits = {"notes": {"a": 1}, "messages": [said]}
    forked = await fork(runtime, shop.graph(), run.thread_id, at.id, edits=edits)
    await drive(runtime, forked, shop.graph(lambda request: request.messages[-1].text))

    last = (await points_of(runtime, shop, run))[-1]
    assert last.values["notes"] == {"a": 1}
    assert [each.text for each in last.values["messages"]][-2:] == ["and cake", "and cake"]


async def test_a_fork_is_refused_for_what_the_state_has_not_and_while_the_thread_is_busy(
    runtime: Runtime, shop: Shop
) -> None:
    run = await bought(runtime, shop)
    points = await points_of(runtime, shop, run)
    place = (runtime, shop.graph(), run.thread_id)

    with pytest.raises(NotAllowed, match=r"no key 'colour'. It has: .*messages"):
        await fork(*place, points[-1].id, edits={"colour": 1})
    with pytest.raises(NotAllowed, match="cannot take this value"):
        await fork(*place, points[-1].id, edits={"messages": [7]})
    with pytest.raises(NotAllowed, match="in the middle of a run"):
        await fork(*place, points[1].id, values=GO)
    with pytest.raises(NotFound):
        await fork(*place, "1ef00000-0000-6000-8000-000000000000")
    await fork(*place, points[-1].id)
    with pytest.raises(ThreadBusy):
        await fork(*place, points[-1].id)


async def test_a_conversation_goes_on_from_an_earlier_end_with_other_words(runtime: Runtime, shop: Shop) -> None:
    first = await runtime.start("clerk", GO)
    await drive(runtime, first, shop.graph("one"))
    end = (await points_of(runtime, shop, first))[-1]
    second = await runtime.start("clerk", GO, thread_id=first.thread_id)
    await drive(runtime, second, shop.graph("two"))

    other = {"messages": [{"role": "user", "content": "other"}]}
    forked = await fork(runtime, shop.graph(), first.thread_id, end.id, values=other)
    graph = shop.graph(lambda request: " / ".join(each.text for each in request.messages[1:]))

    assert (await drive(runtime, forked, graph)).output == "go / one / other"


async def test_a_replay_of_a_whole_run_is_the_same_and_calls_nothing(runtime: Runtime, shop: Shop) -> None:
    run = await bought(runtime, shop)
    before_it = await points_of(runtime, shop, run)

    found = await replay(runtime, shop.graph(), run.id)

    assert (found.verdict, found.steps, found.changes) == ("same", len(before_it) - 1, ())
    assert (shop.paid, shop.looked) == ([5], 1)
    assert await points_of(runtime, shop, run) == before_it
    assert (await runtime.runs.get(run.id)) == run


async def test_a_fork_and_the_branch_it_left_are_both_replayed(runtime: Runtime, shop: Shop) -> None:
    run = await bought(runtime, shop)
    at = before(await points_of(runtime, shop, run), "tools")
    forked = await fork(runtime, shop.graph(), run.thread_id, at.id)
    await drive(runtime, forked, shop.graph())
    await answer_all(runtime, forked)
    await drive(runtime, forked, shop.graph("again"))

    assert (await replay(runtime, shop.graph(), run.id)).verdict == "same"
    assert (await replay(runtime, shop.graph(), forked.id)).verdict == "same"
    assert shop.paid == [5, 5]


class Numbers(TypedDict, total=False):
    start: int
    double: int
    answer: str


def counting(factor: int = 2) -> StateGraph[Any, Any]:
    async def double(state: Numbers) -> Numbers:
        return {"double": state["start"] * factor}

    async def ask(state: Numbers) -> Numbers:
        return {"answer": f"{interrupt('Which?')} and {interrupt('And which?')}"}

    graph = StateGraph(Numbers, context_schema=RunContext)
    graph.add_node("double", double).add_node("ask", ask)
    return graph.add_edge(START, "double").add_edge("double", "ask")


async def test_a_changed_node_is_found_at_the_first_step_that_differs(runtime: Runtime) -> None:
    run = await runtime.start("numbers", {"start": 4})
    await drive(runtime, run, counting())

    found = await replay(runtime, counting(factor=3), run.id)

    assert (found.verdict, found.steps, found.nodes) == ("differs", 1, ("double",))
    assert [(each.key, each.before, each.after) for each in found.changes] == [("double", 8, 12)]


async def test_a_node_that_fails_now_and_had_not_is_told(runtime: Runtime) -> None:
    run = await runtime.start("numbers", {"start": 4})
    await drive(runtime, run, counting())

    found = await replay(runtime, counting(factor=None), run.id)  # type: ignore[arg-type]  # so that it breaks

    assert found.verdict == "failed"
    assert "TypeError" in found.error


async def test_a_missing_record_is_told_and_not_executed(runtime: Runtime, shop: Shop) -> None:
    run = await bought(runtime, shop)
    delete = "DELETE FROM journal WHERE name = 'pay'"
    await runtime.database.transaction(lambda connection: connection.exec_driver_sql(delete))

    found = await replay(runtime, shop.graph(), run.id)

    assert found.verdict == "not_recorded"
    assert "pay" in found.missing[0]
    assert shop.paid == [5]


async def test_the_answers_to_a_graphs_own_questions_are_served(runtime: Runtime) -> None:
    class Colour(TypedDict, total=False):
        colour: str

    async def ask(state: Colour) -> Colour:
        return {"colour": str(interrupt("Which colour?"))}

    graph = StateGraph(Colour, context_schema=RunContext).add_node("ask", ask).add_edge(START, "ask")
    run = await runtime.start("colour", {"colour": "?"})
    await drive(runtime, run, graph)
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Respond("blue"))
    assert (await drive(runtime, run, graph)).status == "done"

    assert (await replay(runtime, graph, run.id)).verdict == "same"


async def test_a_graph_inside_a_node_is_replayed_with_its_models_tools_and_approvals(
    runtime: Runtime, shop: Shop
) -> None:
    """There LangGraph gives every step a new id, so records are found by their place."""
    script = [calls("search", words="tea"), [calls("pay", amount=1), calls("pay", amount=2)], "done inside"]

    class Outer(TypedDict, total=False):
        said: str
        direct: str

    def outer() -> StateGraph[Any, Any]:
        inner = shop.graph(*script).compile()

        async def work(state: Outer, runtime: Any) -> Outer:
            done = await inner.ainvoke({"messages": [("user", "go")]})
            outcome = await use_tool(shop.tools[1], {"words": "cake"}, runtime, agent="clerk", key="1")
            return {"said": done["messages"][-1].text, "direct": outcome.content}

        graph = StateGraph(Outer, context_schema=RunContext).add_node("work", work)
        return graph.add_edge(START, "work")

    machine = outer()
    run = await runtime.start("outer", {"said": ""})
    await drive(runtime, run, machine)
    await answer_all(runtime, run)
    assert (await drive(runtime, run, machine)).status == "done"
    assert sorted(shop.paid) == [1, 2]

    found = await replay(runtime, outer(), run.id)

    assert (found.verdict, found.missing) == ("same", ())
    assert (sorted(shop.paid), shop.looked) == ([1, 2], 2)


async def test_what_a_tool_keeps_for_its_thread_is_replayed_with_its_outcome(runtime: Runtime) -> None:
    @tool(effect="write")
    async def note(text: str, *, context: ToolContext) -> str:
        """Keep a note."""
        context.state["notes"] = [*context.state.get("notes", ()), text]
        return "kept"

    def clerk(*script: Any) -> StateGraph[Any, Any]:
        model = ScriptedModel(script)
        return agent_loop(Agent(name="clerk", description="Notes.", prompt="Note.", tools=[note], model=model))

    run = await runtime.start("clerk", GO)
    await drive(runtime, run, clerk(calls("note", text="tea"), "noted"))

    assert (await replay(runtime, clerk(), run.id)).changes == ()


async def test_a_run_that_waits_is_replayed_as_far_as_it_came(runtime: Runtime, shop: Shop) -> None:
    run = await runtime.start("clerk", GO)
    await drive(runtime, run, shop.graph(calls("pay", amount=5)))

    found = await replay(runtime, shop.graph(), run.id)

    assert (found.verdict, found.steps) == ("same", 2)


async def test_a_run_that_never_began_cannot_be_replayed(runtime: Runtime, shop: Shop) -> None:
    run = await runtime.start("clerk", GO)

    with pytest.raises(NotFound, match="no checkpoints"):
        await replay(runtime, shop.graph(), run.id)


async def test_an_explanation_names_prompts_calls_chunks_and_who_approved(runtime: Runtime, shop: Shop) -> None:
    run = await bought(runtime, shop)

    found = await explain(runtime, run.id)

    assert (found.answer, found.status, found.prompts) == ("bought", "done", run.prompts)
    assert [each.calls for each in found.asked] == [("search",), ("pay",), ()]
    assert [(each.tool, each.arguments, each.status) for each in found.called] == [
        ("search", {"words": "tea"}, "done"),
        ("pay", {"amount": 5}, "done"),
    ]
    assert found.chunks == [{"id": "chunk-tea", "source": "book.md", "heading": "Prices"}]
    (decided,) = found.decided
    assert (decided.tool, decided.by, decided.decision) == ("pay", "ann", {"type": "approve"})
    assert len(found.signature) == 64
