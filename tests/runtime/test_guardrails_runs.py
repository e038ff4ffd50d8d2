"""Guardrails in real runs: what is blocked never happens, what is redacted is stored nowhere, all of it is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import StateGraph

from graphwright.agents import Agent
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import Approve, Edit, Event, Run, Runtime, Settings
from graphwright.runtime.explaining import explain
from graphwright.runtime.guardrails.declaring import GuardrailBlocked
from graphwright.runtime.replaying import replay
from graphwright.tools import ToolFailed, WithArtifact, tool

MAIL = "ann@example.org"
MARK = "[redacted:email]"


class House:
    """A runtime with guardrails, a tool that reads, one that writes, one that fails."""

    def __init__(self, folder: Path, *rails: dict[str, Any]) -> None:
        self.folder = folder
        told = {"project_dir": folder, "state_dir": folder / ".graphwright", "guardrails": rails}
        self.runtime = Runtime(Settings.model_validate(told))
        self.written: list[str] = []
        self.events: list[Event] = []

    def graph(self, *script: Any, approval: str | None = None) -> StateGraph[Any, Any]:
        @tool(effect="read", trusted=True)
        def read(what: str = "") -> WithArtifact | str:
            """Read something."""
            if what == "missing":
                raise ToolFailed(f"{MAIL} is not in the list.")
            return WithArtifact(f"It is {MAIL}.", {"mail": MAIL}) if what == "both" else f"It is {MAIL}."

        @tool(effect="write", approval=approval)
        def write(text: str) -> str:
            """Write something."""
            self.written.append(text)
            return f"wrote {text}"

        model = ScriptedModel(script)
        return agent_loop(Agent(name="clerk", description="W.", prompt="W.", tools=[read, write], model=model))

    async def run(self, graph: StateGraph[Any, Any], said: str = "go") -> Run:
        values = {"messages": [{"role": "user", "content": said}]}
        return await self.drive(await self.runtime.start("clerk", values), graph)

    async def drive(self, run: Run, graph: StateGraph[Any, Any]) -> Run:
        def last(state: Any) -> str:
            return str(state["messages"][-1].text)

        async for event in self.runtime.drive(run.id, graph, output=last):
            self.events.append(event)
        return await self.runtime.runs.get(run.id)

    async def result(self, run: Run, graph: StateGraph[Any, Any]) -> Any:
        state = await self.runtime.state_of(run, graph)
        return next(each for each in reversed(state["messages"]) if each.type == "tool")

    async def noticed(self, run: Run) -> list[tuple[str, str, str, str]]:
        ruled = (await explain(self.runtime, run.id)).ruled
        return [(each.tool, each.verdict, each.found, each.rule) for each in ruled]

    def stored(self, text: str) -> bool:
        """Whether any file of the state folder holds this text."""
        files = (self.folder / ".graphwright").rglob("*")
        return any(text.encode() in each.read_bytes() for each in files if each.is_file())


Make = Callable[..., Any]


@pytest.fixture
def house(tmp_path: Path) -> Make:
    @asynccontextmanager
    async def make(*rails: dict[str, Any]) -> AsyncIterator[House]:
        made = House(tmp_path, *rails)
        async with made.runtime:
            yield made

    return make


def pii(at: str, do: str, **more: Any) -> dict[str, Any]:
    return {"look_for": "pii", "kinds": ["email"], "at": [at], "do": do, **more}


async def test_an_input_that_is_blocked_leaves_no_run_and_no_byte(house: Make) -> None:
    async with house(pii("input", "block")) as each:
        with pytest.raises(GuardrailBlocked, match=r"guardrail 'pii' blocks it. It holds email. Nothing was stored"):
            await each.run(each.graph("Hello."), f"I am {MAIL}")

        assert await each.runtime.runs.runs(tenant="local", limit=10) == []
        assert not each.stored(MAIL)


async def test_an_input_that_is_redacted_is_stored_and_read_only_so(house: Make) -> None:
    async with house(pii("input", "redact")) as each:
        graph = each.graph("Hello.")
        run = await each.run(graph, f"I am {MAIL}")
        state = await each.runtime.state_of(run, graph)

        assert state["messages"][0].text == f"I am {MARK}"
        assert not each.stored(MAIL)
        assert await each.noticed(run) == [("input", "allow", "redact", "guardrail:pii")]


async def test_what_is_flagged_passes_and_is_recorded(house: Make) -> None:
    async with house(pii("input", "flag"), pii("result", "flag")) as each:
        run = await each.run(each.graph(calls("read"), "Done."), f"I am {MAIL}")

        assert run.status == "done"
        assert [told[2] for told in await each.noticed(run)] == ["flag", "flag"]


async def test_a_blocked_call_is_not_made_and_the_model_reads_why(house: Make) -> None:
    async with house(pii("call", "block", tools=["write"])) as each:
        graph = each.graph(calls("write", text=MAIL), calls("read", what=MAIL), "Done.")
        run = await each.run(graph)
        messages = (await each.runtime.state_of(run, graph))["messages"]
        told = [message.text for message in messages if message.type == "tool"]

        assert (run.status, each.written) == ("done", [])
        assert told[0].startswith("Policy denied this call (rule guardrail:pii); write was not run. It holds email.")
        assert told[1] == f"It is {MAIL}."
        assert await each.noticed(run) == [("write", "deny", "deny", "guardrail:pii")]


async def test_a_redacted_call_is_made_with_what_is_left_and_a_person_sees_just_that(house: Make) -> None:
    async with house(pii("call", "redact")) as each:
        graph = each.graph(calls("write", text=f"to {MAIL}"), approval="It is written.")
        run = await each.run(graph)
        (approval,) = await each.runtime.approvals.pending()
        await each.runtime.decide(approval.id, Approve(), by="ann")
        run = await each.drive(run, each.graph("Done.", approval="It is written."))

        assert approval.arguments == {"text": f"to {MARK}"}
        assert (run.status, each.written) == ("done", [f"to {MARK}"])


async def test_an_edit_that_brings_back_what_guardrails_took_out_is_refused(house: Make) -> None:
    async with house(pii("call", "redact")) as each:
        run = await each.run(each.graph(calls("write", text="hi"), approval="It is written."))
        (approval,) = await each.runtime.approvals.pending()
        await each.runtime.decide(approval.id, Edit({"text": MAIL}), by="ann")
        graph = each.graph("Done.", approval="It is written.")
        run = await each.drive(run, graph)

        assert (run.status, each.written) == ("done", [])
        assert "guardrail:pii" in (await each.result(run, graph)).text


@pytest.mark.parametrize("what", ["plain", "both", "missing"])
async def test_what_a_tool_said_is_redacted_in_state_journal_and_events(house: Make, what: str) -> None:
    async with house(pii("result", "redact")) as each:
        graph = each.graph(calls("read", what=what), "Done.")
        run = await each.run(graph)
        message = await each.result(run, graph)

        assert MARK in message.text
        assert message.artifact in (None, {"mail": MARK})
        assert MAIL not in str(each.events)
        assert not each.stored(MAIL)


async def test_a_result_that_is_withheld_leaves_the_effect_and_says_so(house: Make) -> None:
    async with house(pii("result", "block")) as each:
        graph = each.graph(calls("write", text=MAIL), "Done.")
        run = await each.run(graph)
        message = await each.result(run, graph)

        assert each.written == [MAIL]
        assert message.text == "write was run; what it said is withheld (guardrail 'pii': It holds email.)"
        assert await each.noticed(run) == [("write", "allow", "block", "guardrail:pii")]


async def test_an_answer_that_is_withheld_is_replaced_and_never_streamed(house: Make) -> None:
    async with house(pii("output", "block")) as each:
        run = await each.run(each.graph(f"Write to {MAIL}."))

        assert run.output == "The answer is withheld by guardrail 'pii'. It holds email."
        assert MAIL not in str(each.events)
        assert await each.noticed(run) == [("output", "allow", "block", "guardrail:pii")]


async def test_an_answer_is_redacted_or_cut_and_streams_freely_where_it_is_only_flagged(house: Make) -> None:
    async with house(
        pii("output", "redact"), {"look_for": "length", "most": 20, "at": ["output"], "do": "redact"}
    ) as each:
        assert (await each.run(each.graph(f"It is {MAIL} and more."))).output == "It is [redacted:em …"

    async with house(pii("output", "flag")) as each:
        await each.run(each.graph("Hello there."))
        assert "token" in {event["type"] for event in each.events}


async def test_a_model_that_looks_is_telemetry_it_delays_nothing_and_its_failure_is_recorded(
    house: Make, tmp_path: Path
) -> None:
    (tmp_path / "house_detectors.py").write_text(
        "from graphwright.runtime.guardrails import Found\n"
        "async def suspicious(value): return Found('Score 0.97.')\n"
        "async def broken(value): raise ValueError('no weights')\n"
        "async def content(value): return None\n"
    )
    rails = [
        {"look_for": f"house_detectors:{name}", "at": ["input", "call", "result", "output"], "do": "flag"}
        for name in ("suspicious", "broken", "content")
    ]
    async with house(*rails) as each:
        run = await each.run(each.graph(calls("write", text="hi"), "Done."))
        noticed = await each.noticed(run)

        assert (run.status, each.written, run.output) == ("done", ["hi"], "Done.")
        assert sorted(noticed) == sorted(
            (place, "allow", "flag", f"guardrail:{name}")
            for place in ("input", "write", "write", "output")
            for name in ("suspicious", "broken")
        )


async def test_a_run_that_comes_by_again_records_nothing_twice(house: Make) -> None:
    async with house(pii("input", "flag"), pii("call", "flag")) as each:
        run = await each.run(each.graph(calls("write", text=MAIL), approval="It is written."), MAIL)
        (approval,) = await each.runtime.approvals.pending()
        before = await each.noticed(run)
        await each.runtime.decide(approval.id, Approve(), by="ann")
        run = await each.drive(run, each.graph("Done.", approval="It is written."))

        assert run.status == "done"
        assert (
            await each.noticed(run)
            == before
            == [
                ("input", "allow", "flag", "guardrail:pii"),
                ("write", "allow", "flag", "guardrail:pii"),
            ]
        )


async def test_a_run_with_guardrails_can_be_replayed(house: Make) -> None:
    async with house(pii("call", "redact"), pii("result", "redact"), {**pii("call", "block", tools=["read"])}) as each:
        script = (calls("write", text=MAIL), calls("read", what="x"), "Done.")
        run = await each.run(each.graph(*script))
        replayed = await replay(each.runtime, each.graph(), run.id)

        assert (replayed.verdict, replayed.missing) == ("same", ())


async def test_parallel_calls_are_guarded_one_by_one(house: Make) -> None:
    async with house(pii("call", "block")) as each:
        both = [*([calls("write", text=MAIL)]), calls("write", text="fine")]
        await each.run(each.graph(both, "Done."))
        await asyncio.sleep(0)

        assert each.written == ["fine"]
