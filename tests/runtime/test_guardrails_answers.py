"""What people answer enters a run as its input does: guardrails at the input look at it before it is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, Decision, Edit, Reject, Respond, Run, Runtime, Settings
from graphwright.runtime.ask import ask_person
from graphwright.runtime.errors import AlreadyDecided
from graphwright.runtime.explaining import explain
from graphwright.runtime.forking import fork
from graphwright.runtime.guardrails.declaring import GuardrailBlocked
from graphwright.runtime.history import history
from graphwright.tools import ToolTimedOut, tool

MAIL = "ann@example.org"
MARK = "[redacted:email]"
REDACT = {"look_for": "pii", "kinds": ["email"], "at": ["input"], "do": "redact"}


class House:
    """A runtime with one guardrail, a clerk who asks people, and a tool that needs an approval."""

    def __init__(self, folder: Path, **rail: Any) -> None:
        self.folder = folder
        told = {"project_dir": folder, "state_dir": folder / ".graphwright", "guardrails": [{**REDACT, **rail}]}
        self.runtime = Runtime(Settings.model_validate(told))
        self.written: list[str] = []

    def graph(self, *script: Any) -> StateGraph[Any, Any]:
        @tool(effect="write", approval="It writes.")
        def write(text: str) -> str:
            """Write something."""
            self.written.append(text)
            if text == "late":
                raise ToolTimedOut("Nothing came back.")
            return f"wrote {text}"

        model = ScriptedModel(script)
        held = [write, ask_person]
        return agent_loop(Agent(name="clerk", description="W.", prompt="W.", tools=held, model=model))

    async def drive(self, run: Run, *script: Any) -> Run:
        def last(state: Any) -> str:
            return str(state["messages"][-1].text)

        async for _ in self.runtime.drive(run.id, self.graph(*script), output=last):
            pass
        return await self.runtime.runs.get(run.id)

    async def asked(self, *script: Any) -> Run:
        values = {"messages": [{"role": "user", "content": "go"}]}
        return await self.drive(await self.runtime.start("clerk", values), *script)

    async def decide(self, decision: Decision) -> None:
        (approval,) = await self.runtime.approvals.pending()
        await self.runtime.decide(approval.id, decision, by="ann")

    async def noticed(self, run: Run) -> list[tuple[str, str, str]]:
        ruled = (await explain(self.runtime, run.id)).ruled
        return [(each.rule, each.found, each.sentence.split(": ", 1)[1]) for each in ruled]

    async def tool_results(self, run: Run) -> list[str]:
        state = await self.runtime.state_of(run, self.graph())
        return [each.text for each in state["messages"] if each.type == "tool"]

    def stored(self, text: str) -> bool:
        """Whether any file of the state folder holds this text."""
        files = (self.folder / ".graphwright").rglob("*")
        return any(text.encode() in each.read_bytes() for each in files if each.is_file())


QUESTION = calls("ask_person", question="Whom?")
WRITING = calls("write", text="a note")


async def test_an_answer_is_stored_and_told_redacted_and_that_is_recorded_once(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.runtime:
        run = await house.asked(QUESTION)
        await house.decide(Respond(f"Write to {MAIL}."))
        run = await house.drive(run, "Done.")
        told, noticed = await house.tool_results(run), await house.noticed(run)

    assert (run.status, told) == ("done", [f"Write to {MARK}."])
    assert noticed == [("guardrail:pii", "redact", "It holds email. That was redacted.")]
    assert not house.stored(MAIL)


async def test_a_blocked_answer_leaves_the_question_open_and_nothing_behind(tmp_path: Path) -> None:
    house = House(tmp_path, do="block")
    async with house.runtime:
        run = await house.asked(QUESTION)
        with pytest.raises(
            GuardrailBlocked, match=r"question is still open. Guardrail 'pii' blocks it. It holds email"
        ):
            await house.decide(Respond(f"Write to {MAIL}."))
        await house.decide(Respond("Write to Ann."))
        run = await house.drive(run, "Done.")

    assert run.status == "done"
    assert not house.stored(MAIL)


async def test_a_flagged_answer_passes_and_is_recorded(tmp_path: Path) -> None:
    house = House(tmp_path, do="flag")
    async with house.runtime:
        run = await house.asked(QUESTION)
        await house.decide(Respond(MAIL))
        run = await house.drive(run, "Done.")
        told, noticed = await house.tool_results(run), await house.noticed(run)

    assert told == [MAIL]
    assert noticed == [("guardrail:pii", "flag", "It holds email. It passed.")]


async def test_the_reason_of_a_rejection_is_told_to_the_model_redacted(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.runtime:
        run = await house.asked(WRITING)
        await house.decide(Reject(f"Ask {MAIL} first."))
        run = await house.drive(run, "Done.")
        (told,) = await house.tool_results(run)

    assert told.endswith(f"The reason given: Ask {MARK} first.")
    assert not house.stored(MAIL)


async def test_an_edit_that_would_be_redacted_is_refused_and_an_approval_is_not_looked_at(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.runtime:
        run = await house.asked(calls("write", text=MAIL))
        with pytest.raises(GuardrailBlocked, match="not recorded; the question is still open"):
            await house.decide(Edit({"text": f"{MAIL}, urgent"}))
        await house.decide(Approve())
        run = await house.drive(run, "Done.")

    assert (run.status, house.written) == ("done", [MAIL])


async def test_what_the_model_wrote_and_the_editor_left_is_not_theirs_to_answer_for(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.runtime:
        run = await house.asked(calls("write", text=MAIL))
        await house.decide(Edit({"text": MAIL}))
        run = await house.drive(run, "Done.")

    assert (run.status, house.written) == ("done", [MAIL])


async def test_an_answer_that_came_too_late_leaves_no_note(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.runtime:
        run = await house.asked(QUESTION)
        (approval,) = await house.runtime.approvals.pending()
        await house.decide(Respond("Ann."))
        with pytest.raises(AlreadyDecided):
            await house.runtime.decide(approval.id, Respond(MAIL), by="bob")
        run = await house.drive(run, "Done.")

        assert await house.noticed(run) == []
    assert not house.stored(MAIL)


async def test_what_somebody_says_became_of_a_call_is_looked_at(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.runtime:
        run = await house.asked(calls("write", text="late"))
        await house.decide(Approve())
        run = await house.drive(run)
        (entry,) = await house.runtime.journal.unknown()
        await house.runtime.journal.resolve(entry.id, "happened", by="ann", note=f"{MAIL} has it.")
        run = await house.drive(run, "Done.")
        told, noticed = await house.tool_results(run), await house.noticed(run)

    assert (run.status, told) == ("done", [f"{MARK} has it."])
    assert [each[:2] for each in noticed] == [("guardrail:pii", "redact")]
    assert not house.stored(MAIL)


async def test_what_a_fork_is_given_is_looked_at(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.runtime:
        run = await house.asked("Hello.")
        graph = house.graph("Hello again.")
        compiled = graph.compile(checkpointer=await house.runtime.checkpointer())
        ended = (await history(compiled, run.thread_id))[-1].id
        said = {"messages": [{"role": "user", "content": f"I am {MAIL}."}]}
        forked = await fork(house.runtime, graph, run.thread_id, ended, values=said, edits=said)

    assert MARK in str(forked.input)
    assert not house.stored(MAIL)


async def test_a_shape_is_that_of_the_whole_input_and_not_asked_of_answers(tmp_path: Path) -> None:
    house = House(tmp_path, look_for="shape", kinds=[], type="builtins:dict", do="block")
    async with house.runtime:
        run = await house.asked(QUESTION)
        await house.decide(Respond("Ann."))
        run = await house.drive(run, "Done.")

    assert run.status == "done"


async def test_a_guardrail_may_leave_answers_alone(tmp_path: Path) -> None:
    house = House(tmp_path, answers=False)
    async with house.runtime:
        run = await house.asked(QUESTION)
        await house.decide(Respond(MAIL))
        run = await house.drive(run, "Done.")

        assert await house.tool_results(run) == [MAIL]
