"""The fork server: imports everything once, then forks a conductor for each life. Started as a module.

It speaks lines of JSON: what to certify and then jobs on stdin, answers on stdout. When stdin ends, whether its owner
closed it or was killed, it takes its whole process group with it: nothing is left behind.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from .children import Child, ChildFailed, end, read_some, start


def main() -> None:
    """Serve until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what graphs print must not get between the answers
    wanted = json.loads(sys.stdin.buffer.raw.readline())  # type: ignore[union-attr]  # unbuffered, for select
    try:
        stage, about = _set(wanted)
    except Exception as error:
        told = {"error": str(error), "kind": type(error).__name__, "trace": traceback.format_exc()}
        print(json.dumps(told), file=answers)
        return
    print(json.dumps(about), file=answers)
    gc.collect()
    gc.freeze()
    _serve(stage, wanted["workers"], answers)


def _set(wanted: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Load the graph and its cases, and everything that the lives will import."""
    from ..project import Project
    from .living import Stage
    from .loading import cases_for, versions

    for name in ("conducting", "observing"):
        importlib.import_module(f".{name}", __package__)
    for name in ("graphwright.runtime.checkpoints", "graphwright.models.offline", "graphwright.runtime.migrations"):
        importlib.import_module(name)
    project = Project(Path(wanted["project"]))
    entry = project.catalogue.get(wanted["graph"])
    graph = project.build(entry)
    cases, remarks = cases_for(entry, wanted)
    if entry.knowledge or any(case.documents for case in cases):
        importlib.import_module("graphwright.retrieval.knowledge_base")
        importlib.import_module("chromadb")
    prepare = _callable(wanted["prepare"]) if wanted["prepare"] else None
    threads = [each.name for each in threading.enumerate() if each is not threading.main_thread()]
    if threads:
        raise RuntimeError(
            f"Loading graph {entry.name!r} started threads ({', '.join(threads)}), and a process with threads cannot "
            "be forked. Start them where they are used: in a factory of the graph's resources, or in a tool."
        )
    stage = Stage(project, entry, graph, {case.id: case for case in cases}, wanted["model"], prepare)
    about = {
        "cases": [case.model_dump(mode="json") for case in cases],
        "signature": _signature(graph),
        "graph": entry.name,
        "remarks": remarks,
        "versions": versions(),
    }
    return stage, about


def _signature(graph: Any) -> str:
    from graphwright.runtime.digests import digest
    from graphwright.runtime.signature import signature_of

    return digest(signature_of(graph.compile()))[:16]


def _callable(place: str) -> Callable[[], Any]:
    """The function at ``file.py:name`` or ``module:name``."""
    where, _, name = place.rpartition(":")
    if where.endswith(".py"):
        spec = spec_from_file_location(f"graphwright_prepare_{Path(where).stem}", where)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[module.__name__] = module
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(where)
    found: Callable[[], Any] = getattr(module, name)
    return found


def _serve(stage: Any, workers: int, answers: Any) -> None:
    running: dict[int, tuple[Any, Child, bytearray]] = {}
    waiting: list[dict[str, Any]] = []
    received = b""
    while True:
        while waiting and len(running) < workers:
            job = waiting.pop(0)
            child = start(partial(_work, stage, job))
            running[child.reader] = (job["id"], child, bytearray())
        ready, _, _ = select.select([0, *running], [], [])
        for file in ready:
            if file == 0:
                piece = os.read(0, 1 << 20)
                if not piece:
                    os.killpg(0, signal.SIGKILL)
                *lines, received = (received + piece).split(b"\n")
                waiting += [json.loads(line) for line in lines]
            else:
                _hear(file, running, answers)


def _hear(file: int, running: dict[int, tuple[Any, Child, bytearray]], answers: Any) -> None:
    name, child, said = running[file]
    piece = read_some(child)
    said += piece
    if piece:
        return
    del running[file]
    try:
        ended = end(child, bytes(said))
        _import_all((ended.result or {}).pop("modules", ()))
        told = {"id": name, "result": ended.result} if not ended.killed else {"id": name, "error": "It was killed."}
    except ChildFailed as error:
        told = {"id": name, "error": str(error)}
    print(json.dumps(told), file=answers)


def _import_all(names: Iterable[str]) -> None:
    """Import here what a life imported, so that the next ones need not; not what was loaded from a file by hand."""
    for name in names:
        if name not in sys.modules and not name.startswith(("graphwright_", "__")):
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def _work(stage: Any, job: dict[str, Any]) -> Any:
    from .conducting import conduct, make_template

    if job["kind"] == "template":
        return make_template(stage, stage.cases[job["case"]], Path(job["folder"]))
    return conduct(stage, job)


if __name__ == "__main__":
    main()
