"""The tools that come with Graphwright; each file declares one small family."""

from __future__ import annotations

from ..contract import Tool
from .calculator import calculate
from .clock import Clock, current_time, days_between, move_date
from .files import list_files, read_file, search_files, write_file
from .rooted import FilesRoot
from .todo import add_todos, complete_todos, list_todos

__all__ = [
    "Clock",
    "FilesRoot",
    "add_todos",
    "builtin_tools",
    "calculate",
    "complete_todos",
    "current_time",
    "days_between",
    "list_files",
    "list_todos",
    "move_date",
    "read_file",
    "search_files",
    "write_file",
]


def builtin_tools() -> list[Tool]:
    """Return all tools of this folder."""
    return [
        calculate,
        current_time,
        move_date,
        days_between,
        list_files,
        read_file,
        search_files,
        write_file,
        add_todos,
        complete_todos,
        list_todos,
    ]
