"""Find a run of a suite by what people call it."""

from __future__ import annotations

from pathlib import Path

from .results import ResultsProblem, RunFolder, run_folders


def find_run(root: Path, name: str, *, suite: str = "") -> RunFolder:
    """The run that a name means.

    Args:
        root: Where runs are kept.
        name: Of a run or its folder; ``last`` is the newest, the name of a suite its newest, and ``NAME~1`` the one
            before that.
        suite: The suite that ``last`` is of; empty for any.

    Raises:
        ResultsProblem: if there is none.
    """
    for path in (Path(name), root / name):
        if (path / "run.json").is_file():
            return RunFolder.find(path)
    wanted, _, back = name.partition("~")
    if wanted == "last":
        wanted = suite
    found = [each for each in run_folders(root) if not wanted or each.header.suite == wanted]
    at = int(back) if back.isdigit() else 0
    if at >= len(found):
        there = f"There are {len(found)} runs" if found else "There is no run"
        of_suite = f" of {wanted!r}" if wanted else ""
        raise ResultsProblem(f"{there}{of_suite}; none is {name!r}. `graphwright eval runs` lists them.")
    return found[at]
