"""LangGraph state machines: the agent loop, and the catalogue that finds graphs by name."""

from .calls import AgentFailed, use_tool
from .catalogue import Catalogue, GraphEntry, GraphNotFound, graph
from .history import messages_channel
from .loop import agent_loop
from .speaking import ask_model, context_of, tell
from .state import AgentState

__all__ = [
    "AgentFailed",
    "AgentState",
    "Catalogue",
    "GraphEntry",
    "GraphNotFound",
    "agent_loop",
    "ask_model",
    "context_of",
    "graph",
    "messages_channel",
    "tell",
    "use_tool",
]
