"""Judges: code, a schema, an agent or a graph that says whether a draft is good enough, and what to change.

The offline model is no judge of meaning: where it would have to be, the draft passes and is marked as not judged.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import orjson
from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, ValidationError

from graphwright.agents import Agent
from graphwright.prompts import prompt
from graphwright.runtime import RunContext

from ..catalogue import GraphDeclarationError, GraphEntry
from ..speaking import context_of
from .carry import speaker, whole
from .participants import Participant, as_participant
from .state import Result
from .working import Node, Worked, working_node

NOT_JUDGED = "No model judged this: the offline model is no judge of meaning."
_NO_REASON = "The judge did not approve and gave no reason."


class Verdict(BaseModel):
    """What a judge thinks of a draft."""

    approved: bool = Field(description="True if nothing has to be changed.")
    objections: list[str] = Field(
        default_factory=list, description="What has to be changed, one specific sentence each; empty if approved."
    )
    score: float | None = Field(default=None, description="How good it is, from 0 to 1; null if you cannot say.")


Check: TypeAlias = Callable[[str], Any]
"""A question about a text, sync or async. It passes with True or None; a sentence, several, False, a ``ValueError`` or
a :class:`Verdict` say what is wrong."""
Judging: TypeAlias = Check | type[BaseModel] | Agent | StateGraph[Any, Any, Any, Any] | GraphEntry | Participant
"""What may judge: code, a schema that the answer must fit, an agent, or a graph whose answer is a verdict."""


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Who judges: either code or a participant."""

    name: str
    check: Check | type[BaseModel] | None = None
    participant: Participant | None = None


def as_judge(given: Judging) -> Judge:
    """A judge out of what a pattern was given. An agent without a structured answer is made to give a verdict.

    Raises:
        GraphDeclarationError: if it can judge nothing.
    """
    if isinstance(given, type) and issubclass(given, BaseModel):
        return Judge(name=given.__name__, check=given)
    if isinstance(given, Agent):
        given = given if given.output else replace(given, output=Verdict)
        return Judge(name=given.name, participant=as_participant(given))
    if isinstance(given, StateGraph | GraphEntry | Participant):
        participant = as_participant(given)
        return Judge(name=participant.name, participant=participant)
    if callable(given):
        return Judge(name=getattr(given, "__name__", "check"), check=given)
    raise GraphDeclarationError(
        f"A {type(given).__name__} cannot judge. A function of a text, a pydantic model, an Agent or a graph can."
    )


Subject = Callable[[Any], tuple[Sequence[BaseMessage], Result]]
"""Out of the state: the conversation that set the task, and the result to be judged."""
Ruled = Callable[[Any, Verdict, Runtime[RunContext]], Any]
"""Makes the state update or Command out of the verdict."""


def judging_node(judge: Judge, *, subject: Subject, ruled: Ruled, criteria: str = "") -> Node:
    """A node in which a judge looks at a draft.

    Args:
        judge: Who judges.
        subject: What is judged.
        ruled: What follows from the verdict.
        criteria: When to accept, in words; told to a participant.
    """
    if judge.participant is None:

        async def by_code(state: Any, runtime: Runtime[RunContext]) -> Any:
            assert judge.check is not None
            return ruled(state, await checked(judge.check, subject(state)[1]), runtime)

        return by_code

    agent = judge.participant.agent

    def prepare(state: Any, _runtime: Runtime[RunContext]) -> Sequence[BaseMessage]:
        return [HumanMessage(question(criteria, *subject(state)))]

    def finish(state: Any, worked: Worked, runtime: Runtime[RunContext]) -> Any:
        return ruled(state, verdict_of(worked), runtime)

    ask = working_node(judge.participant, prepare=prepare, finish=finish, needed=True)
    # LangGraph finds the graph inside by what the node closes over.
    compiled = judge.participant.compiled

    async def by_participant(state: Any, runtime: Runtime[RunContext]) -> Any:
        if agent is not None and is_offline(agent, runtime):
            return ruled(state, Verdict(approved=True, objections=[NOT_JUDGED]), runtime)
        assert compiled is not None
        return await ask(state, runtime)

    return by_participant


async def checked(check: Check | type[BaseModel], result: Result) -> Verdict:
    """The verdict of code. Only ``ValueError`` and ``AssertionError`` say something about the text; others pass up."""
    if isinstance(check, type) and issubclass(check, BaseModel):
        return _fits(check, result)
    code: Any = check
    try:
        answer = code(result.get("text", ""))
        answer = await answer if inspect.isawaitable(answer) else answer
    except (ValueError, AssertionError) as error:
        answer = str(error) or type(error).__name__
    return _as_verdict(answer)


def verdict_of(worked: Worked) -> Verdict:
    """The verdict that a participant gave; whoever gives none has not approved."""
    if not worked.is_done:
        return Verdict(approved=False, objections=[f"It was not judged: {worked.result.get('error', '')}"])
    output = worked.result.get("output")
    try:
        verdict = Verdict.model_validate(orjson.loads(worked.result.get("text", "")) if output is None else output)
    except (ValidationError, orjson.JSONDecodeError):
        return Verdict(approved=False, objections=["The judge gave no verdict that can be read."])
    return _with_reason(verdict)


def question(criteria: str, task: Sequence[BaseMessage], result: Result) -> str:
    """What a judge is told."""
    said = [f"{speaker(each)}: {each.text.strip()}" for each in whole(task) if each.text.strip()]
    wanted = criteria or "It does what the task asks, completely and correctly."
    return prompt("patterns/judge", criteria=wanted, task="\n\n".join(said), draft=result.get("text", "")).render()


def is_offline(agent: Agent, runtime: Runtime[RunContext]) -> bool:
    """Whether the agent's model is the offline one, which judges and chooses by words alone."""
    return context_of(runtime).model_for(agent.model).name_of_model == "offline"


def _fits(schema: type[BaseModel], result: Result) -> Verdict:
    output = result.get("output")
    try:
        schema.model_validate(orjson.loads(result.get("text", "")) if output is None else output)
    except orjson.JSONDecodeError as error:
        return Verdict(approved=False, objections=[f"The answer is not JSON: {error}."])
    except ValidationError as error:
        return Verdict(
            approved=False,
            objections=[
                f"{'.'.join(map(str, each['loc'])) or 'The answer'}: {each['msg']}." for each in error.errors()
            ],
        )
    return Verdict(approved=True)


def _as_verdict(answer: Any) -> Verdict:
    if isinstance(answer, Verdict):
        return _with_reason(answer)
    if answer is True or answer is None:
        return Verdict(approved=True)
    if isinstance(answer, str):
        return Verdict(approved=not answer.strip(), objections=[answer] if answer.strip() else [])
    if isinstance(answer, Sequence):
        return Verdict(approved=not answer, objections=[str(each) for each in answer])
    return Verdict(approved=False, objections=[_NO_REASON])


def _with_reason(verdict: Verdict) -> Verdict:
    if verdict.approved or verdict.objections:
        return verdict
    return verdict.model_copy(update={"objections": [_NO_REASON]})
