"""What managers are told: their own prompt with the pattern's below it, who is there, and what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from graphwright.agents import Agent
from graphwright.prompts import Prompt, prompt

from .participants import Participant


def briefing(agent: Agent, prompt_name: str, **values: Any) -> Prompt:
    """The agent's prompt with the pattern's below it: sent, versioned and recorded as one."""
    own, added = agent.instructions, prompt(prompt_name, **values)
    both = Prompt.inline(f"{own.text.rstrip()}\n\n{added.text}", name=f"{own.name}+{added.name}")
    return replace(both, header=own.header, path=own.path, defaults={**own.defaults, **added.defaults})


def briefed(agent: Agent, prompt_name: str, **values: Any) -> Agent:
    """The agent with :func:`briefing` as its prompt."""
    return replace(agent, prompt=briefing(agent, prompt_name, **values))


def listed(participants: Iterable[Participant]) -> str:
    """The participants, one a line, each with its description."""
    return "\n".join(f"- {each.name}: {' '.join(each.description.split())}" for each in participants)


def request_of(messages: Sequence[BaseMessage]) -> str:
    """The newest words of a person: what is asked."""
    return next((each.text for each in reversed(messages) if isinstance(each, HumanMessage)), "")


def said(text: str, name: str, history: Sequence[BaseMessage]) -> AIMessage:
    """What somebody says at the end of a history, under an id that is the same whenever it is said there again."""
    return AIMessage(text, name=name, id=f"said:{name}:{len(history)}")


def answering_task(request: str, results: Sequence[Mapping[str, str]], reason: str = "") -> str:
    """A request with the results to answer it from, numbered, and why the work ended early, if it did.

    Args:
        request: What was asked.
        results: ``who``, ``what`` (was to be done) and ``text`` of each.
        reason: Why the work ended early.
    """
    blocks = [
        f"[{n}] {each['who']} — {_line(each['what'])}\n{_quoted(each['text'])}" for n, each in enumerate(results, 1)
    ]
    parts = ["# Question", _quoted(request, mark=""), "# Sources", "\n\n".join(blocks) or "There are none."]
    if reason:
        parts += ["# Remark", f"The work ended early. {reason}"]
    return "\n\n".join(parts)


def _line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 160 else f"{flat[:159]}…"


def _quoted(text: str, mark: str = "> ") -> str:
    """Text that cannot be taken for a heading of ours."""
    lines = text.strip().splitlines()
    return "\n".join(
        f"{mark}{line}" if mark else line.lstrip("#").lstrip() if line.startswith("#") else line for line in lines
    )
