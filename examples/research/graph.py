"""Research a question: plan → researchers in parallel → writer → check (may send it back) → approval → report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from graphwright.graphs import agent_loop, context_of, graph, tell, use_tool
from graphwright.models import ModelError
from graphwright.runtime import RunContext

from .agents import Plan, Verdict, checker, planner, researcher, writer
from .citations import check_citations
from .report import cited_sources, finished_report, number_sources, writing_task
from .state import Assignment, Finding, ResearchState
from .tools import publish_report, published_in

MAX_ROUNDS = 3
"""Drafts written at most; after the last one the report carries a quality warning instead."""


def world(state: Path) -> dict[str, Any]:
    """The reports on disk."""
    return {"reports": published_in(state / "reports")}


@graph(
    description="Researches a question in the knowledge base and publishes a cited report once a person approves.",
    input="question",
    output="report",
    example="How does LangGraph save a checkpoint, and how does an interrupt pause a graph and resume it?",
    world=world,
    knowledge=("langgraph", "langgraph-checkpoint", "chromadb", "pydantic", "tenacity", "openai"),
)
def research() -> StateGraph[ResearchState, RunContext]:
    """Answer a question from documents, with a number behind every sentence that leads to its source.

    A planner splits the question; a researcher for each part searches the knowledge base; a writer cites what they
    found. A mechanical check looks at every citation, then the checker at the meaning; either sends the draft back,
    three rounds at most. A person approves the report before it is written to disk.
    """
    flow = StateGraph(ResearchState, context_schema=RunContext)
    flow.add_node("plan", plan)
    flow.add_node("research", research_one)
    flow.add_node("write", write)
    flow.add_node("check", check)
    flow.add_node("publish", publish)
    flow.add_edge(START, "plan")
    flow.add_conditional_edges("plan", to_researchers, ["research"])
    flow.add_edge("research", "write")
    flow.add_edge("write", "check")
    flow.add_conditional_edges("check", after_check, ["write", "publish"])
    flow.add_edge("publish", END)
    return flow


_planner = agent_loop(planner).compile()
_researcher = agent_loop(researcher).compile()
_writer = agent_loop(writer).compile()
_checker = agent_loop(checker).compile()


async def plan(state: ResearchState, runtime: Runtime[RunContext]) -> ResearchState:
    """Split the question; if the planner fails, the question itself is the plan."""
    answer = await _planner.ainvoke({"messages": [HumanMessage(state["question"])]})
    questions = Plan.model_validate(answer["output"]).questions
    listed = "\n".join(f"{number}. {each}" for number, each in enumerate(questions, 1))
    tell(runtime, "note", agent="planner", text=f"Plan:\n{listed}")
    return {"plan": questions, "round": 0}


async def to_researchers(state: ResearchState) -> list[Send]:
    """One researcher for each sub-question."""
    return [Send("research", Assignment(place=place, question=each)) for place, each in enumerate(state["plan"])]


async def research_one(state: Assignment, runtime: Runtime[RunContext]) -> ResearchState:
    """Research one sub-question. A researcher that fails is reported as such and does not stop the others."""
    finding: Finding = {**state, "answer": "", "hits": [], "error": ""}
    try:
        done = await _researcher.ainvoke({"messages": [HumanMessage(state["question"])]})
    except ModelError as error:
        if error.retryable:
            raise
        finding["error"] = str(error)
        return {"findings": [finding]}
    finding["answer"] = done["messages"][-1].text
    for message in done["messages"]:
        if message.type == "tool" and isinstance(message.artifact, list):
            finding["hits"].extend(message.artifact)
    return {"findings": [finding]}


async def write(state: ResearchState, runtime: Runtime[RunContext]) -> ResearchState:
    """Write a draft from the numbered sources, or mend the last one."""
    sources = state.get("sources") or number_sources(state["findings"])
    task = writing_task(state, sources)
    done = await _writer.ainvoke({"messages": [HumanMessage(task)]})
    draft, number = done["messages"][-1].text, state.get("round", 0) + 1
    tell(runtime, "note", agent="writer", text=f"Draft {number}:\n{draft.strip()}\n\n{cited_sources(draft, sources)}")
    return {"draft": draft, "sources": sources, "round": number}


async def check(state: ResearchState, runtime: Runtime[RunContext]) -> ResearchState:
    """First what code can decide, then what needs a judge. The offline model is none: there the first part stands."""
    objections = check_citations(state["draft"], state["sources"], state["plan"])
    offline = _is_offline(runtime)
    if not objections and not offline:
        task = f"{writing_task(state, state['sources'])}\n\n# Draft to check\n\n{state['draft']}"
        done = await _checker.ainvoke({"messages": [HumanMessage(task)]})
        verdict = Verdict.model_validate(done["output"])
        objections = (
            [] if verdict.approved else verdict.objections or ["The checker did not approve and gave no reason."]
        )
    tell(runtime, "note", agent="checker", text=_checked(objections, state["round"], offline=offline))
    if objections and state["round"] < MAX_ROUNDS:
        return {"objections": objections}
    return {"objections": objections, "report": finished_report(state, objections, offline=offline)}


async def after_check(state: ResearchState) -> str:
    """Back to the writer while there are objections and rounds left."""
    return "publish" if state.get("report") else "write"


async def publish(state: ResearchState, runtime: Runtime[RunContext]) -> ResearchState:
    """Write the report to disk, once a person has approved it; a person may also edit it first."""
    arguments = {"title": state["question"], "report": state["report"]}
    outcome = await use_tool(publish_report, arguments, runtime, agent="publisher", key="publish")
    if outcome.ran and outcome.status == "success":
        tell(runtime, "note", agent="publisher", text=f"Published: {outcome.content}")
        # What was published is the report as the person left it.
        return {"published": outcome.content, "report": dict(outcome.artifact or {}).get("report", state["report"])}
    tell(runtime, "note", agent="publisher", text=f"Not published. {outcome.content}")
    return {"published": ""}


def _checked(objections: Sequence[str], number: int, *, offline: bool) -> str:
    """What the check found, for whoever watches."""
    if not objections:
        judge = "The offline model does not judge what a draft means; the check by code stands." if offline else ""
        return f"Check of draft {number}: passed; every sentence cites a source of this run. {judge}".rstrip()
    goes_on = "It goes back to the writer." if number < MAX_ROUNDS else "It was the last draft; the report says so."
    return "\n".join(
        [f"Check of draft {number}: {len(objections)} to mend. {goes_on}", *(f"- {o}" for o in objections)]
    )


def _is_offline(runtime: Runtime[RunContext]) -> bool:
    return context_of(runtime).model_for(checker.model).name_of_model == "offline"
