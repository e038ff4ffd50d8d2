"""The text that a run starts with: typed, piped or from a file; checked before anything is written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

from .errors import usage

LONGEST_INPUT = 1_000_000
"""Characters of one input; what is longer belongs in the knowledge base."""


def input_text(typed: str | None, file: Path | None, default: str) -> str:
    """The input: ``--file``, or what was typed (``-`` reads stdin), or the default.

    Raises:
        CliError: a usage error, if there is none, it is empty, too long, unreadable or not text.
    """
    if typed is not None and file is not None:
        usage("The input was given twice: as an argument and as --file. Give one of them.")
    if file is not None:
        return checked(_read_file(file), f"File {str(file)!r}")
    if typed == "-":
        return checked(_read(sys.stdin.buffer, "What came on stdin"), "What came on stdin")
    if typed is None and not default:
        usage("There is no input, and this graph has no example. Type one, pipe one with '-', or name a --file.")
    return checked(default if typed is None else typed, "The input")


def checked(text: str, what: str) -> str:
    """The text, if a graph can take it; see :func:`input_text`."""
    if not text.strip():
        usage(f"{what} is empty. Type a question, pipe one with '-', or name a --file.")
    if len(text) > LONGEST_INPUT:
        usage(
            f"{what} has {len(text):,} characters; an input has {LONGEST_INPUT:,} at most. "
            "Put documents in the knowledge base with `graphwright ingest PATH` and ask about them."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        usage(f"{what} is not UTF-8 text (at character {error.start + 1}). Convert it to UTF-8.")
    return text


def _read_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _read(file, f"File {str(path)!r}")
    except OSError as error:
        usage(f"File {str(path)!r} cannot be read: {error.strerror or error}. Check its name and permissions.")


def _read(stream: BinaryIO, what: str) -> str:
    data = stream.read(4 * LONGEST_INPUT + 1)
    if len(data) > 4 * LONGEST_INPUT:
        usage(
            f"{what} is over {4 * LONGEST_INPUT:,} bytes; an input has {LONGEST_INPUT:,} characters at most. "
            "Put documents in the knowledge base with `graphwright ingest PATH` and ask about them."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        usage(f"{what} is not UTF-8 text (byte {error.start + 1}). Convert it to UTF-8.")
