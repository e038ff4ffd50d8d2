"""A design goes to a council: three reviewers and perhaps a person talk, a maker revises, a checker accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from graphwright.graphs import graph, tell, use_tool
from graphwright.graphs.patterns import Progress, group_chat, maker_checker
from graphwright.runtime import RunContext
from graphwright.tools import Resources

from .agents import checker, clarity, cost, security
from .designs import FOLDER, Designs, world
from .document import title
from .findings import Finding, grounded, parsed, waived
from .maker import maker, task
from .mending import ACCEPTED
from .report import judged, slug, summary, table
from .rules import BLOCKING, review, unresolved
from .state import CouncilState
from .tools import open_design, publish_review

MAX_ROUNDS = 3
"""Revisions at most; after the last one the best is given, with a warning."""
PERSON = "person"
REVIEWERS = (clarity.name, security.name, cost.name)


def next_speaker(progress: Progress) -> str | None:
    """The reviewers in turn; then, where a finding blocks, whoever reported it once more, and the person, once."""
    for name in REVIEWERS:
        if name not in progress.route:
            return name
    blocked = [each for each in progress.messages if any(found.rule in BLOCKING for found in parsed(each.text))]
    if not blocked or PERSON in progress.route:
        return None
    reporters = [each.name for each in blocked if each.name in REVIEWERS]
    if len(progress.route) == len(REVIEWERS) and reporters and progress.route[-1] not in reporters:
        return reporters[-1]
    return PERSON


def answers_findings(draft: str) -> list[str]:
    """What the rules still find in a revision without an open point; it goes back to the maker with these lines."""
    return [each.line for each in unresolved(draft)]


_chat = group_chat(
    clarity,
    security,
    cost,
    manager=next_speaker,
    person='Who asked for the review; may waive findings ("waive over-budget: agreed with finance").',
    name="chat",
    description="Reviews a design.",
).compile()
_revision = maker_checker(
    maker(),
    checker,
    checks=(answers_findings,),
    accept="Every finding is corrected or kept as an open or accepted point, and nothing else has changed.",
    max_rounds=MAX_ROUNDS,
    name="revision",
).compile()


def _resources(resources: Resources, state: Path) -> None:
    resources.provide(Designs, lambda: Designs(state / FOLDER))


@graph(
    description="Three reviewers find flaws in a design document, a maker revises it and a checker accepts.",
    input="design",
    output="report",
    example="parcel-tracker",
    resources=_resources,
    world=world,
    owner="architecture board",
    data=("Design documents: samples of its own, the project's Markdown files, or a text that is typed in.",),
)
def council() -> StateGraph[CouncilState, RunContext]:
    """Review a design, revise it, and publish it once a person approves.

    Reviewers for security, cost and clarity speak in turn; they can read and nothing else. Where a finding blocks, the
    person speaks once, and may waive it. What the rules find counts whatever is said. The maker mends or marks each
    finding; rules and a checker look at every revision, three at most.
    """
    flow = StateGraph(CouncilState, context_schema=RunContext)
    flow.add_node("open", open_it)
    flow.add_node("discuss", discuss)
    flow.add_node("collect", collect)
    flow.add_node("revise", revise)
    flow.add_node("publish", publish)
    flow.add_edge(START, "open")
    flow.add_conditional_edges("open", after_open, ["discuss", END])
    flow.add_edge("discuss", "collect")
    flow.add_conditional_edges("collect", after_collect, ["revise", END])
    flow.add_edge("revise", "publish")
    flow.add_edge("publish", END)
    return flow


async def open_it(state: CouncilState, runtime: Runtime[RunContext]) -> CouncilState:
    """Find the design and put it before the reviewers."""
    fresh = CouncilState(number="", text="", said=[], findings=[], revised="", warning="", published="", report="")
    outcome = await use_tool(open_design, {"design": state["design"]}, runtime, agent="clerk", key="open")
    if outcome.status == "error":
        return {**fresh, "report": outcome.content}
    kept = outcome.artifact if isinstance(outcome.artifact, dict) else {}
    return {**fresh, "number": outcome.content, "text": str(kept.get("text", ""))}


async def after_open(state: CouncilState) -> Literal["discuss", "__end__"]:
    """To the reviewers, if there is a design."""
    return "discuss" if state["number"] else "__end__"


async def discuss(state: CouncilState, runtime: Runtime[RunContext]) -> CouncilState:
    """Let the reviewers talk, and the person where it is needed."""
    request = f"Review the design {state['number']}: check security, check costs, check clarity."
    if blocking := [each.line for each in review(state["text"]) if each.rule in BLOCKING]:
        request += "\n\nBy the rules, this blocks:\n" + "\n".join(blocking)
    done = await _chat.ainvoke({"messages": [HumanMessage(request, id=f"request:{state['number']}")]})
    said = [{"who": each.name or "", "text": each.text} for each in done["messages"] if each.type == "ai"]
    return {"said": said}


async def collect(state: CouncilState, runtime: Runtime[RunContext]) -> CouncilState:
    """What the rules find, and what reviewers found besides; what quotes nothing in the design does not count."""
    spoken = [found for each in state["said"] if each["who"] in REVIEWERS for found in parsed(each["text"])]
    found = grounded([*review(state["text"]), *spoken], state["text"])
    words = "\n".join(each["text"] for each in state["said"] if each["who"] == PERSON)
    accepted = waived(words, found)
    findings = [each.plain() | ({"status": "waived"} if each.rule in accepted else {}) for each in found]
    if not findings:
        return {"findings": [], "report": f"# {title(state['text'])}: nothing found\n\nNothing to revise."}
    tell(runtime, "note", agent="council", text=f"{len(findings)} findings:\n{table(findings)}")
    return {"findings": findings}


async def after_collect(state: CouncilState) -> Literal["revise", "__end__"]:
    """To the maker, if there is anything to mend."""
    return "revise" if state["findings"] else "__end__"


async def revise(state: CouncilState, runtime: Runtime[RunContext]) -> CouncilState:
    """Maker and checker, until every finding is answered."""
    findings = _findings(state)
    told = [_accepted(each) if each.rule in _waived(state) else each for each in findings]
    asked = HumanMessage(task(state["text"], told), id=f"task:{state['number']}")
    done = await _revision.ainvoke({"messages": [asked]})
    draft = (done.get("best") if done.get("ended") else None) or done.get("draft") or {}
    revised = str(draft.get("text", "")) or state["text"]
    result = judged(findings, revised, _waived(state))
    tell(runtime, "note", agent="council", text=f"After {done.get('rounds', 0)} revisions:\n{table(result)}")
    return {"revised": revised, "findings": result, "warning": str(done.get("warning", ""))}


async def publish(state: CouncilState, runtime: Runtime[RunContext]) -> CouncilState:
    """Write the revision and its findings, once a person approves; the person may edit it first."""
    name = title(state["text"])
    arguments = {"name": slug(name), "document": state["revised"], "findings": state["findings"]}
    outcome = await use_tool(publish_review, arguments, runtime, agent="clerk", key="publish")
    published = outcome.content if outcome.ran and outcome.status == "success" else ""
    if not published:
        tell(runtime, "note", agent="clerk", text=f"Not published. {outcome.content}")
    return {"published": published, "report": summary({**state, "published": published}, name)}


def _findings(state: CouncilState) -> list[Finding]:
    return [Finding(each["rule"], each["section"], each["quote"], each["advice"]) for each in state["findings"]]


def _waived(state: CouncilState) -> frozenset[str]:
    return frozenset(each["rule"] for each in state["findings"] if each.get("status") == "waived")


def _accepted(finding: Finding) -> Finding:
    return Finding(finding.rule, finding.section, finding.quote, f"{ACCEPTED}waived by a person in the review.")
