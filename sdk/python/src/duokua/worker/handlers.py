"""A registered handler, and the answer that its outcome makes."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from google.protobuf.struct_pb2 import Struct

from duokua.cases.v1 import case_pb2
from duokua.cases.v1.task_pb2 import TaskAnswer
from duokua.data import fill_struct
from duokua.task import LeaseLost, PassUp, Refuse, RequestCorrection, Retry, Return, Suspend, Task

_log = logging.getLogger("duokua.department")

Function = Callable[[Task], object]
_F = TypeVar("_F", bound=Function)

# The contract's limit on a result, serialised.
LARGEST_RESULT: Final = 64 * 1024
_LONGEST_FAILURE: Final = 500


class TaskHandler:
    """What `@department.task(...)` makes of a function; still callable as the function."""

    def __init__(self, function: Function) -> None:
        self.function: Final = function
        self.undo_function: Function | None = None
        self.follow_up_function: Function | None = None

    def __call__(self, task: Task) -> object:
        """Call the function itself, as tests of a department do."""
        return self.function(task)

    def undo(self, function: _F) -> _F:
        """Register the function that undoes what this handler did; it returns when it is undone.

        It may raise `Retry`, but nothing else that a handler may: an undo is owed.
        """
        if self.undo_function is not None:
            raise ValueError(f"{self._name} has its undo handler already: {self.undo_function!r}")
        self.undo_function = function
        return function

    def follow_up(self, function: _F) -> _F:
        """Register the function that answers bad ratings (`task.message.rating`) with what was found and done.

        It may raise `Retry`, but nothing else that a handler may: the answer is owed. Who answers later, when people
        have looked into it, raises `Retry` until then.
        """
        if self.follow_up_function is not None:
            raise ValueError(f"{self._name} has its follow-up handler already: {self.follow_up_function!r}")
        self.follow_up_function = function
        return function

    def function_for(self, task: Task) -> Function:
        """Give the function that answers a task; it fails when there is none for undoing, or for following up."""
        if task.is_undo:
            return self.undo_function or self._no_undo
        if task.is_follow_up:
            return self.follow_up_function or self._no_follow_up
        return self.function

    @property
    def _name(self) -> str:
        return getattr(self.function, "__name__", repr(self.function))

    def _no_undo(self, task: Task) -> None:
        raise NotImplementedError(
            f"this department system cannot undo matter {task.catalog_code}: handler {self._name} has no undo handler"
        )

    def _no_follow_up(self, task: Task) -> None:
        raise NotImplementedError(
            f"this department system answers no ratings of matter {task.catalog_code}: "
            f"handler {self._name} has no follow-up handler"
        )


def is_async(function: Function) -> bool:
    """Whether a handler is `async def`."""
    return inspect.iscoroutinefunction(function)


def run(function: Function, task: Task) -> TaskAnswer | None:
    """Run a sync handler and make the answer of what comes of it; None when the task was lost meanwhile."""
    try:
        return _completed(function(task))
    except BaseException as error:  # noqa: BLE001  # sys.exit() in a handler ends the task, not a thread in silence
        return _not_completed(task, error)


async def run_async(function: Function, task: Task) -> TaskAnswer | None:
    """Run an `async def` handler; as `run`."""
    try:
        coroutine = function(task)
        if not isinstance(coroutine, Awaitable):
            raise TypeError(f"the async handler gave {type(coroutine).__name__}, which cannot be awaited")  # noqa: TRY301
        return _completed(await coroutine)
    except BaseException as error:  # noqa: BLE001  # the same; cancellation comes from the stop, which has answered
        return _not_completed(task, error)


def failure(reason: str, retry_after_seconds: float | None = None) -> TaskAnswer:
    """Make an answer that tells of a technical failure."""
    answer = TaskAnswer()
    answer.fail.reason = reason[:_LONGEST_FAILURE]
    if retry_after_seconds is not None:
        answer.fail.retry_after.FromMilliseconds(round(retry_after_seconds * 1000))
    return answer


def _completed(result: object) -> TaskAnswer:
    answer = TaskAnswer()
    answer.complete.SetInParent()
    if result is not None:
        _fill(answer.complete.result, result, "the result")
    return answer


def _fill(struct: Struct, data: object, what: str) -> None:
    fill_struct(struct, data, what)
    size = struct.ByteSize()
    if size > LARGEST_RESULT:
        raise ValueError(f"{what} has {size} bytes when serialised; at most {LARGEST_RESULT} are taken")


def _not_completed(task: Task, error: BaseException) -> TaskAnswer | None:
    match error:
        case LeaseLost():
            return None
        case asyncio.CancelledError() if task.cancelled.is_set():
            return None
        case Refuse() | Return() | RequestCorrection() | Suspend() | PassUp():
            return _undecided(task, error)
        case Retry():
            return failure(error.reason, None if error.after is None else error.after.total_seconds())
        case _:
            _log.error("the handler for %r failed", task, exc_info=error)
            return failure(f"{type(error).__name__}: {error}")


def _undecided(task: Task, error: Refuse | Return | RequestCorrection | Suspend | PassUp) -> TaskAnswer:
    if task.is_undo or task.is_follow_up:
        verb, kind = type(error).__name__, "an undo task" if task.is_undo else "a follow-up"
        _log.error("the handler for %r raised %s, which %s does not allow", task, verb, kind)
        return failure(f"{verb} is not allowed on {kind}: {error}")
    answer = TaskAnswer()
    match error:
        case Refuse():
            answer.refuse.reason = error.reason
        case Return():
            answer.return_task.reason = error.reason
        case RequestCorrection():
            answer.request_correction.reason = error.reason
            for path, wrong in error.fields.items():
                answer.request_correction.items.add(field=path, reason=wrong)
            for kind, wrong in error.materials.items():
                answer.request_correction.items.add(material=kind, reason=wrong)
        case Suspend():
            answer.suspend.kind = case_pb2.ProcedureKind.Value(f"PROCEDURE_KIND_{error.kind.upper()}")
            answer.suspend.reason = error.reason
        case PassUp():
            answer.pass_up.reason = error.reason
            try:
                _fill(answer.pass_up.opinion, error.opinion, "the opinion")
            except (TypeError, ValueError) as unfit:
                _log.exception("the opinion that the handler for %r passed up cannot be sent", task)
                return failure(f"{type(unfit).__name__}: {unfit}")
    return answer
