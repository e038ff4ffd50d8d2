"""What can go wrong with runs, sorted by who must act. Every message says what happened, where, and what to do."""

from __future__ import annotations


class RuntimeProblem(Exception):
    """Base of everything here."""


class NotFound(RuntimeProblem):
    """No run, thread, approval or graph has this id. For the person who typed it."""


class StateFolderError(RuntimeProblem):
    """The state folder or its database cannot be used. For the operator."""

    retryable = True
    """A run that met it goes on from its last checkpoint once the disk is well again."""


class DamagedRow(StateFolderError):
    """A row of the database is not as it was written. For the operator; the run goes on once it is put right."""


class ThreadBusy(RuntimeProblem):
    """Another process moves this thread right now. For the caller: wait, or cancel the other run."""


class RunFinished(RuntimeProblem):
    """The run has ended; nothing can move it. For the caller."""


class AlreadyDecided(RuntimeProblem):
    """The approval has a decision; it counts once. For the person who came second."""


class TooLate(AlreadyDecided):
    """The deadline decided before this answer came. For the person who answered."""


class NotAllowed(RuntimeProblem):
    """This decision, or this person, is not permitted here. For the person who decided."""


class SamePersonTwice(NotAllowed):
    """This person has given their say already; others are wanted. For the person who decided."""


class DigestMismatch(RuntimeProblem):
    """The decision answers other arguments than the ones asked about. For the person who decided."""


class RunFailed(RuntimeProblem):
    """The graph raised; the run is recorded as failed. For the developer."""


class LeaseLost(RuntimeProblem):
    """Another process has taken the thread; this one must stop. For nobody: the other goes on."""


class JournalDivergence(RuntimeProblem):
    """A graph that ran again asked for something else under the same key. For the developer."""


class GraphChanged(RuntimeProblem):
    """A run's graph is not the one it began with; nothing was applied. For the developer and the operator."""


class BudgetExceeded(RuntimeProblem):
    """A call could have crossed a limit and was not made. For the person who pays: says what was spent where."""


class UnknownPrice(RuntimeProblem):
    """Money has a limit and what a model costs is not known. For the operator."""
