"""What a run has used and what it cost: counted from the journal, so that it is right after a crash too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .budgets import PER_UNIT
from .context import ModelCall, ModelHandler
from .gate import GateCall, Handler, Outcome
from .journal import Entry
from .prices import PriceTable, Spent, load_prices

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage


class Tally:
    """Calls, tokens, cost and prompt versions of one run, in all and by agent."""

    def __init__(self, entries: Iterable[Entry] = (), prices: PriceTable | None = None) -> None:
        self._prices = prices or load_prices()
        self._total = _Counts()
        self._agents: dict[str, _Counts] = {}
        self._tools: set[str] = set()
        self.prompts: dict[str, str] = {}
        for entry in entries:
            if entry.kind == "model":
                self._count_model(entry.agent, self._prices.spent(entry.name, entry.outcome or {}))
                self._prompt(entry.request.get("prompt"), entry.request.get("prompt_version"))
            elif entry.kind == "tool":
                self._count_tool(entry.key, entry.agent)

    @property
    def usage(self) -> dict[str, Any]:
        """The totals, then those of each agent under ``agents``. Costs are in the price table's ``currency``.

        ``unpriced_calls`` counts the model calls of which the cost is not known; it is not in ``cost``.
        """
        agents = {name: counts.as_data() for name, counts in sorted(self._agents.items())}
        return {**self._total.as_data(), "currency": self._prices.currency, "agents": agents}

    def counted(self, following: ModelHandler) -> ModelHandler:
        """The same way to a model, counted."""

        async def ask(call: ModelCall) -> AIMessage:
            answer = await following(call)
            self._count_model(call.agent, self._prices.spent(call.model.name_of_model, answer))
            self._prompt(call.prompt, call.prompt_version)
            return answer

        return ask

    def counted_tool(self, following: Handler) -> Handler:
        """The step of the gate that counts each tool call, once for its key."""

        async def step(call: GateCall) -> Outcome:
            self._count_tool(call.key, call.context.agent)
            return await following(call)

        return step

    def _count_model(self, agent: str, spent: Spent) -> None:
        for counts in (self._total, self._agent(agent)):
            counts.model_calls += 1
            counts.input_tokens += spent.input_tokens
            counts.output_tokens += spent.output_tokens
            counts.cost += spent.cost or 0
            counts.unpriced_calls += spent.cost is None

    def _count_tool(self, key: str, agent: str) -> None:
        if key not in self._tools:
            self._tools.add(key)
            self._total.tool_calls += 1
            self._agent(agent).tool_calls += 1

    def _agent(self, name: str) -> _Counts:
        if name not in self._agents:
            self._agents[name] = _Counts()
        return self._agents[name]

    def _prompt(self, name: str | None, version: str | None) -> None:
        if name:
            self.prompts[name] = version or ""


class _Counts:
    """Running totals; ``cost`` in billionths of the currency."""

    def __init__(self) -> None:
        self.model_calls = self.tool_calls = self.input_tokens = self.output_tokens = 0
        self.cost = self.unpriced_calls = 0

    def as_data(self) -> dict[str, int | float]:
        """Plain numbers, the cost in whole units."""
        return {
            "model_calls": self.model_calls,
            "tool_calls": self.tool_calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost": self.cost / PER_UNIT["money"],
            "unpriced_calls": self.unpriced_calls,
        }
