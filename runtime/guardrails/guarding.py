"""Guardrails around a run: before its input is stored, in the gate around each tool, and around the final answer.

Each is a wrapper of what it guards. What they noticed is recorded once, in the journal, and so are the words of
whoever was asked for telemetry, which nothing waits for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import orjson

from graphwright.tools import ToolFailed, ToolTimedOut, WithArtifact, render_result

from ..digests import digest, plain_json
from ..errors import LeaseLost, RuntimeProblem
from ..events import Event
from ..gate import GateCall, Handler, Outcome, Step, is_control_flow
from ..journal import Intent, Journal, Writer
from ..policy.decision import Decision
from ..policy.gating import denied, edited
from ..policy.remembering import POLICY, keeping
from ..runs import RunStore
from .declaring import Checked, Found, Guardrail, GuardrailBlocked, Noticed, Place, check

NOTICED = "guardrails"
"""A run's option: what guardrails noticed in its input; with a question's id and a bar between, in an answer to it."""
PATIENCE = 10.0
"""Seconds that telemetry may take after the run has stopped."""
Output = Callable[[Mapping[str, Any]], str]


def admitted(guardrails: tuple[Guardrail, ...], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run's input as it may be stored, and the option that keeps what was noticed.

    Raises:
        GuardrailBlocked: if it may not.
    """
    checked = check(guardrails, "input", dict(values))
    if checked.blocked is not None:
        raise GuardrailBlocked(
            f"The input was not taken: guardrail {checked.blocked.guardrail!r} blocks it. {checked.blocked.sentence} "
            "Nothing was stored. Send it again without that."
        )
    kept = [[each.guardrail, each.did, each.sentence] for each in checked.noticed]
    return dict(checked.value), {NOTICED: kept} if kept else {}


def redacting(guardrails: tuple[Guardrail, ...]) -> Step:
    """The gate's step of a replay: arguments are redacted as they were; what was blocked is in the records."""

    def wrap(following: Handler) -> Handler:
        async def step(call: GateCall) -> Outcome:
            checked = check(guardrails, "call", dict(call.arguments), call.tool.name)
            return await following(call if checked.blocked else _with(call, checked))

        return step

    return wrap


class Guarded:
    """The guardrails of one run while it is driven."""

    def __init__(self, guardrails: tuple[Guardrail, ...], run_id: str, journal: Journal, writer: Writer) -> None:
        self._guardrails = guardrails
        self._run = run_id
        self._journal = journal
        self._writer = writer
        self._keep = keeping(journal, writer)
        self._passed: dict[str, str] = {}
        self._asked: list[asyncio.Task[None]] = []
        self._final: Checked | None = None

    @property
    def before(self) -> tuple[Step, ...]:
        """The gate's steps before policy: a call may be blocked, or its arguments redacted."""
        return (self._calls,) if self._has("call") else ()

    @property
    def after(self) -> tuple[Step, ...]:
        """The gate's steps after a person was asked: what they made of the arguments is looked at as well."""
        return (self._edited,) if self._has("call") else ()

    @property
    def around(self) -> tuple[Step, ...]:
        """The gate's steps around the call itself: what it returned may be withheld or redacted."""
        return (self._results,) if self._has("result") else ()

    def output(self, following: Output) -> Output:
        """The text of the final answer, as it may be told; a sentence in its place where it may not."""

        def guarded(state: Mapping[str, Any]) -> str:
            text = following(state)
            self._final = checked = check(self._guardrails, "output", text)
            self._ask("output", text, key=f"{self._run}|output")
            if checked.blocked is None:
                return str(checked.value)
            return f"The answer is withheld by guardrail {checked.blocked.guardrail!r}. {checked.blocked.sentence}"

        return guarded if self._has("output") else following

    def hides(self, event: Event) -> bool:
        """Whether an event may not be told: pieces of an answer that is still to be looked at as a whole."""
        strict = (each.stands_at("output") and each.do != "flag" for each in self._guardrails)
        return event["type"] == "token" and any(strict)

    async def begin(self, values: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        """Record what was noticed in the input and in people's answers, and ask whoever only watches."""
        await self.entered(options)
        self._ask("input", dict(values), key=f"{self._run}|input")

    async def entered(self, options: Mapping[str, Any]) -> None:
        """Record what was noticed in what people sent; the run's options keep it until then."""
        for name, noticed in options.items():
            kind, _, of = name.partition("|")
            if kind == NOTICED:
                told = [Noticed(guardrail, "input", did, sentence) for guardrail, did, sentence in noticed]
                answered = of.partition("|")[0]
                where = f"answer to {answered}" if answered else "input"
                await self._record(told, key=f"{self._run}|{of or 'input'}", where=where)

    async def finish(self, runs: RunStore) -> None:
        """Record what was noticed in the answer, and in what people answered; wait a little for those who watch."""
        if self._has("input"):
            with suppress(LeaseLost):  # whoever has the thread now finds it in the options again
                await self.entered((await runs.get(self._run)).options)
        if self._final is not None:
            with suppress(LeaseLost):  # whoever has the thread now looks again
                await self._record(self._final.noticed, key=f"{self._run}|output")
        if self._asked:
            _, late = await asyncio.wait(self._asked, timeout=PATIENCE)
            for each in late:
                each.cancel()
            self._asked.clear()

    def _has(self, place: Place) -> bool:
        return any(place in each.at for each in self._guardrails)

    def _calls(self, following: Handler) -> Handler:
        async def step(call: GateCall) -> Outcome:
            name, given = call.tool.name, dict(call.arguments)
            checked = check(self._guardrails, "call", given, name)
            self._ask("call", given, key=f"{call.key}|call", call=call)
            # What was let through before may have happened: it is not taken back by settings that came later.
            if checked.blocked is not None and call.key not in self._writer.known:
                return await self._refused(call, checked.blocked)
            await self._record(checked.noticed, key=f"{call.key}|call", call=call)
            call = call if checked.blocked else _with(call, checked)
            self._passed[call.key] = digest(call.arguments)
            return await following(call)

        return step

    def _edited(self, following: Handler) -> Handler:
        """Nothing is changed silently that a person has approved: an edit that would be redacted is refused."""

        async def step(call: GateCall) -> Outcome:
            if call.key not in self._writer.known and self._passed.get(call.key) != digest(call.arguments):
                noticed = check(self._guardrails, "call", dict(call.arguments), call.tool.name).noticed
                stopped = next((each for each in noticed if each.did != "flag"), None)
                if stopped is not None:
                    return await self._refused(edited(call), stopped)
            return await following(call)

        return step

    def _results(self, following: Handler) -> Handler:
        async def step(call: GateCall) -> Outcome:
            try:
                outcome = await following(call)
            except Exception as error:
                if is_control_flow(error):
                    raise
                told = await self._looked(call, str(error))
                if told.value == str(error) and told.blocked is None:
                    raise
                text = _withheld(call, told.blocked, "failed") if told.blocked else str(told.value)
                raise _saying(error, text) from None
            return await self._guarded(call, outcome)

        return step

    async def _guarded(self, call: GateCall, outcome: Outcome) -> Outcome:
        is_pair = isinstance(outcome.value, WithArtifact)
        parts = [outcome.value.content, outcome.value.artifact] if is_pair else outcome.value
        value = outcome.content if outcome.value is None else _plain(parts)
        checked = await self._looked(call, value)
        if checked.blocked is not None:
            text = _withheld(call, checked.blocked, "was run")
            return replace(outcome, content=text, value=None)
        if checked.value is value:
            return outcome
        clean = WithArtifact(*checked.value) if is_pair else checked.value
        return replace(outcome, value=clean, content=render_result(clean, call.tool.labels.result_cap))

    async def _looked(self, call: GateCall, value: Any) -> Checked:
        checked = check(self._guardrails, "result", value, call.tool.name)
        self._ask("result", value, key=f"{call.key}|result", call=call)
        await self._record(checked.noticed, key=f"{call.key}|result", call=call)
        return checked

    async def _refused(self, call: GateCall, noticed: Noticed) -> Outcome:
        rule = _rule(noticed.guardrail)
        refusal = Decision("deny", rule, sentence=noticed.sentence, rules=(rule,), found="deny")
        return denied(call, await self._keep(call, refusal))

    def _ask(self, place: Place, value: Any, *, key: str, call: GateCall | None = None) -> None:
        """Let those who only watch look, beside the run."""
        tool = call.tool.name if call else ""
        for each in self._guardrails:
            if each.is_telemetry and each.stands_at(place, tool) and _key(key, each.name) not in self._writer.known:
                self._asked.append(asyncio.ensure_future(self._watched(each, place, value, key, call)))

    async def _watched(self, guardrail: Guardrail, place: Place, value: Any, key: str, call: GateCall | None) -> None:
        try:
            found = await cast(Callable[[Any], Awaitable[Found | None]], guardrail.look)(value)
        except Exception as error:
            found = Found(f"It could not say: {type(error).__name__}: {error}.")
        if found is not None:
            with suppress(LeaseLost):
                await self._record([Noticed(guardrail.name, place, "flag", found.sentence)], key=key, call=call)

    async def _record(self, noticed: Any, *, key: str, call: GateCall | None = None, where: str = "") -> None:
        for each in noticed:
            row = _key(key, each.guardrail)
            if row in self._writer.known:
                continue
            request = {
                "tool": call.tool.name if call else each.place,
                "verdict": "allow",
                "found": each.did,
                "rule": _rule(each.guardrail),
                "sentence": f"At the {where or each.place}: {each.sentence} {_DONE[each.did]}",
            }
            agent = call.context.agent if call else "the run"
            intent = Intent(key=row, kind="policy", name=POLICY, semantics="pure", request=request, agent=agent)
            await self._journal.record(self._writer, intent, None)


_DONE = {"block": "It was withheld.", "redact": "That was redacted.", "flag": "It passed."}


def _rule(name: str) -> str:
    return f"guardrail:{name}"


def _key(key: str, name: str) -> str:
    return f"{key}|guardrail|{name}"


def _with(call: GateCall, checked: Checked) -> GateCall:
    """The call with the arguments as they may go on, validated anew where that changed them."""
    if checked.value == dict(call.arguments):
        return call
    return replace(call, arguments=checked.value, validated=call.tool.validate(checked.value))


def _withheld(call: GateCall, noticed: Noticed | None, what: str) -> str:
    assert noticed is not None
    why = f"guardrail {noticed.guardrail!r}: {noticed.sentence}"
    return f"{call.tool.name} {what}; what it said is withheld ({why})"


def _plain(value: Any) -> Any:
    return orjson.loads(plain_json(value))


def _saying(error: Exception, text: str) -> Exception:
    """An error of the same kind, as far as the journal goes by it, that says this."""
    kind = next((each for each in (ToolTimedOut, ToolFailed, RuntimeProblem) if isinstance(error, each)), Exception)
    return cast(Exception, type(type(error).__name__, (kind,), {})(text))
