"""A to-do list per thread, kept in the context's state: an agent writes down what is left and ticks it off."""

from __future__ import annotations

from typing import Annotated, TypedDict

from pydantic import Field

from ..context import ToolContext
from ..declare import tool
from ..errors import ToolFailed
from ..words import listed

STATE = "todo"
"""The name under which the list is kept in the state."""
MOST = 200


class Todo(TypedDict):
    """One thing to do."""

    number: int
    text: str
    done: bool
    key: str
    """The call that added it: the same call again adds nothing."""


Text = Annotated[str, Field(min_length=1, max_length=500)]


@tool(effect="write", once=False, reversible=True)
async def add_todos(
    items: Annotated[list[Text], Field(min_length=1, max_length=50, description="Things to do, in order.")],
    context: ToolContext,
) -> str:
    """Add things to do to the list of this conversation."""
    todos = _todos(context)
    if any(todo["key"] == context.key for todo in todos):
        return _shown(todos)
    if len(todos) + len(items) > MOST:
        raise ToolFailed(f"The list would have more than {MOST} entries. Finish some first, or add fewer.")
    first = max((todo["number"] for todo in todos), default=0) + 1
    new = [
        Todo(number=number, text=" ".join(text.split()), done=False, key=str(context.key))
        for number, text in enumerate(items, first)
    ]
    context.state[STATE] = [*todos, *new]
    return _shown([*todos, *new])


@tool(effect="write", once=False, reversible=True)
async def complete_todos(
    numbers: Annotated[list[int], Field(min_length=1, max_length=MOST, description="Numbers from the list.")],
    context: ToolContext,
) -> str:
    """Mark things on the list as done."""
    todos = _todos(context)
    known = [todo["number"] for todo in todos]
    if unknown := [number for number in numbers if number not in known]:
        raise ToolFailed(f"There is no number {listed(map(str, unknown))} on the list. There are: {_numbers(known)}.")
    done = [Todo(**{**todo, "done": todo["done"] or todo["number"] in numbers}) for todo in todos]
    context.state[STATE] = done
    return _shown(done)


@tool(effect="read")
async def list_todos(context: ToolContext) -> str:
    """Show the list of things to do and what is done."""
    return _shown(_todos(context))


def _todos(context: ToolContext) -> list[Todo]:
    return list(context.state.get(STATE, ()))


def _numbers(known: list[int]) -> str:
    return listed(map(str, known))


def _shown(todos: list[Todo]) -> str:
    if not todos:
        return "Nothing to do."
    lines = [f"{'[x]' if todo['done'] else '[ ]'} {todo['number']}. {todo['text']}" for todo in todos]
    left = sum(not todo["done"] for todo in todos)
    return "\n".join([*lines, f"{left} of {len(todos)} left."])
