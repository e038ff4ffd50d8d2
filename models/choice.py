"""Which model to use: from a specification, from the environment, or the offline one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from .contract import ChatModel
from .errors import MissingExtra, UnknownModel
from .foreign import as_chat_model

DEFAULT_NAME = "gpt-5-mini"

FORMS = """\
  offline                                  a deterministic heuristic, not an LLM
  openai:NAME                              OpenAI, or the server in OPENAI_BASE_URL
  openai:NAME@http://localhost:11434/v1    any server that speaks OpenAI's protocol
  recorded:PATH                            answers from a cassette
  langchain:PROVIDER:NAME                  whatever LangChain's init_chat_model knows"""


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """What a specification leaves open."""

    api_key: SecretStr | None = None
    """For OpenAI's protocol; read from OPENAI_API_KEY if it is not given."""
    timeout: float = 600.0
    """Longest silence of a server, in seconds."""
    attempts: int = 4
    """How often a real model is asked in all when asking again may help; 1 asks once."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Sent with every request, such as temperature."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model and why it is this one."""

    spec: str
    reason: str
    """One line for a person."""
    model: ChatModel


def model(spec: str | BaseChatModel | None = None, settings: ModelSettings | None = None) -> ChatModel:
    """The chat model that `spec` names, or the default one. Raises UnknownModel and MissingExtra."""
    return resolve_model(spec, settings).model


def resolve_model(
    spec: str | BaseChatModel | None = None,
    settings: ModelSettings | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> ModelChoice:
    """The model to use and the reason: `spec`, else OPENAI_BASE_URL, else OPENAI_API_KEY, else offline."""
    settings, environment = settings or ModelSettings(), os.environ if environment is None else environment
    if isinstance(spec, BaseChatModel):
        given = as_chat_model(spec)
        return ModelChoice(given.name_of_model, "the model was given as an object", given)
    if spec:
        return ModelChoice(spec, f"{spec!r} was asked for", _from_spec(spec.strip(), settings, environment))
    if url := environment.get("OPENAI_BASE_URL"):
        named, reason = f"openai:{environment.get('OPENAI_MODEL') or DEFAULT_NAME}@{url}", "OPENAI_BASE_URL is set"
    elif environment.get("OPENAI_API_KEY"):
        named, reason = f"openai:{environment.get('OPENAI_MODEL') or DEFAULT_NAME}", "OPENAI_API_KEY is set"
    else:
        named = "offline"
        reason = "no model was named and neither OPENAI_BASE_URL nor OPENAI_API_KEY is set"
    return ModelChoice(named, reason, _from_spec(named, settings, environment))


def _from_spec(spec: str, settings: ModelSettings, environment: Mapping[str, str]) -> ChatModel:
    kind, _, rest = spec.partition(":")
    if spec == "offline":
        from .offline import OfflineModel  # read only when it is wanted, like all the others

        return OfflineModel()
    if kind == "openai" and rest and not rest.startswith("@"):
        return _openai(rest, settings, environment)
    if kind == "recorded" and rest:
        from .recorded import RecordedModel  # same

        return RecordedModel(rest)
    provider, _, name = rest.partition(":")
    if kind == "langchain" and provider and name:
        return _langchain(provider, name, settings)
    raise UnknownModel(f"There is no model {spec!r}. A model is named in one of these forms:\n{FORMS}")


def _openai(rest: str, settings: ModelSettings, environment: Mapping[str, str]) -> ChatModel:
    from .openai_wire import OPENAI_URL, OpenAIModel  # `openai` takes most of a second to import
    from .retry import Retry

    name, at, url = rest.partition("@http")  # names may hold an @ of their own
    base_url = f"http{url}" if at else environment.get("OPENAI_BASE_URL") or OPENAI_URL
    key = settings.api_key
    if key is None and (found := environment.get("OPENAI_API_KEY")):
        key = SecretStr(found)
    asked = OpenAIModel(
        name, base_url=base_url.rstrip("/"), api_key=key, timeout=settings.timeout, params=settings.params
    )
    return Retry(asked, attempts=settings.attempts) if settings.attempts > 1 else asked


def _langchain(provider: str, name: str, settings: ModelSettings) -> ChatModel:
    try:
        init_chat_model = import_module("langchain.chat_models").init_chat_model
        found = init_chat_model(name, model_provider=provider, **settings.params)
    except ImportError as error:
        raise MissingExtra(
            f"'langchain:{provider}:{name}' needs LangChain and its package for {provider!r} ({error}). "
            f"Run: pip install 'graphwright[langchain]' langchain-{provider.replace('_', '-')}"
        ) from error
    except ValueError as error:
        raise UnknownModel(f"LangChain knows no model 'langchain:{provider}:{name}': {error}") from error
    return as_chat_model(found)
