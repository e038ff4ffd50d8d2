"""The tools that come with Graphwright; each file declares one small family."""

from __future__ import annotations

from ..contract import Tool
from .calculator import calculate
from .clock import Clock, current_time, days_between, move_date
from .confined import ConfinedPython, run_python_confined
from .databases import Database, Databases
from .fetch import fetch_url
from .fetch_rules import FetchRules
from .files import list_files, read_file, search_files, write_file
from .python import PythonSandbox, run_python
from .rooted import FilesRoot
from .sql import describe_table, list_tables, query_database
from .todo import add_todos, complete_todos, list_todos

__all__ = [
    "Clock",
    "ConfinedPython",
    "Database",
    "Databases",
    "FetchRules",
    "FilesRoot",
    "PythonSandbox",
    "add_todos",
    "builtin_tools",
    "calculate",
    "complete_todos",
    "current_time",
    "days_between",
    "describe_table",
    "fetch_url",
    "list_files",
    "list_tables",
    "list_todos",
    "move_date",
    "query_database",
    "read_file",
    "run_python",
    "run_python_confined",
    "search_files",
    "write_file",
]


def builtin_tools() -> list[Tool]:
    """Return the tools of this folder that are ready for everybody: not those for databases and programs."""
    return [
        calculate,
        current_time,
        move_date,
        days_between,
        fetch_url,
        list_files,
        read_file,
        search_files,
        write_file,
        add_todos,
        complete_todos,
        list_todos,
    ]
