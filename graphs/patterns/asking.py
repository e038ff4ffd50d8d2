"""A manager is asked something without tools: for a text, or for a form that it fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from graphwright.agents import Agent
from graphwright.models import ChatModel, DeltaSink, ModelAnswerMalformed, ModelRequest
from graphwright.prompts import Prompt
from graphwright.runtime import RunContext

from ..speaking import ask_model, context_of
from .briefing import answering_task, briefing
from .without_forms import is_offline

CLOSING = 1_000_000
"""The turn of the question that ends the work; no node asks so many others."""


async def ask(
    agent: Agent,
    messages: Sequence[BaseMessage],
    runtime: Runtime[RunContext],
    *,
    prompt: Prompt | None = None,
    form: Mapping[str, Any] | None = None,
    turn: int = 0,
) -> AIMessage:
    """One answer of the agent's model to these messages; its tools are not offered.

    Args:
        agent: Who is asked.
        messages: What it is shown below its own prompt.
        runtime: LangGraph's, of the node that asks.
        prompt: In place of the agent's own.
        form: The JSON schema that the answer fills; None for a text.
        turn: Distinguishes questions that one node asks.

    Returns:
        Its message. One that should have filled a form and cannot be read has the reason under ``malformed`` in
        ``additional_kwargs``: that, too, is an answer, recorded like any other, and the caller decides what it means.

    Raises:
        ModelError: if the model did not answer.
    """
    if prompt is not None or form is not None:
        lenient = Lenient(inner=context_of(runtime).model_for(agent.model)) if form is not None else agent.model
        agent = replace(agent, prompt=prompt or agent.prompt, model=lenient)
    instructions = agent.instructions
    system = SystemMessage(instructions.render(), id=f"system:{agent.name}:{instructions.version}")
    return await ask_model(agent, ModelRequest(messages=[system, *messages], output=form), runtime, turn=turn)


class Lenient(ChatModel):
    """A model whose malformed answer is an answer without a form instead of an error."""

    inner: ChatModel

    @property
    def name_of_model(self) -> str:
        return self.inner.name_of_model

    @property
    def reads_instructions(self) -> bool:
        """As the inner one does."""
        return self.inner.reads_instructions

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """The inner model's answer, or what was wrong with it."""
        try:
            return await self.inner.respond(request, on_delta=on_delta)
        except ModelAnswerMalformed as error:
            return AIMessage("", additional_kwargs={"malformed": str(error)}, id=uuid4().hex)


def filled(answer: AIMessage) -> dict[str, Any]:
    """The form in an answer as plain data; empty if there is none that can be read."""
    value = answer.additional_kwargs.get("parsed")
    if value is None:
        try:
            value = orjson.loads(answer.text)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}


def form_of(title: str, **fields: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema of an object with these fields, all required, no others."""
    return {
        "title": title,
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


async def closing(
    agent: Agent, request: str, results: Sequence[Mapping[str, str]], runtime: Runtime[RunContext], *, reason: str = ""
) -> str:
    """The answer to a request from the results of a team; what there is, where a model has no words for it.

    The offline model quotes and does not write; there the results themselves are the answer.

    Args:
        agent: Who answers.
        request: What was asked.
        results: ``who``, ``what`` and ``text`` of each piece of work that succeeded.
        runtime: LangGraph's, of the node that asks.
        reason: Why the work ended early.
    """
    text = ""
    if not is_offline(agent, runtime):
        task = HumanMessage(answering_task(request, results, reason), id="task:answer")
        answer = await ask(agent, [task], runtime, prompt=briefing(agent, "patterns/answer"), turn=CLOSING)
        text = answer.text.strip()
    return text or composed(results, reason)


def composed(results: Sequence[Mapping[str, str]], reason: str = "") -> str:
    """Results as one text, each under the name of who found it where there are several."""
    said = list({each["text"].strip(): each for each in results if each["text"].strip()}.values())
    if len(said) == 1 and not reason:
        return said[0]["text"].strip()
    parts = [f"{each['who']}: {each['text'].strip()}" for each in said] or ["There is no result."]
    return "\n\n".join([*parts, *([f"The work ended early. {reason}"] if reason else [])])
