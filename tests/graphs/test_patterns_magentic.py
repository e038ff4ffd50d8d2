"""Magentic: facts, plan, ledger, work; stuck teams begin anew, and every team comes to an end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import StateGraph
from langgraph.types import Command

from graphwright.agents import Agent
from graphwright.graphs import PatternDeclarationError, magentic
from graphwright.graphs.parts import tool_of
from graphwright.graphs.patterns.magentic_ledger import Ledger, ledger_schema
from graphwright.graphs.patterns.magentic_rules import (
    MAX_REVISIONS,
    Judged,
    Limits,
    Planned,
    Reviewed,
    Team,
    Worked,
    advance,
)
from graphwright.models import OfflineModel, ScriptedModel
from graphwright.models.script import When, calls
from graphwright.runtime import Approve, Edit, NotAllowed, Reject, Respond, Runtime, Settings
from graphwright.runtime.forking import fork
from graphwright.runtime.history import history
from graphwright.runtime.replaying import replay
from graphwright.tools import tool

GO = {"messages": [HumanMessage("How high is the tower?", id="go")]}
NAMES = ("one", "two")


@tool(effect="read")
async def look_up(order: str) -> str:
    """Look up an order."""
    return f"{order} cost 5"


def agent(name: str, *script: Any, tools: Any = ()) -> Agent:
    return Agent(name=name, description=f"Is {name}.", prompt="Work.", model=ScriptedModel(script), tools=tools)


def form(
    *, done: bool = False, loop: bool = False, progress: bool = True, who: str = "one", what: str = "Measure it."
) -> dict[str, Any]:
    return {
        "is_request_satisfied": {"reason": "r", "answer": done},
        "is_in_loop": {"reason": "round and round", "answer": loop},
        "is_progress_being_made": {"reason": "nothing new", "answer": progress},
        "next_speaker": {"reason": "r", "answer": who},
        "instruction_or_question": {"reason": "r", "answer": what},
    }


def ledger(**answers: Any) -> Judged:
    return Judged(Ledger.model_validate(form(**answers)))


async def run(graph: StateGraph[Any, Any], **config: Any) -> dict[str, Any]:
    return await graph.compile().ainvoke(GO, {"recursion_limit": 500, **config})


async def test_facts_plan_ledger_work_and_an_answer() -> None:
    lead = agent("lead", "It is a tower.", "1. one measures", form(), form(done=True), "50 m high.")
    one = agent("one", "50 m.")

    done = await run(magentic(one, agent("two"), manager=lead))

    assert (done["messages"][-1].text, done["messages"][-1].name) == ("50 m high.", "lead")
    assert (done["route"], done["rounds"], done["ended"]) == (["one"], 1, None)
    assert [each.text for each in one.model.requests[0].messages[1:]][-1] == "Measure it."
    second = lead.model.requests[3].messages[-1].text
    for words in ("It is a tower.", "1. one measures", "Result: 50 m."):
        assert words in second
    assert lead.model.requests[2].output["properties"]["next_speaker"]["properties"]["answer"]["enum"] == list(NAMES)


def test_no_progress_and_a_loop_are_stalls_and_progress_takes_one_back() -> None:
    limits = Limits(max_rounds=99, max_stall_count=3)
    team = Team()
    counted = []
    for answers in ({"progress": False}, {"loop": True}, {}, {}, {}, {"progress": False, "loop": True}):
        team, move = advance(team, ledger(**answers), NAMES, limits)
        assert move.to == "work"
        counted.append(team.stalls)

    assert counted == [1, 2, 1, 0, 0, 1]


def test_more_stalls_than_allowed_begin_anew_and_more_resets_than_allowed_end_it() -> None:
    limits = Limits(max_rounds=99, max_stall_count=1, max_reset_count=1)
    team, seen = Team(), []
    for _ in range(4):
        team, move = advance(team, ledger(progress=False), NAMES, limits)
        seen.append(move.to)

    assert seen == ["work", "facts", "work", "final"]
    assert "nothing new" in move.reason
    assert team.resets == 1


async def test_a_new_plan_begins_with_clean_hands_and_knows_why() -> None:
    lead = agent(
        "lead",
        "facts",
        "plan A",
        form(progress=False),
        form(progress=False),
        "more facts",
        "plan B",
        form(who="two"),
        form(done=True),
        "50 m.",
    )
    two = agent("two", "50 m.")

    done = await run(magentic(agent("one", "Dead end."), two, manager=lead, max_stall_count=1))

    facts, planning = lead.model.requests[4].messages[-1].text, lead.model.requests[5].messages[-1].text
    assert "Dead end." in facts
    assert "There is no progress: nothing new" in facts
    assert "plan A" in planning
    assert "Dead end." not in "".join(each.text for each in two.model.requests[0].messages)
    assert "Dead end." not in lead.model.requests[6].messages[-1].text
    assert done["route"] == ["one", "two"]


async def test_at_the_limit_of_rounds_the_best_answer_stands_with_the_reason() -> None:
    lead = agent("lead", "f", "p", When(lambda request: request.output is not None, form(), times=None), "About 50 m.")

    done = await run(magentic(agent("one", "49 m.", "51 m."), agent("two"), manager=lead, max_rounds=2))

    assert (done["messages"][-1].text, done["failed"]) == ("About 50 m.", False)
    assert done["ended"] == "The limit of 2 rounds was reached."
    assert "49 m." in lead.model.requests[-1].messages[-1].text


@pytest.mark.parametrize("bad", ["no form at all", {"is_request_satisfied": True}, {}, ""])
async def test_a_ledger_that_cannot_be_read_makes_a_new_plan_within_the_limit(bad: Any) -> None:
    lead = agent("lead", "f", "p", bad, "f", "p", bad, "f", "p", bad)

    done = await run(magentic(agent("one"), agent("two"), manager=lead))

    lead.model.assert_complete()
    assert done["failed"]
    assert "could not be read" in done["ended"]
    assert "There is no answer." in done["messages"][-1].text


async def test_an_unknown_speaker_is_asked_for_once_more_and_then_the_turn_goes_round() -> None:
    unknown = form(who="three")
    lead = agent("lead", "f", "p", unknown, unknown, unknown, form(who="two"), form(done=True), "A")

    done = await run(magentic(agent("one", "1"), agent("two", "2"), manager=lead))

    assert done["route"] == ["one", "two"]
    assert "There is no participant 'three'. There are: one, two." in lead.model.requests[3].messages[-1].text


async def test_one_who_fails_is_a_result_that_the_manager_sees() -> None:
    lead = agent("lead", "f", "p", form(), form(who="two"), form(done=True), "50 m.")

    done = await run(magentic(agent("one", RuntimeError("no ladder")), agent("two", "50 m."), manager=lead))

    assert "It failed: RuntimeError: no ladder" in lead.model.requests[3].messages[-1].text
    assert done["ended"] is None


async def test_one_who_says_nothing_has_failed() -> None:
    lead = agent("lead", "f", "p", form(), form(done=True), "Nothing found.")

    done = await run(magentic(agent("one", ""), agent("two"), manager=lead))

    assert "without an answer" in done["results"]["one"]["error"]
    assert done["messages"][-1].text == "Nothing found."


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(PatternDeclarationError) as caught:
        magentic(
            agent("one"), agent("final"), manager=agent("lead", tools=[look_up]), review="all", max_rounds=0,
            max_reset_count=-1,
        )  # type: ignore[arg-type]  # fmt: skip  # wrong on purpose

    for words in ("'final' cannot be used", "'lead' has tools", "'all'", "max_rounds is 0", "max_reset_count is -1"):
        assert words in str(caught.value)


def test_a_ledger_gives_a_reason_before_each_answer() -> None:
    fields = ledger_schema(NAMES)["properties"]

    assert list(fields) == list(Ledger.model_fields)
    assert all(list(each["properties"]) == ["reason", "answer"] for each in fields.values())


_ledgers = st.builds(
    ledger,
    done=st.booleans(),
    loop=st.booleans(),
    progress=st.booleans(),
    who=st.sampled_from(["one", "two", "three", ""]),
)


@given(
    judged=st.lists(st.one_of(_ledgers, st.just(Judged(None, "bad"))), max_size=300),
    reviews=st.lists(st.sampled_from(["approve", "revise", "reject"]), max_size=100),
    limits=st.builds(Limits, st.integers(1, 8), st.integers(1, 3), st.integers(0, 3)),
    review=st.booleans(),
)
@settings(max_examples=200)
def test_whatever_managers_and_people_do_a_team_ends_within_its_limits(
    judged: list[Judged], reviews: list[Any], limits: Limits, review: bool
) -> None:
    team, steps = Team(), 0
    to: str = "plan"
    speaker = ""
    while to != "final":
        steps += 1
        if to in ("facts", "plan"):
            event: Any = Planned(review)
        elif to == "review":
            event = Reviewed(reviews.pop() if reviews else "revise")
        elif to == "ledger":
            event = judged.pop() if judged else ledger(progress=False, who="three")
        else:
            event = Worked(speaker)
        team, move = advance(team, event, NAMES, limits)
        to, speaker = move.to, move.speaker
        assert to != "work" or move.speaker in NAMES
        assert team.rounds <= limits.max_rounds
        assert team.resets <= limits.max_reset_count
    plans = limits.max_reset_count + 1
    assert steps <= plans * (2 * MAX_REVISIONS + 4) + 3 * limits.max_rounds + 3 * plans + 10


async def test_events_tell_the_plan_and_who_works() -> None:
    lead = agent("lead", "f", "one measures", form(), form(done=True), "50 m.")

    told = [
        each
        async for _, each in magentic(agent("one", "50"), agent("two"), manager=lead)
        .compile()
        .astream(GO, stream_mode="custom", subgraphs=True)
    ]

    assert "Plan:\none measures" in [each.get("text") for each in told if each["type"] == "note"]
    assert [each["agent"] for each in told if each["type"] == "participant_started"] == ["one"]


async def test_offline_whoever_fits_is_asked_and_their_results_are_the_answer() -> None:
    def offline(name: str, about: str, **more: Any) -> Agent:
        return Agent(name=name, description=about, prompt="Work.", model=OfflineModel(), **more)

    orders = offline("orders", "Looks up what an order costs.", tools=[look_up])
    graph = magentic(offline("parcels", "Tracks parcels."), orders, manager=offline("lead", "Leads."))
    done = await graph.compile().ainvoke({"messages": [HumanMessage("Look up what the order A-1042 costs.")]})

    assert "A-1042 cost 5" in done["messages"][-1].text
    assert (done["route"], done["ended"]) == (["orders"], None)


async def test_offline_a_request_that_fits_nobody_ends_too() -> None:
    def offline(name: str, about: str) -> Agent:
        return Agent(name=name, description=about, prompt="Work.", model=OfflineModel())

    graph = magentic(offline("orders", "Looks up orders."), manager=offline("lead", "Leads."), review=None)
    done = await graph.compile().ainvoke({"messages": [HumanMessage("Who painted the ceiling?")]})

    assert done["rounds"] <= 1
    assert done["messages"][-1].text


# With a runtime.


def reviewed(*script: Any, one: Any = ()) -> StateGraph[Any, Any]:
    return magentic(agent("one", *one), manager=agent("lead", *script), review="plan")


async def test_a_person_sends_a_plan_back_then_approves_it(runtime: Runtime, start: Any, drive: Any) -> None:
    run = await start(runtime, reviewed("facts", "guess"))
    (approval,) = await runtime.approvals.pending()
    assert (approval.tool, approval.arguments["plan"]) == ("review_plan", "guess")
    await runtime.decide(approval.id, Respond("Measure instead."), by="ann")
    lead = agent("lead", "measure")
    run = await drive(runtime, run, magentic(agent("one"), manager=lead, review="plan"))
    assert "A person wants it changed: Measure instead." in lead.model.requests[0].messages[-1].text
    (approval,) = await runtime.approvals.pending()
    assert (run.status, approval.arguments["plan"]) == ("waiting", "measure")
    await runtime.decide(approval.id, Approve(), by="ann")

    done = await drive(runtime, run, reviewed(form(), form(done=True), "50 m.", one=("50",)))

    assert (done.status, done.output) == ("done", "50 m.")
    assert (await replay(runtime, reviewed(), run.id)).verdict == "same"


async def test_a_plan_waits_for_its_review_while_no_process_runs(tmp_path: Path, start: Any, drive: Any) -> None:
    settings = Settings(project_dir=tmp_path, state_dir=tmp_path / "kept")
    async with Runtime(settings) as first:
        run = await start(first, reviewed("facts", "guess"))
    async with Runtime(settings) as second:
        (approval,) = await second.approvals.pending()
        await second.decide(approval.id, Approve(), by="ann")
    async with Runtime(settings) as third:
        done = await drive(third, run, reviewed(form(done=True), "Done."))

    assert (done.status, done.output) == ("done", "Done.")


async def test_an_edited_plan_is_worked_by(runtime: Runtime, start: Any, drive: Any) -> None:
    run = await start(runtime, reviewed("facts", "guess"))
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Edit({**approval.arguments, "plan": "my plan"}), by="ann")

    await drive(runtime, run, reviewed(form(done=True), "Done."))

    assert (await runtime.state_of(run, reviewed()))["plan"] == "my plan"


async def test_a_plan_may_be_edited_without_the_request(runtime: Runtime, start: Any, drive: Any) -> None:
    run = await start(runtime, reviewed("facts", "guess"))
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Edit({"plan": "my plan"}), by="ann")

    done = await drive(runtime, run, reviewed(form(done=True), "Done."))

    assert (done.status, done.output) == ("done", "Done.")
    assert (await runtime.state_of(run, reviewed()))["plan"] == "my plan"


async def test_an_edit_that_is_no_plan_is_refused_where_the_tool_is_known_and_the_question_stays_open(
    runtime: Runtime, start: Any
) -> None:
    await start(runtime, reviewed("facts", "guess"))
    (approval,) = await runtime.approvals.pending()
    edit = Edit({"request": "How high?"})

    with pytest.raises(NotAllowed, match=r"The edit was not recorded; the question is still open\..*\n- plan: "):
        await runtime.decide(approval.id, edit, by="ann", tool=tool_of(reviewed(), "review_plan"))

    assert [each.id for each in await runtime.approvals.pending()] == [approval.id]


async def test_an_edit_that_is_no_plan_is_asked_about_again_and_says_what_is_missing(
    runtime: Runtime, start: Any, drive: Any
) -> None:
    run = await start(runtime, reviewed("facts", "guess"))
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Edit({"request": "How high?"}), by="ann")

    run = await drive(runtime, run, reviewed())

    assert run.status == "waiting"
    (again,) = await runtime.approvals.pending()
    assert "The edit was not taken" in again.reason
    assert "plan" in again.reason.partition("The edit was not taken")[2]
    await runtime.decide(again.id, Edit({"plan": "my plan"}), by="ann")
    done = await drive(runtime, run, reviewed(form(done=True), "Done."))
    assert (done.status, done.output) == ("done", "Done.")
    assert (await runtime.state_of(run, reviewed()))["plan"] == "my plan"
    assert (await replay(runtime, reviewed(), run.id)).verdict == "same"


async def test_edits_that_never_fit_end_the_run_and_say_why(runtime: Runtime, start: Any, drive: Any) -> None:
    run = await start(runtime, reviewed("facts", "guess"))

    for _ in range(MAX_REVISIONS + 1):
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, Edit({"plan": 7}), by="ann")
        run = await drive(runtime, run, reviewed())

    assert run.status == "done"
    assert "do not fit" in (run.output or "")


async def test_a_rejected_plan_ends_the_run_before_anybody_works(runtime: Runtime, start: Any, drive: Any) -> None:
    run = await start(runtime, reviewed("facts", "guess"))
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Reject("Too dear."), by="ann")

    done = await drive(runtime, run, reviewed())

    assert done.status == "done"
    assert "A person rejected the plan." in (done.output or "")
    assert "Too dear." in (done.output or "")


async def test_on_bare_langgraph_a_plan_is_reviewed_by_an_interrupt() -> None:
    graph = reviewed("facts", "guess", form(done=True), "Done.").compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    paused = await graph.ainvoke(GO, config)
    (question,) = paused["__interrupt__"]

    done = await graph.ainvoke(Command(resume={question.id: {"type": "approve"}}), config)

    assert done["messages"][-1].text == "Done."


class Till:
    """Pays with approval."""

    def __init__(self, works: Any) -> None:
        self.pay, self.paid = works.pay, works.paid

    def deep(self, outer: Any = (), middle: Any = (), inner: Any = (), clerk: Any = ()) -> StateGraph[Any, Any]:
        team = magentic(agent("one", *clerk, tools=[self.pay]), manager=agent("inner_lead", *inner), name="inner")
        between = magentic(team, manager=agent("middle_lead", *middle), name="between")
        return magentic(between, manager=agent("outer_lead", *outer))


async def test_teams_in_teams_wait_for_an_approval_and_are_replayed_and_forked(
    runtime: Runtime, works: Any, start: Any, drive: Any
) -> None:
    till = Till(works)
    leads = [("f", "p", form(who=name)) for name in ("between", "inner", "one")]
    run = await start(runtime, till.deep(*leads, (calls("pay", amount=1),)))
    (approval,) = await runtime.approvals.pending()
    assert run.status == "waiting"
    await runtime.decide(approval.id, Approve(), by="ann")
    ends = [(form(done=True), word) for word in ("C", "B", "A")]

    done = await drive(runtime, run, till.deep(*ends, ("paid",)))

    assert (done.status, done.output, till.paid) == ("done", "C", [1])
    assert (await replay(runtime, till.deep(), run.id)).verdict == "same"
    compiled = till.deep().compile(checkpointer=await runtime.checkpointer())
    at = next(each for each in await history(compiled, run.thread_id) if "between" in each.next)
    forked = await fork(runtime, till.deep(), run.thread_id, at.id)
    after = await drive(runtime, forked, till.deep((), *leads[1:], (calls("pay", amount=2),)))
    assert (after.status, till.paid) == ("waiting", [1])


async def test_a_malformed_ledger_is_recorded_so_that_the_run_can_be_replayed(runtime: Runtime, start: Any) -> None:
    def team(*script: Any) -> StateGraph[Any, Any]:
        return magentic(agent("one"), manager=agent("lead", *script), max_reset_count=0)

    run = await start(runtime, team("f", "p", "no form"))

    found = await replay(runtime, team(), run.id)
    assert found.verdict == "same", found.changes


async def test_a_team_of_two_hundred_turns_comes_to_its_end() -> None:
    always = When(lambda request: request.output is not None, form(), times=None)
    one = agent("one", When(lambda _: True, "still at it", times=None))

    done = await run(
        magentic(one, manager=agent("lead", "f", "p", always, "End."), max_rounds=200), recursion_limit=900
    )

    assert (done["rounds"], done["messages"][-1].text) == (200, "End.")
