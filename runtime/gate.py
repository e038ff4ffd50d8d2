"""The gate: the one way to a tool. Every call passes the same steps in the same order.

A *step* is a small function that wraps the rest of the way (``Handler -> Handler``); :func:`build_gate` stacks them.
Nothing else in Graphwright may call a tool on behalf of a model.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, is_dataclass, replace
from typing import Any, Literal, Protocol

import orjson
from langgraph.errors import GraphBubbleUp

from graphwright.agents import Budget
from graphwright.tools import ApprovalRules, Tool, ToolContext, ToolFailed, WithArtifact, render_result

from .decisions import Edit, Reject, Respond
from .digests import digest, plain_json
from .errors import RuntimeProblem
from .execution import execute
from .questions import Ask, Question, ask_by_interrupt, request_digest

_LOOKING = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS


class Judged(Protocol):
    """What policy decided about a call that may go on."""

    @property
    def reason(self) -> str:
        """Why a person must be asked, in a sentence; empty if nobody need be."""

    @property
    def record(self) -> Mapping[str, Any]:
        """What the journal keeps with the call."""

    async def again(self, call: GateCall) -> Judged | Outcome:
        """What it decides about the call as a person edited it; an outcome denies it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCall:
    """One call on its way through the gate."""

    tool: Tool
    arguments: Mapping[str, Any]
    """As the model gave them, or as a person edited them; plain JSON values."""
    context: ToolContext
    key: str
    """Names this call for ever; see :class:`Question`."""
    started: Callable[[Mapping[str, Any]], None] | None = None
    """Told the arguments at the moment when the tool is called with them."""
    validated: Mapping[str, Any] | None = None
    """The arguments as Python values, once they were checked."""
    budget: Budget | None = None
    """What the calling agent declares that it may spend in a run."""
    kind: Literal["tool", "step"] = "tool"
    """Whether a model (or a node in its place) calls a tool, or a node does something of its own."""
    toolbox: frozenset[str] | None = None
    """The tools that the agent may call, where its model made the call; None where the graph's own code did."""
    batch: str = ""
    """The model's message that made the call; empty where the graph's own code did."""
    tasks: tuple[str, ...] = ()
    """The tasks inside which it is made; see :func:`~graphwright.runtime.places.tasks_of`."""
    judged: Judged | None = None
    """What policy decided about it, where a policy is in force."""
    is_retried: bool = False
    """Whether the node is tried again because of an error: a definite failure of this call is not given back then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a call."""

    content: str
    """What the model reads."""
    status: Literal["success", "error"] = "success"
    value: Any = None
    """What the tool returned, for code that needs more than text; None on errors."""
    ran: bool = True
    """Whether the tool itself was called."""
    fatal: bool = False
    """Whether the run must end: the tool declared that its errors do."""

    @property
    def artifact(self) -> list[Any] | dict[str, Any] | None:
        """The value where it is structured, as plain data: to be kept beside the text, and found by its fields' names.

        Models and dataclasses are the same data as what they are made of, here as in the journal.
        """
        value = self.value.artifact if isinstance(self.value, WithArtifact) else self.value
        if not isinstance(value, list | dict | tuple) and not _is_record(value):
            return None
        if isinstance(value, list | dict) and not _has_records(value):
            return value
        plain: list[Any] | dict[str, Any] = orjson.loads(plain_json(value))
        return plain


def _is_record(value: Any) -> bool:
    return not isinstance(value, type) and (hasattr(value, "model_dump") or is_dataclass(value))


def _has_records(value: list[Any] | dict[Any, Any]) -> bool:
    """Whether a model or a dataclass is anywhere inside; looked for at the speed of writing JSON."""
    found: list[bool] = []
    with suppress(TypeError, ValueError):  # what JSON cannot carry is no record
        orjson.dumps(value, default=lambda each: found.append(_is_record(each)), option=_LOOKING)
    return any(found)


Handler = Callable[[GateCall], Awaitable[Outcome]]
Step = Callable[[Handler], Handler]


def build_gate(ask: Ask = ask_by_interrupt, *, before: tuple[Step, ...] = (), steps: tuple[Step, ...] = ()) -> Handler:
    """The whole way to a tool: errors answered, arguments validated, ``before``, a person asked, ``steps``, the call.

    Args:
        ask: How an approval reaches a person.
        before: Further steps between the validation and the approval, outermost first.
        steps: Further steps between the approval and the call, outermost first.
    """
    handler: Handler = call_tool
    for step in (answer_errors, validate, *before, ask_first(ask), *steps)[::-1]:
        handler = step(handler)
    return handler


def stacked(*steps: Step) -> Handler:
    """These steps around the call, outermost first, and nothing else: no validation, and errors are raised."""
    handler: Handler = call_tool
    for step in steps[::-1]:
        handler = step(handler)
    return handler


async def call_tool(call: GateCall) -> Outcome:
    """The innermost step: run the tool within its time limit and render what it returned."""
    assert call.validated is not None
    if call.started is not None:
        call.started(call.arguments)
    value = await execute(call.tool, call.validated, call.context)
    return Outcome(content=render_result(value, call.tool.labels.result_cap), value=value)


def answer_errors(following: Handler) -> Handler:
    """A tool's failure becomes an answer to the model; any other exception is told without its traceback."""

    async def step(call: GateCall) -> Outcome:
        try:
            return await following(call)
        except ToolFailed as error:
            text = str(error)
        except Exception as error:
            if is_control_flow(error):
                raise
            text = f"{call.tool.name} failed: {type(error).__name__}: {error}"
        return Outcome(
            content=render_result(text, call.tool.labels.result_cap),
            status="error",
            fatal=call.tool.labels.ends_run,
        )

    return step


def validate(following: Handler) -> Handler:
    """Check the arguments against the tool's types; all problems go back to the model."""

    async def step(call: GateCall) -> Outcome:
        return await following(replace(call, validated=call.tool.validate(call.arguments)))

    return step


def ask_first(ask: Ask) -> Step:
    """Where the tool's label wants a person's approval, ask before anything happens."""

    def wrap(following: Handler) -> Handler:
        async def step(call: GateCall) -> Outcome:
            rules = approval_rules(call)
            question = question_about(call, rules) if rules else None
            while question is not None:
                decision = await ask(question)
                if isinstance(decision, Reject):
                    return _rejected(call, decision)
                if isinstance(decision, Respond):
                    return Outcome(content=decision.message, value=decision.message, ran=False)
                call = replace(call, context=replace(call.context, approved_by=decision.by))
                if not isinstance(decision, Edit):
                    break
                edited = dict(decision.arguments)
                call = replace(call, arguments=edited, validated=call.tool.validate(edited))
                judged = await call.judged.again(call) if call.judged else None
                if isinstance(judged, Outcome):
                    return judged
                call = replace(call, judged=judged)
                question = _asked_again(call, question)
            return await following(call)

        return step

    return wrap


def _rejected(call: GateCall, decision: Reject) -> Outcome:
    why = f" The reason given: {decision.message}" if decision.message else ""
    text = f"A person rejected this call; {call.tool.name} was not run.{why}"
    return Outcome(content=text, status="error", ran=False)


def _asked_again(call: GateCall, before: Question) -> Question | None:
    """What an edited call still has to be asked: who may approve 5 euros need not be who may approve 5,000."""
    rules = approval_rules(call)
    same = rules is None or rules.is_plain or rules.without_reason() == before.rules.without_reason()
    if rules is None or (same and not (call.judged and call.judged.reason)):
        return None
    # The key grows with each edit, so that an edit back and forth is never taken for a question answered before.
    return question_about(call, rules, key=f"{before.key}|edited|{digest(call.arguments)[:16]}")


def approval_rules(call: GateCall) -> ApprovalRules | None:
    """The rules by which a person must be asked about this call, or None."""
    checked = call.validated if call.kind == "tool" else None
    rules = call.tool.labels.approval_for(call.arguments if checked is None else checked)
    reason = call.judged.reason if call.judged else ""
    if not reason:
        return rules
    return replace(rules, reason=f"{rules.reason} {reason}") if rules else ApprovalRules(reason)


def question_about(call: GateCall, rules: ApprovalRules, *, key: str = "") -> Question:
    """The question that an approval of this call asks."""
    context = call.context
    key = key or call.key
    return Question(
        key=key,
        call_id=context.call_id,
        tool=call.tool.name,
        arguments=call.arguments,
        rules=rules,
        agent=context.agent,
        path=context.path,
        run_id=context.run_id,
        thread_id=context.thread_id,
        requester=context.user,
        digest=request_digest(context.tenant, context.thread_id, key, call.tool.name, call.arguments),
        allowed=call.tool.labels.decisions,
    )


def is_control_flow(error: Exception) -> bool:
    """What must pass: LangGraph's own signals (an interrupt, a handoff), and ours that the run itself must stop.

    An answer that does not belong to the call, a lost lease or a full disk is nothing that a model could put right.
    """
    return isinstance(error, GraphBubbleUp | RuntimeProblem)
