"""Tools from elsewhere: LangChain's, plain functions; and the toolbox that holds them."""

from __future__ import annotations

import asyncio
import threading
from typing import Annotated, Any

import pytest
from langchain_core.tools import BaseTool, InjectedToolCallId, StructuredTool, ToolException
from langchain_core.tools import tool as langchain_tool
from pydantic import BaseModel, Field

from graphwright.tools import (
    InvalidArguments,
    Labels,
    Tool,
    Toolbox,
    ToolContext,
    ToolDeclarationError,
    ToolFailed,
    ToolTimedOut,
    UnknownTool,
    WithArtifact,
    as_tool,
    invoke_tool,
    render_result,
    tool,
    with_timeout,
)

ABOUT = ToolContext(call_id="call-7")


async def run(x: Any, arguments: dict[str, Any], labels: Labels | None = None) -> Any:
    one = as_tool(x, labels)
    return await one.invoke(one.validate(arguments), ABOUT)


@langchain_tool
def multiply(a: int, b: Annotated[int, Field(description="The other one.")] = 2) -> int:
    """Multiply two numbers."""
    return a * b


@langchain_tool(response_format="content_and_artifact")
async def draw(size: int) -> tuple[str, list[int]]:
    """Draw a picture."""
    return "a picture", [size] * 3


@langchain_tool
def who(name: str, call: Annotated[str, InjectedToolCallId]) -> str:
    """Tell which call this is."""
    return f"{name} {call} {threading.current_thread() is threading.main_thread()}"


class Arguments(BaseModel):
    city: str = Field(description="Which city.")


class Weather(BaseTool):
    name: str = "weather"
    description: str = "Tells the weather."
    args_schema: type[BaseModel] = Arguments

    def _run(self, city: str) -> str:
        if city == "Atlantis":
            raise ToolException("No such city.")
        return f"sunny in {city}"


async def test_a_langchain_tool_keeps_its_name_words_and_schema() -> None:
    one = as_tool(multiply)

    assert one.spec["function"]["name"] == "multiply"
    assert one.description == "Multiply two numbers."
    assert one.parameters == {
        "type": "object",
        "properties": {
            "a": {"type": "integer"},
            "b": {"type": "integer", "default": 2, "description": "The other one."},
        },
        "required": ["a"],
        "additionalProperties": False,
    }
    assert await run(multiply, {"a": 4}) == "8"
    assert one(a=4) == 8


def test_an_unlabelled_foreign_tool_fails_closed_and_labels_can_be_given() -> None:
    assert as_tool(multiply).labels == Labels.unknown()
    assert as_tool(multiply, Labels(effect="read", critical=("a",))).labels.effect == "read"
    with pytest.raises(ToolDeclarationError, match="critical names 'c', which is no parameter"):
        as_tool(multiply, Labels(effect="write", critical=("c",)))


async def test_an_artifact_is_kept_beside_what_the_model_reads() -> None:
    answer = await run(draw, {"size": 2})

    assert answer == WithArtifact("a picture", [2, 2, 2])
    assert render_result(answer, 100) == "a picture"


async def test_a_langchain_tool_receives_its_call_id_and_runs_outside_the_event_loop() -> None:
    assert "call" not in as_tool(who).parameters["properties"]
    assert await run(who, {"name": "me"}) == "me call-7 False"


async def test_a_langchain_class_works_and_its_tool_exception_is_for_the_model() -> None:
    assert await run(Weather(), {"city": "Bonn"}) == "sunny in Bonn"
    with pytest.raises(ToolFailed, match=r"No such city\."):
        await run(Weather(), {"city": "Atlantis"})


async def test_a_handled_langchain_error_is_an_error_still() -> None:
    with pytest.raises(ToolFailed, match=r"No such city\."):
        await run(Weather(handle_tool_error=True), {"city": "Atlantis"})


async def test_a_langchain_tool_with_a_plain_json_schema_is_checked() -> None:
    schema = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}

    async def ask(**values: Any) -> str:
        return values["q"]

    remote = StructuredTool(name="ask", description="Asks.", args_schema=schema, coroutine=ask)

    assert await run(remote, {"q": "x"}) == "x"
    with pytest.raises(InvalidArguments, match="there is no such parameter"):
        await run(remote, {"q": "x", "p": 1})


async def test_a_sync_langchain_tool_is_cut_off_by_a_timeout() -> None:
    release = threading.Event()

    @langchain_tool
    def hang(x: int) -> str:
        """Hang for long."""
        release.wait(5)
        return "success"

    one = as_tool(hang, Labels(effect="read", timeout=0.05))

    with pytest.raises(ToolTimedOut):
        await with_timeout(invoke_tool)(one, {"x": 1}, ABOUT)
    release.set()
    await asyncio.sleep(0)


async def test_a_plain_function_becomes_an_unlabelled_tool() -> None:
    def shout(word: str) -> str:
        """Say a word loudly."""
        return word.upper()

    assert as_tool(shout).labels == Labels.unknown()
    assert await run(shout, {"word": "hey"}) == "HEY"
    with pytest.raises(ToolDeclarationError, match="has no type"):
        as_tool(lambda x: x)


@pytest.mark.parametrize("x", [None, 3, "name", int, {"type": "function"}])
def test_other_things_are_no_tools(x: Any) -> None:
    with pytest.raises(ToolDeclarationError, match="is no tool"):
        as_tool(x)


def _tool(name: str) -> Tool:
    @tool(effect="read", name=name)
    def some(x: int) -> int:
        """Return a number."""
        return x

    return some


def test_a_toolbox_keeps_order_and_finds_by_name() -> None:
    box = Toolbox([_tool("search"), multiply, _tool("save")])

    assert box.names == ("search", "multiply", "save")
    assert [spec["function"]["name"] for spec in box.specs] == list(box.names)
    assert box.get("save").name == "save"
    assert box.only(["save", "search"]).names == ("search", "save")
    assert "save" in box
    assert len(box) == 3


def test_an_unknown_name_is_answered_with_the_near_one_and_all() -> None:
    with pytest.raises(UnknownTool, match=r"no tool 'serch'\. Did you mean 'search'\? The tools are: search, save\."):
        Toolbox([_tool("search"), _tool("save")]).get("serch")


def test_two_tools_with_one_name_are_refused_with_both_sources() -> None:
    first, second = _tool("search"), _tool("search")

    with pytest.raises(ToolDeclarationError, match=rf"called 'search': {first.source} and {second.source}"):
        Toolbox([first, second])
    assert len(Toolbox([first, first])) == 1
