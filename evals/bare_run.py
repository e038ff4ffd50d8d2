"""One case on LangGraph alone, in memory: for graphs without people, where the runtime's records are not needed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from graphwright.graphs import GraphEntry
from graphwright.runtime import GateCall, ModelCall, Outcome, RunContext, build_gate
from graphwright.runtime.context import call_model

from .case import Case
from .observed import Call, Observed, Spent
from .replies import model_of


def observe_bare(
    entry: GraphEntry, graph: Any, model: str, *, timeout: float | None = None
) -> Callable[[Case], Awaitable[Observed]]:
    """What runs a case of this graph.

    Tools run through the gate, without journal and budget. A case with people, faults, documents, a budget or a plan,
    and a graph that asks a person or declares a world, needs the whole runtime: that is its ``trouble``.

    Args:
        entry: The graph's entry.
        graph: Uncompiled.
        model: For cases that name none.
        timeout: Seconds after which a case is given up.
    """
    compiled = graph.compile()

    async def observe(case: Case) -> Observed:
        own = (case.people, case.faults, case.documents, case.budget, case.plan is not None, case.expect.instructions)
        if any(own) or entry.world is not None or entry.resources is not None:
            why = "people, faults, documents, a budget, a plan, instructions, a world, resources need `runtime: full`"
            return Observed(case_id=case.id, status="failed", trouble=f"It cannot be run bare: {why}.")
        noted = _Noted()
        values = entry.values(case.input) if isinstance(case.input, str) else dict(case.input)
        chosen = model_of(case, model)
        context = RunContext(model=chosen, gate=noted.gate, ask_model=noted.ask)
        begun = time.perf_counter()
        try:
            if timeout is None:
                state = await compiled.ainvoke(values, context=context)
            else:
                async with asyncio.timeout(timeout):
                    state = await compiled.ainvoke(values, context=context)
        except TimeoutError:
            return noted.failed(case, f"It did not end within {timeout:g} seconds.", begun)
        except Exception as error:
            return noted.failed(case, str(error) or type(error).__name__, begun)
        if "__interrupt__" in state:
            return Observed(case_id=case.id, status="failed", trouble="It asks a person: it needs `runtime: full`.")
        messages = state.get("messages", ())
        return Observed(
            case_id=case.id,
            status="done",
            answer=entry.answer(state),
            state=state,
            messages=[each for each in messages if isinstance(each, BaseMessage)],
            calls=tuple(noted.calls),
            route=tuple(noted.route),
            spent=noted.spent(begun),
        )

    return observe


class _Noted:
    """What a run did, noted on the way."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.route: list[str] = []
        self._tokens = self._asked = 0
        self._gate = build_gate(steps=(self._step,))

    async def gate(self, call: GateCall) -> Outcome:
        """The way to a tool."""
        return await self._gate(call)

    def _step(self, following: Callable[[GateCall], Awaitable[Outcome]]) -> Callable[[GateCall], Awaitable[Outcome]]:
        async def step(call: GateCall) -> Outcome:
            told: dict[str, Any] = {
                "tool": call.tool.name,
                "arguments": dict(call.arguments),
                "effect": call.tool.labels.effect,
                "agent": call.context.agent,
                "path": call.context.path,
            }
            at = len(self.calls)
            self.calls.append(Call(**told, status="unknown"))
            try:
                outcome = await following(call)
            except Exception:  # noted, and raised on: whatever it is, the call did not succeed
                self.calls[at] = Call(**told, status="error")
                raise
            self.calls[at] = Call(**told, status=outcome.status)
            return outcome

        return step

    async def ask(self, call: ModelCall) -> AIMessage:
        """The way to a model."""
        self.route.append(call.agent if "/" not in call.path else f"{call.path.rpartition('/')[0]}/{call.agent}")
        answer = await call_model(call)
        self._asked += 1
        self._tokens += answer.usage_metadata["total_tokens"] if answer.usage_metadata else 0
        return answer

    def spent(self, begun: float) -> Spent:
        """What it used so far."""
        seconds = time.perf_counter() - begun
        return Spent(
            tokens=self._tokens, money=None, model_calls=self._asked, tool_calls=len(self.calls), seconds=seconds
        )

    def failed(self, case: Case, why: str, begun: float) -> Observed:
        """It ended by an error."""
        return Observed(
            case_id=case.id,
            status="failed",
            error=why,
            calls=tuple(self.calls),
            route=tuple(self.route),
            spent=self.spent(begun),
        )
