"""A case: an input, what makes it run offline, what people decide in it, and what is expected of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

RunStatus = Literal["done", "waiting", "failed", "blocked", "cancelled"]
FaultKind = Literal[
    "model_error", "timeout", "malformed", "tool_error", "unavailable", "tool_slow", "retrieval_empty", "crash"
]


class Part(BaseModel):
    """What all parts of a case have in common: they only store, and know their fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CallMade(Part):
    """A tool call to look for."""

    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    """That it has at least."""
    agent: str | None = None


class Answer(Part):
    """What a person decides, and about which approvals. An approval that none fits stays open."""

    decide: Literal["approve", "reject", "edit", "respond", "never"]
    tool: str | None = None
    """Fits approvals of this tool; None fits all. A question of LangGraph's own is of the tool ``interrupt``."""
    agent: str | None = None
    when: dict[str, Any] = Field(default_factory=dict)
    """Fits approvals whose arguments have at least these values."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Of an edit: what it changes. Of any other decision: the same as ``when``."""
    message: str = ""
    """Of reject and respond."""
    by: str | None = None
    """Who decides; None for the user of the settings."""
    roles: tuple[str, ...] | None = None
    times: int = Field(default=1, ge=1)
    """How many approvals it answers."""
    late: bool = False
    """Given after the deadline; it must be refused."""
    contradicts: bool = False
    """A second, contradictory answer follows; it must be refused."""

    @property
    def matched(self) -> dict[str, Any]:
        """The arguments by which it is matched to approvals."""
        return self.when if self.decide == "edit" else {**self.arguments, **self.when}

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.decide == "respond" and not self.message:
            raise ValueError("a response needs a message: the text that stands as the tool's result")
        if self.decide == "edit" and not self.arguments:
            raise ValueError("an edit needs arguments: what it changes")
        return self


class ScriptedReply(Part):
    """One answer of a scripted model; a text alone is written as a plain string."""

    text: str = ""
    calls: tuple[CallMade, ...] = ()
    output: Any = None
    """A structured answer."""
    when: str | None = None
    """Given whenever this is part of the last message, instead of in order."""
    at: str | None = Field(default=None, min_length=1)
    """Given once, to whoever asks from there: a path of node names, such as ``optimist/model``. Those of one place in
    their order, however the places take turns; with ``when`` as well, also by what is asked."""

    @property
    def is_addressed(self) -> bool:
        """Whether it is given by what is asked or from where, and not in order."""
        return self.when is not None or self.at is not None


class Fault(Part):
    """Something that goes wrong on purpose."""

    kind: FaultKind
    tool: str | None = None
    at: int = Field(default=1, ge=1)
    """The first call that it hits, from 1."""
    times: int = Field(default=1, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    message: str = ""

    @model_validator(mode="after")
    def _names_its_tool(self) -> Self:
        if self.kind in ("tool_error", "unavailable", "tool_slow") and self.tool is None:
            raise ValueError(f"a {self.kind} needs tool: which one it hits")
        if self.kind == "model_error" and self.tool is not None:
            raise ValueError("a model_error hits the model; leave tool out, or use tool_error")
        return self


def _not_empty(phrase: str) -> str:
    if not phrase.strip():
        raise ValueError("an empty text is in every text; say what must stand there")
    return phrase


Phrase = Annotated[str, AfterValidator(_not_empty)]
"""What a text is searched for."""


class Number(Part):
    """A number in an answer."""

    value: float
    within: float = Field(default=0.0, ge=0)


class ExpectedAnswer(Part):
    """What the answer's text must be like."""

    contains: tuple[Phrase, ...] = ()
    excludes: tuple[Phrase, ...] = ()
    regex: str | None = None
    equals: str | None = None
    number: Number | None = None


class Expectation(Part):
    """What a run of the case must come to. None: nothing is expected there."""

    status: RunStatus = "done"
    answer: ExpectedAnswer | None = None
    state: dict[str, Any] | None = None
    """Keys that the final state must have, with these values."""
    changes: dict[str, Any] | None = None
    """Dotted paths of the world that must have changed, and nothing else; null means removed."""
    calls: tuple[CallMade, ...] | None = None
    """The calls with effects that ran: exactly these."""
    reads: tuple[CallMade, ...] | None = None
    approvals: tuple[CallMade, ...] | None = None
    """The approvals that were asked: exactly these."""
    route: tuple[str, ...] | None = None
    """Agents or nodes that worked, in this order, others between them."""
    retrieved: tuple[str, ...] | None = None
    """Sources that must be among the retrieved."""
    instructions: dict[str, tuple[Phrase, ...]] | None = None
    """Agent to phrases that must stand in the instructions with which its model was asked."""


class CaseBudget(Part):
    """What a run of a case may use. The runtime stops a call that would cross what it can reserve before it is made."""

    tokens: int | None = Field(default=None, ge=1)
    """Sent to and received from models."""
    money: float | None = Field(default=None, gt=0)
    """In the currency of the price table."""
    calls: int | None = Field(default=None, ge=1)
    """Of models and tools, together."""
    seconds: float | None = Field(default=None, gt=0)
    """That calls take, summed over parallel ones, and that the run takes in all; without the waiting for people."""
    model_calls: int | None = Field(default=None, ge=0)
    """Looked at when the run is over, like the next one; given both, their sum is a limit of ``calls``."""
    tool_calls: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError(f"a budget limits nothing; give one of {', '.join(type(self).model_fields)}")
        return self


class Case(Part):
    """One thing to try on a graph."""

    id: str = Field(min_length=1, pattern=r"^[^\s:/\\]+$")
    input: str | dict[str, Any]
    """Text for the graph's input, or its whole input state."""
    model: str | None = None
    """Such as ``offline``; None for what whoever runs it chooses."""
    replies: tuple[str | ScriptedReply, ...] | None = None
    """What a scripted model says instead."""
    cassette: str | None = None
    """A recording that answers instead; relative to the file of the case."""
    documents: tuple[str, ...] = ()
    """Files and folders that the knowledge base holds, instead of what the graph names; relative to the file."""
    plan: tuple[str, ...] | None = None
    """The tools that its run declares, as ``graphwright run --plan`` does; None: what each agent was given."""
    people: tuple[Answer, ...] = ()
    faults: tuple[Fault, ...] = ()
    budget: CaseBudget | None = None
    """What its run may use; beside what the project's settings allow."""
    expect: Expectation = Field(default_factory=Expectation)
    rename: dict[str, str] = Field(default_factory=dict)
    """Names in it that are free text, and others they could have: nothing else may depend on them."""
    slices: dict[str, str] = Field(default_factory=dict)
    tags: tuple[str, ...] = ()
    source: str = ""
    """Where it is written, as ``file:line``; filled in by whoever loads it."""

    @model_validator(mode="after")
    def _has_one_model(self) -> Self:
        given = [name for name in ("model", "replies", "cassette") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} were given; a case has one model")
        addressed = [each for each in self.replies or () if isinstance(each, ScriptedReply) and each.is_addressed]
        if addressed and len(addressed) < len(self.replies or ()):
            # After a crash a reply in order is found by counting answers, which says nothing once both are mixed.
            raise ValueError("replies are either all in order or all with `when` or `at`, not some of each")
        return self
