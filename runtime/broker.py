"""The broker: asks once, takes answers, and hands the decision to the call until it has read it.

A question is a row whose id follows from the call's key, so a node that runs again finds its question instead of
asking a second one. The rules are in ``deciding.py``; here each is applied inside one database transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, func, select, update

from .approval_rows import add, load, save
from .approvals import Approval, Person
from .clock import Clock
from .database import Database
from .deciding import answer, delegate, pass_deadline, request_of, same_request
from .decisions import Approve, Decision, Edit
from .digests import plain_json
from .errors import AlreadyDecided, DamagedRow, DigestMismatch, NotAllowed, NotFound, RunFinished, RuntimeProblem
from .questions import Question
from .runs import FINISHED
from .tables import approvals, runs

Witness = Callable[[Connection, Approval | None, Approval], None]
"""Told each change in the transaction that makes it: the approval before (None: it is new) and after."""
Guard = Callable[[Connection], None]
"""Looks, in the transaction that asks or delivers, whether the caller may; raises if not."""
APPROVERS = "approvers"
"""The option of a run that names roles: whoever decides its approvals holds one of them."""


class Broker:
    """Keeps questions and decisions, and is the port by which a gate asks."""

    def __init__(
        self, database: Database, clock: Clock, *, tenant: str = "local", witness: Witness | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._tenant = tenant
        self._witness = witness

    async def ask(self, question: Question, *, guard: Guard | None = None) -> Decision:
        """The decision on this question; pauses the run (a LangGraph interrupt) until there is one.

        Args:
            question: What is asked; asked again it is the same approval.
            guard: See :data:`Guard`.

        Raises:
            RunFinished: if the run was cancelled meanwhile; the decision is not applied.
            DigestMismatch: if the call, or the decision's row, is not what was decided on.
        """
        # An inbox lists questions without running a graph; it need not pay for LangGraph.
        from langgraph.types import interrupt

        approval = await self.record(question, guard=guard)
        while True:
            # The resume value only wakes the node: what counts is the decision in the database. Yet a question takes
            # its place in the node's row of interrupts every time, decided or not: values are matched by position,
            # and the next interrupt of the node would get this one's.
            interrupt(approval.to_wire())
            approval = await self.get(approval.id)
            if approval.decision is not None:
                return await self._delivered(approval, guard)

    async def decide(
        self,
        approval_id: str,
        decision: Decision,
        *,
        by: str,
        roles: frozenset[str] = frozenset(),
        digest: str | None = None,
    ) -> Approval:
        """Record an answer; it is on disk when this returns, and the approval is decided if it was the last needed.

        Args:
            approval_id: Which approval.
            decision: What was decided.
            by: Who decided.
            roles: What they are, as whoever signed them in knows it.
            digest: The digest that the person was shown; None for whoever shows and decides in one breath.

        Raises:
            NotFound: if there is no such approval.
            AlreadyDecided: if it has a decision, or its run was cancelled; names who decided and when.
            TooLate: if its deadline has decided.
            DigestMismatch: if ``digest`` is that of other arguments.
            NotAllowed: if this person, or this kind of decision, is not open to this question.
            SamePersonTwice: if this person has approved the same arguments already.
        """
        person = Person(by, frozenset(roles))
        return await self._change_one(approval_id, lambda each, now: answer(each, decision, person, now, digest))

    async def approve_alike(
        self, shown: Mapping[str, str], *, by: str, roles: frozenset[str] = frozenset(), comment: str = ""
    ) -> list[Approval]:
        """Approve several questions at one go, all or none; they must ask for the very same.

        Args:
            shown: Approval id to the digest that the person was shown.
            by, roles: See :meth:`decide`.
            comment: Kept with each.

        Raises:
            DigestMismatch: if they differ in tool, arguments, reason or rules; names the first that does.
            RuntimeProblem: what :meth:`decide` raises, for the first that is refused. Nothing was recorded then.
        """
        person = Person(by, frozenset(roles))

        def approve(asked: list[Approval], now: float) -> list[Approval]:
            for each in asked:
                if same_request(each) != same_request(asked[0]):
                    raise DigestMismatch(
                        f"Approval {each.id} asks for something else than {asked[0].id}. Only questions about the "
                        "very same call can be approved together. Nothing was recorded."
                    )
            return [answer(each, Approve(comment), person, now, shown[each.id]) for each in asked]

        return await self._change(list(shown), approve)

    async def delegate(
        self, approval_id: str, *, by: str, to: str, roles: frozenset[str] = frozenset(), comment: str = ""
    ) -> Approval:
        """Hand one's say on an approval to somebody else, who needs no role for it; it is recorded.

        Raises:
            NotFound, AlreadyDecided, TooLate, NotAllowed, SamePersonTwice: see :meth:`decide`.
        """
        person = Person(by, frozenset(roles))
        return await self._change_one(approval_id, lambda each, now: delegate(each, person, to, now, comment))

    async def expire(self) -> list[Approval]:
        """Act on every deadline that has passed; gives the approvals that it changed.

        A row that cannot be read is left as it is: whoever asks for it is told.
        """

        is_due = (approvals.c.status == "pending") & (approvals.c.tenant == self._tenant)
        query = select(approvals.c.id).where(is_due, approvals.c.deadline <= self._clock())
        due = await self._database.read(lambda connection: connection.execute(query).scalars().all())

        def work(connection: Connection) -> list[Approval]:
            now = self._clock()
            found = [one for each in due for one in load(connection, approvals.c.id == each, damaged=[])]
            return [after for each in found if (after := self._expired(connection, each, now)) is not each]

        return await self._database.transaction(work) if due else []

    async def get(self, approval_id: str) -> Approval:
        """The approval with this id, its deadline acted on.

        Raises:
            NotFound: if there is none.
        """
        return _known(await self._look(approvals.c.id == approval_id, brief=True), approval_id)

    async def pending(
        self,
        *,
        run_id: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        damaged: list[DamagedRow] | None = None,
    ) -> list[Approval]:
        """What waits for a person, oldest first.

        Args:
            run_id: Only what this run asks.
            limit: At most so many; None for all of them.
            offset: Leave out so many of the oldest, with a limit.
            damaged: Is given what is wrong with questions that cannot be read; without it, the first one raises.
        """
        mine = (approvals.c.run_id == run_id) if run_id else (approvals.c.tenant == self._tenant)
        is_open = (approvals.c.status == "pending") & mine
        found = await self._look(is_open, brief=run_id is not None, limit=limit, offset=offset, damaged=damaged)
        return [each for each in found if each.status == "pending"]

    async def count_pending(self) -> int:
        """How many questions wait for a person."""
        mine = (approvals.c.tenant == self._tenant) & (approvals.c.status == "pending")
        query = select(func.count()).select_from(approvals).where(mine)
        return int(await self._database.read(lambda connection: connection.execute(query).scalar_one()))

    async def of_run(self, run_id: str) -> list[Approval]:
        """Every approval of a run, oldest first."""
        return await self._look(approvals.c.run_id == run_id, brief=True)

    async def cancel(self, run_id: str) -> None:
        """Withdraw what a cancelled run still asks."""
        statement = (
            update(approvals)
            .where(approvals.c.run_id == run_id, approvals.c.status == "pending")
            .values(status="cancelled")
        )
        await self._database.transaction(lambda connection: connection.execute(statement))

    async def record(self, question: Question, *, guard: Guard | None = None) -> Approval:
        """Put the question on disk, once; asked again it is the same approval, decided or not.

        Raises:
            DigestMismatch: if the same call has other arguments now; it must not run on the old answer.
            RunFinished: if its run has ended; there is nothing to ask any more.
        """
        approval_id = "appr_" + uuid5(NAMESPACE_URL, question.key).hex[:16]

        def work(connection: Connection) -> Approval:
            if guard is not None:
                guard(connection)
            now = self._clock()
            found = load(connection, approvals.c.id == approval_id)
            if found:
                _refuse_other_call(found[0], question)
                return self._expired(connection, found[0], now)
            run = _run_of(connection, question.run_id)
            _refuse_ended(run, question.run_id)
            approval = _asked(approval_id, question, self._tenant, run, now)
            add(connection, approval)
            self._tell(connection, None, approval)
            return approval

        return await self._database.transaction(work, brief=True)

    async def _change_one(self, approval_id: str, rule: Callable[[Approval, float], Approval]) -> Approval:
        (changed,) = await self._change([approval_id], lambda asked, now: [rule(each, now) for each in asked])
        return changed

    async def _change(self, ids: list[str], rule: Callable[[list[Approval], float], list[Approval]]) -> list[Approval]:
        """Apply a rule to approvals, to all or none; a deadline found to have passed stays acted on all the same."""

        def work(connection: Connection) -> list[Approval] | RuntimeProblem:
            now = self._clock()
            current = [_known(load(connection, approvals.c.id == each), each) for each in ids]
            current = [self._expired(connection, each, now) for each in current]
            try:
                for each in current:
                    _refuse_ended_run(connection, each)
                changed = rule(current, now)
            except RuntimeProblem as refusal:
                return refusal
            for before, after in zip(current, changed, strict=True):
                if not save(connection, before, after):
                    raise _Overtaken
                self._tell(connection, before, after)
            return changed

        while True:
            try:
                outcome = await self._database.transaction(work, brief=len(ids) == 1)
            except _Overtaken:
                continue
            if isinstance(outcome, RuntimeProblem):
                raise outcome
            return outcome

    def _expired(self, connection: Connection, approval: Approval, now: float) -> Approval:
        """The approval after its deadline, written down if that changed it."""
        after = pass_deadline(approval, now)
        if after is approval or _has_ended(_run_of(connection, approval.run_id)):
            return approval
        if not save(connection, approval, after):
            return _known(load(connection, approvals.c.id == approval.id), approval.id)
        self._tell(connection, approval, after)
        return after

    def _tell(self, connection: Connection, before: Approval | None, after: Approval) -> None:
        if self._witness is not None:
            self._witness(connection, before, after)

    async def _look(
        self,
        condition: ColumnElement[bool],
        *,
        brief: bool = False,
        damaged: list[DamagedRow] | None = None,
        **page: Any,
    ) -> list[Approval]:
        """Read approvals; whoever looks acts on the deadlines that have passed."""
        found = await self._database.read(
            lambda connection: load(connection, condition, damaged=damaged, **page), brief=brief
        )
        now = self._clock()
        due = [each.id for each in found if pass_deadline(each, now) is not each]
        if not due:
            return found

        def work(connection: Connection) -> list[Approval]:
            again = load(connection, condition, damaged=None if damaged is None else [], **page)
            return [self._expired(connection, each, self._clock()) for each in again]

        return await self._database.transaction(work)

    async def _delivered(self, approval: Approval, guard: Guard | None = None) -> Decision:
        """The decision, marked as delivered; a cancelled run gets none."""
        assert approval.decision is not None
        decision = approval.decision
        _refuse_tampered(approval)

        def work(connection: Connection) -> None:
            if guard is not None:
                guard(connection)
            _refuse_ended(_run_of(connection, approval.run_id), approval.run_id)
            if approval.delivered is None:
                statement = update(approvals).where(approvals.c.id == approval.id).values(delivered=self._clock())
                connection.execute(statement)

        await self._database.transaction(work, brief=True)
        return replace(decision, by=approval.decided_by) if isinstance(decision, Approve | Edit) else decision


class _Overtaken(Exception):
    """Somebody else changed an approval between reading and writing it; the transaction is rolled back and repeated."""


def _known(found: list[Approval], approval_id: str) -> Approval:
    if not found:
        raise NotFound(f"There is no approval {approval_id!r}. `graphwright inbox` lists the open ones.")
    return found[0]


def _asked(approval_id: str, question: Question, tenant: str, run: RowMapping | None, now: float) -> Approval:
    rules = question.rules
    return Approval(
        id=approval_id,
        key=question.key,
        run_id=question.run_id,
        thread_id=question.thread_id,
        tenant=tenant,
        agent=question.agent,
        tool=question.tool,
        call_id=question.call_id,
        path=question.path,
        requester=question.requester or (run["user"] if run else ""),
        original_arguments=orjson.loads(plain_json(question.arguments)),
        original_digest=question.digest,
        rules=rules,
        run_roles=_run_roles(run),
        allowed=question.allowed,
        status="pending",
        asked=now,
        deadline=None if rules.deadline is None else now + rules.deadline,
    )


def _run_of(connection: Connection, run_id: str) -> RowMapping | None:
    query = select(runs.c.status, runs.c.user, runs.c.options).where(runs.c.id == run_id)
    return connection.execute(query).mappings().first()


def _run_roles(run: RowMapping | None) -> tuple[str, ...]:
    named = orjson.loads(run["options"] or "{}").get(APPROVERS, ()) if run else ()
    if isinstance(named, str) or not all(isinstance(each, str) for each in named):
        raise NotAllowed(f"The run's option {APPROVERS!r} is {named!r}. It must be a list of roles.")
    return tuple(sorted(set(named)))


def _has_ended(run: RowMapping | None) -> bool:
    return run is not None and run["status"] in FINISHED


def _refuse_ended(run: RowMapping | None, run_id: str) -> None:
    if run is not None and run["status"] in FINISHED:
        raise RunFinished(f"Run {run_id} is {run['status']}; its approvals are not asked or applied any more.")


def _refuse_ended_run(connection: Connection, approval: Approval) -> None:
    run = _run_of(connection, approval.run_id) if approval.status == "pending" else None
    if run is not None and run["status"] in FINISHED:
        ended = "was cancelled" if run["status"] == "cancelled" else f"is {run['status']}"
        raise AlreadyDecided(f"Approval {approval.id} was withdrawn: its run {ended}. Your answer was not recorded.")


def _refuse_other_call(approval: Approval, question: Question) -> None:
    if approval.original_digest != question.digest:
        raise DigestMismatch(
            f"The call behind approval {approval.id} has other arguments now than when a person was asked. "
            "The run is stopped; nothing was done."
        )


def _refuse_tampered(approval: Approval) -> None:
    """An edit is applied only as it was recorded: its arguments still have the digest that people approved."""
    if not isinstance(approval.decision, Edit) or not approval.steps:
        return
    edited = request_of(approval, approval.decision.arguments)
    unchanged = edited == request_of(approval, approval.original_arguments)
    if approval.digest != (approval.original_digest if unchanged else edited):
        raise DigestMismatch(
            f"The edit recorded for approval {approval.id} is not the one that was approved. The run is stopped; "
            "nothing was done."
        )
