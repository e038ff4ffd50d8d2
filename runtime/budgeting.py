"""Budgets at work: in front of every model and in the gate, a call is reserved for, made, and settled.

A model call passes the journal first, so an answer that is reused costs nothing; a tool's call passes here before the
journal and before a person is asked, and is known again by its key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langgraph.errors import GraphBubbleUp

from graphwright.agents import Budget
from graphwright.models import ModelAnswerMalformed, ModelFiltered

from .budgets import Amounts, Claim, Refusal, Scope, scopes_of
from .context import ModelCall, ModelHandler, resolved
from .errors import UnknownPrice
from .estimates import PromptSize, size_of
from .events import event
from .exceeding import ANSWER_NOW, amount_of, exceeded, question_to_raise, warning
from .gate import GateCall, Handler, Outcome, Step
from .places import path_of
from .questions import Ask
from .reservations import Reservation, Warned
from .runs import FINISHED, Run, RunStore
from .spending import Spending

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

_LIMITS = ("max_tokens", "max_completion_tokens")


class RunSpending:
    """The budgets of one run while it is driven."""

    def __init__(self, spending: Spending, run: Run) -> None:
        self._spending = spending
        self._run = run
        self._sizes = PromptSize()
        self._lock = asyncio.Lock()
        self._is_taken_up = False
        self._unpriced: set[str] = set()

    async def finish(self, runs: RunStore) -> None:
        """The run is not driven any more: if it has ended, nothing stays reserved."""
        may_hold = self._is_taken_up or not self._spending.settings.is_empty
        if may_hold and (await runs.get(self._run.id)).status in FINISHED:
            await self._spending.close(self._run.id, is_over=True)

    def model(self, following: ModelHandler, ask: Ask) -> ModelHandler:
        """The same way to a model, within the budgets; ``ask`` reaches whoever may raise them."""

        async def ask_model(call: ModelCall) -> AIMessage:
            scopes = self._scopes(call.agent, call.budget)
            if not scopes:
                return await following(call)
            await self._take_up()
            is_last = False
            while True:
                claim = self._claim(call, scopes, is_last)
                found = await self._spending.reserve(self._run.id, claim, scopes)
                if isinstance(found, Refusal):
                    call, is_last = await self._react(found, call, is_last, ask)
                    continue
                answer = await self._spend(following, call, found)
                if answer is not None:
                    return answer
                _restart(call)

        return ask_model

    def tool(self, ask: Ask) -> Step:
        """The step of the gate that keeps tools within the budgets; ``ask`` reaches whoever may raise them."""

        def wrap(following: Handler) -> Handler:
            async def step(call: GateCall) -> Outcome:
                scopes = self._scopes(call.context.agent, call.budget)
                if not scopes:
                    return await following(call)
                await self._take_up()
                claim = Claim(key=call.key, kind="tool", agent=call.context.agent)
                while True:
                    found = await self._spending.reserve(self._run.id, claim, scopes)
                    if isinstance(found, Reservation):
                        return await self._use(following, call, found)
                    refused = await self._refused(found, call, ask)
                    if refused is not None:
                        return refused

            return step

        return wrap

    def _scopes(self, agent: str, own: Budget | None) -> list[Scope]:
        settings = self._spending.settings
        if own is None and settings.is_empty:
            return []
        return scopes_of(
            settings,
            run_id=self._run.id,
            thread_id=self._run.thread_id,
            tenant=self._run.tenant,
            agent=agent,
            place=_place() if settings.subgraphs else "",
            own=own,
            now=self._spending.clock(),
        )

    async def _take_up(self) -> None:
        if self._is_taken_up:
            return
        async with self._lock:
            if not self._is_taken_up:
                await self._spending.close(self._run.id, is_over=False)
                self._is_taken_up = True

    def _claim(self, call: ModelCall, scopes: Sequence[Scope], is_last: bool) -> Claim:
        name = call.model.name_of_model
        price = self._spending.prices.of(name)
        if price is None and any(scope.budget.money is not None for scope in scopes):
            self._without_price(name, call.agent)
        prompt = self._sizes.of(call.request, call.agent)
        return Claim(
            key=call.key,
            kind="model",
            agent=call.agent,
            prompt=prompt + (len(ANSWER_NOW) // 3 if is_last else 0),
            answer=_asked_for(call) or self._spending.settings.answer_tokens,
            prompt_rate=price.input_rate if price else 0,
            answer_rate=price.output_rate if price else 0,
            is_last=is_last,
        )

    def _without_price(self, name: str, agent: str) -> None:
        if self._spending.refuse_unknown:
            raise UnknownPrice(
                f"The price of model {name!r} is not known, and money has a limit here. Add it to [prices] in "
                'graphwright.toml, or set unknown_price = "allow" to count its calls as free of charge.'
            )
        if name not in self._unpriced:
            self._unpriced.add(name)
            _tell(agent, f"The price of model {name!r} is not known: its calls do not count against limits of money.")

    async def _spend(self, following: ModelHandler, call: ModelCall, reservation: Reservation) -> AIMessage | None:
        """Make the call and settle it; None if it was cut off where the budget of seconds ends."""
        began, ledger = self._spending.timer(), self._spending.ledger
        lost = Amounts(reservation.claim.prompt, reservation.claim.prompt * reservation.claim.prompt_rate, 1)
        warned: list[Warned] = []
        try:
            try:
                async with asyncio.timeout(reservation.granted.seconds) as cut:
                    answer = await following(_within(call, reservation))
            except TimeoutError:
                status, spent = ("lost", lost) if cut.expired() else ("released", Amounts())
                warned = await ledger.settle(reservation, self._timed(spent, began), status=status)
                if not cut.expired():
                    raise
                return None
            except Exception as error:
                # An answer that came and cannot be used was paid for; one that did not come was not.
                is_billed = isinstance(error, ModelAnswerMalformed | ModelFiltered)
                status, spent = ("lost", lost) if is_billed else ("released", Amounts())
                await ledger.settle(reservation, self._timed(spent, began), status=status)
                raise
            # A call that was cancelled stays reserved: whoever takes the run up knows from the journal what it cost.
            warned = await ledger.settle(reservation, self._timed(self._took(call, answer, reservation), began))
        finally:
            self._spending.ended(reservation)
            self._warn(warned, call.agent)
        if reservation.claim.is_last and (answer.tool_calls or answer.invalid_tool_calls):
            return answer.model_copy(update={"tool_calls": [], "invalid_tool_calls": []})
        return answer

    def _took(self, call: ModelCall, answer: AIMessage, reservation: Reservation) -> Amounts:
        if not answer.usage_metadata and not answer.response_metadata.get("cached"):
            claim, got = reservation.claim, size_of(answer)
            return Amounts(claim.prompt + got, claim.prompt * claim.prompt_rate + got * claim.answer_rate, 1)
        spent = self._spending.prices.spent(call.model.name_of_model, answer)
        return Amounts(spent.tokens, spent.cost or 0, 1)

    def _timed(self, amounts: Amounts, began: float) -> Amounts:
        return replace(amounts, seconds=max(0, round((self._spending.timer() - began) * 1_000)))

    async def _use(self, following: Handler, call: GateCall, reservation: Reservation) -> Outcome:
        began, ledger = self._spending.timer(), self._spending.ledger
        try:
            outcome = await following(self._until(call, reservation.granted.seconds))
        except GraphBubbleUp:
            # The call waits for a person; it keeps what it has, so that it can be made when they have answered.
            raise
        except Exception:  # settled, and raised on: a call that failed was a call all the same
            self._warn(await ledger.settle(reservation, self._timed(Amounts(calls=1), began)), call.context.agent)
            raise
        spent, status = (Amounts(calls=1), "settled") if outcome.ran else (Amounts(), "released")
        self._warn(await ledger.settle(reservation, self._timed(spent, began), status=status), call.context.agent)
        return outcome

    def _until(self, call: GateCall, seconds: float | None) -> GateCall:
        if seconds is None:
            return call
        deadline = self._spending.clock() + seconds
        if call.context.deadline is not None:
            deadline = min(deadline, call.context.deadline)
        return replace(call, context=replace(call.context, deadline=deadline))

    async def _react(self, refusal: Refusal, call: ModelCall, is_last: bool, ask: Ask) -> tuple[ModelCall, bool]:
        """How to go on with a model call that does not fit, as its budget declares.

        Raises:
            BudgetExceeded: if there is no way.
        """
        budget, why = refusal.position.scope.budget, ""
        if budget.on_exceed == "ask":
            if await self._raised(refusal, call.agent, ask):
                return call, is_last
            why = "A person was asked and did not raise it."
        elif budget.on_exceed == "wrap_up" and not is_last:
            return call, True
        elif budget.on_exceed == "degrade" and refusal.dimension == "money":
            cheaper = resolved(budget.degrade_to)
            if cheaper.name_of_model != call.model.name_of_model:
                _tell(
                    call.agent,
                    f"The budget does not suffice for {call.model.name_of_model}: "
                    f"{cheaper.name_of_model} answers in its place.",
                )
                return replace(call, model=cheaper), is_last
        raise await self._exceeded(refusal, call.agent, why)

    async def _refused(self, refusal: Refusal, call: GateCall, ask: Ask) -> Outcome | None:
        """What becomes of a tool's call that does not fit; None if there is room for it now.

        Raises:
            BudgetExceeded: if the budget says that the run stops.
        """
        budget, agent = refusal.position.scope.budget, call.context.agent
        why = ""
        if budget.on_exceed == "ask":
            if await self._raised(refusal, agent, ask):
                return None
            why = " A person was asked and did not raise the budget."
        elif budget.on_exceed != "wrap_up":
            raise await self._exceeded(refusal, agent)
        return Outcome(content=f"{call.tool.name} was not run.{why} {ANSWER_NOW}", status="error", ran=False)

    async def _raised(self, refusal: Refusal, agent: str, ask: Ask) -> bool:
        scope, dimension, ledger = refusal.position.scope, refusal.dimension, self._spending.ledger
        question = question_to_raise(refusal, self._run, agent, currency=self._spending.prices.currency)
        question = replace(question, path=_place())
        more = amount_of(await ask(question), question, dimension)
        if more is not None:
            await ledger.raise_limit(question.key, self._run.id, scope, dimension, more)
        return more is not None

    async def _exceeded(self, refusal: Refusal, agent: str, why: str = "") -> Exception:
        spent = await self._spending.ledger.by_agent(self._run.id)
        return exceeded(refusal, agent, spent, self._spending.prices.currency, why=why)

    def _warn(self, warned: Sequence[Warned], agent: str) -> None:
        for each in warned:
            _tell(agent, warning(each, self._spending.prices.currency))


def _within(call: ModelCall, reservation: Reservation) -> ModelCall:
    """The call as it is made: its answer no longer than what is reserved, its last one without tools."""
    request, claim = call.request, reservation.claim
    limited = any(scope.budget.tokens or scope.budget.money for scope in reservation.scopes)
    # LangChain's integrations each have a word of their own for it.
    if limited and not call.model.name_of_model.startswith("langchain:"):
        name = next((name for name in _LIMITS if name in request.params), _LIMITS[0])
        request = replace(request, params={**request.params, name: reservation.granted.answer})
    if claim.is_last:
        from langchain_core.messages import HumanMessage

        told = HumanMessage(ANSWER_NOW, id=f"budget:{claim.key}")
        request = replace(
            request, messages=[*request.messages, told], tool_choice="none" if request.tools else request.tool_choice
        )
    return call if request is call.request else replace(call, request=request)


def _asked_for(call: ModelCall) -> int | None:
    """The longest answer that the request or its model asks for, where one does."""
    model: Any = call.model
    asked: list[Any] = [call.request.params]
    while model is not None:
        asked.append(getattr(model, "params", None) or {})
        model = getattr(model, "inner", None)
    return next((int(each[name]) for each in asked for name in _LIMITS if each.get(name)), None)


def _restart(call: ModelCall) -> None:
    restart = getattr(call.on_delta, "restart", None)
    if restart is not None:
        restart()


def _place() -> str:
    """Path of node names in the graph; empty outside of one."""
    from langgraph.config import get_config

    try:
        place = get_config()["configurable"].get("checkpoint_ns", "")
    except RuntimeError:
        return ""
    return path_of(place)


def _tell(agent: str, text: str) -> None:
    """Tell whoever watches the run; nothing happens outside of a graph."""
    from langgraph.config import get_stream_writer

    try:
        write = get_stream_writer()
    except (RuntimeError, KeyError):
        return
    write(event("note", agent=agent, path=_place(), text=text))
