"""What a case would have to do to exercise what none does, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from langgraph.graph import END, START

from .declared import Item
from .desks import DESK, allowed_targets
from .levels import Level

MAX_CASES = 3
"""Cases that a sentence names."""


class Advice:
    """Knows what is exercised, so that it can say what comes first."""

    def __init__(
        self, levels: Sequence[Level], covering: Mapping[tuple[str, str], Sequence[str]], tools: Mapping[str, str]
    ) -> None:
        """
        Args:
            levels: Of the graph.
            covering: Kind and name of what was exercised, to the cases that did.
            tools: Name of each tool to what it does.
        """
        self._levels = {each.place: each for each in levels}
        self._covering = covering
        self._tools = tools

    def about(self, item: Item) -> str:
        """The sentence about one thing that no case exercises."""
        sentence: str = getattr(self, f"_{item.kind}")(item)
        return sentence

    def _node(self, item: Item) -> str:
        above, _, name = item.source.rpartition("/")
        if above and not self._cases(above):
            return f"No case leads to {above}, which it is inside of."
        level = self._levels.get(above)
        ways = [*level.edges, *level.branches] if level else []
        before = [source for source, target in ways if target == name and not source.startswith("__")]
        if level is not None and level.agent is not None and name == "tools":
            return f"{level.agent.name} has to call a tool: {', '.join(level.agent.toolbox.names)}."
        if above and any(source == START and target == name for source, target in ways):
            return f"{above} ran in {len(self._cases(above))} cases and never used the graph inside: its code has to."
        if not before:
            return "A case has to begin with it." if ways else "Nothing tells what leads to it: code chooses it."
        return f"A case has to lead to it, by way of {' or '.join(dict.fromkeys(before))}."

    def _edge(self, item: Item) -> str:
        if not self._cases(item.source):
            return f"No case leads to {item.source}."
        return f"{item.source} never came to its end: in every case it failed, or still waits."

    def _branch(self, item: Item) -> str:
        ran = self._cases(item.source)
        above, _, name = item.source.rpartition("/")
        if not ran:
            return "It begins there." if name == START else f"No case leads to {item.source}."
        level = self._levels.get(above)
        if level is not None and level.agent is not None and name == "model":
            return self._of_loop(item, level)
        if name == DESK and level is not None and allowed_targets(level):
            return (
                f"At a further input of a thread the desk goes to whoever had it last. A case has one input; where the "
                f"desk is the graph itself, an input state with `active: {item.target}` begins so."
            )
        told = ", ".join(ran[:MAX_CASES]) + (", ..." if len(ran) > MAX_CASES else "")
        there = "to the end" if item.target == END else f"to {item.target}"
        return f"{item.source} ran in {len(ran)} cases ({told}) and never went {there}: a case has to make it."

    def _of_loop(self, item: Item, level: Level) -> str:
        agent = level.agent
        assert agent is not None
        if item.target == "tools":
            return f"{agent.name} has to call a tool: {', '.join(agent.toolbox.names)}."
        if item.target == "model":
            answer = "" if agent.output is None else f", or an answer that is no {agent.output.__name__}"
            return (
                f"{agent.name} has to be asked again: by a call that cannot be made (an unknown tool, arguments that "
                f"are not JSON{answer}), as with `faults: [{{kind: malformed}}]`."
            )
        if item.target == END:
            return f"{agent.name} has to come to an answer."
        return f"{agent.name} has to give work to {item.target}."

    def _tool(self, item: Item) -> str:
        does = self._tools.get(item.tool, "")
        about = f" ({does})" if does else ""
        return f"{item.agent or 'A node'} has to call it{about}, and nobody may refuse the call."

    def _approval(self, item: Item) -> str:
        if not item.tool:
            return f"{item.source} has to ask: `people: [{{tool: interrupt, decide: respond, message: ...}}]`."
        more = ", message: ..." if item.decision == "respond" else ""
        answer = f"`people: [{{tool: {item.tool}, decide: {item.decision}{more}}}]`"
        if not any(name.startswith(f"{item.tool}: ") for kind, name in self._covering if kind == "approval"):
            return f"No case has a call of {item.tool} that is asked about and answered; answer one with {answer}."
        return f"No case has {answer}."

    def _retry(self, item: Item) -> str:
        if item.tool:
            return f"A call of it has to fail and be made again: `faults: [{{kind: unavailable, tool: {item.tool}}}]`."
        return f"{item.source} has to fail in a way that its retry policy knows."

    def _handoff(self, item: Item) -> str:
        does = self._tools.get(item.tool, "")
        about = f" ({does})" if does else ""
        return f"{item.agent} has to hand over to {item.target}{about}."

    def _cases(self, path: str) -> Sequence[str]:
        above, _, name = path.rpartition("/")
        if name == START:
            path = above
        return self._covering.get(("node", path), ())
