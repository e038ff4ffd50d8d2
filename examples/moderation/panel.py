"""The two panels: three reviewers each, side by side, none of whom hears the others; two must agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from graphwright.agents import Agent
from graphwright.graphs import AgentFailed, Participant, PatternState, agent_loop, concurrent, context_of, use_tool
from graphwright.runtime import RunContext
from graphwright.tools import Tool

from .agents import Assessment, appeal_reviewer, policy_reviewer
from .data import LABELS
from .rules import Opinion
from .state import Proposal, ReviewState, Vote
from .tools import check_rules, classify_post, find_precedents, read_circumstances

SURE_PROBABILITY = 0.75
"""A classifier that gives its label less is not sure."""
SURE_PRECEDENTS = 4
"""Of five precedents so many must have one label."""
NEEDED = {"keep": 1, "act": 2}
"""So many of those who agree must be sure: taking a post down is the graver mistake."""
UNSURE = "not sure"
_FIRST_LINE = "Post "

Judge = Callable[[str, Runtime[RunContext]], Awaitable[Opinion]]


def review_panel() -> StateGraph[PatternState, RunContext]:
    """Rules, classifier and policy agent judge a post side by side; two must agree."""
    return concurrent(
        _by_code("rules", "Compares the post with written rules.", _rules),
        _by_code("classifier", "Classifies the post as it was trained to.", _classifier),
        _by_agent(policy_reviewer),
        aggregate="quorum",
        min_success=2,
        name="panel",
    )


def appeal_panel() -> StateGraph[PatternState, RunContext]:
    """Others than those of the review: precedents, circumstances, and an agent that hears the author."""
    return concurrent(
        _by_code("precedents", "Looks how similar posts were decided.", _precedents),
        _by_code("circumstances", "Looks at quotations, disguises and the author's record.", _circumstances),
        _by_agent(appeal_reviewer),
        aggregate="quorum",
        min_success=2,
        name="appeal_panel",
    )


def brief(post_id: str, text: str, more: str = "") -> str:
    """What a panel is told. The first line is ours, the rest is quoted."""
    quoted = "\n".join(f"> {line}" for line in text.splitlines())
    return f"{_FIRST_LINE}{post_id}\n\n{quoted}" + (f"\n\n{more}" if more else "")


def weigh(results: Mapping[str, Any], agreed: str) -> Proposal:
    """The panel's proposal: pure, from its results and the label on which a quorum agreed (empty: on none)."""
    votes = [_vote(each) for each in results.values()]
    if not agreed:
        counts: Counter[str] = Counter()
        for vote in votes:
            counts[vote["label"]] += (2 if vote["sure"] else 1) if vote["label"] else 0
        return Proposal(label=max(LABELS, key=lambda label: counts[label]), is_clear=False, votes=votes)
    sure = sum(vote["sure"] for vote in votes if vote["label"] == agreed)
    is_opposed = any(vote["sure"] for vote in votes if vote["label"] not in ("", agreed))
    needed = NEEDED["keep" if agreed == "ok" else "act"]
    return Proposal(label=agreed, is_clear=sure >= needed and not is_opposed, votes=votes)


def told_votes(votes: Sequence[Vote]) -> str:
    """The votes in one line, for whoever decides and for the trail."""
    return " ".join(f"{each['reviewer']}: {_said(each)}." for each in votes)


def _said(vote: Vote) -> str:
    if not vote["label"]:
        return f"failed ({vote['reason']})"
    return f"{vote['label']}, {'sure' if vote['sure'] else UNSURE} ({vote['reason']})"


def _vote(result: Mapping[str, Any]) -> Vote:
    label = str((result.get("output") or {}).get("label", ""))
    reason = str(result.get("text") or result.get("error", "")).strip().rstrip(".")
    return Vote(
        reviewer=str(result["participant"]), label=label, sure=bool(label) and not result.get("warning"), reason=reason
    )


def _by_code(name: str, description: str, judge: Judge) -> Participant:
    async def node(state: ReviewState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        return _spoken(await judge(state["post_id"], runtime))

    return _participant(name, description, node)


def _by_agent(agent: Agent) -> Participant:
    compiled = agent_loop(agent).compile()

    async def node(state: ReviewState, runtime: Runtime[RunContext]) -> dict[str, Any]:
        done = await compiled.ainvoke({"messages": state["messages"]})
        found = Assessment.model_validate(done["output"])
        if context_of(runtime).model_for(agent.model).name_of_model == "offline":
            return _spoken(Opinion(found.label, False, "by its words; the offline model does not judge"))
        return _spoken(Opinion(found.label, found.sure, " ".join(found.reason.split())[:300]))

    return _participant(agent.name, agent.description, node)


def _participant(name: str, description: str, node: Any) -> Participant:
    graph = StateGraph(ReviewState, context_schema=RunContext)
    graph.add_node("judge", node)
    graph.add_edge(START, "judge")
    graph.add_edge("judge", END)
    return Participant(name=name, description=description, graph=graph, into=_into)


def _into(messages: list[BaseMessage]) -> dict[str, Any]:
    first = str(messages[-1].text).splitlines()[0]
    return {"messages": messages, "post_id": first.removeprefix(_FIRST_LINE)}


def _spoken(opinion: Opinion) -> dict[str, Any]:
    """An opinion as the pattern reads it: what is voted on is the label alone."""
    warning = "" if opinion.sure else UNSURE
    return {"messages": [AIMessage(opinion.reason)], "output": {"label": opinion.label}, "warning": warning}


async def _rules(post_id: str, runtime: Runtime[RunContext]) -> Opinion:
    found = await _look(check_rules, post_id, runtime)
    return Opinion(found["label"], found["sure"], found["reason"])


async def _classifier(post_id: str, runtime: Runtime[RunContext]) -> Opinion:
    found = await _look(classify_post, post_id, runtime)
    label, probability = found["label"], found["probability"]
    return Opinion(label, probability[label] >= SURE_PROBABILITY, f"probability {probability[label]:.2f}")


async def _precedents(post_id: str, runtime: Runtime[RunContext]) -> Opinion:
    found = await _look(find_precedents, post_id, runtime)
    label, count = Counter(each["label"] for each in found).most_common(1)[0]
    return Opinion(label, count >= SURE_PRECEDENTS, f"{count} of {len(found)} similar posts")


async def _circumstances(post_id: str, runtime: Runtime[RunContext]) -> Opinion:
    found = await _look(read_circumstances, post_id, runtime)
    rules = await _look(check_rules, post_id, runtime)
    record = f"{found['strikes']} strikes, here for {found['joined_days']} days"
    if found["speaks_about_it"]:
        return Opinion("ok", not found["disguises"], f"it quotes, reports or warns; {record}")
    if found["disguises"]:
        return Opinion(rules["label"], rules["label"] != "ok", f"{', '.join(found['disguises'])}; {record}")
    return Opinion(rules["label"], False, f"nothing particular; {record}")


async def _look(tool: Tool, post_id: str, runtime: Runtime[RunContext]) -> Any:
    outcome = await use_tool(tool, {"post_id": post_id}, runtime, agent="panel", key=tool.name)
    if outcome.status != "success":
        raise AgentFailed(outcome.content)
    return outcome.value
