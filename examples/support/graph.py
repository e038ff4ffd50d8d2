"""Customer support: each request of a message goes to triage, which hands over to whoever can help."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from graphwright.graphs import graph, tell
from graphwright.graphs.patterns import handoff
from graphwright.runtime import RunContext
from graphwright.tools import Resources

from .agents import account, billing, technical, triage
from .requests import is_courtesy, split_requests
from .shop import FILE, Shop, world
from .state import SupportState

MAX_REQUESTS = 5
"""Requests of one message that are answered; the customer is asked to send the others again."""
WELCOME = "Hello! I can look up orders, change an address, explain payments, refund, and help with faulty devices."
TRANSFER = "transfer_to_"
"""How the tools begin by which the thread is handed over."""
PERSON = "A human at the desk: for complaints, lawyers, and danger (smoke, fire, burning smell, a swelling battery)."


def _resources(resources: Resources, state: Path) -> None:
    resources.provide(Shop, lambda: Shop(state / FILE))


@graph(
    description="A customer-support desk that hands over between triage, billing, technical and account.",
    output="answer",
    example="The lid of my kettle arrived cracked. Please refund 6.50 EUR of order A-1042, and where is order A-1044?",
    resources=_resources,
    world=world,
    owner="customer care",
    data=("Orders, payments, addresses and tickets of customers; each run sees those of its own user.",),
)
def support() -> StateGraph[SupportState, RunContext]:
    """Answer a customer, request by request.

    Code looks at the message first: a greeting needs no agent, and several requests are taken one after the other.
    Each goes to triage, which hands the thread to a specialist; what a specialist cannot do goes back to triage, or
    to a person. Refunds above the limit wait for billing. The customer is the user of the run.
    """
    desk = handoff(
        triage,
        account,
        billing,
        technical,
        start=triage.name,
        targets={
            triage.name: (account.name, billing.name, technical.name, "person"),
            billing.name: (triage.name, "person"),
            technical.name: (triage.name, "person"),
            account.name: (triage.name, "person"),
        },
        max_handoffs=6,
        return_to_previous=True,
        carry=without_transfers,
        person=PERSON,
        name="desk",
        description="Triage and its specialists.",
    )
    flow = StateGraph(SupportState, context_schema=RunContext)
    flow.add_node("take_in", take_in)
    flow.add_node("next_request", next_request)
    flow.add_node("specialists", desk.compile(name="desk"))
    flow.add_node("reply", reply)
    flow.add_edge(START, "take_in")
    flow.add_conditional_edges("take_in", after_take_in, ["next_request", "reply"])
    flow.add_edge("next_request", "specialists")
    flow.add_conditional_edges("specialists", after_answer, ["next_request", "reply"])
    flow.add_edge("reply", END)
    return flow


def without_transfers(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The history without the calls by which the thread was handed over: they say nothing about the request."""
    kept: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, AIMessage) and any(call["name"].startswith(TRANSFER) for call in message.tool_calls):
            others = [call for call in message.tool_calls if not call["name"].startswith(TRANSFER)]
            if others or message.text.strip():
                kept.append(message.model_copy(update={"tool_calls": others}))
        elif not (isinstance(message, ToolMessage) and (message.name or "").startswith(TRANSFER)):
            kept.append(message)
    return kept


async def take_in(state: SupportState, runtime: Runtime[RunContext]) -> SupportState:
    """See what the newest message asks for."""
    messages = state.get("messages", [])
    text = messages[-1].text if messages else ""
    every = [] if is_courtesy(text) else split_requests(text)
    found = every[:MAX_REQUESTS]
    if len(found) > 1:
        listed = "\n".join(f"{number}. {each}" for number, each in enumerate(found, 1))
        tell(runtime, "note", agent="desk", text=f"{len(found)} requests:\n{listed}")
    left = every[len(found) :]
    return {"requests": found, "left": left, "answered": 0, "began": len(messages), "answer": ""}


async def after_take_in(state: SupportState) -> Literal["next_request", "reply"]:
    """To the desk, unless nothing was asked."""
    return "next_request" if state["requests"] else "reply"


async def next_request(state: SupportState) -> SupportState:
    """Put the next request to the desk; one that is the whole message is there already."""
    number, requests = state["answered"], state["requests"]
    update = SupportState(answered=number + 1)
    if number:
        update["active"] = None
    if len(requests) > 1:
        update["messages"] = [HumanMessage(requests[number], id=f"request:{state['began']}:{number}")]
    return update


async def after_answer(state: SupportState) -> Literal["next_request", "reply"]:
    """The next request of the message, or the reply to all of them."""
    return "next_request" if state["answered"] < len(state["requests"]) else "reply"


async def reply(state: SupportState) -> SupportState:
    """What the customer reads: the answers to the newest message, in order."""
    answers: list[str] = []
    for message in state["messages"][state["began"] :]:
        if isinstance(message, HumanMessage):
            answers.append("")
        elif isinstance(message, AIMessage) and not message.tool_calls and message.text.strip():
            answers = [*answers[:-1], message.text.strip()]
    given = [each for each in answers if each]
    if not given:
        return {"answer": WELCOME, "messages": [AIMessage(WELCOME, name="desk", id=f"welcome:{state['began']}")]}
    numbered = "\n\n".join(f"{number}. {each}" for number, each in enumerate(given, 1))
    return {"answer": (numbered if len(given) > 1 else given[0]) + _rest(state)}


def _rest(state: SupportState) -> str:
    """What the customer is asked to send again; empty where every request was taken."""
    left = state.get("left")
    return f"\n\nI take {MAX_REQUESTS} requests at a time. Please send this again: {' '.join(left)}" if left else ""
