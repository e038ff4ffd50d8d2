"""Faults: a model or tool that fails on purpose, at the call that the case names, for real parts of the runtime.

A fault sits where the real failure would: inside the gate, the journal and the retries. So what is tried is how the
graph and the runtime take it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage

from graphwright.models import ModelRequest
from graphwright.models.contract import ChatModel, DeltaSink
from graphwright.models.errors import ModelAnswerMalformed, ModelUnavailable
from graphwright.models.wrapper import Wrapper
from graphwright.runtime import GateCall, ModelCall, Outcome
from graphwright.runtime.context import ModelHandler
from graphwright.runtime.gate import Handler
from graphwright.tools import Tool, ToolContext, ToolFailed, ToolTimedOut, ToolUnavailable

from .altering import Alteration
from .case import Fault

SEARCH = "search_knowledge"
"""The tool that finds nothing where ``retrieval_empty`` names none."""
GARBAGE = '{"half": [1, 2'
"""What a malformed answer looks like."""


class ProcessDied(BaseException):
    """Stands for the death of the process: nothing that handles exceptions may handle it."""


class Faults(Alteration):
    """The faults of one case, and how often each part was called so far; it outlives the processes of the case."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = tuple(faults)
        self._calls: dict[str, int] = {}
        self._tools: dict[Tool, Tool] = {}

    async def ask_model(self, call: ModelCall, following: ModelHandler) -> AIMessage:
        """The answer, unless a fault of the model is due."""
        return await following(replace(call, model=_FaultyModel(call.model, self)))

    async def call_tool(self, call: GateCall, following: Handler) -> Outcome:
        """The call, with a tool that fails when it is its turn."""
        return await following(replace(call, tool=self._tool(call.tool)))

    def _tool(self, tool: Tool) -> Tool:
        if not any(each.tool == tool.name or _is_search(each, tool.name) for each in self._faults):
            return tool
        if tool not in self._tools:
            # A copy of its own, so that an open circuit of one case is not that of another.
            self._tools[tool] = replace(tool, call=_FaultyCall(tool, self))
        return self._tools[tool]

    def next(self, part: str) -> Fault | None:
        """The fault that the next call of a tool, or of the model (``""``), meets."""
        at = self._calls[part] = self._calls.get(part, 0) + 1
        return next((each for each in self._faults if _hits(each, part, at)), None)


def _hits(fault: Fault, part: str, at: int) -> bool:
    of_part = (fault.tool or "") == part or _is_search(fault, part)
    return of_part and fault.at <= at < fault.at + fault.times


def _is_search(fault: Fault, tool: str) -> bool:
    return fault.kind == "retrieval_empty" and fault.tool is None and tool == SEARCH


class _FaultyModel(Wrapper):
    """A model that fails when it is its turn."""

    def __init__(self, inner: ChatModel, faults: Faults) -> None:
        super().__init__(inner)
        self._faults = faults

    _faults: Any = None

    async def respond(self, request: ModelRequest, *, on_delta: DeltaSink | None = None) -> AIMessage:
        """The answer, or what is in its place."""
        fault = self._faults.next("")
        if fault is None:
            return await self.inner.respond(request, on_delta=on_delta)
        if fault.kind == "model_error":
            raise ModelUnavailable(fault.message or "The server answered 503: overloaded. (A fault of the case.)")
        if fault.kind == "timeout":
            raise ModelUnavailable(fault.message or "The server did not answer in time. (A fault of the case.)")
        answer = await self.inner.respond(request, on_delta=on_delta)
        if fault.kind == "crash":
            raise ProcessDied("The process died after the model's answer.")
        if fault.kind == "malformed":
            return _malformed(answer, request)
        return answer


def _malformed(answer: AIMessage, request: ModelRequest) -> AIMessage:
    """The same answer, in a form that nobody can read."""
    if answer.tool_calls:
        broken = [
            {
                "name": call["name"],
                "args": GARBAGE,
                "id": call["id"],
                "error": "it ends too early",
                "type": "invalid_tool_call",
            }
            for call in answer.tool_calls
        ]
        return answer.model_copy(update={"tool_calls": [], "invalid_tool_calls": broken})
    if request.output is not None:
        return answer.model_copy(update={"content": GARBAGE, "additional_kwargs": {}})
    raise ModelAnswerMalformed("The answer broke off half-way. (A fault of the case.)")


class _FaultyCall:
    """A tool's call that fails when it is its turn."""

    def __init__(self, tool: Tool, faults: Faults) -> None:
        self._tool = tool
        self._faults = faults

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        fault = self._faults.next(self._tool.name)
        if fault is None:
            return await self._tool.call(arguments, context)
        if fault.kind == "tool_error":
            raise ToolFailed(fault.message or f"{self._tool.name} is out of order.")
        if fault.kind == "unavailable":
            raise ToolUnavailable(fault.message or f"{self._tool.name} cannot be reached. (A fault of the case.)")
        if fault.kind == "timeout":
            raise ToolTimedOut(fault.message or f"{self._tool.name} took too long and was given up.")
        if fault.kind == "retrieval_empty":
            return []
        if fault.kind == "tool_slow":
            await asyncio.sleep(fault.seconds or 0.05)
        result = await self._tool.call(arguments, context)
        if fault.kind == "crash":
            raise ProcessDied(f"The process died after {self._tool.name} had done its work.")
        return (fault.message or GARBAGE) if fault.kind == "malformed" else result
