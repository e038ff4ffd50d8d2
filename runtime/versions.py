"""The oldest versions of libraries that have no known hole, and whether what is installed is older."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

MINIMUM = {
    "langgraph": "1.0.10",
    "langgraph-checkpoint": "4.1.1",
    "langgraph-checkpoint-sqlite": "3.0.1",
    "langgraph-sdk": "0.3.15",
    "langchain-core": "1.4.9",
    "starlette": "1.3.1",
    "python-multipart": "0.0.30",
}
"""The oldest versions without a known vulnerability (November 2026): an audit without its database is green.

chromadb is not here: no release (1.5.9 and older) fixes CVE-2026-45829 and CVE-2026-45833, which concern its server
and embedding functions named in a stored collection. We run it in process, never its server, with our own vectors.
"""


def too_old() -> dict[str, tuple[str, str]]:
    """Library to (installed version, oldest safe version), of those that are installed and older."""
    found = {}
    for name, oldest in MINIMUM.items():
        try:
            here = version(name)
        except PackageNotFoundError:
            continue  # of an extra that is not installed
        if _numbers(here) < _numbers(oldest):
            found[name] = (here, oldest)
    return found


def _numbers(text: str) -> tuple[int, ...]:
    """The release numbers of a version; a pre-release counts as its release."""
    release = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in release.group().split(".")) if release else ()
