"""Runs one program in CPython after shutting itself in; run by `confined.py`, standard library only.

It refuses to run anything if a part of the confinement is missing.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib.util
import io
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

_PROGRAM = "<program>"


class Printed(io.StringIO):
    """Standard output with a cap."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most

    def write(self, text: str) -> int:
        self._left -= len(text)
        if self._left < 0:
            raise MemoryError("it printed more than it may")
        return super().write(text)


def main() -> None:
    """Read a request as JSON, shut the process in, run, answer as JSON."""
    asked = json.load(sys.stdin)
    answers = os.dup(1)
    _silence()
    confinement = _loaded("confinement")
    reads = [Path(each) for each in asked["reads"]]
    try:
        confinement.confine(
            reads,
            Path(asked["work"]),
            seconds=asked["seconds"],
            memory=asked["memory"],
            file_bytes=asked["file_bytes"],
        )
    except (OSError, ValueError) as error:
        answer = {"refused": str(error)}
    else:
        sys.path += [str(each) for each in reads if str(each) in asked["packages"]]
        answer = _run(asked["code"], asked["inputs"], asked["printed"])
    with os.fdopen(answers, "w", encoding="utf-8", errors="replace") as out:
        out.write(_as_json(answer))


def _silence() -> None:
    """What native code writes goes nowhere; the answer has a way of its own."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for each in (0, 1, 2):
        os.dup2(nowhere, each)
    os.close(nowhere)


def _loaded(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(code: str, inputs: dict[str, Any], most: int) -> dict[str, Any]:
    printed = Printed(most)
    space = {"__name__": "__main__", "__builtins__": builtins, **inputs}
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            result = _value(code, space)
        json.dumps(result, default=_plain)
    except BaseException as error:
        return {"error": _said(error), **_place(error, code), "printed": printed.getvalue()}
    return {"result": result, "printed": printed.getvalue()}


def _value(code: str, space: dict[str, Any]) -> Any:
    """Run a program; its last line is the result, if it is an expression."""
    tree = ast.parse(code, _PROGRAM)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        exec(compile(tree, _PROGRAM, "exec"), space)
        return None
    tree.body.pop()
    exec(compile(tree, _PROGRAM, "exec"), space)
    return eval(compile(ast.Expression(last.value), _PROGRAM, "eval"), space)


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())[:500]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _place(error: BaseException, code: str) -> dict[str, Any]:
    if isinstance(error, SyntaxError):
        line = error.lineno
    else:
        found = [number for frame, number in traceback.walk_tb(error.__traceback__) if _is_program(frame)]
        line = found[-1] if found else None
    lines = code.splitlines()
    return {"line": line, "source": lines[line - 1].strip()[:120] if line and line <= len(lines) else ""}


def _is_program(frame: Any) -> bool:
    return bool(frame.f_code.co_filename == _PROGRAM)


def _as_json(answer: dict[str, Any]) -> str:
    return json.dumps(answer, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return f"{len(value)} bytes of binary data" if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    main()
