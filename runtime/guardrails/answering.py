"""What people answer to a run's questions enters it as its input does: it is looked at before it is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from ..decisions import Decision, Edit, Reject, Respond
from ..policy.gating import changed
from ..runs import RunStore
from .declaring import Checked, Guardrail, GuardrailBlocked, Noticed, check
from .guarding import NOTICED

_OPEN = "The answer was not recorded; the question is still open."
_NOTHING = "Nothing was recorded."
Notes = tuple[Noticed, ...]


def admitted_edits(guardrails: tuple[Guardrail, ...], edits: Mapping[str, Any]) -> tuple[dict[str, Any], Notes]:
    """What somebody writes into a thread's state, as it may be stored, and what was noticed.

    Raises:
        GuardrailBlocked: if it may not.
    """
    checked = _looked(guardrails, dict(edits), _NOTHING)
    return dict(checked.value), checked.noticed


class Answers:
    """The guardrails at the input that look at people's answers too."""

    def __init__(self, guardrails: Callable[[], tuple[Guardrail, ...]], runs: RunStore) -> None:
        self._all = guardrails
        self._runs = runs

    def decision(self, decision: Decision, asked: Mapping[str, Any]) -> tuple[Decision, Notes]:
        """A decision as it may be stored. Nothing is changed silently in arguments that somebody approves.

        Args:
            decision: What was decided; of an edit, what differs from ``asked`` is looked at.
            asked: The arguments that the question showed.

        Raises:
            GuardrailBlocked: if it may not be stored, or an edit would be redacted.
        """
        if isinstance(decision, Edit):
            checked = _looked(self._all(), changed(asked, decision.arguments), _OPEN)
            stopped = next((each for each in checked.noticed if each.did != "flag"), None)
            if stopped is not None:
                raise _blocked(stopped, _OPEN)
            return decision, checked.noticed
        if isinstance(decision, Respond):
            checked = _looked(self._all(), decision.message, _OPEN)
            return Respond(str(checked.value), decision.comment), checked.noticed
        if isinstance(decision, Reject) and decision.message:
            checked = _looked(self._all(), decision.message, _OPEN)
            return Reject(str(checked.value), decision.comment), checked.noticed
        return decision, ()

    def note(self, text: str) -> tuple[str, Notes]:
        """What somebody says became of a call, as it may be stored and told to the model.

        Raises:
            GuardrailBlocked: if it may not.
        """
        checked = _looked(self._all(), text, _NOTHING) if text else Checked(text)
        return str(checked.value), checked.noticed

    async def keep(self, run_id: str, of: str, noticed: Notes) -> str:
        """Keep with the run what was noticed in an answer to ``of``; the run records it when it goes on.

        Returns:
            Under which option, for :meth:`forget`; empty if there was nothing to keep.
        """
        if not noticed:
            return ""
        name = f"{NOTICED}|{of}|{uuid4().hex[:8]}"
        await self._runs.remember(run_id, **{name: [[each.guardrail, each.did, each.sentence] for each in noticed]})
        return name

    async def forget(self, run_id: str, name: str) -> None:
        """The answer was refused after all."""
        if name:
            await self._runs.remember(run_id, **{name: None})


def _looked(guardrails: tuple[Guardrail, ...], value: Any, outcome: str) -> Checked:
    checked = check((each for each in guardrails if each.answers), "input", value)
    if checked.blocked is not None:
        raise _blocked(checked.blocked, outcome)
    return checked


def _blocked(noticed: Noticed, outcome: str) -> GuardrailBlocked:
    return GuardrailBlocked(
        f"{outcome} Guardrail {noticed.guardrail!r} blocks it. {noticed.sentence} Send it again without that."
    )
