"""Arithmetic that stays small: exact integers, 50-digit decimals, and a bound on every result.

Integers have at most 4,000 digits and decimals an exponent within ±5,000, checked before the work is done, so that
no expression costs more than a moment.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import (
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from fractions import Fraction

from ..errors import ToolFailed

Number = int | Decimal

MOST_DIGITS = 4_000
_MOST_BITS = int(MOST_DIGITS * math.log2(10))
_EXACT = Context(prec=50, Emax=5_000, Emin=-5_000, traps=[Overflow, InvalidOperation, DivisionByZero])
_SHOWN = Context(prec=28, Emax=6_000, Emin=-6_000, traps=[])
_WIDE = Context(prec=MOST_DIGITS + 200, traps=[])
_PLAIN = 30
"""Digits up to which a decimal is written out instead of with an exponent."""

PI = Decimal("3.1415926535897932384626433832795028841971693993751")
E = Decimal("2.7182818284590452353602874713526624977572470937000")


def literal(text: str) -> Number:
    """Return the number a text writes."""
    text = text.replace("_", "")
    if text.isdigit():
        return bounded(int(text))
    value = Decimal(text)
    if value and abs(value.adjusted()) > MOST_DIGITS:
        raise too_large()
    return value


def too_large() -> ToolFailed:
    """Return the error for a number beyond the bounds."""
    return ToolFailed(f"A number in it is too large or too small: at most {MOST_DIGITS:,} digits are computed.")


def bounded(value: Number) -> Number:
    """Return a number that is within the bounds; raises ToolFailed for another."""
    if isinstance(value, int):
        if value.bit_length() > _MOST_BITS:
            raise too_large()
        return value
    if not value.is_finite():
        raise too_large()
    return value


def decimal(value: Number) -> Decimal:
    """Return a number with 50 digits."""
    return _EXACT.create_decimal(value)


def _within(work: Callable[[], Decimal]) -> Decimal:
    try:
        return work()
    except Overflow:
        raise too_large() from None
    except (DecimalException, ArithmeticError, ValueError):
        raise ToolFailed("That has no real number as its result (a root, logarithm or power of this).") from None


def add(a: Number, b: Number) -> Number:
    """Return a + b."""
    if isinstance(a, int) and isinstance(b, int):
        return bounded(a + b)
    return _within(lambda: _EXACT.add(decimal(a), decimal(b)))


def negate(a: Number) -> Number:
    """Return -a."""
    return -a if isinstance(a, int) else _EXACT.minus(a)


def subtract(a: Number, b: Number) -> Number:
    """Return a - b."""
    return add(a, negate(b))


def multiply(a: Number, b: Number) -> Number:
    """Return a * b."""
    if isinstance(a, int) and isinstance(b, int):
        if a.bit_length() + b.bit_length() > _MOST_BITS + 1:
            raise too_large()
        return bounded(a * b)
    return _within(lambda: _EXACT.multiply(decimal(a), decimal(b)))


def divide(a: Number, b: Number) -> Number:
    """Return a / b; an integer where that is exact."""
    _not_zero(b)
    if isinstance(a, int) and isinstance(b, int) and a % b == 0:
        return a // b
    return _within(lambda: _EXACT.divide(decimal(a), decimal(b)))


def floor_divide(a: Number, b: Number) -> Number:
    """Return the largest integer not above a / b."""
    _not_zero(b)
    return bounded(math.floor(Fraction(a) / Fraction(b)))


def modulo(a: Number, b: Number) -> Number:
    """Return a - b * floor(a / b), which has the sign of b."""
    _not_zero(b)
    if isinstance(a, int) and isinstance(b, int):
        return a % b
    rest = Fraction(a) % Fraction(b)
    return _within(lambda: _EXACT.divide(Decimal(rest.numerator), Decimal(rest.denominator)))


def power(a: Number, b: Number) -> Number:
    """Return a to the power of b; 0 to the power of 0 is 1."""
    if isinstance(a, int) and isinstance(b, int):
        return _whole_power(a, b)
    if a == 0 and b < 0:
        _not_zero(a)
    if b == 0:
        return 1
    return _within(lambda: _EXACT.power(decimal(a), decimal(b)))


def _whole_power(a: int, b: int) -> Number:
    if b < 0:
        return divide(1, _whole_power(a, -b))
    if a in (-1, 0, 1):
        return int(a ** (b % 2 + 2 if b else 0))
    if math.log2(abs(a)) * b > _MOST_BITS + 1:
        raise too_large()
    return bounded(int(a**b))


def _not_zero(b: Number) -> None:
    if b == 0:
        raise ToolFailed("It divides by zero.")


def whole(value: Number, least: int, most: int) -> int:
    """Return a number that must be an integer from `least` to `most`."""
    found = math.floor(value)
    if value != found or not least <= found <= most:
        raise ToolFailed(f"{shown(value)} must be a whole number from {least} to {most:,} there.")
    return found


def root(value: Number) -> Number:
    """Return the square root; an integer where that is exact."""
    if isinstance(value, int) and value >= 0 and math.isqrt(value) ** 2 == value:
        return math.isqrt(value)
    return _within(lambda: _EXACT.sqrt(decimal(value)))


def natural_log(value: Number) -> Decimal:
    """Return the natural logarithm."""
    if value <= 0:
        raise ToolFailed("A logarithm is of a number above zero.")
    return _within(lambda: _EXACT.ln(decimal(value)))


def log(value: Number, base: Number = E) -> Number:
    """Return the logarithm, natural unless a base is given."""
    return natural_log(value) if base is E else divide(natural_log(value), natural_log(base))


def exponential(value: Number) -> Number:
    """Return e to the power of a value."""
    return _within(lambda: _EXACT.exp(decimal(value)))


def by_float(function: Callable[[float], float]) -> Callable[[Number], Number]:
    """Return a function of math with 15 digits; what is only its rounding error is zero."""

    def call(value: Number) -> Number:
        try:
            given = float(value)
            result = function(given)
        except (ValueError, OverflowError):
            raise ToolFailed(f"{function.__name__}({shown(value)}) is not defined or too large.") from None
        rounding = abs(result) < 1e-15 and abs(given) > 1e-3
        return 0 if rounding else Decimal(f"{result:.15g}")

    return call


def rounded(value: Number, digits: Number = 0) -> Number:
    """Return a value rounded half away from zero; negative digits round tens, hundreds, ..."""
    places = whole(digits, -100, 100)
    exact = Fraction(value) * Fraction(10) ** places
    nearest = math.floor(abs(exact) + Fraction(1, 2)) * (1 if exact >= 0 else -1)
    if places <= 0:
        return bounded(nearest * 10**-places)
    return Decimal(bounded(nearest)).scaleb(-places, _WIDE)


def factorial(value: Number) -> Number:
    """Return n! of a whole number up to 1,000."""
    return math.factorial(whole(value, 0, 1_000))


def shown(value: Number) -> str:
    """Return a number as people write it: 28 digits at most for a decimal, no zeros at its end."""
    if isinstance(value, int):
        return str(value)
    short = _SHOWN.plus(value).normalize(_SHOWN)
    if short == 0:
        return "0"
    if -_PLAIN <= short.adjusted() <= _PLAIN:
        return format(short, "f")
    return f"{short:e}"
