"""An ML pipeline: check → steward → train in parallel → evaluate → review → approval → deploy → watch → roll back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send
from typing_extensions import TypedDict

from graphwright.graphs import AgentFailed, agent_loop, graph, tell, use_tool
from graphwright.models import ModelError
from graphwright.runtime import RunContext
from graphwright.tools import Resources

from .agents import Review, StewardRuling, reviewer, steward
from .card import card_of, facts_of, finished, says_nothing_new
from .plant import Plant
from .registry import FIRST, FOLDER, Registry, world_of
from .state import PipelineState, Ruling, Trained
from .tools import (
    check_delivery,
    deploy_model,
    evaluate_candidate,
    quarantine_delivery,
    roll_back,
    train_candidate,
    watch_version,
)

SETTINGS = ("logistic-strong", "logistic", "boosted-20", "boosted-60", "boosted-deep")
"""What is searched; declared in models.py."""
NAMES = (
    "clean", "missing-column", "wrong-types", "many-blanks", "few-blanks", "shared-rows", "repeated-rows", "leak",
    "hidden-leak", "drift", "weak-slice", "noise", "decays", "later-drifts", "odd-words", "few-rows", "one-outcome",
)  # fmt: skip
"""The deliveries of data.py, which is not imported before it is needed."""


def provide(resources: Resources, state: Path) -> None:
    """The pipeline's folders in this state folder."""
    resources.provide(Plant, lambda: Plant.open(state))


def world(state: Path) -> dict[str, Any]:
    """What the registry and the quarantine hold, and what the card of each deployed version is headed."""
    known = world_of(state)
    registry = Registry(state / FOLDER / "registry")
    return {**known, "cards": {each: registry.title(each) for each in known["versions"] if each != FIRST}}


@graph(
    description="Checks a delivery of customer data, trains and evaluates churn models, deploys one once a person "
    "approves its card, and takes it back if it fails.",
    input="request",
    output="answer",
    example="Train on delivery clean",
    resources=provide,
    world=world,
    owner="the team that runs the churn model",
    data=(
        "17 generated deliveries of 2,400 generated customers each; no person exists",
        "candidates, versions and quarantine are files in the state folder",
    ),
)
def pipeline() -> StateGraph[PipelineState, RunContext]:
    """Take a delivery of data to a model in use, or say why not.

    Code checks the data; a steward explains and may be stricter than the rules, never laxer. Five settings are trained
    at the same time and the best one is measured on rows that nothing was chosen by, beside a baseline and the version
    in use. A reviewer heads the model card, whose numbers come from tables. An ml-lead approves with the card at hand.
    A later batch is watched, and a version that fails its gates is taken back without asking: that can be undone.
    """
    flow = StateGraph(PipelineState, context_schema=RunContext)
    flow.add_node("check", check)
    flow.add_node("rule", rule)
    flow.add_node("quarantine", quarantine)
    flow.add_node("train", train)
    flow.add_node("evaluate", evaluate)
    flow.add_node("review", review)
    flow.add_node("deploy", deploy)
    flow.add_node("watch", watch)
    flow.add_node("take_back", take_back)
    flow.add_node("report", report)
    flow.add_edge(START, "check")
    flow.add_conditional_edges("check", after_check, ["rule", "report", END])
    flow.add_conditional_edges("rule", after_ruling, ["quarantine", "train"])
    flow.add_edge("quarantine", "report")
    flow.add_edge("train", "evaluate")
    flow.add_conditional_edges("evaluate", after_evaluation, ["review", "report"])
    flow.add_edge("review", "deploy")
    flow.add_conditional_edges("deploy", after_deployment, ["watch", "report"])
    flow.add_conditional_edges("watch", after_watch, ["take_back", "report"])
    flow.add_edge("take_back", "report")
    flow.add_edge("report", END)
    return flow


_steward = agent_loop(steward).compile()
_reviewer = agent_loop(reviewer).compile()


class Task(TypedDict):
    """What one trainer is sent."""

    delivery: str
    config: str


async def check(state: PipelineState, runtime: Runtime[RunContext]) -> PipelineState:
    """Find the delivery that the request names, and run every check on it."""
    name = next((word for word in re.findall(r"[a-z]+(?:-[a-z]+)*", state["request"].lower()) if word in NAMES), "")
    if not name:
        return {"delivery": "", "answer": f"Name a delivery. There are: {', '.join(NAMES)}."}
    outcome = await use_tool(check_delivery, {"delivery": name}, runtime, agent="checker", key="check")
    fresh: PipelineState = {"delivery": name, "trained": None, "deployed": "", "rolled_back": "", "evaluation": {}}  # type: ignore[typeddict-item]  # None empties the channel
    if not isinstance(outcome.artifact, list):
        failed: Ruling = {"action": "continue", "explanation": ""}
        return {**fresh, "checked": False, "problems": [], "ruling": failed, "refusal": outcome.content}
    return {**fresh, "checked": True, "problems": outcome.artifact, "refusal": ""}


async def after_check(state: PipelineState) -> str:
    """On to the steward, unless nothing could be read."""
    if not state["delivery"]:
        return END
    return "report" if state["refusal"] else "rule"


async def rule(state: PipelineState, runtime: Runtime[RunContext]) -> PipelineState:
    """What becomes of the delivery. The steward explains, and may be stricter about warnings; rules set the rest."""
    problems = state["problems"]
    blocked = [each for each in problems if each["severity"] == "blocks"]
    found = "; ".join(each["text"] for each in problems) or "The checks found nothing wrong"
    rules = "The rules leave only quarantine." if blocked else "The rules let it continue."
    ruled: Ruling = {"action": "quarantine" if blocked else "continue", "explanation": f"{found}."}
    try:
        done = await _steward.ainvoke({"messages": [HumanMessage(f"{found}. {rules}")]})
        said = StewardRuling.model_validate(done["output"])
        if blocked or problems or said.action == "continue":
            ruled = {"action": "quarantine" if blocked else said.action, "explanation": said.explanation}
    except (ModelError, AgentFailed) as error:
        if isinstance(error, ModelError) and error.retryable:
            raise
        tell(runtime, "note", agent="steward", text=f"The steward failed, the rules stand: {error}")
    tell(runtime, "note", agent="steward", text=f"{ruled['action']}: {ruled['explanation']}")
    return {"ruling": ruled}


async def after_ruling(state: PipelineState) -> str | list[Send]:
    """Into quarantine, or to a trainer for each setting."""
    if state["ruling"]["action"] == "quarantine":
        return "quarantine"
    return [Send("train", Task(delivery=state["delivery"], config=config)) for config in SETTINGS]


async def quarantine(state: PipelineState, runtime: Runtime[RunContext]) -> PipelineState:
    """Put the delivery aside."""
    arguments = {"delivery": state["delivery"], "explanation": state["ruling"]["explanation"][:2_000]}
    await use_tool(quarantine_delivery, arguments, runtime, agent="steward", key="quarantine")
    return {}


async def train(state: Task, runtime: Runtime[RunContext]) -> PipelineState:
    """Train one setting. One that fails is reported as such and does not stop the others."""
    outcome = await use_tool(train_candidate, state, runtime, agent="trainer", key=state["config"])
    done: Trained = {"config": state["config"], "candidate": "", "auc": 0.0, "log_loss": 0.0, "error": ""}
    if isinstance(outcome.artifact, dict):
        return {"trained": [{**done, **outcome.artifact}]}  # type: ignore[typeddict-item]  # the tool's own fields
    return {"trained": [{**done, "error": outcome.content}]}


async def evaluate(state: PipelineState, runtime: Runtime[RunContext]) -> PipelineState:
    """Measure the best setting on the test rows; the gates decide whether a person is asked at all."""
    usable = [each for each in state["trained"] if not each["error"]]
    if not usable:
        return {"refusal": f"every setting failed: {state['trained'][0]['error']}"}
    chosen = max(usable, key=lambda each: each["auc"])
    arguments = {"delivery": state["delivery"], "candidate": chosen["candidate"]}
    outcome = await use_tool(evaluate_candidate, arguments, runtime, agent="evaluator", key="evaluate")
    if not isinstance(outcome.artifact, dict):
        return {"chosen": chosen, "refusal": outcome.content}
    return {"chosen": chosen, "evaluation": outcome.artifact, "refusal": "; ".join(outcome.artifact["refused"])}


async def after_evaluation(state: PipelineState) -> str:
    """Only what passes its gates is reviewed."""
    return "report" if state["refusal"] else "review"


async def review(state: PipelineState, runtime: Runtime[RunContext]) -> PipelineState:
    """Write the model card. The reviewer's head stands only if every number in it is a computed one."""
    facts = facts_of(state)
    summary = facts
    try:
        done = await _reviewer.ainvoke({"messages": [HumanMessage(facts)]})
        said = Review.model_validate(done["output"]).summary
        if says_nothing_new(said, facts):
            summary = said
        else:
            tell(runtime, "note", agent="reviewer", text="The summary had numbers of its own; the facts stand instead.")
    except (ModelError, AgentFailed) as error:
        if isinstance(error, ModelError) and error.retryable:
            raise
        tell(runtime, "note", agent="reviewer", text=f"The reviewer failed, the facts stand: {error}")
    card = card_of(state, summary)
    tell(runtime, "note", agent="reviewer", text=card)
    return {"card": card}


async def deploy(state: PipelineState, runtime: Runtime[RunContext]) -> PipelineState:
    """Put the model in use, once an ml-lead has approved its card."""
    arguments = {
        "candidate": state["chosen"]["candidate"],
        "delivery": state["delivery"],
        "replaces": state["evaluation"]["version_in_use"],
        "card": state["card"],
    }
    outcome = await use_tool(deploy_model, arguments, runtime, agent="deployer", key="deploy")
    if outcome.ran and isinstance(outcome.artifact, dict):
        return {"deployed": outcome.artifact["version"], "refusal": ""}
    return {"deployed": "", "refusal": outcome.content}


async def after_deployment(state: PipelineState) -> str:
    """What is in use is watched."""
    return "watch" if state["deployed"] else "report"


async def watch(state: PipelineState, runtime: Runtime[RunContext]) -> PipelineState:
    """Score the batch that came later."""
    expected = state["evaluation"]["overall"]["auc"]
    arguments = {"version": state["deployed"], "delivery": state["delivery"], "expected": expected}
    outcome = await use_tool(watch_version, arguments, runtime, agent="watcher", key="watch")
    if not isinstance(outcome.artifact, dict):
        return {"watch": {}, "refusal": outcome.content}
    return {"watch": outcome.artifact}


async def after_watch(state: PipelineState) -> str:
    """A failed gate takes the version back."""
    return "take_back" if state["watch"].get("failed") else "report"


async def take_back(state: PipelineState, runtime: Runtime[RunContext]) -> PipelineState:
    """Put the version before it in use again; nobody is asked, because that can be undone."""
    arguments = {
        "bad": state["deployed"],
        "good": state["evaluation"]["version_in_use"],
        "reason": "; ".join(state["watch"]["failed"])[:1_000],
    }
    outcome = await use_tool(roll_back, arguments, runtime, agent="watcher", key="roll-back")
    return {"rolled_back": arguments["good"] if outcome.status == "success" else ""}


async def report(state: PipelineState, runtime: Runtime[RunContext]) -> PipelineState:
    """Say what became of it."""
    return {"answer": finished(state)}
