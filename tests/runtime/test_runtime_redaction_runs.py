"""A secret that a run meets is found nowhere afterwards: not in the state folder, not in what was told of it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from graphwright.agents import Agent
from graphwright.graphs import agent_loop
from graphwright.models import ScriptedModel
from graphwright.models.script import calls
from graphwright.runtime import (
    SECRET_ARGUMENT,
    Approve,
    Edit,
    NotAllowed,
    Redactor,
    Reject,
    RunContext,
    Runtime,
    Settings,
)
from graphwright.runtime.redacting import Redactions, redacted_answer
from graphwright.runtime.redacting_logs import redact_logs
from graphwright.runtime.redacting_stream import StreamRedactor
from graphwright.runtime.redaction_patterns import CREDENTIAL_PATTERNS
from graphwright.runtime.replaying import replay
from graphwright.tools import ToolContext, ToolFailed, ToolTimedOut, WithArtifact, tool

KEY = "sk-test-0wn5ecret0wn5ecret0wn5ecret"
TOKEN = "ghp_" + "a1B2c3D4e5" * 4
IBAN = "DE89370400440532013000"
MARK = "[redacted:OPENAI_API_KEY]"


class Receipt(BaseModel):
    """What came of a payment."""

    number: int
    note: str


class World:
    """Tools that let secrets out in every way that there is."""

    def __init__(self) -> None:
        self.paid: list[dict[str, Any]] = []

        @tool(effect="read")
        async def leak(way: str, context: ToolContext) -> Any:
            """Let a secret out."""
            context.progress(f"working with {KEY}", 0.5)
            context.state["kept"] = [f"note {KEY}"]
            if way == "error":
                raise ValueError(f"cannot log in with {KEY}")
            if way == "failed":
                raise ToolFailed(f"The key {KEY} was refused.")
            if way == "long":
                return "x" * (leak.labels.result_cap - 10) + KEY
            return {
                "text": f"key {KEY} token {TOKEN}",
                "list": [{"api_key": "short", KEY: 1}],
                "model": Receipt(number=7, note=KEY),
                "artifact": WithArtifact(f"read {KEY}", {"raw": KEY}),
            }[way]

        @tool(effect="write", approval="Moves money.")
        async def pay(amount: int, note: str = "") -> str:
            """Pay an amount."""
            self.paid.append({"amount": amount, "note": note})
            return f"paid {amount} with {KEY}"

        self.tools = [leak, pay]

    def graph(self, *script: Any) -> StateGraph[Any, Any]:
        model = ScriptedModel(script)
        return agent_loop(Agent(name="clerk", description="Pays.", prompt="Pay.", tools=self.tools, model=model))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runtime]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / ".graphwright")) as opened:
        yield opened


async def drive(runtime: Runtime, run_id: str, graph: Any) -> list[Any]:
    def last(state: Any) -> str:
        return str(state["messages"][-1].text) if "messages" in state else str(dict(state))

    return [each async for each in runtime.drive(run_id, graph, output=last)]


async def start(runtime: Runtime, graph: Any, text: str = "go", **named: Any) -> tuple[str, list[Any]]:
    run = await runtime.start("clerk", {"messages": [{"role": "user", "content": text}]}, **named)
    return run.id, await drive(runtime, run.id, graph)


def stored(runtime: Runtime) -> bytes:
    return b"".join(path.read_bytes() for path in runtime.settings.state.rglob("*") if path.is_file())


async def test_a_secret_of_the_process_is_stored_and_told_nowhere(runtime: Runtime, world: World) -> None:
    ways = ("text", "list", "model", "artifact", "long", "error", "failed")
    graph = world.graph(
        *(calls("leak", way=way) for way in ways),
        calls("pay", amount=5, note=KEY),
        calls("pay", amount=6),
        calls("pay", amount=7),
        f"All done, the key was {KEY}.",
    )

    run_id, events = await start(runtime, graph, f"use {KEY}", title=f"about {KEY}", options={"tools": [KEY]})
    for decision in (Approve(f"fine {KEY}"), Reject(f"no {KEY}", f"really {KEY}")):
        (approval,) = await runtime.approvals.pending()
        await runtime.decide(approval.id, decision, by="ann")
        events += await drive(runtime, run_id, graph)

    run = await runtime.runs.get(run_id)
    assert run.status == "done"
    assert run.output == f"All done, the key was {MARK}."
    assert world.paid == [{"amount": 6, "note": ""}]
    assert {"tool_progress", "token", "tool_finished"} <= {each["type"] for each in events}
    assert KEY not in str(events)
    assert KEY[:16] not in str(events)
    assert KEY.encode() not in stored(runtime)
    assert KEY[:16].encode() not in stored(runtime), "nor a half of it, where a result was cut"
    assert TOKEN.encode() not in stored(runtime)
    assert MARK.encode() in stored(runtime)


async def test_an_error_is_recorded_without_the_secret_in_it(runtime: Runtime) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            return f"no entry with {KEY}"

    async def node(_state: dict[str, Any]) -> dict[str, Any]:
        raise Odd

    graph = StateGraph(dict)
    graph.add_node("node", node)
    graph.add_edge(START, "node")

    run_id, events = await start(runtime, graph)

    run = await runtime.runs.get(run_id)
    assert (run.status, run.error) == ("failed", f"no entry with {MARK}")
    assert KEY not in str(events)
    assert KEY.encode() not in stored(runtime)


class Plain(TypedDict, total=False):
    """A state of somebody's own graph."""

    kept: Any
    answer: str


async def test_what_a_node_of_ones_own_lets_out_is_stored_as_a_mark(runtime: Runtime) -> None:
    async def node(_state: Plain) -> Plain:
        return {"kept": {"a": [KEY, KEY.encode()], KEY: AIMessage(KEY)}}

    async def ask(_state: Plain) -> Plain:
        return {"answer": interrupt({"question": f"Is {KEY} right?"})}

    graph = StateGraph(Plain, context_schema=RunContext)
    graph.add_node("node", node)
    graph.add_node("ask", ask)
    graph.add_edge(START, "node")
    graph.add_edge("node", "ask")
    graph.add_edge("ask", END)

    run = await runtime.start("plain", {"answer": ""})
    events = await drive(runtime, run.id, graph)
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve(), by="ann")
    events += await drive(runtime, run.id, graph)

    state = await runtime.state_of(run, graph)
    assert (await runtime.runs.get(run.id)).status == "done"
    assert state["kept"] == {"a": [MARK, MARK.encode()], MARK: AIMessage(MARK)}
    assert KEY not in str(events)
    assert KEY.encode() not in stored(runtime)


async def test_a_call_with_a_secret_of_ours_is_refused_and_never_made_with_a_mark(
    runtime: Runtime, world: World
) -> None:
    graph = world.graph(calls("pay", amount=5, note=f"key {KEY}"), "I left it.")

    run_id, _ = await start(runtime, graph)

    run = await runtime.runs.get(run_id)
    state = await runtime.state_of(run, graph)
    assert run.status == "done"
    assert not world.paid
    assert await runtime.approvals.of_run(run_id) == []
    assert state["messages"][2].text.startswith(SECRET_ARGUMENT)


async def test_a_token_that_the_user_typed_reaches_the_tool_as_it_is(runtime: Runtime, world: World) -> None:
    graph = world.graph(calls("pay", amount=5, note=TOKEN), "done")

    run_id, events = await start(runtime, graph, f"pay with {TOKEN}")
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve(), by="ann")
    events += await drive(runtime, run_id, graph)

    (entry,) = [each for each in await runtime.journal.of_run(run_id) if each.name == "pay"]
    assert world.paid == [{"amount": 5, "note": TOKEN}]
    assert approval.arguments["note"] == TOKEN, "whoever decides sees what will be done"
    assert entry.request == {"amount": 5, "note": "[redacted:github-token]"}
    assert TOKEN not in str([each for each in events if each["type"] != "approval_asked"])
    assert (await replay(runtime, graph, run_id)).verdict == "same"


async def test_what_was_stored_is_what_was_acted_on(runtime: Runtime, world: World) -> None:
    asked = world.graph(calls("leak", way="text"), f"It is {KEY}.")

    run_id, _ = await start(runtime, asked)

    state = await runtime.state_of(await runtime.runs.get(run_id), asked)
    model, call, answer = await runtime.journal.of_run(run_id)
    assert call.outcome["content"] == state["messages"][2].text == f"key {MARK} token [redacted:github-token]"
    assert answer.outcome["content"] == state["messages"][3].text == f"It is {MARK}."
    assert model.kind == "model"
    assert state["notes"] == {"kept": [f"note {MARK}"]}
    assert (await replay(runtime, asked, run_id)).verdict == "same"


async def test_account_numbers_stay_where_they_are_acted_on_and_are_masked_where_they_are_not(
    runtime: Runtime, world: World
) -> None:
    graph = world.graph(calls("pay", amount=5, note=IBAN), f"Paid to {IBAN}.")

    run_id, _ = await start(runtime, graph)
    (approval,) = await runtime.approvals.pending()
    await runtime.decide(approval.id, Approve(), by="ann")
    await drive(runtime, run_id, graph)

    (entry,) = [each for each in await runtime.journal.of_run(run_id) if each.name == "pay"]
    assert world.paid == [{"amount": 5, "note": IBAN}]
    assert (await runtime.runs.get(run_id)).output == f"Paid to {IBAN}."
    assert entry.request["note"] == "[redacted:iban]"


async def test_patterns_can_be_switched_off_and_our_own_secrets_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with Runtime(Settings(project_dir=tmp_path, state_dir=tmp_path / "s", redact="own")) as runtime:
        graph = world.graph(calls("leak", way="text"), "done")

        run_id, _ = await start(runtime, graph)

        state = await runtime.state_of(await runtime.runs.get(run_id), graph)
        assert state["messages"][2].text == f"key {MARK} token {TOKEN}"


async def test_an_edit_with_a_secret_of_ours_is_refused_and_the_question_stays_open(
    runtime: Runtime, world: World
) -> None:
    graph = world.graph(calls("pay", amount=5), "done")
    await start(runtime, graph)
    (approval,) = await runtime.approvals.pending()

    with pytest.raises(NotAllowed, match="holds a secret"):
        await runtime.decide(approval.id, Edit({"amount": 5, "note": KEY}), by="ann")

    assert (await runtime.approvals.get(approval.id)).status == "pending"
    assert KEY.encode() not in stored(runtime)


async def test_comments_of_every_kind_are_kept_without_our_secrets(runtime: Runtime, world: World) -> None:
    graph = world.graph(calls("pay", amount=5), "done")
    await start(runtime, graph)
    (approval,) = await runtime.approvals.pending()

    await runtime.approvals.delegate(approval.id, by="local", to="ann", comment=f"mind {KEY}")
    await runtime.approvals.approve_alike({approval.id: approval.digest}, by="ann", comment=f"ok {KEY}")

    assert KEY.encode() not in stored(runtime)


def test_answers_keep_their_calls_and_lose_their_secrets() -> None:
    redactions = Redactions(Redactor({"OPENAI_API_KEY": KEY}, ()))
    good = {"name": "f", "args": {"token": TOKEN}, "id": "1", "type": "tool_call"}
    answer = AIMessage(
        [{"type": "text", "text": f"{KEY} {TOKEN}"}, {"type": "tool_use", "input": {"a": KEY, "b": TOKEN}}],
        tool_calls=[good, {"name": "g", "args": {"deep": [{"a": f"x {KEY}"}]}, "id": "2"}],
        additional_kwargs={"reasoning_content": KEY, "parsed": {"key": TOKEN}},
    )

    clean = redacted_answer(answer, redactions)

    assert clean.tool_calls == [good]
    assert [each["id"] for each in clean.invalid_tool_calls] == ["2"]
    assert clean.content[1]["input"] == {"a": MARK, "b": TOKEN}  # type: ignore[index,call-overload]  # a block
    assert clean.additional_kwargs["parsed"] == {"key": "[redacted:github-token]"}
    assert KEY not in str(clean)


def test_an_answer_without_secrets_is_the_very_same_object() -> None:
    answer = AIMessage("Hello.", tool_calls=[{"name": "f", "args": {"a": 1}, "id": "1"}])

    assert redacted_answer(answer, Redactions(Redactor({"A": KEY}, ()))) is answer


# Text that arrives in pieces.

PASS = "correct horse battery staple"
STREAMED = Redactor({"OPENAI_API_KEY": KEY, "PASSPHRASE": PASS}, CREDENTIAL_PATTERNS)
PEM_BODY = "MIIEpAIBAAKCAQEA" * 40
SECRETS = (KEY, TOKEN, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0." + "s1G" * 20)
PARTS = st.sampled_from(
    [*SECRETS, PASS, "correct horse ", "hello ", "world", "\n", ", ", "Bearer ", "sk-", "日本語", '"', KEY[:9],
     f"-----BEGIN RSA PRIVATE KEY-----\n{PEM_BODY}\n-----END RSA PRIVATE KEY-----"]
)  # fmt: skip


def streamed(pieces: list[str]) -> str:
    stream = StreamRedactor(STREAMED)
    return "".join([*(stream.feed(each) for each in pieces), stream.finish()])


@given(st.lists(PARTS, max_size=6), st.data())
@hypothesis_settings(max_examples=300, deadline=None)
def test_no_secret_is_streamed_however_it_is_cut(parts: list[str], data: st.DataObject) -> None:
    text = " ".join(parts)
    pieces, at = [], 0
    while at < len(text):
        size = data.draw(st.sampled_from([1, 2, 5, 17, 400]))
        pieces.append(text[at : at + size])
        at += size

    shown = streamed(pieces)

    assert not any(secret in shown for secret in (*SECRETS, PASS))
    assert "MIIEpAIBAAKCAQEA" not in shown
    if STREAMED.redact(text) == text:
        assert shown == text


def test_ordinary_text_is_streamed_word_by_word() -> None:
    stream = StreamRedactor(STREAMED)

    assert [stream.feed(each) for each in ("Hel", "lo wor", "ld, ", "日本", "語")] == [
        "",
        "Hello ",
        "world, ",
        "日本",
        "語",
    ]


def test_a_password_in_an_address_is_held_back_until_it_is_known() -> None:
    assert streamed(["postgres://ann", ":hu", "nt,er(2", "@db ok"]) == "postgres://ann:[redacted:url-password]@db ok"


def test_a_broken_off_answer_leaves_nothing_behind() -> None:
    stream = StreamRedactor(STREAMED)
    stream.feed(KEY[:12])

    stream.restart()

    assert stream.feed("fine ") + stream.finish() == "fine "


@pytest.mark.parametrize("unit", ["x", "sk-", "eyJ", "://a:", "-----BEGIN RSA PRIVATE KEY-----", KEY[:8], "Bearer "])
def test_hostile_text_is_looked_at_a_bounded_number_of_times(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    spans = Redactor.spans
    monkeypatch.setattr(Redactor, "spans", lambda self, text: (looked.append(len(text)), spans(self, text))[1])
    text = unit * (40_000 // len(unit))

    streamed([text[at : at + 4] for at in range(0, len(text), 4)])

    # Each look costs time linear in what is looked at.
    assert sum(looked) < 400 * len(text)


# Logs.


def test_a_process_logs_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    redact_logs(Redactor({"OPENAI_API_KEY": KEY}))
    redact_logs(Redactor({"OPENAI_API_KEY": KEY}))

    logging.getLogger("openai.deep.inside").warning("sent %s", KEY)

    assert caplog.messages == [f"sent {MARK}"]
    assert KEY not in caplog.text
    assert len([each for each in caplog.handler.filters if "Guard" in type(each).__name__]) == 1
    caplog.handler.filters.clear()


class Lost(ToolTimedOut):
    """An error that makes its text itself."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where

    def __str__(self) -> str:
        return f"No answer from {self.where}."


class Torn(OSError):
    """The same, of a kind that is made in C."""

    def __str__(self) -> str:
        return f"Broken off with {KEY}."


def test_an_error_keeps_its_kind_whatever_its_text_is_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timeout that became a plain failure would say that a payment did not happen, and it would be made again."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    redactions = Redactions.of_process()

    lost, torn = redactions.error(Lost(f"https://bank/?key={KEY}")), redactions.error(Torn())

    assert isinstance(lost, Lost)
    assert isinstance(torn, Torn)
    assert str(lost) == f"No answer from https://bank/?key={MARK}."
    assert str(torn) == f"Broken off with {MARK}."
    assert KEY not in repr(lost.where)
