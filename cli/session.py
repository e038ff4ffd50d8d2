"""Wire the floors together for one command: settings, catalogue, tools, model, runtime.

Every import of a floor is inside a function: a command pays for what it uses, and `--help` for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from .errors import CliError, usage
from .invocation import Invocation
from .output import remark

if TYPE_CHECKING:
    from graphwright.graphs import Catalogue, GraphEntry
    from graphwright.models import ModelChoice
    from graphwright.retrieval import KnowledgeBase
    from graphwright.runtime import Approval, Run, Runtime, Settings
    from graphwright.tools import LoadedTools, Resources, Tool
    from graphwright.tools.mcp import McpServer

T = TypeVar("T")


def settings_of(invocation: Invocation, **typed: object) -> Settings:
    """The settings in force for this command.

    Raises:
        SettingsError: listing every wrong one.
    """
    from graphwright.runtime import load_settings

    project = invocation.project.resolve() if invocation.project else None
    state = invocation.state.expanduser().absolute() if invocation.state else None
    return load_settings(project_dir=project, state_dir=state, **typed)


def catalogue_of(settings: Settings) -> Catalogue:
    """Every graph that can be found from the project."""
    from graphwright.graphs import Catalogue

    look_for_prompts(settings)
    return Catalogue.load(settings.project_dir)


def tools_of(settings: Settings, named: Sequence[Path] = ()) -> list[Tool]:
    """The user's tools: the project's folder, the settings' files, those named on the command line, entry points.

    Raises:
        CliError: a usage error, if a file that was named cannot be loaded. A broken file of the folder is a remark.
    """
    from graphwright.tools import load_tools

    files = tool_files(settings, named)
    loaded = load_tools(project_tools_folder(settings), files=files)
    asked = {str(path) for path in files}
    broken = [each for each in loaded.broken if each.path in asked]
    if broken:
        usage(f"Tools cannot be loaded: {' '.join(_sentence(each.path, each.error) for each in broken)}")
    accepted = tools_of_mcp(settings)
    for each in (*loaded.broken, *accepted.broken):
        remark(f"Left out: tools of {_sentence(each.path, each.error)}")
    return [*loaded.tools, *accepted.tools]


def tools_of_mcp(settings: Settings) -> LoadedTools:
    """The accepted tools of the project's MCP servers; none is started.

    Raises:
        McpProblem: if the file of what was accepted is damaged.
    """
    from graphwright.tools import LoadedTools

    if not settings.mcp:
        return LoadedTools([], [])
    from graphwright.tools.mcp import mcp_tools, read_pins

    return mcp_tools(mcp_servers(settings), read_pins(pins_file(settings)))


def mcp_servers(settings: Settings) -> list[McpServer]:
    """The MCP servers of the settings."""
    return [each.server(name, settings.project_dir) for name, each in settings.mcp.items()]


def pins_file(settings: Settings) -> Path:
    """Where it stands what was accepted of MCP servers."""
    from graphwright.tools.mcp.pins import LOCK_FILE

    return settings.project_dir / LOCK_FILE


def _sentence(path: str, error: str) -> str:
    return f"{error if error.startswith(path) else f'{path}: {error}'}".rstrip(".") + "."


def tool_files(settings: Settings, named: Sequence[Path] = ()) -> list[Path]:
    """The single tool files: those of the settings, then those named on the command line."""
    ours = [settings.project_dir / path for path in settings.tools]
    return list(dict.fromkeys(path.absolute() for path in (*ours, *named)))


def project_tools_folder(settings: Settings) -> Path | None:
    """The project's tools; none where the project is Graphwright's own checkout."""
    return _unless_ours(settings.project_dir / "tools")


def look_for_prompts(settings: Settings) -> None:
    """Let the project's prompts be found, wherever the command was started."""
    from graphwright.prompts import add_prompt_folder

    folder = _unless_ours(settings.project_dir / "prompts")
    if folder is not None and folder.is_dir():
        add_prompt_folder(folder)


def _unless_ours(folder: Path) -> Path | None:
    """The folder of a project; None where it is one of the framework's own, seen from its checkout."""
    ours = Path(__file__).resolve().parent.parent / folder.name
    return None if folder.resolve() == ours else folder


def choose_model(settings: Settings, recorded: str = "") -> ModelChoice:
    """The model of a run; it and the reason for it are told on stderr, once.

    Raises:
        UnknownModel: a usage error; nothing has been written yet.
    """
    from graphwright.models import resolve_model

    choice = resolve_model(recorded or settings.model)
    reason = "recorded with the run" if recorded else choice.reason
    remark(f"Model: {choice.spec} ({reason.rstrip('.')}).")
    return choice


def build(entry: GraphEntry, tools: Sequence[Tool]) -> Any:
    """The graph of an entry.

    Raises:
        CliError: if its function fails; names the graph and the place.
    """
    import traceback

    try:
        return entry.graph(tools)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise CliError(
            f"Graph {entry.name!r} ({entry.source}) cannot be built: {type(error).__name__}: {error} "
            f"(at {frame.filename}:{frame.lineno})."
        ) from error


def open_knowledge(settings: Settings, *, name: str | None = None, create: bool = True) -> KnowledgeBase:
    """The knowledge base that runs read; where there is one already, with the embedder it was built with."""
    from graphwright.retrieval import KnowledgeBase

    return KnowledgeBase.open(
        knowledge_folder(settings),
        name or settings.knowledge,
        tenant=settings.tenant,
        embedder=settings.embedder,
        create=create,
    )


def knowledge_folder(settings: Settings) -> Path:
    """Where the index lives."""
    return settings.state / "knowledge"


def resources_of(settings: Settings) -> Resources:
    """What tools share, made when it is first asked for."""
    from graphwright.retrieval import KnowledgeBase
    from graphwright.runtime import ReportsFolder
    from graphwright.tools import Resources
    from graphwright.tools.builtin.fetch_rules import FetchRules
    from graphwright.tools.builtin.rooted import FilesRoot

    resources = Resources()
    resources.provide(ReportsFolder, lambda: ReportsFolder(settings.state / "reports"))
    resources.provide(KnowledgeBase, lambda: open_knowledge(settings))
    resources.provide(FilesRoot, lambda: FilesRoot(settings.project_dir))
    resources.provide(FetchRules, lambda: FetchRules(hosts=_tuple(settings.fetch_hosts)))
    return resources


def _tuple(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


class Session:
    """A runtime and the loop it lives on, for a command that is an ordinary function.

    Between two :meth:`run` the loop stands still, so a question to a person may block, and Ctrl-C interrupts it.

    Only a command that begins something ``makes_state``: every other one sees an empty database where there is none
    yet, and leaves nothing behind.
    """

    def __init__(self, settings: Settings, *, with_resources: bool = False, makes_state: bool = False) -> None:
        from graphwright.runtime import Runtime
        from graphwright.runtime.redacting_logs import redact_logs

        self._nothing: TemporaryDirectory[str] | None = None
        if not makes_state and not settings.database.exists():
            self._nothing = TemporaryDirectory(prefix="graphwright-", ignore_cleanup_errors=True)
            settings = settings.model_copy(update={"state_dir": Path(self._nothing.name)})
        self.settings = settings
        self._runner = asyncio.Runner()
        self.runtime: Runtime = Runtime(settings, resources=resources_of(settings) if with_resources else None)
        redact_logs(self.runtime.redactions.shown)
        self._provided: set[str] = set()

    def __enter__(self) -> Self:
        try:
            self.run(self.runtime.__aenter__())
        except BaseException:
            self._close()
            raise
        for approval in self.runtime.swept.approvals:
            remark(_passed(approval))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.run(self.runtime.__aexit__(kind, error, at))
        finally:
            self._close()

    def _close(self) -> None:
        self._runner.close()
        if self._nothing is not None:
            self._nothing.cleanup()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one coroutine to its end; Ctrl-C cancels it and is raised here as KeyboardInterrupt."""
        return self._runner.run(work)

    def provide(self, entry: GraphEntry) -> None:
        """Add what the graph's tools share, once."""
        if entry.name not in self._provided:
            self._provided.add(entry.name)
            entry.provide(self.runtime.resources, self.settings.state)

    def find_run(self, run_id: str) -> Run:
        """The run with this id. Raises NotFound."""
        return self.run(self.runtime.runs.get(run_id))


def _passed(approval: Approval) -> str:
    """What the deadline of a question did, which had passed before this command."""
    passed = f"The deadline of approval {approval.id} ({approval.tool}) has passed:"
    if approval.decision is None:
        return f"{passed} it asks {', '.join(approval.roles) or 'others'} now."
    return f"{passed} {approval.decision.type}. Go on with: graphwright resume {approval.run_id}"


def tool_options(named: Iterable[Path]) -> dict[str, list[str]]:
    """What a run remembers of the command line, so that it is resumed with the same tools."""
    files = [str(path.absolute()) for path in named]
    return {"tools": files} if files else {}


def remembered_tools(run: Run) -> list[Path]:
    """The tool files that a run was started with."""
    return [Path(path) for path in run.options.get("tools", ())]
