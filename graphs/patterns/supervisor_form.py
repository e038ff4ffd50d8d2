"""A supervisor whose manager fills a form at each turn: who works next and what is to be done, or the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from graphwright.agents import Agent
from graphwright.runtime import RunContext

from .asking import ask, closing, filled, form_of
from .briefing import briefing, listed, request_of, said
from .carry import Carry, as_heard, carry_over, speaker, whole
from .delegating import delegate_tool
from .participants import Participant
from .speakers import choose, told_names
from .state import PatternState, fresh
from .without_forms import is_offline, next_by_tools
from .working import Node, Worked, working_node

NOBODY = "nobody"


class FormState(PatternState, total=False):
    """The state of a supervisor that delegates by a form."""

    given: list[dict[str, str]]
    """The work given out since the newest input: who, what, what came of it as text, and whether it failed."""
    instruction: str
    tries: int
    """How often in a row the manager named nobody who is there."""


def form_graph(
    workers: Sequence[Participant], manager: Agent, *, carry: Carry | None, full: bool, max_rounds: int
) -> StateGraph[FormState, RunContext]:
    """The graph of such a supervisor; see :func:`supervisor`."""
    names = tuple(each.name for each in workers)
    graph = StateGraph(FormState, context_schema=RunContext)
    graph.add_node("begin", _begin)
    graph.add_edge(START, "begin")
    graph.add_edge("begin", "model")
    graph.add_node("model", _Manager(manager, workers, max_rounds).model, destinations=("model", *names, END))
    for number, worker in enumerate(workers):
        graph.add_node(worker.name, _worker_node(worker, number, carry, full=full))
        graph.add_edge(worker.name, "model")
    return graph


async def _begin(state: FormState) -> dict[str, Any]:
    return fresh(given=[], tries=0)


def _form(names: Sequence[str]) -> dict[str, Any]:
    return form_of(
        "NextStep",
        reason={"type": "string", "description": "Why, in one sentence."},
        next={"type": "string", "enum": [*names, NOBODY], "description": "Who works next; nobody when all is done."},
        instruction={"type": "string", "description": "What that one is to do, complete in itself."},
        answer={"type": "string", "description": "The answer to the request, once nobody works next; else empty."},
    )


class _Manager:
    """The node of the manager."""

    def __init__(self, agent: Agent, workers: Sequence[Participant], max_rounds: int) -> None:
        self.agent = agent
        self._prompt = briefing(agent, "patterns/supervisor_choice", workers=listed(workers))
        self._names = tuple(each.name for each in workers)
        self._form = _form(self._names)
        self._tools = {each.name: delegate_tool(each) for each in workers}
        self._max_rounds = max_rounds

    async def model(self, state: FormState, runtime: Runtime[RunContext]) -> Command[Any]:
        """One turn of the manager: a worker, once more, or the end."""
        given, tries = state.get("given") or [], state.get("tries", 0)
        if len(given) >= self._max_rounds:
            return await self._close(state, runtime, f"The limit of {self._max_rounds} rounds is reached.")
        if is_offline(self.agent, runtime):
            return await self._by_tools(state, runtime)
        answer = await ask(self.agent, self._shown(state), runtime, prompt=self._prompt, form=self._form)
        form = filled(answer)
        name = str(form.get("next") or "")
        if name.strip().casefold() == NOBODY:
            text = str(form.get("answer") or "").strip()
            return self._end(state, text) if text else await self._close(state, runtime, "")
        choice = choose(name, self._names, tries=tries, last=given[-1]["who"] if given else "")
        if choice.how == "again":
            return Command(update={"tries": tries + 1}, goto="model")
        instruction = str(form.get("instruction") or "").strip() or request_of(state["messages"])
        if any((each["who"], each["what"]) == (choice.speaker, instruction) for each in given):
            return await self._close(state, runtime, f"{choice.speaker} was to do the very same again.")
        update = {"instruction": instruction, "active": choice.speaker, "tries": 0, "rounds": len(given) + 1}
        return Command(update=update, goto=choice.speaker)

    async def _by_tools(self, state: FormState, runtime: Runtime[RunContext]) -> Command[Any]:
        given, request = state.get("given") or [], request_of(state["messages"])
        who = await next_by_tools(self.agent, request, given, self._tools, runtime)
        if not who:
            return await self._close(state, runtime, "")
        update = {"instruction": request, "active": who, "rounds": len(given) + 1}
        return Command(update=update, goto=who)

    def _shown(self, state: FormState) -> list[BaseMessage]:
        shown = as_heard(whole(state["messages"]), self.agent.name)
        for number, each in enumerate(state.get("given") or []):
            text = f"{each['who']} was told: {each['what']}\n\n{each['who']} reports:\n{each['text']}"
            shown.append(HumanMessage(text, id=f"report:{number}", name=each["who"]))
        if state.get("tries"):
            shown.append(HumanMessage(f"That worker is not there. Name one of: {told_names([*self._names, NOBODY])}."))
        return shown

    def _end(self, state: FormState, text: str, ended: str | None = None) -> Command[Any]:
        message = said(text, self.agent.name, state["messages"])
        return Command(update={"messages": [message], "ended": ended, "active": None}, goto=END)

    async def _close(self, state: FormState, runtime: Runtime[RunContext], reason: str) -> Command[Any]:
        """The answer from what there is."""
        given = [each for each in state.get("given") or [] if not each["failed"]]
        text = await closing(self.agent, request_of(state["messages"]), given, runtime, reason=reason)
        return self._end(state, text, reason or None)


def _worker_node(worker: Participant, number: int, carry: Carry | None, *, full: bool) -> Node:
    async def prepare(state: FormState, runtime: Runtime[RunContext]) -> list[BaseMessage]:
        before: list[BaseMessage] = []
        if carry is not None:
            before = await carry_over(state["messages"], carry, runtime, listener=worker.name)
        return [*before, HumanMessage(state["instruction"])]

    def finish(state: FormState, worked: Worked, runtime: Runtime[RunContext]) -> dict[str, Any]:
        entry = {
            "who": worker.name,
            "what": state["instruction"],
            "text": reported(worked, full=full),
            "failed": "" if worked.is_done else "yes",
        }
        given = [*(state.get("given") or []), entry]
        return {"given": given, "results": {worker.name: worked.result}, "route": [worker.name]}

    return working_node(worker, prepare=prepare, finish=finish, number=number)


def reported(worked: Worked, *, full: bool) -> str:
    """What a manager reads of a worker's work: why it failed, its last words, or all that it said and called."""
    name = worked.result["participant"]
    if not worked.is_done:
        return f"{name} failed: {worked.result.get('error', '')}"
    return transcript(worked.messages, name) if full else worked.result.get("text", "")


def transcript(messages: Sequence[BaseMessage], name: str) -> str:
    """Messages and calls as text, one a line."""
    lines = []
    for message in as_heard(messages, name):
        calls: Sequence[Mapping[str, Any]] = getattr(message, "tool_calls", ())
        called = [f"calls {call['name']} with {call['args']}" for call in calls]
        lines += [f"{speaker(message)}: {each}" for each in (*called, message.text.strip()) if each]
    return "\n".join(lines)
