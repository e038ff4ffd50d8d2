"""Recommend: events → features → candidates from three sources in parallel → rank and rules → reasons."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send
from typing_extensions import TypedDict

from graphwright.graphs import AgentFailed, agent_loop, context_of, graph, tell, use_tool
from graphwright.models import ModelError
from graphwright.runtime import RunContext
from graphwright.tools import Resources, Tool

from .agents import Reading, Reasons, explainer, reader
from .reading import GUEST, events_of, price_in, wish, wish_of
from .report import HOW, facts_for, finished, is_grounded, template
from .shop import Shop, live_world
from .state import Found, RecommendState, Shown, Wish
from .tools import (
    find_features,
    find_nearest,
    find_popular,
    find_seen_together,
    rank_items,
    record_event,
    refresh_features,
)


def provide(resources: Resources, state: Path) -> None:
    """The shop of this state folder."""
    resources.provide(Shop, lambda: Shop.open(state))


@graph(
    description="Recommends items for a user in real time, from events, with a true reason for each item.",
    input="request",
    output="answer",
    example="u-17 viewed i-203",
    resources=provide,
    world=live_world,
    owner="the shop's recommendations team",
    data=(
        "a generated catalogue of 480 items and the events of 260 generated users; no person exists",
        "events that come in are added to a SQLite file in the state folder",
    ),
)
def recommend() -> StateGraph[RecommendState, RunContext]:
    """Recommend items to a user, while their session goes on.

    Events are recorded once and change the user's features. Three sources look for candidates at the same time; one
    that fails leaves its place empty. A trained ranker orders them, rules of the shop decide what may be shown, and
    each item carries the facts that made its score. A model only reads free requests and words reasons.
    """
    flow = StateGraph(RecommendState, context_schema=RunContext)
    flow.add_node("read", read)
    flow.add_node("ingest", ingest)
    flow.add_node("candidates", candidates)
    flow.add_node("rank", rank)
    flow.add_node("explain", explain)
    flow.add_edge(START, "read")
    flow.add_conditional_edges("read", after_reading, ["ingest", END])
    flow.add_conditional_edges("ingest", to_sources, ["candidates"])
    flow.add_edge("candidates", "rank")
    flow.add_edge("rank", "explain")
    flow.add_edge("explain", END)
    return flow


_reader = agent_loop(reader).compile()
_explainer = agent_loop(explainer).compile()
_SOURCES: dict[str, Tool] = {"nearest": find_nearest, "popular": find_popular, "seen together": find_seen_together}


class Search(TypedDict):
    """What one source is sent."""

    source: str
    wish: Wish


async def read(state: RecommendState, runtime: Runtime[RunContext]) -> RecommendState:
    """Events and wish by code; a request in free words goes to the reader, whose answer is checked."""
    text = state["request"]
    events, asked = events_of(text), wish_of(text)
    if asked is None and text.strip():
        asked = _understood(text, await _heard(_reader, text))
    if asked is None:
        return {"problem": HOW, "answer": f"It is not clear for whom. {HOW}"}
    return {"events": events, "wish": asked, "problem": "", "found": None, "shown": [], "dropped": {}}  # type: ignore[typeddict-item]  # None empties the channel


def _understood(text: str, output: Mapping[str, Any] | None) -> Wish | None:
    """What the reader made of a request. An id counts only if the request says it; a liking only in its words."""
    if output is None:
        return None
    reading = Reading.model_validate(output)
    liking = reading.topic if reading.topic and reading.topic.lower() in text.lower() else ""
    user = reading.user if reading.user and reading.user in text else GUEST
    return wish(user, liking=liking, max_price=price_in(text)) if liking or user != GUEST else None


async def _heard(agent: Any, text: str) -> Mapping[str, Any] | None:
    """An agent's structured answer; None if its model failed for good. The graph works on without it."""
    try:
        done = await agent.ainvoke({"messages": [HumanMessage(text)]})
    except (ModelError, AgentFailed) as error:
        if isinstance(error, ModelError) and error.retryable:
            raise
        return None
    output: Mapping[str, Any] | None = done["output"]
    return output


async def after_reading(state: RecommendState) -> str:
    """Nothing is recommended to nobody."""
    return END if state.get("problem") else "ingest"


async def ingest(state: RecommendState, runtime: Runtime[RunContext]) -> RecommendState:
    """Record what happened, each event once, then bring the features of everybody concerned up to date."""
    recorded = []
    for place, event in enumerate(state["events"]):
        outcome = await use_tool(record_event, event, runtime, agent="intake", key=f"event-{place}")
        if outcome.status == "success":
            recorded.append(event)
        else:
            tell(runtime, "note", agent="intake", text=f"Not recorded: {outcome.content}")
    for each in dict.fromkeys(event["user"] for event in recorded):
        await use_tool(refresh_features, {"user": each}, runtime, agent="intake", key=f"refresh-{each}")
    known = await use_tool(find_features, {"user": state["wish"]["user"]}, runtime, agent="intake", key="features")
    return {"events": recorded, "profile": known.artifact if isinstance(known.artifact, dict) else {"events": 0}}


async def to_sources(state: RecommendState) -> list[Send]:
    """All sources at the same time."""
    return [Send("candidates", Search(source=source, wish=state["wish"])) for source in _SOURCES]


async def candidates(state: Search, runtime: Runtime[RunContext]) -> RecommendState:
    """Ask one source. One that fails is reported as such and does not stop the others."""
    source, asked = state["source"], state["wish"]
    arguments = {} if source == "popular" else {"user": asked["user"]}
    if source == "nearest":
        arguments["liking"] = asked["liking"]
    outcome = await use_tool(_SOURCES[source], arguments, runtime, agent="candidates", key=source)
    items = outcome.artifact if isinstance(outcome.artifact, dict) else {}
    error = "" if outcome.status == "success" else outcome.content
    return {"found": [Found(source=source, items=items, error=error)]}


async def rank(state: RecommendState, runtime: Runtime[RunContext]) -> RecommendState:
    """Rank what the sources found, and keep to the rules."""
    asked, found = state["wish"], state["found"]
    near = next((each["items"] for each in found if each["source"] == "nearest"), {})
    items = list(dict.fromkeys(item for each in found for item in each["items"]))
    arguments = {
        "user": asked["user"],
        "items": items,
        "near": near,
        "count": asked["count"],
        "max_price": asked["max_price"],
    }
    outcome = await use_tool(rank_items, arguments, runtime, agent="ranker", key="rank")
    if not isinstance(outcome.artifact, dict):
        tell(runtime, "note", agent="ranker", text=f"Not ranked: {outcome.content}")
        return {"shown": [], "dropped": {}, "problem": outcome.content}
    return {"shown": outcome.artifact["shown"], "dropped": outcome.artifact["dropped"]}


async def explain(state: RecommendState, runtime: Runtime[RunContext]) -> RecommendState:
    """A sentence for each item: the explainer's where it keeps to the facts, else the facts as they are."""
    shown = state["shown"]
    said: dict[str, str] = {}
    # The offline model quotes and cannot phrase; there the facts stand as they are.
    if shown and context_of(runtime).model_for(explainer.model).name_of_model != "offline":
        said = _grounded(shown, await _heard(_explainer, facts_for(shown)), runtime)
    worded: list[Shown] = [{**each, "why": said.get(each["item"]) or template(each["reasons"])} for each in shown]
    failed = f"\nNot ranked: {state['problem']}" if state.get("problem") else ""
    return {"shown": worded, "answer": finished({**state, "shown": worded}) + failed}


def _grounded(shown: list[Shown], output: Mapping[str, Any] | None, runtime: Runtime[RunContext]) -> dict[str, str]:
    """What the explainer says, as far as it says nothing new."""
    if output is None:
        tell(runtime, "note", agent="explainer", text="The explainer failed; the facts stand as they are.")
        return {}
    by_item = {each["item"]: each for each in shown}
    lines = {line.item: line.why for line in Reasons.model_validate(output).lines if line.item in by_item}
    kept = {item: why for item, why in lines.items() if is_grounded(why, by_item[item])}
    if len(kept) < len(lines):
        tell(runtime, "note", agent="explainer", text=f"{len(lines) - len(kept)} reasons said more than the facts do.")
    return kept
