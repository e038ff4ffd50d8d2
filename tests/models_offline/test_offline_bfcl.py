"""The benchmark's scoring, and the floors on Berkeley's cases where they are present."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TEST_DATA") or ROOT.parent / "shared" / "data") / "bfcl"


@pytest.fixture(scope="module")
def bfcl() -> ModuleType:
    spec = importlib.util.spec_from_file_location("offline_bfcl", ROOT / "benchmarks" / "offline" / "bfcl.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_strings_compare_without_case_spaces_and_punctuation(bfcl: ModuleType) -> None:
    assert bfcl.same_value("New York, NY", "new york NY")
    assert not bfcl.same_value("New York", "York")


def test_whole_numbers_pass_as_floats_and_flags_do_not_pass_as_numbers(bfcl: ModuleType) -> None:
    assert bfcl.same_value(5, 5.0)
    assert not bfcl.same_value(True, 1)


def test_an_empty_text_among_the_accepted_values_makes_a_parameter_optional(bfcl: ModuleType) -> None:
    assert bfcl.arguments_match({"a": 1}, {"a": [1], "b": ["x", ""]})
    assert not bfcl.arguments_match({"a": 1}, {"a": [1], "b": ["x"]})
    assert not bfcl.arguments_match({"a": 1, "c": 2}, {"a": [1]})


def test_parallel_calls_match_in_any_order_by_the_largest_matching(bfcl: ModuleType) -> None:
    gold = [{"f": {"a": [1], "b": [2, ""]}}, {"f": {"a": [1]}}]

    assert bfcl.calls_match([("f", {"a": 1}), ("f", {"a": 1, "b": 2})], gold)
    assert not bfcl.calls_match([("f", {"a": 1})], gold)


def test_gold_that_breaks_its_schema_is_a_data_error(bfcl: ModuleType) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    case = {"tools": [{"name": "f", "parameters": schema}], "ground_truth": [{"f": {"a": ["one"]}}]}

    assert bfcl.broken_gold(case)
    assert not bfcl.broken_gold({**case, "ground_truth": [{"f": {"a": [1]}}]})


@pytest.mark.skipif(
    not DATA.is_dir(),
    reason="Berkeley's cases are third-party data, not in the repository: TEST_DATA=DIR points to DIR/bfcl",
)
def test_the_floors_hold_on_both_halves(bfcl: ModuleType) -> None:
    report = bfcl.measure(DATA)

    for half in ("even", "odd"):
        for part, names, full in FLOORS:
            assert report[part][half]["names"] >= names, (part, half, report[part])
            assert report[part][half]["full"] >= full, (part, half, report[part])


FLOORS = (
    ("simple_python", 0.92, 0.59),
    ("multiple", 0.88, 0.60),
    ("parallel", 0.55, 0.32),
    ("irrelevance", 0.84, 0.84),
)
"""Part, share of right names, share with all arguments right."""
