"""Watch payments: take a window → score, watch the drift → investigate → two people freeze → report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from graphwright.graphs import AgentFailed, agent_loop, context_of, graph, tell, use_tool
from graphwright.models import ModelError
from graphwright.runtime import Outcome, RunContext
from graphwright.tools import Resources, Tool

from .agents import Conclusion, investigator
from .ledger import Ledger, fraud_world
from .report import findings_table, is_to_freeze, reason_of, recommended, window_report
from .state import Alert, Finding, FraudState, Proposed, Task
from .tools import (
    EVIDENCE,
    find_payment,
    freeze_account,
    raise_drift_alarm,
    score_window,
    take_window,
    unfreeze_account,
    write_report,
)

MOST_INVESTIGATED = 4
"""Accounts of a window, those with the highest scores; people can look at no more at a time."""
_NEXT = re.compile(r"\bnext\s+(?P<count>\d{1,4})\b", re.I)
_UNFREEZE = re.compile(
    r"\b(?:unfreeze|open|reopen|release)\b[\s\w]*?(?P<account>A-\d{3})\b[\s:,.-]*(?P<why>.*)", re.I | re.S
)
_ACCOUNT = re.compile(r"\bA-\d{3}\b")
_TOLD = re.compile(r"^A-\d{3}\b", re.M)


def _resources(resources: Resources, state: Path) -> None:
    resources.provide(Ledger, lambda: Ledger(state))


def world(state: Path) -> dict[str, Any]:
    """What the ledger tells, and which accounts each report on disk tells of."""
    reports = sorted((state / "reports").glob("*.md"))
    told = {each.stem: _TOLD.findall(each.read_text(encoding="utf-8")) for each in reports}
    return {**fraud_world(state), "reports": told}


@graph(
    description="Watches a stream of payments for fraud: scores, investigates, and has two people freeze accounts.",
    input="request",
    output="report",
    example="next 200",
    resources=_resources,
    world=world,
    owner="The fraud desk of the example bank.",
    data=("Generated accounts, merchants and payments of a bank that does not exist, in SQLite.",),
)
def fraud() -> StateGraph[FraudState, RunContext]:
    """Work off the next window of the stream, look into one account, or open a frozen one again.

    A window's payments are scored and the drift of the scores is measured. An investigator gathers evidence on each
    flagged account, side by side; what it leaves out is looked up by code. Freezing is proposed where it is
    recommended and the records bear it out: two people of the fraud desk must agree, not whoever started the run.
    """
    flow = StateGraph(FraudState, context_schema=RunContext)
    flow.add_node("intake", intake)
    flow.add_node("take", take)
    flow.add_node("look_up", look_up)
    flow.add_node("unfreeze", unfreeze)
    flow.add_node("investigate", investigate)
    flow.add_node("gather", gather)
    flow.add_node("freeze", freeze)
    flow.add_node("finish", finish)
    flow.add_edge(START, "intake")
    flow.add_conditional_edges("intake", after_intake, ["take", "look_up", "unfreeze", END])
    flow.add_conditional_edges("take", to_investigators, ["investigate", "gather"])
    flow.add_conditional_edges("look_up", to_investigators, ["investigate", "gather"])
    flow.add_edge("investigate", "gather")
    flow.add_conditional_edges("gather", to_freezes, ["freeze", "finish"])
    flow.add_edge("freeze", "finish")
    flow.add_edge("finish", END)
    flow.add_edge("unfreeze", END)
    return flow


_investigator = agent_loop(investigator).compile()


async def intake(state: FraudState) -> dict[str, Any]:
    """Read what is asked for."""
    request = state["request"].strip()
    fresh: dict[str, Any] = {"findings": None, "actions": None, "alerts": [], "window": {}, "report": "", "why": ""}
    if found := _UNFREEZE.search(request):
        why = found["why"].strip() or "No reason given."
        return {**fresh, "kind": "unfreeze", "account_id": found["account"].upper(), "why": why[:1000]}
    if found := _ACCOUNT.search(request):
        return {**fresh, "kind": "account", "account_id": found[0]}
    if found := _NEXT.search(request):
        return {**fresh, "kind": "window", "count": int(found["count"])}
    return {**fresh, "kind": "none", "report": "Say 'next 200', an account like A-017, or 'unfreeze A-017: why'."}


def after_intake(state: FraudState) -> str:
    """To what is asked for."""
    return {"window": "take", "account": "look_up", "unfreeze": "unfreeze", "none": END}[state["kind"]]


async def take(state: FraudState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Take the next payments, score them, and raise the alarm if the scores have drifted."""
    taken = await _called(take_window, {"count": state["count"]}, runtime)
    if taken.status != "success":
        raise AgentFailed(taken.content)
    window = dict(taken.value)
    if not window["number"]:
        return {"window": window, "alerts": []}
    scored = await _called(score_window, window, runtime)
    if scored.status != "success":
        raise AgentFailed(scored.content)
    told = dict(scored.value)
    alerts = told.pop("alerts")
    window |= told
    if window["level"] == "alarm":
        await _called(raise_drift_alarm, {"number": window["number"], "drift": window["drift"]}, runtime)
    drift = f"drift {window['drift']:.3f}, {window['level']}"
    note = f"{window['scored']} payments scored, {window['flagged']} flagged; {drift}."
    tell(runtime, "note", agent="desk", text=note)
    return {"window": window, "alerts": alerts}


async def look_up(state: FraudState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Find what to investigate of one account."""
    found = await _called(find_payment, {"account_id": state["account_id"]}, runtime)
    if found.status != "success":
        return {"alerts": [], "report": found.content}
    return {"alerts": [found.value]}


def to_investigators(state: FraudState) -> list[Send] | str:
    """One investigation for each account, those with the highest scores."""
    return [Send("investigate", Task(alert=each)) for each in state["alerts"][:MOST_INVESTIGATED]] or "gather"


async def investigate(state: Task, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Gather the evidence on one account; what the agent did not look up is looked up by code."""
    alert = state["alert"]
    evidence: dict[str, dict[str, Any]] = {}
    conclusion, error = None, ""
    try:
        done = await _investigator.ainvoke({"messages": [HumanMessage(_task(alert))]})
        conclusion = Conclusion.model_validate(done["output"])
        evidence = _gathered(done["messages"], alert)
    except (ModelError, AgentFailed) as problem:
        if getattr(problem, "retryable", False):
            raise
        error = str(problem)
    for name, (tool, arguments) in EVIDENCE.items():
        if name not in evidence:
            found = await _called(tool, arguments(alert), runtime, agent="investigator")
            evidence[name] = found.value if found.status == "success" else {}
    signs = [sign for name in EVIDENCE for sign in evidence[name].get("signs", ())]
    finding = Finding(
        alert=alert, signs=signs, recommendation=recommended(signs, alert["score"]), pattern="", summary="", error=error
    )
    if conclusion is not None and not _is_offline(runtime):
        finding |= {
            "recommendation": conclusion.recommendation, "pattern": conclusion.pattern, "summary": conclusion.summary
        }  # fmt: skip
    return {"findings": [finding]}


async def gather(state: FraudState) -> dict[str, Any]:
    """Wait for all investigations."""
    return {}


def to_freezes(state: FraudState) -> list[Send] | str:
    """One proposal for each account that should be frozen; each waits for its people by itself."""
    proposed = [each for each in state.get("findings", []) if is_to_freeze(each)]
    return [Send("freeze", Proposed(finding=each)) for each in proposed] or "finish"


async def freeze(state: Proposed, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Freeze one account, once two people have agreed."""
    finding = state["finding"]
    account = finding["alert"]["account_id"]
    outcome = await _called(freeze_account, {"account_id": account, "why": reason_of(finding)}, runtime)
    done = outcome.status == "success"
    return {"actions": {account: "frozen" if done else f"not frozen: {outcome.content[:200]}"}}


async def finish(state: FraudState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Report, also on disk where a window was worked off."""
    if state["kind"] == "account":
        return {"report": state.get("report") or "\n".join(findings_table(state))}
    report = window_report(state)
    if state["window"].get("number"):
        name = f"fraud-window-{state['window']['number']}"
        await _called(write_report, {"name": name, "report": report}, runtime)
        report += f"\n\nReport: reports/{name}.md"
    return {"report": report}


async def unfreeze(state: FraudState, runtime: Runtime[RunContext]) -> dict[str, Any]:
    """Open a frozen account again, once somebody else has agreed."""
    arguments = {"account_id": state["account_id"], "why": state["why"]}
    outcome = await _called(unfreeze_account, arguments, runtime)
    return {"report": outcome.content}


def _task(alert: Alert) -> str:
    """What the investigator is told; figures and ids only, no words of strangers."""
    score = "was not scored" if alert["score"] is None else f"scored {alert['score']:.2f}"
    account = alert["account_id"]
    return (
        f"Payment {alert['payment_id']} of {alert['amount']:.2f} euros {score}. "
        f"Show the account history of {account}. Measure the payment velocity of {account}. "
        f"Find the linked accounts of {account}. Show the device use of {alert['device_id']}. "
        f"Show the merchant profile of {alert['merchant_id']}."
    )


def _gathered(messages: list[Any], alert: Alert) -> dict[str, dict[str, Any]]:
    """The results of the calls that the agent made with the right arguments."""
    made = {call["id"]: call for each in messages if each.type == "ai" for call in each.tool_calls}
    found: dict[str, dict[str, Any]] = {}
    for message in messages:
        call = made.get(getattr(message, "tool_call_id", ""))
        if call is None or call["name"] not in EVIDENCE or not isinstance(message.artifact, dict):
            continue
        if call["args"] == EVIDENCE[call["name"]][1](alert):
            found[call["name"]] = message.artifact
    return found


async def _called(tool: Tool, arguments: Any, runtime: Runtime[RunContext], *, agent: str = "desk") -> Outcome:
    return await use_tool(tool, arguments, runtime, agent=agent, key=tool.name)


def _is_offline(runtime: Runtime[RunContext]) -> bool:
    return context_of(runtime).model_for(investigator.model).name_of_model == "offline"
