"""Ask a person: the tool by which an agent gets an answer that no other tool can give."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from graphwright.tools import ToolFailed, tool


def _question(arguments: object) -> str:
    """The approval's reason is the question itself: that is what the person has to read."""
    question = arguments.get("question") if isinstance(arguments, dict) else None
    return str(question or "The agent asks a question.")


@tool(effect="read", approval=_question, decisions=("respond", "reject"), trusted=True, timeout=None)
def ask_person(
    question: Annotated[str, Field(min_length=1, max_length=2000, description="One question, complete in itself.")],
) -> str:
    """Ask the person in charge a question that no other tool can answer, and wait for the answer."""
    raise ToolFailed(f"Nobody can be asked here: {question!r} was not put to a person.")
