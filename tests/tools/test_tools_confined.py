"""Programs in CPython, shut in by the kernel: what they give, that nothing gets out, and the refusal elsewhere."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from graphwright.tools import Resources, ToolContext, ToolFailed
from graphwright.tools.builtin import confined, confinement
from graphwright.tools.builtin.confined import ConfinedLimits, ConfinedPython, run_python_confined
from graphwright.tools.builtin.confinement import confinement_problems

PROBLEMS = confinement_problems()
kernel = pytest.mark.skipif(bool(PROBLEMS), reason=" ".join(PROBLEMS))
TIGHT = ConfinedLimits(seconds=2.0, memory_bytes=300_000_000, file_bytes=2_000_000, printed_bytes=1_000)
python = ConfinedPython(TIGHT)


@kernel
async def test_the_last_line_is_the_result_and_the_standard_library_is_there() -> None:
    code = "import statistics, zoneinfo\nprint('so')\n{'mean': statistics.mean(rows), 'none': None, 'set': {2, 1}}"

    ran = await python.run(code, {"rows": [1, 2, 6]})

    assert (ran.result, ran.printed) == ({"mean": 3, "none": None, "set": [1, 2]}, "so\n")


@kernel
async def test_the_private_folder_can_be_written_and_is_gone_afterwards() -> None:
    code = "import os\nopen('a.txt', 'w').write('hi')\n[os.getcwd(), open('a.txt').read(), os.listdir('.')]"

    where, text, names = (await python.run(code)).result

    assert (text, names) == ("hi", ["a.txt"])
    assert where not in map(str, Path(tempfile.gettempdir()).iterdir())  # noqa: ASYNC240


@kernel
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("a = 1\nb = a / 0", "on line 2 (b = a / 0): ZeroDivisionError"),
        ("def f(:", "on line 1 (def f(:): SyntaxError"),
        ("print('so far')\nmissing", "It had printed:\nso far"),
        ("raise SystemExit(0)", "SystemExit"),
        ("import numpy", "ModuleNotFoundError"),
        ("x = []\nx.append(x)\nx", "ValueError"),
    ],
)
async def test_a_failure_is_a_sentence_with_the_line(code: str, says: str) -> None:
    with pytest.raises(ToolFailed) as problem:
        await python.run(code)

    assert says in str(problem.value)


@kernel
async def test_given_packages_can_be_imported_and_nothing_beside_them(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "shapes.py").write_text("SIDES = 3")
    (tmp_path / "beside.py").write_text("SIDES = 4")
    with_shapes = ConfinedPython(TIGHT, packages=(tmp_path / "given",))

    assert (await with_shapes.run("import shapes\nshapes.SIDES")).result == 3
    with pytest.raises(ToolFailed, match="Permission denied"):
        await with_shapes.run(f"open({str(tmp_path / 'beside.py')!r}).read()")


SYSCALL = "import ctypes\nlibc = ctypes.CDLL(None)\nassert libc.syscall({}) >= 0, 'refused'"
ESCAPES = {
    "read a file": "open({secret!r}).read()",
    "read by link": "import os\nos.symlink({secret!r}, 'link')\nopen('link').read()",
    "read by hard link": "import os\nos.link({secret!r}, 'link')\nopen('link').read()",
    "read by going up": "open('../' * 20 + {secret!r}).read()",
    "read the passwords": "open('/etc/passwd').read()",
    "list the root": "import os\nos.listdir('/')",
    "list the other folders": "import os\nos.listdir('..')",
    "the parent's environment": "import os\nopen(f'/proc/{{os.getppid()}}/environ').read()",
    "its own memory": "open('/proc/self/mem', 'rb').read(1)",
    "the kernel's log": "open('/dev/kmsg').read(1)",
    "write a file": "open({target!r}, 'w').write('x')",
    "append to a file": "open({secret!r}, 'a').write('x')",
    "truncate a file": "import os\nos.truncate({secret!r}, 0)",
    "delete a file": "import os\nos.remove({secret!r})",
    "rename a file": "import os\nos.rename({secret!r}, 'mine')",
    "make it readable": "import os\nos.chmod({secret!r}, 0o777)",
    "make a device": "import os\nos.mknod('d', 0o666)",
    "socket": "import socket\nsocket.socket()",
    "connect": "import urllib.request\nurllib.request.urlopen('http://127.0.0.1')",
    "unix socket": "import socket\nsocket.socket(socket.AF_UNIX)",
    "socket pair": "import socket\nsocket.socketpair()",
    "run a program": "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'touch {target}'], check=True)",
    "shell": "import os\nassert os.system('touch {target}') == 0",
    "exec": "import os\nos.execv('/bin/sh', ['sh'])",
    "fork": "import os\nos.fork()",
    "spawn": "import os\nos.posix_spawn('/bin/sh', ['sh'], {{}})",
    "multiprocessing": "import multiprocessing as m\np = m.Process(target=print)\np.start()",
    "threads": "import threading\nthreading.Thread(target=print).start()",
    "kill the parent": "import os\nos.kill(os.getppid(), 15)",
    "kill everybody": "import os\nos.kill(-1, 0)",
    "signal by file owner": "import fcntl, os\nfcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())",
    "raise the limits": "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "another root": "import os\nos.chroot('.')",
    "nice": "import os\nos.nice(-5)",
    "become another": "import os\nos.setuid(1)",
    "ptrace": SYSCALL.format("101, 0, 0, 0, 0"),
    "read other memory": SYSCALL.format("310, 1, 0, 0, 0, 0, 0"),
    "memory file": SYSCALL.format("319, b'x', 0"),
    "io_uring": SYSCALL.format("425, 8, ctypes.create_string_buffer(200)"),
    "bpf": SYSCALL.format("321, 0, 0, 0"),
    "keys of the kernel": SYSCALL.format("250, 0, -3, 0"),
    "namespaces": SYSCALL.format("272, 0x10000000"),
    "mount": SYSCALL.format("165, b'x', b'x', b'tmpfs', 0, 0"),
    "handle of a process": SYSCALL.format("434, 1, 0"),
    "clone": SYSCALL.format("56, 17, 0, 0, 0, 0"),
    "numbers of x32": SYSCALL.format("0x40000000 + 41, 2, 1, 0"),
    "landlock anew": SYSCALL.format("444, 0, 0, 1"),
}
MACHINE = "x86_64"
INT80 = (
    "import ctypes, mmap\n"
    "page = mmap.mmap(-1, 4096, prot=7)\n"
    "page.write(bytes.fromhex('b814000000cd80c3'))\n"  # mov eax, 20 (getpid of 32 bits); int 0x80; ret
    "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()"
)


@kernel
@pytest.mark.parametrize("name", ESCAPES)
async def test_nothing_gets_out(name: str, tmp_path: Path) -> None:
    if "libc.syscall" in ESCAPES[name] and platform.machine() != MACHINE:
        pytest.skip(f"its number is of {MACHINE}")
    secret, target = tmp_path / "secret.txt", tmp_path / "written"
    secret.write_text("swordfish")

    with pytest.raises(ToolFailed) as problem:
        await python.run(ESCAPES[name].format(secret=str(secret), target=str(target)))

    assert "swordfish" not in str(problem.value)
    assert "could not be shut in" not in str(problem.value)
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("swordfish", 0o644)
    assert not target.exists()


@kernel
@pytest.mark.skipif(platform.machine() != MACHINE, reason="machine code of x86_64")
async def test_calls_by_the_32_bit_door_end_the_program() -> None:
    with pytest.raises(ToolFailed, match="ended without a result"):
        await python.run(INT80)


@kernel
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("while True:\n    pass", "ran longer than 1 seconds"),
        ("import time\ntime.sleep(60)", "ran longer than 1 seconds"),
        ("x = 'a' * 10**10", "MemoryError"),
        ("x = 'a'\nwhile True:\n    x += x", "MemoryError"),
        ("def f():\n    return f()\nf()", "RecursionError"),
        ("x = []\nfor _ in range(900):\n    x = [x]\nx", "levels"),
        ("'a' * 2_000_000", "result is too large"),
        ("while True:\n    print('x' * 100)", "printed more than it may"),
        ("open('big', 'wb').write(b'x' * 5_000_000)", "OSError|wrote more"),
        ("for n in range(10**6):\n    open(str(n), 'w').write('x' * 10_000)", "wrote more|ran longer"),
        ("import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True:\n    pass", "ran longer"),
        ("import os\nos._exit(0)", "ended without a result"),
        ("import ctypes\nctypes.string_at(0)", "ended without a result"),
    ],
)
async def test_what_costs_too_much_is_stopped(code: str, says: str) -> None:
    small = ConfinedPython(ConfinedLimits(seconds=1, memory_bytes=200_000_000, file_bytes=1_000_000, printed_bytes=500))

    with pytest.raises(ToolFailed, match=says):
        await small.run(code)


@kernel
async def test_no_secret_of_the_environment_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHWRIGHT_SECRET", "swordfish")

    found = (await python.run("import os\ndict(os.environ)")).result

    assert "swordfish" not in str(found)
    assert set(found) <= {"HOME", "TMPDIR", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "LC_CTYPE"}


@kernel
async def test_the_tool_uses_the_sandbox_that_was_provided() -> None:
    resources = Resources()
    resources.provide(ConfinedPython, lambda: python)

    ran = await run_python_confined("n * 2", ToolContext(call_id="c", resources=resources), {"n": 4})

    assert ran.result == 8


async def test_where_the_kernel_cannot_shut_it_in_nothing_is_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(confined, "confinement_problems", lambda: ["The kernel has no Landlock."])

    with pytest.raises(ToolFailed, match=r"Nothing was run: .* no Landlock"):
        await python.run(f"open({str(tmp_path / 'x')!r}, 'w')")

    assert os.listdir(tmp_path) == []  # noqa: PTH208


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        ("sys.platform", "darwin", "this is darwin"),
        ("platform.machine", lambda: "riscv64", "system calls of 'riscv64'"),
        ("landlock_version", lambda: 0, "no Landlock"),
    ],
)
def test_every_missing_part_is_named(monkeypatch: pytest.MonkeyPatch, place: str, value: object, says: str) -> None:
    monkeypatch.setattr(f"graphwright.tools.builtin.confinement.{place}", value)

    assert any(says in problem for problem in confinement_problems())


@kernel
@pytest.mark.parametrize("part", ["_restrict_files", "_restrict_calls", "_bound"])
def test_a_process_whose_confinement_fails_half_way_runs_nothing(part: str, tmp_path: Path) -> None:
    """The worker itself, with one part broken: it answers why, and the program leaves no trace."""
    worker = Path(confined.__file__).with_name("confined_worker.py")
    code = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('w', {str(worker)!r})\n"
        "w = importlib.util.module_from_spec(spec); spec.loader.exec_module(w)\n"
        "real = w._loaded\n"
        "def loaded(name):\n"
        "    module = real(name)\n"
        "    def broken(*_): raise module.NotConfined('broken on purpose')\n"
        f"    setattr(module, {part!r}, broken)\n"
        "    return module\n"
        "w._loaded = loaded\n"
        "w.main()\n"
    )
    mark = tmp_path / "ran"
    request = _request(f"open({str(mark)!r}, 'w')", tmp_path, [])

    done = subprocess.run([sys.executable, "-c", code], input=request, capture_output=True, timeout=60)

    assert b"broken on purpose" in done.stdout
    assert not mark.exists()


def _request(code: str, work: Path, reads: Sequence[str]) -> bytes:
    given = {"code": code, "inputs": {}, "work": str(work), "reads": list(reads), "packages": [], "seconds": 5}
    return json.dumps({**given, "memory": 10**9, "file_bytes": 10**6, "printed": 1_000}).encode()


def test_both_machines_get_a_filter_that_ends_in_a_refusal() -> None:
    for machine in ("x86_64", "aarch64"):
        program = confinement._program(machine)

        assert program[-1] == (confinement._RETURN, 0, 0, confinement._ERRNO | confinement._EPERM)
        for place, (code, yes, no, _) in enumerate(program):
            if code in (confinement._EQUAL, confinement._AT_LEAST):
                assert place + 1 + max(yes, no) < len(program)
