"""Chat models behind one contract: OpenAI wire, offline, scripted, recorded, LangChain's, and wrappers.

Importing this package loads neither `openai` nor `langchain_core`; a name does when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cached import Cached as Cached
    from .choice import ModelChoice as ModelChoice
    from .choice import ModelSettings as ModelSettings
    from .choice import model as model
    from .choice import resolve_model as resolve_model
    from .circuit_breaker import CircuitBreaker as CircuitBreaker
    from .clients import close_clients as close_clients
    from .contract import ChatModel as ChatModel
    from .contract import Delta as Delta
    from .contract import DeltaSink as DeltaSink
    from .contract import ModelRequest as ModelRequest
    from .errors import CassetteMiss as CassetteMiss
    from .errors import MissingExtra as MissingExtra
    from .errors import ModelAnswerMalformed as ModelAnswerMalformed
    from .errors import ModelAuthFailed as ModelAuthFailed
    from .errors import ModelError as ModelError
    from .errors import ModelFiltered as ModelFiltered
    from .errors import ModelRequestInvalid as ModelRequestInvalid
    from .errors import ModelUnavailable as ModelUnavailable
    from .errors import RealModelBanned as RealModelBanned
    from .errors import ScriptMismatch as ScriptMismatch
    from .errors import UnknownModel as UnknownModel
    from .fallback import Fallback as Fallback
    from .foreign import as_chat_model as as_chat_model
    from .guard import allow_real_models as allow_real_models
    from .guard import ban_real_models as ban_real_models
    from .offline import OfflineModel as OfflineModel
    from .openai_wire import OpenAIModel as OpenAIModel
    from .rate_limit import RateLimit as RateLimit
    from .recorded import RecordedModel as RecordedModel
    from .recording import Recording as Recording
    from .retry import Retry as Retry
    from .script import Reply as Reply
    from .script import When as When
    from .script import calls as calls
    from .scripted import ScriptedModel as ScriptedModel

_HOMES = {
    "cached": ("Cached",),
    "clients": ("close_clients",),
    "choice": ("ModelChoice", "ModelSettings", "model", "resolve_model"),
    "circuit_breaker": ("CircuitBreaker",),
    "contract": ("ChatModel", "Delta", "DeltaSink", "ModelRequest"),
    "errors": (
        "CassetteMiss",
        "MissingExtra",
        "ModelAnswerMalformed",
        "ModelAuthFailed",
        "ModelError",
        "ModelFiltered",
        "ModelRequestInvalid",
        "ModelUnavailable",
        "RealModelBanned",
        "ScriptMismatch",
        "UnknownModel",
    ),
    "fallback": ("Fallback",),
    "foreign": ("as_chat_model",),
    "guard": ("allow_real_models", "ban_real_models"),
    "offline": ("OfflineModel",),
    "openai_wire": ("OpenAIModel",),
    "rate_limit": ("RateLimit",),
    "recorded": ("RecordedModel",),
    "recording": ("Recording",),
    "retry": ("Retry",),
    "script": ("Reply", "When", "calls"),
    "scripted": ("ScriptedModel",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"graphwright.models has no {name!r}. It has: {', '.join(__all__)}.")
    return getattr(import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
