"""Alterations: what is done to a run on purpose, inside the real runtime and where the real thing would sit.

Faults of a case are such alterations, and so are mutants of a graph and what watches a run.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, SystemMessage

from graphwright.runtime import Decision, GateCall, ModelCall, Outcome, RunContext, Runtime
from graphwright.runtime.context import ModelHandler
from graphwright.runtime.gate import Handler
from graphwright.runtime.journal import Writer
from graphwright.runtime.questions import Ask, Question


class Alteration:
    """Changes nothing; whoever wants to change something overrides the method of its place."""

    async def ask_model(self, call: ModelCall, following: ModelHandler) -> AIMessage:
        """A model is asked; ``following`` asks it."""
        return await following(call)

    async def call_tool(self, call: GateCall, following: Handler) -> Outcome:
        """A tool is called, or a step done; ``following`` is the gate."""
        return await following(call)

    async def ask_person(self, question: Question, following: Ask) -> Decision:
        """A person is asked; ``following`` waits for the decision."""
        return await following(question)

    def answer(self, text: str) -> str:
        """What a person reads at the end."""
        return text


class Listening(Alteration):
    """Changes nothing, and notes with which instructions each agent's model is asked."""

    def __init__(self) -> None:
        self.instructions: dict[str, str] = {}

    async def ask_model(self, call: ModelCall, following: ModelHandler) -> AIMessage:
        """Note them at the first request of an agent."""
        if call.agent not in self.instructions:
            said = (each.text for each in call.request.messages if isinstance(each, SystemMessage))
            self.instructions[call.agent] = "\n\n".join(said)
        return await following(call)


class AlteredRuntime(Runtime):
    """A runtime whose runs are altered, the first alteration outermost."""

    alterations: tuple[Alteration, ...] = ()

    async def _context(self, *args: Any) -> RunContext:
        context = await super()._context(*args)
        for each in self.alterations[::-1]:
            context = _altered(context, each)
        return context

    def _asking(self, writer: Writer) -> Ask:
        ask = super()._asking(writer)
        for each in self.alterations[::-1]:
            ask = _asked(ask, each)
        return ask


def _altered(context: RunContext, alteration: Alteration) -> RunContext:
    gate, step, ask_model = context.gate, context.step, context.ask_model

    async def altered_gate(call: GateCall) -> Outcome:
        return await alteration.call_tool(call, gate)

    async def altered_step(call: GateCall) -> Outcome:
        return await alteration.call_tool(call, step)

    async def altered_model(call: ModelCall) -> AIMessage:
        return await alteration.ask_model(call, ask_model)

    return context.using(gate=altered_gate, step=altered_step, ask_model=altered_model)


def _asked(ask: Ask, alteration: Alteration) -> Ask:
    async def altered(question: Question) -> Decision:
        return await alteration.ask_person(question, ask)

    return altered
