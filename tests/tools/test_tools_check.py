"""`check_tools` says what is missing, and is content with what is complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import Field

from graphwright.tools import IdempotencyKey, Labels, Tool, ToolContext, check_tools, schema_tool, tool
from graphwright.tools.builtin import builtin_tools


def rules(one: Tool) -> set[str]:
    return {finding.rule for finding in check_tools([one])}


def declared(**labels: Any) -> Tool:
    async def send(to: Annotated[str, Field(description="Who receives it.")]) -> str:
        """Send a letter to somebody."""
        return to

    return tool(**labels)(send)


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        ({"effect": "write"}, "no-critical"),
        ({"effect": "egress", "critical": ("to",)}, "no-approval"),
        ({"effect": "read", "destructive": True}, "destructive-read"),
        ({"effect": "read", "once": True}, "once-read"),
        ({"effect": "write", "destructive": True, "reversible": True}, "destructive-reversible"),
        ({"effect": "egress", "trusted": True}, "trusted-egress"),
        ({"effect": "write", "once": False}, "no-key"),
        ({"effect": "write", "retry": 2}, "retry-without-effect"),
        ({"effect": "write"}, "no-probe"),
        ({"effect": "read", "timeout": None}, "no-timeout"),
    ],
)
def test_labels_that_do_not_fit_are_found(labels: dict[str, Any], rule: str) -> None:
    assert rule in rules(declared(**labels))


def test_complete_tools_are_left_alone() -> None:
    assert check_tools([declared(effect="read")]) == []
    probe: Callable[[str], bool] = lambda key: True  # noqa: E731  # short
    assert check_tools([declared(effect="egress", critical=("to",), approval="A letter.", probe=probe)]) == []


def test_missing_words_are_found() -> None:
    @tool(effect="read")
    def find(where: Any, what: str) -> str:
        """Find it.

        Args:
            wath: The thing.
        """
        return what

    found = {(finding.rule, finding.message.split("'")[1]) for finding in check_tools([find])}

    assert found == {
        ("short-description", "Find it."),
        ("no-parameter-description", "where"),
        ("no-parameter-description", "what"),
        ("untyped-parameter", "where"),
        ("unknown-args-entry", "wath"),
    }


def test_a_sync_effect_that_never_looks_up_is_remarked() -> None:
    @tool(effect="write", critical=("x",))
    def blind(x: int) -> None:
        """Write something somewhere."""

    @tool(effect="write", critical=("x",))
    def careful(x: int, context: ToolContext) -> None:
        """Write something somewhere."""
        context.check()

    assert "ignores-cancellation" in rules(blind)
    assert "ignores-cancellation" not in rules(careful)


def test_a_key_keeps_the_promise_of_once_false() -> None:
    @tool(effect="write", once=False, critical=("x",))
    async def pay(x: Annotated[int, Field(description="How much.")], *, key: IdempotencyKey) -> None:
        """Pay an amount once."""

    assert check_tools([pay]) == []


def test_a_foreign_tool_without_words_is_an_error_and_errors_come_first() -> None:
    async def call(arguments: Any, context: Any) -> None: ...

    mute = schema_tool("mute", "", {"properties": {"x": {}}}, call, labels=Labels.unknown(), source="mcp:shop")
    found = check_tools([mute, declared(effect="read"), declared(effect="read")])

    assert [(one.level, one.rule) for one in found][:2] == [("error", "no-description"), ("error", "name-clash")]
    assert found[0].source == "mcp:shop"


def test_the_built_in_tools_have_no_errors_and_no_warnings() -> None:
    assert [finding for finding in check_tools(builtin_tools()) if finding.level != "remark"] == []
