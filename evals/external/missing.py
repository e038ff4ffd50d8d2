"""Data that is not where it was said to be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class MissingData(Exception):
    """A folder lacks files of a suite. For whoever runs it: name the folder that has them."""


def require(folder: Path, suite: str, *names: str) -> Path:
    """The folder, if it has every file.

    Raises:
        MissingData: naming all files that are not there.
    """
    lacking = [name for name in names if not (folder / name).is_file()]
    if lacking:
        raise MissingData(
            f"{suite} needs {', '.join(lacking)} in {str(folder)!r}, which is not there. Name the folder of its data; "
            "it is not part of this package."
        )
    return folder


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file, one after the other.

    Raises:
        MissingData: if a line is no JSON object; names it.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    found = json.loads(line)
                except json.JSONDecodeError as error:
                    raise MissingData(f"{path}:{number}: {error}. Fetch the file again.") from None
                if not isinstance(found, dict):
                    raise MissingData(f"{path}:{number}: an object was expected. Fetch the file again.")
                yield found
