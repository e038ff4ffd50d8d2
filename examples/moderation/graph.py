"""Moderate a post: independent reviewers → agreed and sure: decided; else a moderator decides → appeal to others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from graphwright.graphs import ParticipantFailed, graph, tell, use_tool
from graphwright.runtime import Outcome, RunContext
from graphwright.tools import Resources, Tool

from .desk import Desk, moderation_world, problem_with
from .panel import appeal_panel, brief, review_panel, told_votes, weigh
from .report import decided_report, panel_report
from .state import ModerationState, Proposal, Vote
from .tools import close_agreed_case, decide_appeal, decide_case, read_case, read_post, submit_post

_POST = re.compile(r"\b[px]-[0-9a-f]{3,8}\b")
_APPEAL = re.compile(r"^\s*appeal\b[\s:,]*(?:(?:about|against|for)\s+)?(?:post\s+)?(?P<rest>.*)$", re.I | re.S)


def _resources(resources: Resources, state: Path) -> None:
    resources.provide(Desk, lambda: Desk(state))


@graph(
    description="Moderates forum posts: a panel of reviewers, a moderator where they are not sure, and appeals.",
    input="request",
    output="report",
    example="Review p-034",
    resources=_resources,
    world=moderation_world,
    owner="The moderation desk of the example forum.",
    data=("Generated posts and authors of a forum that does not exist.", "The cases and their trail, in SQLite."),
)
def moderation() -> StateGraph[ModerationState, RunContext]:
    """Judge one post, or an appeal against what was decided about it.

    Three reviewers that do not hear each other judge the post. Where two agree and are sure, the case is closed; else
    a moderator decides. An author may appeal, best as a further run on the thread: three other reviewers look, and a
    moderator decides who had no part in the first decision. Every decision is in the case's trail, with who made it.
    """
    flow = StateGraph(ModerationState, context_schema=RunContext)
    flow.add_node("intake", intake)
    flow.add_node("review", review)
    flow.add_node("appeal", appeal)
    flow.add_node("close", close)
    flow.add_node("ask", ask)
    flow.add_node("finish", finish)
    flow.add_edge(START, "intake")
    flow.add_conditional_edges("intake", after_intake, ["review", "appeal", END])
    flow.add_conditional_edges("review", after_review, ["close", "ask"])
    flow.add_edge("appeal", "ask")
    flow.add_edge("close", "finish")
    flow.add_edge("ask", "finish")
    flow.add_edge("finish", END)
    return flow


_review_panel = review_panel().compile()
_appeal_panel = appeal_panel().compile()


async def intake(state: ModerationState, runtime: Runtime[RunContext]) -> ModerationState:
    """Find out which post is meant, and whether it is to be reviewed or somebody appeals."""
    request = state["request"].strip()
    found = _APPEAL.match(request)
    named = _POST.search(found["rest"] if found else request)
    if named:
        post_id = named[0]
    elif found:
        post_id = state.get("post_id", "")
    else:
        return await _submitted(request, runtime)
    if not post_id:
        return _ended("Which post is it about? Say it like this: Appeal p-071: I only quoted what I was sent.")
    read = await _called(read_post, {"post_id": post_id}, runtime)
    if read.status != "success":
        return _ended(read.content)
    case = (await _called(read_case, {"post_id": post_id}, runtime)).value
    stage = "appeal" if found else "review"
    if problem := problem_with(stage, None if case["stage"] == "open" else case["stage"], post_id):
        return _ended(problem, post_id=post_id)
    statement = _POST.sub("", found["rest"], count=1).strip(" :,.-\n") if found else ""
    return _begun(stage, post_id, read.value["text"], statement or ("No reason given." if found else ""))


async def _submitted(text: str, runtime: Runtime[RunContext]) -> ModerationState:
    """A post that somebody pasted."""
    if not text:
        return _ended("Name a post, like p-008, or give its text.")
    made = await _called(submit_post, {"text": text}, runtime)
    if made.status != "success":
        return _ended(made.content)
    post_id = made.value["post_id"]
    case = (await _called(read_case, {"post_id": post_id}, runtime)).value
    if case["stage"] != "open":
        return _ended(problem_with("review", case["stage"], post_id), post_id=post_id)
    return _begun("review", post_id, text, "")


def after_intake(state: ModerationState) -> str:
    """To the panel that is asked for; to the end if there is nothing to judge."""
    return END if state["stage"] == "none" else state["stage"]


async def review(state: ModerationState, runtime: Runtime[RunContext]) -> ModerationState:
    """Let the reviewers judge, each on its own."""
    return await _judged(_review_panel, brief(state["post_id"], state["text"]), runtime)


async def appeal(state: ModerationState, runtime: Runtime[RunContext]) -> ModerationState:
    """Let other reviewers judge, with the author's statement."""
    case = (await _called(read_case, {"post_id": state["post_id"]}, runtime)).value
    more = f"It was {case['outcome']}. The author says:\n> {state['statement']}"
    return await _judged(_appeal_panel, brief(state["post_id"], state["text"], more), runtime)


def after_review(state: ModerationState) -> str:
    """A clear case is closed; any other goes to a person."""
    return "close" if state["proposal"]["is_clear"] else "ask"


async def close(state: ModerationState, runtime: Runtime[RunContext]) -> ModerationState:
    """Decide as the panel agreed."""
    outcome = await _called(close_agreed_case, _arguments(state), runtime)
    return {"remark": "" if outcome.status == "success" else outcome.content}


async def ask(state: ModerationState, runtime: Runtime[RunContext]) -> ModerationState:
    """Let a moderator decide; about an appeal, one who had no part in the decision."""
    if state["stage"] == "review":
        outcome = await _called(decide_case, _arguments(state), runtime)
    else:
        case = (await _called(read_case, {"post_id": state["post_id"]}, runtime)).value
        deciders = sorted({each["decided_by"] for each in case["trail"] if each["stage"] == "review"})
        more = {"statement": state["statement"], "excluded": deciders}
        outcome = await _called(decide_appeal, {**_arguments(state), **more}, runtime)
    return {"remark": "" if outcome.ran and outcome.status == "success" else outcome.content}


async def finish(state: ModerationState, runtime: Runtime[RunContext]) -> ModerationState:
    """Say what was decided, by whom, and how to appeal."""
    case = (await _called(read_case, {"post_id": state["post_id"]}, runtime)).value
    return {"report": decided_report(state, case)}


async def _judged(panel: Any, task: str, runtime: Runtime[RunContext]) -> ModerationState:
    """The panel's proposal; if too few reviewers could work, that a person must judge alone."""
    try:
        done = await panel.ainvoke({"messages": [HumanMessage(task)]})
        agreed = "" if done.get("failed") else str((done.get("output") or {}).get("label", ""))
        proposal = weigh(done["results"], agreed)
    except ParticipantFailed as error:
        failed = Vote(reviewer="the panel", label="", sure=False, reason=str(error)[:500])
        proposal = Proposal(label="ok", is_clear=False, votes=[failed])
    tell(runtime, "note", agent="panel", text=panel_report(proposal))
    return {"proposal": proposal}


def _arguments(state: ModerationState) -> dict[str, Any]:
    proposal = state["proposal"]
    return {"post_id": state["post_id"], "label": proposal["label"], "opinions": told_votes(proposal["votes"])[:2000]}


async def _called(tool: Tool, arguments: dict[str, Any], runtime: Runtime[RunContext]) -> Outcome:
    return await use_tool(tool, arguments, runtime, agent="desk", key=tool.name)


def _begun(stage: Any, post_id: str, text: str, statement: str) -> ModerationState:
    return {
        "stage": stage, "post_id": post_id, "text": text, "statement": statement, "remark": "", "report": "",
    }  # fmt: skip


def _ended(report: str, *, post_id: str = "") -> ModerationState:
    kept: ModerationState = {"post_id": post_id} if post_id else {}
    return {**kept, "stage": "none", "remark": "", "report": report}
