"""Every way in which graphs are broken, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from .ground import Ground
from .mutant import Mutant
from .of_answers import empty_answer, leak_secret, wrong_number
from .of_edges import drop_node, forget_task, swap_branch, swap_edge, swap_goto
from .of_effects import double_effect, lose_effect, unasked_effect
from .of_limits import raise_limit, raise_turns
from .of_people import ignore_rejection, skip_approval
from .of_prompts import empty_prompt, loosen_prompt
from .of_tools import drop_handoff, drop_tool, ignore_error, stale_read, wrong_argument

Operator = Callable[[Ground], Iterator[Mutant]]
"""Makes mutants of a graph; its docstring is the sentence that says which."""

OPERATORS: Mapping[str, Operator] = {
    each.__name__: each
    for each in (
        drop_tool, drop_handoff, wrong_argument, stale_read, ignore_error,
        double_effect, lose_effect, unasked_effect,
        skip_approval, ignore_rejection,
        drop_node, swap_edge, swap_branch, swap_goto, forget_task,
        raise_limit, raise_turns,
        empty_prompt, loosen_prompt,
        empty_answer, wrong_number, leak_secret,
    )
}  # fmt: skip


def sentence_of(operator: str) -> str:
    """What an operator does."""
    return (OPERATORS[operator].__doc__ or "").partition("\n")[0]


def mutants_of(ground: Ground, operators: Iterable[str] = ()) -> Iterator[Mutant]:
    """The mutants of a graph, by these operators or by all."""
    for name in operators or OPERATORS:
        yield from OPERATORS[name](ground)
