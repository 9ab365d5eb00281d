"""The api process of cases: the real servicers behind the real steps of the rpc pipeline that come after the token."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.message import Message
from opentelemetry import context as trace_context
from sqlalchemy.exc import OperationalError

from chassis import rpc
from chassis.api import Caller
from chassis.problems import Problem
from duokua.cases.v1 import task_pb2
from services.cases import task_api
from services.cases.answering import Answering
from services.cases.api import CaseApi
from services.cases.dispatch import Waiter
from services.cases.operations_api import OperationsApi
from services.cases.plans import Plans
from services.cases.service import Cases
from services.cases.task_api import TaskApi
from services.cases.tasks import Given, Tasks
from tests.simulation.network import Reply
from tests.simulation.scheduler import Life, Look
from tests.simulation.stage import Stage

Answer = TypeVar("Answer")

GATHERING = 0.03
"""Seconds within which answers come into one transaction, at the most."""


class Api:
    """One api process, from its start to its end."""

    def __init__(self, stage: Stage, life: Life, outbox_limit: int) -> None:
        self._stage = stage
        self._database = stage.databases.of_api
        self._database.bound_outbox(outbox_limit, clock=lambda: stage.clock.milliseconds / 1000)
        cases = Cases(Plans(), stage.parts.decide)
        self._tasks = Tasks(Plans(), stage.lease, stage.parts.decide)
        # Handlers are called in this thread, nobody reads materials, and the token's checks come before what is used.
        unused: Any = None
        self._task_api = TaskApi(self._tasks, unused)
        self._pipeline = rpc.Pipeline(self._database, unused, unused, stage.vault, asyncio.Event())
        self._answering = Answering(self._tasks, self._database, unused)
        self._methods = {
            method.name: rpc.method_of(servicer, method)
            for servicer in (CaseApi(cases, unused), OperationsApi(cases))
            for method in servicer.service.methods
        }
        self._gathered: list[tuple[Given, Reply]] = []
        self._committing = Look(stage.scheduler, life, "answer", self._commit)

    def unary(self, method: str, caller: Caller, request: Message) -> Message | Problem:
        """What the pipeline answers to a call with a single answer."""
        if method == "SubmitCase":
            self._stage.parts.before_submission(self._database)
        served = self._methods[method]
        return self._or_problem(
            lambda: self._pipeline._run(
                served, caller, served.checked(request.SerializeToString()), trace_context.get_current()
            )
        )

    def pull(self, caller: Caller, room: int) -> list[task_pb2.Task] | Problem:
        """Tasks that a client may have now."""
        waiter = Waiter(caller.organ_id, frozenset(), caller.subject, room)
        return self._or_problem(lambda: self._task_api._lease_now(self._database, waiter))

    def answer(self, caller: Caller, message: task_pb2.TaskAnswer, reply: Reply) -> None:
        """Take an answer into the next transaction."""
        given = self._or_problem(lambda: task_api._given(caller, message))
        if isinstance(given, Problem):
            reply(given)
            return
        self._gathered.append((given, reply))
        self._committing.within(self._stage.fates.seconds(0, GATHERING))

    def _commit(self) -> None:
        batch, self._gathered = self._gathered, []
        given = [self._stage.parts.answer(self._database, each) for each, _ in batch]
        outcomes = self._answering._commit(given)
        for each, (_, reply), outcome in zip(given, batch, outcomes, strict=True):
            said = type(each.answer).__name__ if each.answer else "Release" if each.releases else "Extend"
            became = outcome.problem.reason if outcome.problem else "taken"
            self._stage.trace.say(f"api: {said} of {self._stage.trace.short(each.task_id)}: {became}")
            reply(outcome.problem or outcome)

    def _or_problem(self, call: Callable[[], Answer]) -> Answer | Problem:
        try:
            return call()
        except (Problem, OperationalError) as error:
            problem = rpc._as_problem(error)
            assert problem is not None
            if problem.reason == "OUTBOX_FULL":
                self._stage.fates.note("outbox full")
            return problem
