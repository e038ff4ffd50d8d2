"""Suites written in Python: a file with ``SUITE``, or with a function ``suite()``, for what YAML cannot say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from .case_files import CaseProblem
from .suite import Suite


def python_suite(path: Path) -> Suite:
    """The suite that a file makes.

    Raises:
        CaseProblem: if it cannot be run, or makes none.
    """
    spec = importlib.util.spec_from_file_location(f"graphwright_suite_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        found: Any = module.SUITE if hasattr(module, "SUITE") else module.suite()
    except AttributeError as error:
        raise CaseProblem([f"{path}: it has neither SUITE nor a function suite() ({error})."]) from error
    except Exception as error:
        raise CaseProblem([f"{path}: it cannot be run: {type(error).__name__}: {error}"]) from error
    if not isinstance(found, Suite):
        raise CaseProblem([f"{path}: SUITE is a {type(found).__name__}, not a Suite of graphwright.evals."])
    return found
