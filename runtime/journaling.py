"""The journal's place in the gate and in front of every model: intent, call, outcome; and what happens afterwards.

After a crash a call comes by again under its key. A recorded outcome is given back without calling anything. An
intent without an outcome is run again where that is safe, else probed, else the run stops: whoever guesses is wrong
half of the time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.types import Interrupt

from graphwright.tools import ToolFailed, ToolTimedOut

from .context import ModelCall, ModelHandler
from .errors import RuntimeProblem
from .gate import GateCall, Handler, Outcome, Step
from .journal import SETTLED, Entry, Intent, Journal, Writer, semantics_of
from .leases import fence
from .questions import Ask, Question

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage
    from sqlalchemy import Connection

    from .broker import Broker
    from .decisions import Decision

UNKNOWN_OUTCOME = "unknown_outcome"
"""The ``type`` of the interrupt that stops a run at a call of which nobody knows whether it happened."""


class UnknownOutcome(GraphInterrupt):
    """A call that may happen only once has no outcome. The run stops until a probe or a person says what became of it.

    It is an interrupt of its own and not a call of ``interrupt``: that one matches answers by position, which a call
    that comes and goes would shift.
    """

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        value = {"type": UNKNOWN_OUTCOME, "entry": entry.id, "tool": entry.name, "args": entry.request}
        super().__init__((Interrupt(value=value, id=hashlib.sha256(entry.key.encode()).hexdigest()[:32]),))


def is_unknown_outcome(interrupt: Interrupt) -> bool:
    """Whether this interrupt is that of a call with unknown outcome."""
    return isinstance(interrupt.value, dict) and interrupt.value.get("type") == UNKNOWN_OUTCOME


def fenced(broker: Broker, writer: Writer) -> Ask:
    """The way to a person, closed to a writer whose lease was taken over: looked at in the transaction that asks."""

    def guard(connection: Connection) -> None:
        fence(connection, writer.thread_id, writer.epoch)

    async def fenced_ask(question: Question) -> Decision:
        return await broker.ask(question, guard=guard)

    return fenced_ask


def journaled(journal: Journal, writer: Writer) -> Step:
    """The step of the gate that records each call; innermost but for the call itself."""

    def wrap(following: Handler) -> Handler:
        async def step(call: GateCall) -> Outcome:
            intent = Intent(
                key=call.key,
                kind=call.kind,
                name=call.tool.name,
                semantics=semantics_of(call.tool),
                request=dict(call.arguments),
                agent=call.context.agent,
                path=call.context.path,
                note=_policy(call),
            )
            if intent.semantics == "pure":
                return await _pure(journal, writer, intent, following, call)
            entry, is_mine = await journal.begin(writer, intent)
            if entry.status == "failed" and call.is_retried:
                await journal.again(writer, entry.key)
                return await _effect(journal, writer, entry, following, call)
            if entry.status in SETTLED:
                return given_back(entry, call)
            if not is_mine:
                known = await _second_time(journal, writer, entry, call)
                if known is not None:
                    return known
            return await _effect(journal, writer, entry, following, call)

        return step

    return wrap


async def _pure(journal: Journal, writer: Writer, intent: Intent, following: Handler, call: GateCall) -> Outcome:
    """A call that changes nothing: its answer is recorded, so that a run that comes by again sees the same world."""
    # A node may run again under the same lease, after a question or an error, and must see what it saw.
    known = await journal.find(intent.key) if intent.key in writer.known or call.kind == "step" else None
    if known is not None and known.status == "failed" and call.is_retried:
        await journal.again(writer, known.key)
        return await _effect(journal, writer, known, following, call)
    if known is not None and known.status in SETTLED:
        return given_back(known, call)
    before = dict(call.context.state)
    try:
        outcome = await following(call)
    except (GraphBubbleUp, RuntimeProblem):
        raise
    except Exception as error:
        await journal.record(writer, intent, {"error": _failure(error, call), **_policy(call)}, "failed")
        raise
    await journal.record(writer, intent, _recorded(outcome, before, call))
    return outcome


async def _second_time(journal: Journal, writer: Writer, entry: Entry, call: GateCall) -> Outcome | None:
    """An intent that an earlier attempt left behind: None if the call may be made now.

    Raises:
        UnknownOutcome: if only a person can say whether it happened.
    """
    if entry.status == "retry" or entry.semantics == "idempotent":
        await journal.again(writer, entry.key)
        return None
    answer = await _probed(call)
    if answer is False:
        await journal.again(writer, entry.key)
        return None
    return await _happened_or_unknown(journal, writer, entry, answer, entry.outcome)


async def _effect(journal: Journal, writer: Writer, entry: Entry, following: Handler, call: GateCall) -> Outcome:
    before = dict(call.context.state)
    try:
        outcome = await following(call)
    except GraphBubbleUp:
        # The tool itself asks a person or hands over: it comes by again, and runs from its first line.
        await journal.end(writer, entry.key, "retry")
        raise
    except asyncio.CancelledError:
        if entry.semantics == "at_most_once":
            # Its run may never go on, so somebody has to be told; if that fails, the intent on disk says as much.
            with contextlib.suppress(RuntimeProblem):
                await journal.end(writer, entry.key, "unknown", {"error": "The call was broken off."})
        raise
    except Exception as error:
        text = str(error) if isinstance(error, ToolFailed) else f"{type(error).__name__}: {error}"
        told = {"error": text, **_policy(call)}
        if entry.semantics == "at_most_once" and not _is_definite(error):
            answer = await _probed(call)
            if answer is not False:
                return await _happened_or_unknown(journal, writer, entry, answer, told)
        await journal.end(writer, entry.key, "failed", {**told, "error": _failure(error, call)})
        raise
    await journal.end(writer, entry.key, "done", _recorded(outcome, before, call))
    return outcome


def _failure(error: Exception, call: GateCall) -> str:
    """What a failed call is told as, in the words of the gate: a call that comes by again is answered the same."""
    if isinstance(error, ToolFailed):
        return str(error)
    text = f"{type(error).__name__}: {error}"
    return f"{call.tool.name} failed: {text}" if call.kind == "tool" else text


def _is_definite(error: Exception) -> bool:
    """Whether an error tells that nothing happened. A tool says so by ``ToolFailed``; a timeout does not."""
    return isinstance(error, ToolFailed) and not isinstance(error, ToolTimedOut)


async def _happened_or_unknown(journal: Journal, writer: Writer, entry: Entry, answer: Any, told: Any) -> Outcome:
    """Go by what the probe says; without it the run stops for a person."""
    if answer is None:
        await journal.end(writer, entry.key, "unknown", told)
        raise UnknownOutcome(entry)
    happened = {"resolved": "happened", "by": "probe", "note": answer if isinstance(answer, str) else ""}
    await journal.end(writer, entry.key, "happened", happened)
    return remembered(replace(entry, status="happened", outcome=happened))


async def _probed(call: GateCall) -> Any:
    """What the tool's probe says: True or a sentence (it happened), False (it did not), None (it cannot say)."""
    probe = call.tool.labels.probe
    if probe is None:
        return None
    try:
        known = (call.context.key, call.context) if _wants_context(probe) else (call.context.key,)
        answer = probe(*known)
        return await answer if inspect.isawaitable(answer) else answer
    except Exception:  # somebody's probe: one that fails knows nothing, and the question goes to a person
        return None


def _wants_context(probe: Callable[..., Any]) -> bool:
    """Whether a probe takes the call's context beside its key, to look where the call's resources are."""
    try:
        return len(inspect.signature(probe).parameters) > 1
    except (ValueError, TypeError):
        return False


def _recorded(outcome: Outcome, before: Mapping[str, Any], call: GateCall) -> dict[str, Any]:
    """An outcome as plain data, with what the tool kept for its thread."""
    kept = {name: value for name, value in call.context.state.items() if before.get(name) is not value}
    told = {"content": outcome.content, "status": outcome.status, "artifact": outcome.artifact, **_policy(call)}
    return {**told, "kept": kept} if kept else told


def _policy(call: GateCall) -> dict[str, Any]:
    """By which word of policy the call was let through, and how its result is to be read; without a policy, nothing."""
    return {"policy": dict(call.judged.record)} if call.judged else {}


def given_back(entry: Entry, call: GateCall) -> Outcome:
    """The outcome of an earlier attempt; what the tool kept for its thread then is kept now."""
    call.context.state.update((entry.outcome or {}).get("kept") or {})
    return remembered(entry)


def remembered(entry: Entry) -> Outcome:
    """The outcome of an earlier attempt, given back."""
    told = entry.outcome or {}
    if entry.status == "done":
        return Outcome(content=told["content"], status=told["status"], value=told["artifact"], ran=True)
    if entry.status == "failed":
        raise ToolFailed(told["error"])
    if entry.status == "happened":
        text = told.get("note") or f"{entry.name} was carried out; its answer was lost, and it was not repeated."
        return Outcome(content=text, value=text)
    text = told.get("note") or f"It is not known whether {entry.name} was carried out. It was abandoned, not repeated."
    return Outcome(content=text, status="error", ran=False)


def journaled_model(journal: Journal, writer: Writer, following: ModelHandler) -> ModelHandler:
    """Record what a model decided before anything acts on it; a call that comes by again gets the same answer.

    The history is not recorded with it: it is in the checkpoints, and a copy for every turn would grow with its square.
    """

    async def ask(call: ModelCall) -> AIMessage:
        from langchain_core.messages import AIMessage

        known = await journal.find(call.key) if call.key in writer.known else None
        if known is not None:
            return AIMessage.model_validate(known.outcome)
        answer = await following(call)
        intent = Intent(
            key=call.key,
            kind="model",
            name=call.model.name_of_model,
            semantics="pure",
            request={
                "prompt": call.prompt,
                "prompt_version": call.prompt_version,
                "messages": len(call.request.messages),
                "last": call.request.messages[-1].id if call.request.messages else None,
            },
            agent=call.agent,
            path=call.path,
        )
        await journal.record(writer, intent, answer.model_dump(mode="json"))
        return answer

    return ask
