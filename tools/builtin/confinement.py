"""Shuts the process that calls it in: Landlock, seccomp, rlimits and no new privileges, through ctypes. Linux only.

Standard library only: it is also loaded by its path, in a process without site-packages. What it does cannot be
undone, and what it starts inherits it. File *contents* outside the given folders are out of reach; names, sizes and
times of files are not, because neither Landlock nor seccomp can tell paths apart there.

Sources: landlock(7), seccomp(2), the kernel's `linux/landlock.h`, `linux/seccomp.h` and `asm/unistd.h`.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_NO_NEW_PRIVS, _GET_SECCOMP, _SET_SECCOMP, _FILTER = 38, 21, 22, 2
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Landlock: bit 0 execute, 1 write, 2 read file, 3 read folder, 4-5 remove, 7 make folder, 8 make file, 14 truncate.
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_WORK = 1 << 1 | _READ_FILE | _READ_DIR | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 14
_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights each version of the kernel's interface knows; later ones as the fifth."""

# What CPython needs to run and to work with files, on x86_64 and on aarch64; -1 where it does not exist.
_ALLOWED: dict[str, tuple[int, int]] = {
    "read": (0, 63), "write": (1, 64), "open": (2, -1), "close": (3, 57), "stat": (4, -1), "fstat": (5, 80),
    "lstat": (6, -1), "poll": (7, -1), "lseek": (8, 62), "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215),
    "brk": (12, 214), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "pread64": (17, 67), "pwrite64": (18, 68), "readv": (19, 65), "writev": (20, 66), "access": (21, -1),
    "select": (23, -1), "sched_yield": (24, 124), "mremap": (25, 216), "mincore": (27, 232), "madvise": (28, 233),
    "dup": (32, 23), "dup2": (33, -1), "nanosleep": (35, 101), "getpid": (39, 172), "exit": (60, 93),
    "uname": (63, 160), "fsync": (74, 82), "fdatasync": (75, 83), "ftruncate": (77, 46), "getcwd": (79, 17),
    "chdir": (80, 49), "rename": (82, -1), "mkdir": (83, -1), "rmdir": (84, -1), "unlink": (87, -1),
    "readlink": (89, -1), "umask": (95, 166), "gettimeofday": (96, 169), "getrlimit": (97, 163),
    "getrusage": (98, 165), "sysinfo": (99, 179), "times": (100, 153), "getuid": (102, 174), "getgid": (104, 176),
    "geteuid": (107, 175), "getegid": (108, 177), "getppid": (110, 173), "sigaltstack": (131, 132),
    "statfs": (137, 43), "fstatfs": (138, 44), "gettid": (186, 178), "time": (201, -1), "futex": (202, 98),
    "sched_getaffinity": (204, 123), "getdents64": (217, 61), "set_tid_address": (218, 96),
    "restart_syscall": (219, 128), "fadvise64": (221, 223), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115), "exit_group": (231, 94), "openat": (257, 56), "mkdirat": (258, 34),
    "newfstatat": (262, 79), "unlinkat": (263, 35), "renameat": (264, 38), "readlinkat": (267, 78),
    "faccessat": (269, 48), "pselect6": (270, 72), "ppoll": (271, 73), "set_robust_list": (273, 99),
    "dup3": (292, 24), "renameat2": (316, 276), "getrandom": (318, 278), "statx": (332, 291), "rseq": (334, 293),
    "close_range": (436, 436), "faccessat2": (439, 439),
}  # fmt: skip
_FCNTL, _PRLIMIT, _CLONE3, _IOCTL = (72, 25), (302, 261), (435, 435), (16, 29)
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 5, 6, 7, 1030)
"""Duplicate, flags, locks; not F_SETOWN and F_SETSIG, by which signals are sent."""
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOTTY, _ENOSYS = 1, 25, 38
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06


class NotConfined(OSError):
    """The process could not be shut in; nothing may be run in it."""


def confinement_problems() -> list[str]:
    """Why a process cannot be shut in on this machine; empty if it can."""
    if sys.platform != "linux":
        return [f"Landlock and seccomp are of Linux; this is {sys.platform}."]
    problems = []
    if platform.machine() not in _AUDIT_ARCH:
        problems.append(f"The system calls of {platform.machine()!r} are not known; only {', '.join(_AUDIT_ARCH)}.")
    if struct.calcsize("P") != 8:
        problems.append("Python is a program of 32 bits here.")
    if landlock_version() < 1:
        problems.append("The kernel has no Landlock, or it is switched off (it needs 5.13, and `landlock` in lsm=).")
    if _libc().prctl(_GET_SECCOMP, 0, 0, 0, 0) < 0:
        problems.append("The kernel has no seccomp.")
    return problems


def landlock_version() -> int:
    """The version of the kernel's Landlock interface; 0 where there is none."""
    return max(0, int(_libc().syscall(_CREATE, None, 0, 1)))


def confine(reads: Sequence[Path], work: Path, *, seconds: int, memory: int, file_bytes: int) -> None:
    """Shut this process in, for good.

    Args:
        reads: Files and folders it may read; those that do not exist are passed over.
        work: The folder it may write.
        seconds: Processor time.
        memory: Bytes of address space.
        file_bytes: Of one file.

    Raises:
        NotConfined: if any part could not be done.
    """
    if problems := confinement_problems():
        raise NotConfined(" ".join(problems))
    _bound(seconds, memory, file_bytes)
    if _libc().prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise NotConfined("PR_SET_NO_NEW_PRIVS was refused.")
    _restrict_files(reads, work)
    _restrict_calls()


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _bound(seconds: int, memory: int, file_bytes: int) -> None:
    import resource  # not on Windows, where this file is imported too

    for what, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 1),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _restrict_files(reads: Sequence[Path], work: Path) -> None:
    version = landlock_version()
    rights = (1 << _RIGHTS_BY_ABI.get(version, 16)) - 1
    # From version 4 on it can refuse TCP, from 6 on signals and abstract sockets to processes outside.
    parts = [rights, *([3] if version >= 4 else []), *([3] if version >= 6 else [])]
    ruleset = struct.pack(f"={len(parts)}Q", *parts)
    handle = _libc().syscall(_CREATE, ruleset, len(ruleset), 0)
    if handle < 0:
        raise NotConfined(f"Landlock made no ruleset: {os.strerror(ctypes.get_errno())}.")
    for path in reads:
        _allow(handle, path, (_READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE) & rights)
    _allow(handle, work, _WORK & rights)
    if _libc().syscall(_RESTRICT, handle, 0) != 0:
        raise NotConfined(f"Landlock was refused: {os.strerror(ctypes.get_errno())}.")
    os.close(handle)


def _allow(handle: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = struct.pack("=Qi", rights, place)
        if _libc().syscall(_ADD, handle, 1, rule, 0) != 0:
            raise NotConfined(f"Landlock refused a rule for {path}: {os.strerror(ctypes.get_errno())}.")
    finally:
        os.close(place)


def _restrict_calls() -> None:
    code = b"".join(struct.pack("=HBBI", *each) for each in _program(platform.machine()))
    held = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
    if _libc().prctl(_SET_SECCOMP, _FILTER, program, 0, 0) != 0:
        raise NotConfined(f"seccomp was refused: {os.strerror(ctypes.get_errno())}.")


_Instruction = tuple[int, int, int, int]


def _program(machine: str) -> list[_Instruction]:
    """The filter: the calls listed are allowed, some by their arguments; every other fails with EPERM."""
    column = list(_AUDIT_ARCH).index(machine)
    lines: list[_Instruction] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, 0, 1, 0x40000000),  # the x32 numbers of x86_64
        (_RETURN, 0, 0, _KILL),
    ]
    for numbers in _ALLOWED.values():
        if numbers[column] >= 0:
            lines += _when(numbers[column], [(_RETURN, 0, 0, _ALLOW)])
    lines += _when(_CLONE3[column], [(_RETURN, 0, 0, _ERRNO | _ENOSYS)])
    lines += _when(_IOCTL[column], [(_RETURN, 0, 0, _ERRNO | _ENOTTY)])
    lines += _when(_FCNTL[column], _one_of(_FCNTL_COMMANDS))
    lines += _when(_PRLIMIT[column], _only_reads_its_own_limits())
    return [*lines, (_RETURN, 0, 0, _ERRNO | _EPERM)]


def _when(number: int, then: list[_Instruction]) -> list[_Instruction]:
    """What is done with one call; it must end in a return."""
    return [(_EQUAL, 0, len(then), number), *then]


def _argument(place: int, *, high: bool = False) -> _Instruction:
    return (_LOAD, 0, 0, 16 + 8 * place + 4 * high)


def _one_of(values: Sequence[int]) -> list[_Instruction]:
    tests = [(_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [_argument(1), *tests, (_RETURN, 0, 0, _ERRNO | _EPERM), (_RETURN, 0, 0, _ALLOW)]


def _only_reads_its_own_limits() -> list[_Instruction]:
    """prlimit64(0, what, NULL, old): a root process could raise its limits otherwise."""
    zero = [_argument(0), _argument(2), _argument(2, high=True)]
    tests: list[_Instruction] = []
    for place, load in enumerate(zero):
        tests += [load, (_EQUAL, 0, 2 * (len(zero) - place) - 1, 0)]
    return [*tests, (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | _EPERM)]
