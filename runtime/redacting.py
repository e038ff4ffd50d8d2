"""Redaction where a value enters a run, so that what is stored is exactly what was acted on.

A tool's result is redacted right after the call, before model, state and journal see it; a model's answer before it is
journaled and acted on. Journal, checkpoints, events and audit are clean by that, and a run that is resumed reads what
the run that crashed had read. What nothing acts on (logs, audit, errors, the arguments that the journal shows) is
redacted by more patterns: see :class:`Redactions`.

The arguments of calls are never changed silently. One that holds a secret of this process is refused with a sentence;
a token that the user typed, for a tool to use, is no secret of ours and passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

from graphwright.tools import ToolFailed, WithArtifact, render_result

from .context import ModelCall, ModelHandler
from .errors import RuntimeProblem
from .events import Event
from .gate import GateCall, Handler, Outcome, Step
from .redacting_stream import RedactingSink
from .redaction import Redactor
from .redaction_patterns import CREDENTIAL_PATTERNS, SECRET_PATTERNS

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, InvalidToolCall, ToolCall

SECRET_ARGUMENT = "The call was not made: an argument holds a secret of this process"
"""How a refusal begins."""
_ADVICE = "Leave it out. Tools know the secrets that they need."
Extent = Literal["all", "own"]
"""What is redacted: the process's own secrets and what looks like one, or only its own."""


@dataclass(frozen=True)
class Redactions:
    """The redactors of one runtime, by what becomes of a text."""

    own: Redactor
    """Finds the process's own secrets, exactly: for what people typed, and for arguments."""
    extent: Extent = "all"

    @classmethod
    def of_process(cls, extent: Extent = "all") -> Redactions:
        """Of this process's secrets; see :func:`process_secrets`."""
        return cls(Redactor.of_process(patterns=()), extent)

    @cached_property
    def stored(self) -> Redactor:
        """For what is stored and acted on: own secrets, and keys and tokens of any service.

        Card and account numbers stay: a run may be about them, and could not pay a bill without.
        """
        return self.own if self.extent == "own" else self.own.with_patterns(CREDENTIAL_PATTERNS)

    @cached_property
    def shown(self) -> Redactor:
        """For what nothing acts on: all patterns."""
        return self.own if self.extent == "own" else self.own.with_patterns(SECRET_PATTERNS)

    def event(self, told: Event) -> Event:
        """An event as it may be told. A question to a person shows what they decide about."""
        redactor = self.own if told["type"] == "approval_asked" else self.stored
        return cast(Event, redactor.redact_value(told))

    def error(self, error: Exception) -> Exception:
        """The error, or one of the same kind with a redacted text.

        The kind decides what is done about it: a timeout that became a plain failure would say that nothing happened.
        """
        text = _text(error)
        clean = self.shown.redact(text)
        return error if clean == text else self._retold(error, clean)

    def _retold(self, error: Exception, text: str) -> Exception:
        kind = type(error)
        told: Any = type(kind.__name__, (kind,), {"__str__": lambda _: text, "__module__": kind.__module__})
        # Not by its constructor, which may want what the error was made of.
        made: Exception = told.__new__(told)
        made.args = (text,)
        made.__dict__.update(self.shown.redact_value(error.__dict__))
        return made


def refuse_secrets(redactions: Redactions) -> Step:
    """The step of the gate that refuses arguments with a secret of this process in them."""

    def wrap(following: Handler) -> Handler:
        async def step(call: GateCall) -> Outcome:
            if _holds_secret(redactions.own, call.arguments):
                raise ToolFailed(f"{SECRET_ARGUMENT}. {_ADVICE}")
            return await following(call)

        return step

    return wrap


def redacted_result(redactions: Redactions) -> Step:
    """The step of the gate around the call itself: what comes out of a tool is redacted before anyone else sees it."""

    def wrap(following: Handler) -> Handler:
        async def step(call: GateCall) -> Outcome:
            before = dict(call.context.state)
            try:
                outcome = await following(call)
            except Exception as error:
                if isinstance(error, RuntimeProblem) or _is_signal(error):
                    raise
                clean = redactions.error(error)
                if clean is error:
                    raise
                raise clean from None
            finally:
                _redact_notes(redactions.stored, before, call)
            return _outcome(redactions.stored, outcome, call.tool.labels.result_cap)

        return step

    return wrap


def _is_signal(error: Exception) -> bool:
    from langgraph.errors import GraphBubbleUp

    return isinstance(error, GraphBubbleUp)


def _redact_notes(redactor: Redactor, before: Mapping[str, Any], call: GateCall) -> None:
    for name, value in list(call.context.state.items()):
        if before.get(name) is not value:
            clean = redactor.redact_value(value)
            if clean != value:
                call.context.state[name] = clean


def _outcome(redactor: Redactor, outcome: Outcome, cap: int) -> Outcome:
    """The whole value is redacted before it is cut to the cap: the cut could leave half of a secret."""
    value = _value(redactor, outcome.value)
    content = outcome.content if value is outcome.value else render_result(value, cap)
    return replace(outcome, value=value, content=redactor.redact(content))


def _value(redactor: Redactor, value: Any) -> Any:
    """The value itself if there is no secret in it, else its redacted text or plain data."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, WithArtifact):
        content, artifact = _value(redactor, value.content), _value(redactor, value.artifact)
        same = content is value.content and artifact is value.artifact
        return value if same else WithArtifact(content, artifact)
    if isinstance(value, str):
        clean = redactor.redact(value)
        return value if clean == value else clean
    plain = value if isinstance(value, list | dict) else _plain(value)
    clean = redactor.redact_value(plain)
    return value if clean == plain else clean


def _plain(value: Any) -> Any:
    import orjson

    from .digests import plain_json

    return orjson.loads(plain_json(value))


def redacted_model(redactions: Redactions, following: ModelHandler) -> ModelHandler:
    """Redact what a model says, also while it says it; what it asks tools to do is refused rather than changed."""

    async def ask(call: ModelCall) -> AIMessage:
        sink = RedactingSink(call.on_delta, redactions.stored) if call.on_delta else None
        try:
            answer = await following(replace(call, on_delta=sink))
        except Exception as error:
            if isinstance(error, RuntimeProblem) or _is_signal(error):
                raise
            clean = redactions.error(error)
            if clean is error:
                raise
            raise clean from None
        if sink is not None:
            sink.finish()
        return redacted_answer(answer, redactions)

    return ask


def redacted_answer(answer: AIMessage, redactions: Redactions) -> AIMessage:
    """The answer with what it says redacted, and its calls whole or refused."""
    own, stored = redactions.own, redactions.stored
    calls = [each for each in answer.tool_calls if not _holds_secret(own, each["args"])]
    refused = [_refused(each, own) for each in answer.tool_calls if each not in calls]
    wrong = own.redact_value(list(answer.invalid_tool_calls))
    changed = {
        "content": _content(answer.content, redactions),
        "tool_calls": calls,
        "invalid_tool_calls": [*wrong, *refused],
        "additional_kwargs": {name: _extra(name, each, redactions) for name, each in answer.additional_kwargs.items()},
        "response_metadata": stored.redact_value(answer.response_metadata),
    }
    differs = {name: value for name, value in changed.items() if value != getattr(answer, name)}
    return answer.model_copy(update=differs) if differs else answer


def _content(content: Any, redactions: Redactions) -> Any:
    """Text is redacted wholly; blocks that are no text (a call, in other vendors' words) only of own secrets."""
    if isinstance(content, str):
        return redactions.stored.redact(content)
    return [
        redactions.stored.redact_value(each)
        if isinstance(each, str) or each.get("type") in ("text", "reasoning", "thinking")
        else redactions.own.redact_value(each)
        for each in content
    ]


def _extra(name: str, value: Any, redactions: Redactions) -> Any:
    said = isinstance(value, str) or name == "parsed"
    return (redactions.stored if said else redactions.own).redact_value(value)


def _refused(call: ToolCall, own: Redactor) -> InvalidToolCall:
    from langchain_core.messages import InvalidToolCall

    from .digests import plain_json

    arguments = plain_json(own.redact_value(call["args"]))
    error = f"{SECRET_ARGUMENT}. {_ADVICE}"
    return InvalidToolCall(type="invalid_tool_call", name=call["name"], args=arguments, id=call["id"], error=error)


def _holds_secret(own: Redactor, arguments: Mapping[str, Any]) -> bool:
    plain = _plain(arguments)
    return bool(own.redact_value(plain) != plain)


def _text(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # somebody's class; it must not stand in the way of its own report
        return type(error).__name__
