"""The pytest plugin: a suite is a test, real models and other machines are banned, and fixtures for what tests need.

Loaded by pytest wherever Graphwright is installed, so nothing heavy is imported before it is used.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from graphwright.evals.inbox import Inbox
    from graphwright.models import ScriptedModel
    from graphwright.runtime import ManualClock

LIVE = "live_models"
"""The marker of tests that may reach real models and other machines."""
_KEYS = ("graph:", "function:")


class NetworkBanned(OSError):
    """A test tried to leave this machine."""


class SuiteFailed(Exception):
    """A suite did not pass its gates."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Settings of the plugin, in pytest's own configuration."""
    parser.addini("graphwright_suites", "Collect *suite.yaml as tests.", type="bool", default=True)
    parser.addini("graphwright_ban", "Ban real models and non-loopback sockets.", type="bool", default=True)


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest about the marker."""
    config.addinivalue_line("markers", f"{LIVE}: may ask real models and reach other machines")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A file that holds a suite is collected like one of tests."""
    if not file_path.name.endswith(("suite.yaml", "suite.yml")) or not parent.config.getini("graphwright_suites"):
        return None
    lines = file_path.read_text(encoding="utf-8", errors="replace").splitlines()
    if not any(line.startswith(_KEYS) for line in lines):
        return None
    return SuiteFile.from_parent(parent, path=file_path)


class SuiteFile(pytest.File):
    """A file with one suite."""

    def collect(self) -> Iterator[pytest.Item]:
        """The suite."""
        yield SuiteItem.from_parent(self, name=self.path.stem)


class SuiteItem(pytest.Item):
    """One suite: passes if all its gates are passed; without gates, if every case is."""

    def runtest(self) -> None:
        """Run it, offline unless it is marked."""
        from graphwright.evals.gate import Gate
        from graphwright.evals.project import Project
        from graphwright.evals.reporting import report_of
        from graphwright.evals.runner import Plan, new_run, run_suite
        from graphwright.evals.suite import name_of
        from graphwright.evals.suite_files import load_suite

        project = Project(self.config.rootpath)
        suite = load_suite(self.path)
        gates = suite.gates or (Gate(scorer=name_of(suite.scorers[0]), at_least=1.0),)
        with tempfile.TemporaryDirectory(prefix="graphwright-suite-") as folder:
            plan = Plan(live=self.get_closest_marker(LIVE) is not None)
            run = new_run(suite, project, plan, Path(folder))
            progress = asyncio.run(run_suite(suite, project, plan, run))
            report = report_of(run, gates, total=progress.total)
        if not report.passed:
            told = [f"{each.outcome}: {each.gate}: {each.why}" for each in report.gates if not each.passed]
            cases = [f"  {each.case} ({each.source}): {each.scorer}: {each.reason}" for each in report.bad]
            raise SuiteFailed("\n".join([*told, *cases]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Words instead of a traceback, where the suite itself tells what is wrong."""
        from graphwright.evals.case_files import CaseProblem

        if isinstance(excinfo.value, SuiteFailed | CaseProblem):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it is."""
        return self.path, 0, f"suite {self.path.parent.name}/{self.name}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Within a test nothing real is asked, unless it is marked."""
    if item.get_closest_marker(LIVE) is not None or not item.config.getini("graphwright_ban"):
        return (yield)
    from graphwright.evals.guarding import real_models_banned

    with real_models_banned(), _loopback_only():
        return (yield)


class _loopback_only:
    """Within this block sockets reach this machine only."""

    def __enter__(self) -> None:
        self._before = socket.socket.connect, socket.socket.connect_ex
        connect, connect_ex = self._before

        def guarded(this: socket.socket, address: Any) -> None:
            _refuse(address)
            connect(this, address)

        def guarded_ex(this: socket.socket, address: Any) -> int:
            _refuse(address)
            return connect_ex(this, address)

        socket.socket.connect = guarded  # type: ignore[method-assign,assignment]  # the ban must hold for every library
        socket.socket.connect_ex = guarded_ex  # type: ignore[method-assign,assignment]  # same

    def __exit__(self, *_: object) -> None:
        socket.socket.connect, socket.socket.connect_ex = self._before  # type: ignore[method-assign]  # as it was


def _refuse(address: Any) -> None:
    if not isinstance(address, tuple):
        return
    host = str(address[0])
    try:
        is_here = ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        is_here = host == "localhost"
    if not is_here:
        raise NetworkBanned(
            f"This test tried to reach {host!r}; tests reach this machine only. Mark it with @pytest.mark.{LIVE}, "
            "or set graphwright_ban = false."
        )


@pytest.fixture
def scripted_model() -> Iterator[Callable[..., ScriptedModel]]:
    """Makes models that answer from a script; at the end of the test all of it must have been asked for."""
    from graphwright.models import ScriptedModel

    made: list[ScriptedModel] = []

    def make(*script: Any) -> ScriptedModel:
        made.append(ScriptedModel(list(script)))
        return made[-1]

    yield make
    for each in made:
        each.assert_complete()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still until the test moves it."""
    from graphwright.runtime import ManualClock

    return ManualClock()


@pytest.fixture
def inbox(tmp_path: Path, clock: ManualClock, pytestconfig: pytest.Config) -> Inbox:
    """Runs graphs in a state folder of the test's own, and answers what they ask."""
    from graphwright.evals.inbox import Inbox

    return Inbox(tmp_path / ".graphwright", clock, pytestconfig.rootpath)
