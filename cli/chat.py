"""``graphwright chat``: a conversation with a graph, one run for each thing said."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, CliError
from .invocation import Command, Invocation, pass_invocation
from .output import remark

if TYPE_CHECKING:
    from .driving import Prepared
    from .session import Session

_LEAVE = ("/exit", "/quit")


@click.command(cls=Command)
@click.argument("graph")
@click.option("--model", metavar="MODEL", help="Such as openai:gpt-5-mini, or offline.")
@click.option("--thread", metavar="ID", help="Go on with this thread.")
@click.option(
    "--tools",
    type=click.Path(path_type=Path),
    metavar="FILE",
    multiple=True,
    help="Add the tools of a Python file; repeatable.",
)
@pass_invocation
def chat(invocation: Invocation, graph: str, model: str | None, thread: str | None, tools: tuple[Path, ...]) -> int:
    """Talk to GRAPH. Every line is one message of the same thread; /exit or Ctrl-D ends it."""
    from .driving import Prepared
    from .first_run import fill_knowledge
    from .session import Session, build, catalogue_of, choose_model, settings_of, tools_of

    settings = settings_of(invocation, model=model)
    entry = catalogue_of(settings).get(graph)
    prepared = Prepared(entry, build(entry, tools_of(settings, tools)), choose_model(settings))
    with Session(settings, with_resources=True, makes_state=True) as session:
        if thread is not None:
            session.run(session.runtime.runs.thread(thread))
        fill_knowledge(session, entry)
        return _Conversation(session, prepared, invocation, tools, thread).hold()


class _Conversation:
    """Lines in, answers out, until somebody leaves or the thread cannot go on."""

    def __init__(
        self, session: Session, prepared: Prepared, invocation: Invocation, tools: tuple[Path, ...], thread: str | None
    ) -> None:
        self._session = session
        self._prepared = prepared
        self._invocation = invocation
        self._tools = tools
        self._thread = thread
        self._at_terminal = sys.stdin.isatty()

    def hold(self) -> int:
        """Talk to the end; return the exit status."""
        status = EXIT_OK
        try:
            while True:
                said = self._listen()
                if said is None:
                    break
                if said.strip():
                    status = self._say(said)
                if status not in (EXIT_OK, EXIT_FAILED) or (status and not self._at_terminal):
                    break
        except KeyboardInterrupt:
            remark()
            status = EXIT_INTERRUPTED
        if self._thread is not None:
            remark(f"Go on with: {self._invocation.program} chat {self._prepared.entry.name} --thread {self._thread}")
        return EXIT_OK if self._at_terminal and status == EXIT_FAILED else status

    def _listen(self) -> str | None:
        from .asking import next_line, read_line

        line = read_line("you> ") if self._at_terminal else next_line()
        return None if line is None or line.strip() in _LEAVE else line

    def _say(self, text: str) -> int:
        from .driving import go_on
        from .inputs import checked
        from .session import tool_options

        entry = self._prepared.entry
        try:
            values = entry.values(checked(text.strip(), "The message"))
        except CliError as error:
            remark(f"error: {error}")
            return EXIT_FAILED
        runtime = self._session.runtime
        run = self._session.run(
            runtime.start(
                entry.name,
                values,
                thread_id=self._thread,
                model=self._prepared.choice.spec,
                title=" ".join(text[:200].split()),
                options=tool_options(self._tools),
            )
        )
        self._thread = run.thread_id
        return go_on(self._session, run, self._prepared, self._invocation)


COMMANDS = {"chat": chat}
