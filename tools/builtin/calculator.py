"""A calculator: reads an expression with a small parser of its own and computes as it reads. No eval."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from ..declare import tool
from ..errors import ToolFailed
from ..words import did_you_mean, listed
from . import arithmetic as sums
from .arithmetic import Number

LONGEST = 1_000
"""Characters of an expression."""
DEEPEST = 50
"""Levels of brackets, signs and powers."""


@tool(effect="read", timeout=10.0)
async def calculate(
    expression: Annotated[
        str, Field(min_length=1, max_length=LONGEST, description="Like '15% of 80', '2 ** 10' or 'sqrt(2) * 3'.")
    ],
) -> str:
    """Compute an arithmetic expression exactly.

    It knows + - * / // (rounding down) % (percent, or remainder between two numbers) ** ! brackets, pi, e, and
    functions such as sqrt, log (natural, or log(x, base)), sin (radians), round, min, max, sum, mean.
    """
    return sums.shown(_Reader(expression).read())


class _Function(NamedTuple):
    call: Callable[..., Number]
    least: int
    most: int


def _whole_numbers(function: Callable[..., int]) -> Callable[..., Number]:
    def call(*values: Number) -> Number:
        limit = 10**sums.MOST_DIGITS
        return sums.bounded(reduce(function, (sums.whole(value, -limit, limit) for value in values)))

    return call


def _chosen(function: Callable[[int, int], int]) -> Callable[..., Number]:
    return lambda n, k: sums.bounded(function(sums.whole(n, 0, 1_000), sums.whole(k, 0, 1_000)))


def _total(*values: Number) -> Number:
    return reduce(sums.add, values)


def _mean(*values: Number) -> Number:
    return sums.divide(_total(*values), len(values))


def _median(*values: Number) -> Number:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else _mean(ordered[middle - 1], ordered[middle])


def _degrees(value: Number) -> Number:
    return sums.divide(sums.multiply(value, 180), sums.PI)


def _radians(value: Number) -> Number:
    return sums.divide(sums.multiply(value, sums.PI), 180)


_MANY = 500
_FUNCTIONS: Mapping[str, _Function] = {
    "sqrt": _Function(sums.root, 1, 1),
    "exp": _Function(sums.exponential, 1, 1),
    "ln": _Function(sums.natural_log, 1, 1),
    "log": _Function(sums.log, 1, 2),
    "log10": _Function(lambda x: sums.log(x, 10), 1, 1),
    "log2": _Function(lambda x: sums.log(x, 2), 1, 1),
    **{
        one.__name__: _Function(sums.by_float(one), 1, 1)
        for one in (math.sin, math.cos, math.tan, math.asin, math.acos, math.atan, math.sinh, math.cosh, math.tanh)
    },
    "degrees": _Function(_degrees, 1, 1),
    "radians": _Function(_radians, 1, 1),
    "abs": _Function(lambda x: sums.negate(x) if x < 0 else x, 1, 1),
    "round": _Function(sums.rounded, 1, 2),
    "floor": _Function(lambda x: sums.bounded(math.floor(x)), 1, 1),
    "ceil": _Function(lambda x: sums.bounded(math.ceil(x)), 1, 1),
    "trunc": _Function(lambda x: sums.bounded(math.trunc(x)), 1, 1),
    "min": _Function(min, 1, _MANY),
    "max": _Function(max, 1, _MANY),
    "sum": _Function(_total, 1, _MANY),
    "mean": _Function(_mean, 1, _MANY),
    "median": _Function(_median, 1, _MANY),
    "mod": _Function(sums.modulo, 2, 2),
    "pow": _Function(sums.power, 2, 2),
    "factorial": _Function(sums.factorial, 1, 1),
    "gcd": _Function(_whole_numbers(math.gcd), 1, _MANY),
    "lcm": _Function(_whole_numbers(math.lcm), 1, 2),
    "comb": _Function(_chosen(math.comb), 2, 2),
    "perm": _Function(_chosen(math.perm), 2, 2),
}
_CONSTANTS: Mapping[str, Number] = {"pi": sums.PI, "e": sums.E, "tau": sums.multiply(sums.PI, 2)}

_DIGITS = "[0-9](?:_?[0-9])*"
_TOKEN = re.compile(
    rf"\s*(?:(?P<number>(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?[0-9]{{1,9}})?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>\*\*|//|[-+*/%^!(),]))"
)
_WRITTEN = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"})

_BINARY: Mapping[str, tuple[int, Callable[[Any, Any], Number]]] = {
    "+": (10, sums.add),
    "-": (10, sums.subtract),
    "*": (20, sums.multiply),
    "/": (20, sums.divide),
    "//": (20, sums.floor_divide),
    "%": (20, sums.modulo),
    "of": (20, sums.multiply),
    "**": (40, sums.power),
    "^": (40, sums.power),
}
_SIGN_BINDS = 30
_RIGHT = frozenset({"**", "^"})


class _Token(NamedTuple):
    kind: str
    text: str
    at: int
    spaced: bool = False
    """Whether a space stands before it."""


class _Read(NamedTuple):
    """A value, and whether it was written as a bare percentage."""

    value: Number
    percent: bool = False


class _Reader:
    """A parser by precedence (Pratt) that computes while it reads, so that a long chain needs no deep tree."""

    def __init__(self, expression: str) -> None:
        if len(expression) > LONGEST:
            raise ToolFailed(f"The expression has more than {LONGEST:,} characters. Compute it in parts.")
        self._tokens = _tokens(expression.translate(_WRITTEN))
        self._next = 0
        self._depth = 0

    def read(self) -> Number:
        """Return the value of the whole expression."""
        found = self._expression(0)
        if self._token.kind != "end":
            raise self._unexpected()
        return found.value

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _expression(self, binding: int) -> _Read:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ToolFailed(f"The expression is nested more than {DEEPEST} deep. Compute it in parts.")
        left = self._postfix(self._operand())
        while (operator := self._operator()) and _BINARY[operator][0] >= max(binding, 1):
            left = self._binary(operator, left)
        self._depth -= 1
        return left

    def _operator(self) -> str:
        token = self._token
        return token.text if token.text in _BINARY and token.kind != "number" else ""

    def _binary(self, operator: str, left: _Read) -> _Read:
        sign = self._take()
        if operator == "of" and not left.percent:
            raise self._wrong(sign, "'of' follows a percentage, as in '15% of 80'")
        strength, compute = _BINARY[operator]
        right = self._expression(strength if operator in _RIGHT else strength + 1)
        if operator in ("+", "-") and right.percent and not left.percent:
            raise self._wrong(
                sign, "adding a percentage can mean two things: write 200 * 1.1 or 200 + 0.1, not 200 + 10%"
            )
        return _Read(compute(left.value, right.value))

    def _operand(self) -> _Read:
        token = self._take()
        if token.kind == "number":
            return _Read(sums.literal(token.text))
        if token.kind == "name":
            return _Read(self._named(token))
        if token.text == "(":
            found = self._expression(0)
            self._expect(")")
            return _Read(found.value)
        if token.text in ("-", "+"):
            found = self._expression(_SIGN_BINDS)
            return _Read(sums.negate(found.value) if token.text == "-" else found.value, found.percent)
        self._next -= 1
        raise self._unexpected()

    def _postfix(self, found: _Read) -> _Read:
        while self._token.text in ("!", "%"):
            if self._token.text == "!":
                found = _Read(sums.factorial(found.value))
            elif self._is_remainder():
                return found
            else:
                found = _Read(sums.divide(found.value, 100), percent=True)
            self._take()
        return found

    def _is_remainder(self) -> bool:
        """Whether the % stands between two numbers; before a sign only spaces as in "7% - 3" tell."""
        token, after = self._token, self._tokens[self._next + 1]
        if after.text in ("+", "-") and (token.spaced or not after.spaced):
            raise self._wrong(token, "'%' before a sign can mean two things: write mod(7, -3), or (7%) - 3")
        return after.text == "(" or after.kind == "number" or (after.kind == "name" and after.text != "of")

    def _named(self, token: _Token) -> Number:
        name = token.text.lower()
        if self._token.text != "(":
            if name in _CONSTANTS:
                return _CONSTANTS[name]
            known = [*_CONSTANTS, *_FUNCTIONS]
            raise self._wrong(token, f"there is no {token.text!r}.{did_you_mean(name, known)} It knows {listed(known)}")
        if name not in _FUNCTIONS:
            near = did_you_mean(name, _FUNCTIONS)
            raise self._wrong(token, f"there is no function {token.text!r}.{near} It knows {listed(_FUNCTIONS)}")
        values = self._values()
        function = _FUNCTIONS[name]
        if not function.least <= len(values) <= function.most:
            raise self._wrong(token, f"{name} takes {function.least} to {function.most} values, not {len(values)}")
        return sums.bounded(function.call(*values))

    def _values(self) -> list[Number]:
        self._expect("(")
        values: list[Number] = []
        while self._token.text != ")":
            values.append(self._expression(0).value)
            if self._token.text != ",":
                break
            self._take()
        self._expect(")")
        return values

    def _expect(self, text: str) -> None:
        if self._token.text != text:
            raise self._unexpected(f", wanted {text!r}")
        self._take()

    def _unexpected(self, wish: str = "") -> ToolFailed:
        token = self._token
        if token.kind == "end":
            return ToolFailed(f"The expression ends too early{wish}.")
        if token.text == ",":
            wish += ". Write a thousand as 1000 or 1_000"
        if token.text == "(" or token.kind in ("number", "name"):
            wish += ". Write every multiplication with *"
        return self._wrong(token, f"{token.text!r} is not expected there{wish}")

    def _wrong(self, token: _Token, problem: str) -> ToolFailed:
        return ToolFailed(f"At character {token.at + 1}: {problem}.")


def _tokens(expression: str) -> list[_Token]:
    found: list[_Token] = []
    end = len(expression.rstrip())
    at = 0
    while at < end:
        match = _TOKEN.match(expression, at)
        if match is None:
            start = len(expression) - len(expression[at:].lstrip())
            raise ToolFailed(f"At character {start + 1}: {expression[start]!r} is not part of arithmetic.")
        kind = match.lastgroup or ""
        found.append(_Token(kind, match[kind], match.start(kind), match.start(kind) > at))
        at = match.end()
    return [*found, _Token("end", "", end), _Token("end", "", end)]
