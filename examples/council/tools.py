"""What reviewers may read, and the one effect: publishing the revised design once a person approves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from graphwright.tools import ApprovalRules, ToolContext, ToolFailed, WithArtifact, tool
from graphwright.tools.builtin.files import read_file
from graphwright.tools.builtin.rooted import FilesRoot

from .designs import DesignProblem, Designs
from .document import section, sections
from .findings import Lane
from .rules import review

MAX_TEXT = 200_000
"""Characters of a design."""
Number = Annotated[str, Field(max_length=12, description="Number of the design under review, like D-12345678.")]


class Judged(BaseModel):
    """A finding and what became of it."""

    rule: str
    section: str
    quote: str
    advice: str
    status: Literal["fixed", "open", "waived"]


@tool(effect="write", once=False, reversible=True)
def open_design(
    design: Annotated[str, Field(min_length=1, description="Name of a design, path of a Markdown file, or its text.")],
    *,
    context: ToolContext,
) -> WithArtifact:
    """Open a design for review and return the number under which reviewers read it."""
    with _said():
        text = _text_of(design, context)
        if len(text) > MAX_TEXT:
            raise ToolFailed(f"The design has {len(text):,} characters; {MAX_TEXT:,} at most can be reviewed.")
        return WithArtifact(context.resources.get(Designs).put(text), {"text": text})


@tool(effect="read")
def check_security(design_id: Number, *, context: ToolContext) -> str:
    """Check the security of a design: transport, authentication, permissions, encryption, personal data in logs."""
    return _checked(design_id, "security", context)


@tool(effect="read")
def check_costs(design_id: Number, *, context: ToolContext) -> str:
    """Check the costs of a design: sums, budget, idle capacity, data that is never deleted."""
    return _checked(design_id, "cost", context)


@tool(effect="read")
def check_clarity(design_id: Number, *, context: ToolContext) -> str:
    """Check the clarity of a design: vague words, undefined terms, open ends, contradictions, missing sections."""
    return _checked(design_id, "clarity", context)


@tool(effect="read")
def list_sections(design_id: Number, *, context: ToolContext) -> list[str]:
    """List the names of the sections of a design."""
    with _said():
        return [each.name for each in sections(context.resources.get(Designs).text(design_id)) if each.name]


@tool(effect="read")
def read_section(
    design_id: Number,
    heading: Annotated[str, Field(max_length=80, description="Name of the section, like Costs.")],
    *,
    context: ToolContext,
) -> str:
    """Read one section of a design word by word."""
    with _said():
        text = context.resources.get(Designs).text(design_id)
    found = section(text, heading)
    if found is None:
        names = ", ".join(repr(each.name) for each in sections(text) if each.name)
        raise ToolFailed(f"The design has no section {heading!r}. It has: {names}.")
    return found.body.strip()


@tool(
    effect="write",
    once=False,
    approval=ApprovalRules("Publishes the revised design and what became of each finding."),
    critical=("name",),
    reversible=True,
    trusted=True,
)
def publish_review(
    name: Annotated[str, Field(max_length=60, description="Under which name, in small letters, digits and '-'.")],
    document: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, description="The revised design, as Markdown.")],
    findings: Annotated[list[Judged], Field(description="The findings, and what became of each.")],
    *,
    context: ToolContext,
) -> str:
    """Publish a revised design with its findings and return where it is."""
    context.check()
    with _said():
        return str(context.resources.get(Designs).publish(name, document, [each.model_dump() for each in findings]))


def _checked(design_id: str, lane: Lane, context: ToolContext) -> str:
    with _said():
        found = review(context.resources.get(Designs).text(design_id), lane)
    return "\n".join(each.line for each in found) or f"Nothing found: {lane} is in order."


def _text_of(design: str, context: ToolContext) -> str:
    """The text that a person means: itself, a design by name, or a file of the project."""
    if "\n" in design.strip():
        return design
    designs = context.resources.get(Designs)
    words = [each.strip("'\"`.,;:!?()") for each in design.split()]
    named = [word.removesuffix(".md") for word in words if word.removesuffix(".md") in designs.names()]
    if named:
        return designs.named(named[0])
    path = next((word for word in words if word.endswith(".md")), "")
    return _file(path, context) if path else designs.named(design.strip())


def _file(path: str, context: ToolContext) -> str:
    if context.resources.find(FilesRoot) is None:
        raise ToolFailed(f"{path!r} cannot be read: this run has no folder of files.")
    found = read_file(path, context)
    if found.last_line < found.total_lines:
        raise ToolFailed(f"{path!r} has {found.total_lines} lines; a design has {found.last_line} at most.")
    return str(found.text)


@contextmanager
def _said() -> Iterator[None]:
    """What there is not, said to whoever asked."""
    try:
        yield
    except DesignProblem as unknown:
        raise ToolFailed(str(unknown)) from unknown
