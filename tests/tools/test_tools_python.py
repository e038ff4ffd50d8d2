"""Programs in Monty: what they give, how they fail, and that nothing gets out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from graphwright.tools import Resources, ToolContext, ToolFailed
from graphwright.tools.builtin.python import PythonLimits, PythonSandbox, run_python

TIGHT = PythonLimits(seconds=0.5, memory_bytes=30_000_000, depth=50, printed_bytes=1_000, calls=5)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[PythonSandbox]:
    with PythonSandbox(TIGHT, functions={"double": lambda x: x * 2}) as made:
        yield made


def test_the_last_line_is_the_result_and_what_was_printed_is_kept(sandbox: PythonSandbox) -> None:
    ran = sandbox.run("print('adding')\nsum(rows) / len(rows)", {"rows": [1, 2, 6]})

    assert (ran.result, ran.printed) == (3.0, "adding\n")


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("x = 1", None),
        ("{'a': (1, 2), 3: {2, 1}}", {"a": [1, 2], "3": [1, 2]}),
        ("2 ** 100", 2**100),
        ("float('nan')", "nan"),
        ("b'abc'", "3 bytes of binary data"),
        ("from decimal import Decimal\nDecimal('1.10')", "1.10"),
        ("import datetime\ndatetime.date(2026, 1, 2)", "2026-01-02"),
        ("class P:\n    def __init__(self):\n        self.x = 1\nP()", {"x": 1}),
        ("double(21)", 42),
        ("import time\ntime.sleep(1000)", None),
    ],
)
def test_results_come_back_as_json(sandbox: PythonSandbox, code: str, result: Any) -> None:
    assert sandbox.run(code).result == result


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("a = 1\nb = a / 0", "on line 2 (b = a / 0): ZeroDivisionError"),
        ("def f(x):\n    return x.y\nf(1)", "on line 2 (return x.y): AttributeError"),
        ("x = (1 +", "The program failed"),
        ("import numpy", "only a small part of the standard library"),
        ("print('so far')\nmissing", "It had printed:\nso far"),
        ("def g():\n    yield 1", "yield"),
    ],
)
def test_a_failure_is_a_sentence_with_the_line(sandbox: PythonSandbox, code: str, says: str) -> None:
    with pytest.raises(ToolFailed) as problem:
        sandbox.run(code)

    assert says in str(problem.value)


def test_random_numbers_are_the_same_in_every_run(sandbox: PythonSandbox) -> None:
    first, second = (sandbox.run("import random\n[random.random() for _ in range(3)]").result for _ in range(2))

    assert first == second


def test_a_program_sees_nothing_of_the_one_before_it(sandbox: PythonSandbox) -> None:
    sandbox.run("left = 'behind'\n_ = [left]")

    with pytest.raises(ToolFailed, match="NameError"):
        sandbox.run("left")


def test_programs_run_at_the_same_time_without_mixing(sandbox: PythonSandbox) -> None:
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda n: sandbox.run("print(n)\nsum(range(n))", {"n": n}), range(30)))

    assert [(ran.result, ran.printed) for ran in found] == [(sum(range(n)), f"{n}\n") for n in range(30)]


@pytest.mark.parametrize("name", ["not a name", "1x", ""])
def test_an_input_needs_the_name_of_a_variable(sandbox: PythonSandbox, name: str) -> None:
    with pytest.raises(ToolFailed, match="not a valid identifier"):
        sandbox.run("1", {name: 1})


ESCAPES = {
    "open a file": "open({secret!r}).read()",
    "pathlib": "import pathlib\npathlib.Path({secret!r}).read_text()",
    "pathlib list": "import pathlib\nlist(pathlib.Path('/').iterdir())",
    "os.listdir": "import os\nos.listdir('/')",
    "write a file": "open({target!r}, 'w').write('x')",
    "proc environ": "open('/proc/self/environ').read()",
    "proc mem": "open('/proc/self/mem', 'rb').read(1)",
    "os.environ": "import os\ndict(os.environ)",
    "os.getenv": "import os\nos.getenv('PATH')[0]",
    "os.system": "import os\nos.system('touch {target}')",
    "os.popen": "import os\nos.popen('id').read()",
    "os.fork": "import os\nos.fork()",
    "os.kill": "import os\nos.kill(os.getppid(), 9)",
    "signal": "import signal\nsignal.raise_signal(9)",
    "subprocess": "import subprocess\nsubprocess.run(['id'])",
    "socket": "import socket\nsocket.create_connection(('127.0.0.1', 80))",
    "urllib": "import urllib.request\nurllib.request.urlopen('http://127.0.0.1')",
    "http": "import http.client",
    "ctypes": "import ctypes\nctypes.CDLL(None)",
    "import by name": "__import__('os').system('id')",
    "importlib": "import importlib\nimportlib.import_module('os')",
    "builtins": "__builtins__['open']({secret!r})",
    "subclasses": "().__class__.__base__.__subclasses__()",
    "class of a function": "(lambda: 0).__globals__",
    "code object": "(lambda: 0).__code__.co_consts",
    "frames": "import sys\nsys._getframe(0).f_back",
    "modules": "import sys\nsys.modules['os'].system('id')",
    "traceback": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    x = e.__traceback__.tb_frame\nx",
    "format string": "'{{0.__class__.__mro__}}'.format(1)",
    "getattr": "getattr(getattr(1, '__class__'), '__mro__')[1].__subclasses__()",
    "globals of a given function": "double.__globals__",
    "class of a given function": "double.__class__.__mro__",
    "pickle": "import pickle\npickle.loads(b'x')",
    "eval a dunder": "eval('__import__(\"os\")')",
    "exec an import": "exec('import subprocess')",
    "exit the process": "import os\nos._exit(0)",
    "breakpoint": "breakpoint()",
    "input": "input()",
}
BOMBS = {
    "endless loop": "while True:\n    pass",
    "endless comprehension": "[0 for a in range(10**6) for b in range(10**6)]",
    "large text": "'x' * 10**10",
    "large list": "[0] * 10**9",
    "doubling": "x = 'a'\nwhile True:\n    x += x",
    "nested lists": "x = []\nfor _ in range(10**7):\n    x = [x]\nx",
    "large integer": "10 ** 10 ** 9",
    "large shift": "1 << 10**12",
    "factorials": "import math\nmath.factorial(10**8)",
    "recursion": "def f():\n    return f()\nf()",
    "result too deep": "x = []\nfor _ in range(1000):\n    x = [x]\nx",
    "result too large": "list(range(100000))",
    "printing": "while True:\n    print('x' * 1000)",
    "caught timeout": "while True:\n  try:\n    while True:\n      pass\n  except BaseException:\n    pass",
    "sorting": "sorted(range(10**8), key=lambda x: -x)",
    "many calls outside": "while True:\n    double(1)",
    "parser": "(" * 5000 + ")" * 5000,
    "long expression": "+".join(['1'] * 6000) + " + x",
}  # fmt: skip


@pytest.mark.parametrize("name", ESCAPES)
def test_nothing_gets_out(sandbox: PythonSandbox, name: str, tmp_path: Path) -> None:
    secret, target = tmp_path / "secret.txt", tmp_path / "written"
    secret.write_text("swordfish")
    code = ESCAPES[name].format(secret=str(secret), target=str(target))

    with pytest.raises(ToolFailed) as problem:
        sandbox.run(code)

    assert "swordfish" not in str(problem.value)
    assert not target.exists()
    assert sandbox.run("1 + 1").result == 2


@pytest.mark.parametrize("name", BOMBS)
def test_what_costs_too_much_is_stopped_and_the_next_program_runs(sandbox: PythonSandbox, name: str) -> None:
    with pytest.raises(ToolFailed):
        sandbox.run(BOMBS[name])

    assert sandbox.run("1 + 1").result == 2


def test_secrets_of_the_environment_are_not_to_be_found(
    sandbox: PythonSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAPHWRIGHT_SECRET", "swordfish")

    for code in ("import os\nos.environ['GRAPHWRIGHT_SECRET']", "import os\nos.environ.items()"):
        with pytest.raises(ToolFailed) as problem:
            sandbox.run(code)
        assert "swordfish" not in str(problem.value)


async def test_the_tool_uses_the_sandbox_that_was_provided(sandbox: PythonSandbox) -> None:
    resources = Resources()
    resources.provide(PythonSandbox, lambda: sandbox)

    ran = run_python("double(n)", ToolContext(call_id="c", resources=resources), {"n": 4})

    assert ran.result == 8
    with pytest.raises(ToolFailed, match="NameError"):
        run_python("double(4)", ToolContext(call_id="c"))


def test_the_processes_end_with_the_sandbox_and_with_the_interpreter() -> None:
    code = (
        "from graphwright.tools.builtin.python import PythonSandbox, shared_sandbox\n"
        "import os\n"
        "shared_sandbox().run('1')\n"
        "one = PythonSandbox(); one.run('1'); one.close(); one.close()\n"
        "print(os.getpid())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=os.environ)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
