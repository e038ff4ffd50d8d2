"""The calculator agrees with arithmetic, refuses what is unclear, and stays quick whatever it is given."""

from __future__ import annotations

import math
import time
from decimal import Decimal, getcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphwright.tools import ToolFailed
from graphwright.tools.builtin import calculate


def compute(expression: str) -> str:
    """Run the tool's coroutine, which never waits."""
    try:
        calculate(expression).send(None)
    except StopIteration as done:
        return str(done.value)
    raise AssertionError("It waited.")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", "7"), ("(1 + 2) * 3", "9"), ("-2 ** 2", "-4"), ("2 ** -1", "0.5"), ("2 ^ 3 ^ 2", "512"),
        ("0.1 + 0.2", "0.3"), ("1 / 3", "0.3333333333333333333333333333"), ("7 // 2", "3"), ("-7 // 2", "-4"),
        ("7 % 3", "1"), ("mod(-7, 3)", "2"), ("mod(7, -3)", "-2"), ("5.5 % 2", "1.5"), ("10 / 5", "2"),
        ("15% of 80", "12"), ("15 % of 80", "12"), ("80 * 15%", "12"), ("10%", "0.1"), ("10% + 5%", "0.15"),
        ("200 + (10%)", "200.1"), ("7% - 3", "-2.93"), ("sqrt(16)", "4"), ("sqrt(2)", "1.414213562373095048801688724"),
        ("log(8, 2)", "3"), ("log10(1000)", "3"), ("log2(1024)", "10"), ("ln(e)", "1"), ("exp(0)", "1"),
        ("sin(pi / 6)", "0.5"), ("sin(pi)", "0"), ("cos(pi)", "-1"), ("degrees(pi)", "180"),
        ("round(2.5)", "3"), ("round(-2.675, 2)", "-2.68"), ("round(1234, -2)", "1200"), ("floor(-1.5)", "-2"),
        ("ceil(1.2)", "2"), ("trunc(-1.7)", "-1"), ("abs(-3)", "3"), ("min(3, 1, 2)", "1"), ("max(1.5, 1)", "1.5"),
        ("sum(1, 2, 3.5)", "6.5"), ("mean(1, 2)", "1.5"), ("median(3, 1, 2, 10)", "2.5"), ("5!", "120"),
        ("gcd(12, 18)", "6"), ("lcm(4, 6)", "12"), ("comb(5, 2)", "10"), ("perm(5, 2)", "20"),
        ("3 × 4 ÷ 2 − 1", "5"), ("1_000 * 2", "2000"), (".5 + 5.", "5.5"), ("1e3", "1000"), ("1e-40", "1e-40"),
        ("0 ** 0", "1"), ("(-1) ** 99999999999999", "-1"), ("SQRT(4)", "2"), ("-0.0", "0"), ("2 ** 100", str(2**100)),
    ],
)  # fmt: skip
def test_expressions_have_these_values(expression: str, value: str) -> None:
    assert compute(expression) == value


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("200 + 10%", "adding a percentage can mean two things"),
        ("200 - 10%", "adding a percentage can mean two things"),
        ("7 % -3", "'%' before a sign can mean two things"),
        ("7%-3", "'%' before a sign can mean two things"),
        ("1,000 + 1", "Write a thousand as 1000 or 1_000"),
        ("2(3)", "Write every multiplication with *"),
        ("2 pi", "Write every multiplication with *"),
        ("sqroot(2)", "no function 'sqroot'. Did you mean 'sqrt'?"),
        ("pie", "there is no 'pie'. Did you mean 'pi'?"),
        ("1 / 0", "divides by zero"),
        ("0 ** -1", "divides by zero"),
        ("5 % 0", "divides by zero"),
        ("(-8) ** 0.5", "no real number"),
        ("sqrt(-1)", "no real number"),
        ("ln(0)", "logarithm is of a number above zero"),
        ("asin(2)", "not defined"),
        ("round(1, 2, 3)", "round takes 1 to 2 values, not 3"),
        ("sin()", "sin takes 1 to 1 values, not 0"),
        ("1 +", "ends too early"),
        ("(1", "ends too early, wanted ')'"),
        ("1)", "At character 2: ')' is not expected there"),
        ("3 of 4", "'of' follows a percentage"),
        ("", "ends too early"),
        ("   ", "ends too early"),
        ("1.5.2", "is not expected there"),
        ("2.5!", "must be a whole number"),
        ("1 == 1", "'=' is not part of arithmetic"),
        ("x.y", "'.' is not part of arithmetic"),
        ("__import__('os')", "is not part of arithmetic"),
        ("٣ + 1", "is not part of arithmetic"),
        ("1\x00", "is not part of arithmetic"),
        ("nan", "there is no 'nan'"),
    ],
)
def test_what_is_unclear_or_impossible_is_refused_in_words(expression: str, words: str) -> None:
    with pytest.raises(ToolFailed) as caught:
        compute(expression)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9**9", "10**4001", "2**1000000000", "1e999999999", "1e-999999999", "99999!", "1000!**1000", "-" * 999,
        "(" * 1000, "(" * 400 + "1" + ")" * 400, "sqrt(" * 100 + "1" + ")" * 100, "1" * 1001, "2**-1000000000",
        "exp(1e10)", "comb(100000, 50000)", "1e4000*1e4000", "1e4000//1e-4000", "sin(1e4000)", "1e4000 % 1e-4000 !",
        "round(1, 1e9)", "1**" * 300 + "1", "2**" * 300 + "2", "lcm(" + "9" * 900 + ")**9", "factorial(1e4000)",
        "pow(1.5, 1e4000)", "1!" + "!" * 900 + "x", "1%" * 400 + "x", "sum(" + "1," * 495,
    ],
)  # fmt: skip
def test_hostile_expressions_are_refused_in_a_moment(expression: str) -> None:
    start = time.process_time()

    with pytest.raises(ToolFailed):
        compute(expression)

    assert time.process_time() - start < 1.0


@pytest.mark.parametrize(
    "expression",
    [
        "1+" * 499 + "1", "1000!//" * 100 + "7", "+".join(["1e4000 % 1e-99"] * 60), "*".join(["1.0000001**1e9"] * 60),
        "+".join(["exp(999)"] * 90), "+".join(["comb(1000,500)"] * 60), "1" + "!" * 900, "5" + "%" * 900,
        "+".join(["ln(1e4000)"] * 90), "+".join(["mod(1e3999,1e-3999)"] * 50), "max(" + "1," * 400 + "1)",
    ],
)  # fmt: skip
def test_long_expressions_are_computed_in_a_moment(expression: str) -> None:
    start = time.process_time()

    assert compute(expression)

    assert time.process_time() - start < 1.0


WHOLE = st.recursive(
    st.integers(min_value=0, max_value=50).map(str),
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})")
        | st.tuples(inner, st.sampled_from(["//", "%"]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} ({parts[2]}))"
        )
        | st.tuples(inner, st.integers(0, 3)).map(lambda parts: f"({parts[0]} ** {parts[1]})")
        | st.tuples(inner, inner).map(lambda parts: f"{parts[0]} + 2 * {parts[1]} - 1")
        | inner.map(lambda one: f"-{one}")
        | inner.map(lambda one: f"abs({one})")
        | st.tuples(inner, inner).map(lambda parts: f"max({parts[0]}, {parts[1]})")
    ),
    max_leaves=12,
)


@given(WHOLE)
def test_whole_numbers_are_computed_as_python_does(expression: str) -> None:
    try:
        expected: Any = eval(expression, {"__builtins__": {"abs": abs, "max": max}})  # our own strings only
    except ZeroDivisionError:
        with pytest.raises(ToolFailed, match="divides by zero"):
            compute(expression)
        return
    if abs(expected) < 10**3000:
        assert compute(expression) == str(expected)


@given(
    st.lists(
        st.tuples(st.sampled_from(["+", "-", "*", "/"]), st.decimals("0.01", "999", places=2)), min_size=1, max_size=8
    )
)
def test_decimals_are_computed_as_decimals(parts: list[tuple[str, Decimal]]) -> None:
    expression = "1.5" + "".join(f" {sign} {value}" for sign, value in parts)
    getcontext().prec = 50
    wanted = eval("D('1.5')" + "".join(f" {sign} D('{value}')" for sign, value in parts), {"D": Decimal})

    assert math.isclose(Decimal(compute(expression)), wanted, rel_tol=1e-20, abs_tol=1e-20)


@given(st.floats(min_value=-50, max_value=50), st.sampled_from(["sin", "cos", "tan", "atan", "exp"]))
def test_functions_agree_with_pythons(value: float, name: str) -> None:
    wanted = getattr(math, name)(value)

    assert math.isclose(float(compute(f"{name}({value:.17f})")), wanted, rel_tol=1e-9, abs_tol=1e-9)


@given(st.text(alphabet="0123456789.+-*/%^!(), eEpimaxsqrtof_", max_size=60))
def test_any_text_gives_a_number_or_words(text: str) -> None:
    try:
        value = compute(text)
    except ToolFailed:
        return
    assert Decimal(value).is_finite()
