"""A specification names a model, its absence has a reason, and real models can be banned."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graphwright.models import (
    Fallback,
    MissingExtra,
    ModelSettings,
    ModelUnavailable,
    OpenAIModel,
    RealModelBanned,
    RecordedModel,
    Recording,
    Retry,
    ScriptedModel,
    UnknownModel,
    allow_real_models,
    as_chat_model,
    ban_real_models,
    guard,
    model,
    resolve_model,
)

LOCAL = "http://localhost:11434/v1"


def test_nothing_named_and_nothing_set_is_offline() -> None:
    choice = resolve_model(environment={})

    assert choice.spec == "offline"
    assert choice.model.name_of_model == "offline"
    assert choice.reason == "no model was named and neither OPENAI_BASE_URL nor OPENAI_API_KEY is set"


@pytest.mark.parametrize(
    ("environment", "spec", "reason"),
    [
        ({"OPENAI_API_KEY": "sk-x"}, "openai:gpt-5-mini", "OPENAI_API_KEY is set"),
        ({"OPENAI_API_KEY": "sk-x", "OPENAI_MODEL": "gpt-5"}, "openai:gpt-5", "OPENAI_API_KEY is set"),
        ({"OPENAI_BASE_URL": LOCAL, "OPENAI_API_KEY": "k"}, f"openai:gpt-5-mini@{LOCAL}", "OPENAI_BASE_URL is set"),
        ({"OPENAI_BASE_URL": LOCAL, "OPENAI_MODEL": "qwen3:8b"}, f"openai:qwen3:8b@{LOCAL}", "OPENAI_BASE_URL is set"),
    ],
)
def test_the_environment_chooses_and_says_why(environment: dict[str, str], spec: str, reason: str) -> None:
    choice = resolve_model(environment=environment)

    assert (choice.spec, choice.reason) == (spec, reason)
    assert choice.model.name_of_model == spec


def test_what_is_asked_for_wins_over_the_environment() -> None:
    choice = resolve_model("offline", environment={"OPENAI_API_KEY": "sk-x"})

    assert choice.model.name_of_model == "offline"
    assert choice.reason == "'offline' was asked for"


def test_a_name_and_an_address_in_one_specification() -> None:
    found = resolve_model(f"openai:org/qwen3:8b@q4@{LOCAL}/", ModelSettings(timeout=9), environment={}).model

    assert isinstance(found, Retry)
    assert isinstance(found.inner, OpenAIModel)
    assert (found.inner.model, found.inner.base_url, found.inner.timeout) == ("org/qwen3:8b@q4", LOCAL, 9)


def test_one_attempt_is_no_retry() -> None:
    assert isinstance(model("openai:gpt-5-mini", ModelSettings(attempts=1)), OpenAIModel)


async def test_a_recording_is_named_by_its_path(tmp_path: Path, ask: Any) -> None:
    await Recording(ScriptedModel(["Hi."]), tmp_path / "tape.json").respond(ask())

    assert isinstance(model(f"recorded:{tmp_path / 'tape.json'}"), RecordedModel)


def test_an_object_is_taken_as_it_is() -> None:
    scripted = ScriptedModel(["Hi."])

    assert model(scripted) is scripted
    assert as_chat_model(scripted) is scripted


@pytest.mark.parametrize("spec", ["gpt-5", "openai:", "openai:@http://x", "recorded:", "langchain:openai", "ollama:x"])
def test_a_specification_that_means_nothing_lists_the_forms(spec: str) -> None:
    with pytest.raises(UnknownModel, match=r"There is no model .*forms:\n  offline .*\n  openai:NAME"):
        model(spec)


def test_langchain_names_its_extra_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain", None)

    with pytest.raises(MissingExtra, match=r"pip install 'graphwright\[langchain\]' langchain-anthropic"):
        model("langchain:anthropic:claude-sonnet-4")


@pytest.fixture
def banned() -> Any:
    ban_real_models()
    yield
    guard._banned = None


@pytest.mark.usefixtures("banned")
async def test_a_banned_real_model_is_not_asked(ask: Any) -> None:
    with pytest.raises(RealModelBanned, match="'openai:gpt-5-mini' is a real model"):
        await Fallback(OpenAIModel("gpt-5-mini", api_key="sk-x"), ScriptedModel(["no"])).respond(ask())


@pytest.mark.usefixtures("banned")
async def test_a_model_on_this_machine_stays_allowed(server: Any, ask: Any) -> None:
    server.will(server.text("Hi."))

    assert (await server.model().respond(ask())).content == "Hi."


@pytest.mark.usefixtures("banned")
async def test_a_ban_can_be_lifted_for_a_while(ask: Any) -> None:
    real = OpenAIModel("gpt-5-mini", api_key="sk-x", base_url="https://192.0.2.1/v1", timeout=0.2)

    with allow_real_models(), pytest.raises(ModelUnavailable):
        await real.respond(ask())
    with pytest.raises(RealModelBanned):
        await real.respond(ask())


async def test_the_environment_can_ban_too(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHWRIGHT_BAN_REAL_MODELS", "1")

    with pytest.raises(RealModelBanned):
        await OpenAIModel("gpt-5-mini", api_key="sk-x").respond(ask())


@pytest.mark.parametrize(
    ("url", "local"),
    [("http://127.0.0.2:1/v1", True), ("http://[::1]/v1", True), (LOCAL, True), ("http://localhost.evil.com", False)],
)
def test_this_machine_is_told_by_its_address(url: str, local: bool) -> None:
    assert guard.is_loopback(url) is local


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = (
        "import sys, graphwright.models as m\n"
        "m.ban_real_models(); m.ModelError\n"
        "print([name for name in ('openai', 'langchain_core', 'pydantic', 'httpx2') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_every_public_name_exists() -> None:
    import graphwright.models as package

    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="has no 'Retri'"):
        _ = package.Retri
