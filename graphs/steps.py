"""An effect inside of a node: written to the journal like a tool's call, so that it counts once.

A node runs again from its first line after a question or a crash. What it does through :func:`step` is found again by
its name: the recorded result is given back, or it is done again where that is safe, or the run stops until somebody
says what became of it.
"""

from __future__ import annotations

import inspect
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, get_args
from urllib.parse import quote
from weakref import WeakKeyDictionary

from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from graphwright.runtime import GateCall, Outcome, RunContext, RuntimeProblem
from graphwright.runtime.journal import Semantics
from graphwright.tools import IdempotencyKey, Labels, Tool, ToolContext, ToolFailed, WithArtifact, schema_tool
from graphwright.tools.contract import function_call, is_async

from .plain_data import declared_problem, plain_problems
from .speaking import context_of, place_of, tasks_in

REMEMBERED = 4_096
"""Executions of nodes of one run of which the names used are remembered; older ones have long ended."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_LABELS: Mapping[str, Labels] = {
    "pure": Labels(effect="read", trusted=True),
    "idempotent": Labels(effect="write", once=False, trusted=True),
    "at_most_once": Labels(effect="write", once=True, trusted=True),
}
"""What is assumed of a step that declares nothing: its author wrote what it does, and vouches for what it returns."""


class StepError(Exception):
    """A step is used wrongly: its name, its function, or what that returns. For the developer."""


class StepFailed(Exception):
    """A step did not do what it should, and did not take effect. For the node, which may catch it and go on.

    A node that comes by again gets the same failure; one that LangGraph tries again (``RetryPolicy``) tries the step
    again.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        """Of the step."""
        self.reason = reason
        super().__init__(f"Step {name!r} failed: {reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self.reason)


async def step(
    runtime: Runtime[RunContext],
    name: str,
    fn: Callable[..., Any],
    *,
    semantics: Semantics = "at_most_once",
    key: str = "",
    about: Mapping[str, Any] | None = None,
    probe: Callable[..., Any] | None = None,
    recover: Callable[[str], Any] | None = None,
    fails: tuple[type[Exception], ...] = (),
    timeout: float | None = 60.0,  # noqa: ASYNC109  # a label like that of tools, not a scope
    agent: str = "",
    labels: Labels | None = None,
) -> Any:
    """Do something once inside of a node, and return what it returned; at a second coming, from the journal.

    On bare LangGraph, without a :class:`graphwright.runtime.Runtime`, it only runs (after an approval, if its labels
    want one).

    Args:
        runtime: LangGraph's, of the node.
        name: Of the step, once in a node.
        fn: Does it; sync (then in a worker thread) or async. It is given the idempotency key, which is the same on
            every attempt, and as a second argument the :class:`ToolContext`, as far as it has parameters for them.
            It returns plain JSON data.
        semantics: ``at_most_once`` (never repeated while nobody knows whether it happened), ``idempotent`` (repeated
            with its key, which must make it count once) or ``pure`` (changes nothing, such as a look at the clock).
        key: Distinguishes several steps of one name in one node, in a loop for example.
        about: What is done, as plain data: for people, and compared when the node comes by again.
        probe: Answers "did it happen?" for an idempotency key: True or a sentence, False, or None if it cannot say.
        recover: Where it happened and its result was lost: makes a result of what the probe or a person said about
            it. Without it, the result is that sentence.
        fails: Errors of ``fn`` that tell that nothing happened, besides ``ToolFailed``.
        timeout: Seconds; None waits for ever. A sync function that is late is left behind: its result is dropped, and
            ``context.check()`` raises in it.
        agent: On whose behalf; stands in the records.
        labels: What policy has to know: ``effect="egress"`` if something leaves, which names of ``about`` are
            ``critical``, ``destructive``, ``private``, an ``approval``, whether the result is ``trusted``. Without them
            it changes something of ours (``pure``: nothing), with trusted results.

    Raises:
        StepFailed: if it failed, and that is known; if policy denied it, or a person rejected it.
        StepError: if it is declared wrongly (nothing was done then), or what it returned is no plain data.
        BudgetExceeded, LeaseLost, JournalDivergence: as for tools.
    """
    problems = [*_declaration_problems(name, fn, semantics, about), *_label_problems(semantics, labels, about)]
    if problems:
        raise StepError(f"Step {name!r} was not run: {'; '.join(problems)}.")
    _claim_name(runtime, name, key)
    call = _call(runtime, _as_tool(name, fn, semantics, probe, fails, timeout, labels), key, about or {}, agent)
    try:
        outcome = await context_of(runtime).step(call)
    except (GraphBubbleUp, RuntimeProblem):
        raise
    except ToolFailed as error:
        raise StepFailed(name, str(error)) from error.__cause__
    except Exception as error:
        raise StepFailed(name, f"{type(error).__name__}: {error}") from error
    return _result(name, outcome, recover)


def _result(name: str, outcome: Outcome, recover: Callable[[str], Any] | None) -> Any:
    if outcome.status == "error":
        raise StepFailed(name, outcome.content)
    kept = outcome.artifact
    if not isinstance(kept, dict):
        return recover(outcome.content) if recover else outcome.content
    if "problems" in kept:
        raise StepError(
            f"Step {name!r} was carried out, but what it returned cannot be kept: {'; '.join(kept['problems'])}. "
            "Return plain JSON data: str, int, float, bool, None, lists, and dicts with text for keys."
        )
    return kept["value"]


def _declaration_problems(
    name: str, fn: Callable[..., Any], semantics: str, about: Mapping[str, Any] | None
) -> list[str]:
    problems = []
    if not _NAME.fullmatch(name):
        problems.append("its name must be a letter, then letters, digits, '_', '-' or '.' (64 at most)")
    if semantics not in _LABELS:
        problems.append(f"semantics is {semantics!r}; it is {', '.join(get_args(Semantics))}")
    if wrong := plain_problems(dict(about or {})):
        problems.append(f"about is no plain data: {'; '.join(wrong)}")
    if not callable(fn) or isinstance(fn, type):
        return [*problems, f"{fn!r} is no function"]
    if _wanted(fn) is None:
        problems.append("it cannot be seen what its function takes; wrap it: lambda key: ...")
    elif _wanted(fn) == _TOO_MANY:
        problems.append("its function needs more than the key and the context; wrap it: lambda key: ...")
    if declared := declared_problem(fn):
        problems.append(f"{declared}; a step returns plain JSON data")
    return problems


def _label_problems(semantics: str, labels: Labels | None, about: Mapping[str, Any] | None) -> list[str]:
    if labels is None or semantics not in _LABELS:
        return []
    problems = []
    if (labels.effect == "read") != (semantics == "pure"):
        problems.append(f"its labels say effect={labels.effect!r}, and semantics={semantics!r} says otherwise")
    if missing := [name for name in labels.critical if name not in (about or {})]:
        problems.append(f"its labels call {', '.join(map(repr, missing))} critical, which is not in about")
    return problems


_TOO_MANY = 3


def _wanted(fn: Callable[..., Any]) -> int | None:
    """How many of (key, context) a function takes; 3 if it needs more, None if that cannot be seen."""
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (ValueError, TypeError):
        return None
    by_place = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    needed = [each for each in by_place if each.default is each.empty]
    by_name = [each for each in parameters if each.kind is each.KEYWORD_ONLY and each.default is each.empty]
    return _TOO_MANY if by_name or len(needed) > 2 else len(needed)


def _claim_name(runtime: Runtime[RunContext], name: str, key: str) -> None:
    """Two steps of one node under one name would be one: the second would get the first one's result."""
    info = runtime.execution_info
    if info is None:
        return
    executions = _used.setdefault(context_of(runtime).gate, OrderedDict())
    # The information is kept beside the names, so that no later execution can get its id.
    _, names = executions.setdefault(id(info), (info, set()))
    while len(executions) > REMEMBERED:
        executions.popitem(last=False)
    if (name, key) in names:
        raise StepError(
            f"Step {name!r}{f' with key {key!r}' if key else ''} was run twice in node {place_of(runtime)!r}. "
            "Each step of a node has a name of its own; in a loop, give key=... to tell them apart."
        )
    names.add((name, key))


_used: WeakKeyDictionary[Any, OrderedDict[int, tuple[Any, set[tuple[str, str]]]]] = WeakKeyDictionary()


def _call(runtime: Runtime[RunContext], tool: Tool, key: str, about: Mapping[str, Any], agent: str) -> GateCall:
    run, info = context_of(runtime), runtime.execution_info
    place = info.checkpoint_ns if info is not None else ""
    # Quoted, because places are parted by "|" and the records of a run are found by place.
    named = f"step:{tool.name}:{quote(key, safe=' /:.,@+=#()')}"
    full_key = f"{run.thread_id}|{run.fork}|{place}|{named}"
    context = ToolContext(
        call_id=f"{place_of(runtime)}.{named}",
        run_id=run.run_id,
        thread_id=run.thread_id,
        agent=agent,
        path=place_of(runtime),
        user=run.user,
        tenant=run.tenant,
        key=IdempotencyKey(full_key),
        resources=run.resources,
    )
    return GateCall(
        tool=tool,
        arguments=about,
        validated={},
        context=context,
        key=full_key,
        kind="step",
        tasks=tasks_in(runtime),
        is_retried=info is not None and info.node_attempt > 1,
    )


async def _nothing(_arguments: Mapping[str, Any], _context: ToolContext) -> None:
    """What the template of all steps does."""


_TEMPLATE = schema_tool(
    "step", "An effect inside of a node.", {"type": "object"}, _nothing, labels=Labels(effect="read"), source=__name__
)


def _as_tool(
    name: str,
    fn: Callable[..., Any],
    semantics: Semantics,
    probe: Callable[..., Any] | None,
    fails: tuple[type[Exception], ...],
    timeout: float | None,
    declared: Labels | None,
) -> Tool:
    call = function_call(_taking_both(fn), {"key": "key", "context": "context"})

    async def checked(arguments: Mapping[str, Any], context: ToolContext) -> WithArtifact:
        try:
            value = await call(arguments, context)
        except fails as error:
            raise ToolFailed(f"{type(error).__name__}: {error}") from error
        if problems := plain_problems(value):
            # It happened: that has to be on record, with or without a result.
            return WithArtifact("It was carried out; its result is no plain data.", {"problems": problems})
        return WithArtifact(value, {"value": value})

    labels = declared or _LABELS[semantics]
    labels = replace(labels, once=_LABELS[semantics].once, timeout=timeout, probe=probe or labels.probe, breaker=None)
    # There is nothing to edit in a step, and no answer that could stand for its result.
    labels = replace(labels, decisions=("approve", "reject"))
    return replace(_TEMPLATE, name=name, labels=labels, function=fn, call=checked, synchronous=not is_async(fn))


def _taking_both(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, given both key and context however many of them it takes."""
    wanted = _wanted(fn) or 0
    if is_async(fn):

        async def awaited(key: IdempotencyKey, context: ToolContext) -> Any:
            return await fn(*(key, context)[:wanted])

        return awaited

    def called(key: IdempotencyKey, context: ToolContext) -> Any:
        return fn(*(key, context)[:wanted])

    return called
