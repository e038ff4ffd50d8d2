"""The maker: code mends what it can, then the writer revises. Offline nobody writes and the code's part stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from graphwright.graphs import AgentState, agent_loop, context_of, named
from graphwright.runtime import RunContext

from .agents import writer
from .document import sections
from .findings import Finding, parsed
from .mending import mend

_FINDINGS, _DESIGN = "# Findings\n\n", "\n\n# Design document\n\n"


class MakerState(AgentState, total=False):
    """The maker's state: what it was told, and the mended text."""

    mended: str


def task(document: str, findings: Sequence[Finding]) -> str:
    """What the maker is told; :func:`document_of` reads the document back."""
    return f"{_FINDINGS}{chr(10).join(each.line for each in findings)}{_DESIGN}{document}"


def document_of(text: str) -> str:
    """The document in a task."""
    return text.partition(_DESIGN)[2]


def maker() -> StateGraph[MakerState, RunContext]:
    """Mend in code, then let the writer revise where a language model is there to do it."""
    flow = StateGraph(MakerState, context_schema=RunContext)
    flow.add_node("mend", mend_node)
    flow.add_node("write", write)
    flow.add_edge(START, "mend")
    flow.add_conditional_edges("mend", after_mend, ["write", END])
    flow.add_edge("write", END)
    return named(flow, name="maker", description="Revises a design by the findings about it.")


_writer = agent_loop(writer).compile()


async def mend_node(state: MakerState, runtime: Runtime[RunContext]) -> MakerState:
    """Correct and mark the newest text by the newest findings or objections."""
    messages = state["messages"]
    text = mend(_newest(messages), parsed(_last_told(messages)))
    if not _is_offline(runtime):
        return {"mended": text}
    return {"mended": text, "messages": [AIMessage(text, name="maker", id=f"mended:{len(messages)}")]}


async def after_mend(state: MakerState, runtime: Runtime[RunContext]) -> Literal["write", "__end__"]:
    """To the writer, unless the model is the offline one."""
    return "__end__" if _is_offline(runtime) else "write"


async def write(state: MakerState, runtime: Runtime[RunContext]) -> MakerState:
    """Let the writer revise; what lost a section is no revision, and the mended text stands."""
    messages = state["messages"]
    told = _last_told(messages).partition(_DESIGN)[0]
    asked: AnyMessage = HumanMessage(f"{told}{_DESIGN}{state['mended']}")
    done = await _writer.ainvoke({"messages": [asked]})
    written = _unfenced(done["messages"][-1].text)
    text = written if _is_whole(written, state["mended"]) else state["mended"]
    return {"messages": [AIMessage(text, name="maker", id=f"written:{len(messages)}")]}


def _newest(messages: Sequence[BaseMessage]) -> str:
    """The maker's last draft, else the document of the task."""
    drafts = [each.text for each in messages if isinstance(each, AIMessage) and each.text.strip()]
    return drafts[-1] if drafts else document_of(messages[0].text)


def _last_told(messages: Sequence[BaseMessage]) -> str:
    return next(each.text for each in reversed(messages) if isinstance(each, HumanMessage))


def _unfenced(text: str) -> str:
    lines = text.strip().splitlines()
    fenced = len(lines) > 2 and lines[0].startswith("```") and lines[-1].strip() == "```"
    return "\n".join(lines[1:-1] if fenced else lines).strip() + "\n"


def _is_whole(written: str, mended: str) -> bool:
    return {each.name for each in sections(mended)} <= {each.name for each in sections(written)}


def _is_offline(runtime: Runtime[RunContext]) -> bool:
    return context_of(runtime).model_for(writer.model).name_of_model == "offline"
