"""A task as a handler gets it, and what a handler may say instead of a result."""

import io
import os
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, TypeAlias, get_args

from duokua import transfer
from duokua.cases.v1 import case_pb2, task_pb2, task_service_pb2
from duokua.cases.v1.material_service_pb2 import DownloadMaterialRequest
from duokua.data import from_struct
from duokua.errors import DuokuaError

if TYPE_CHECKING:
    from duokua.client import Session

LARGEST_MESSAGE: Final = 3_000_000
"""Bytes of a content that comes in one message."""
# The platform's limit on a text that does not name another one.
LONGEST_REASON: Final = 1000
# The contract's limits on a request for corrections.
LONGEST_FAULT: Final = 500
# The contract's limit on what an office calls a person or a section.
LONGEST_NAME: Final = 200
MOST_ITEMS: Final = 100

ProcedureName: TypeAlias = Literal["hearing", "publicity", "verification", "suspended"]
PROCEDURES: Final[tuple[ProcedureName, ...]] = get_args(ProcedureName)


class Refuse(Exception):
    """Raised by a handler: 不予受理 / 不予许可. `reason` is for the applicant; 1 to 1,000 characters."""

    def __init__(self, reason: str) -> None:
        self.reason = _checked(reason)
        super().__init__(reason)


class Return(Exception):
    """Raised by a handler: 退回, the task is not ours and is routed anew. `reason` has 1 to 1,000 characters."""

    def __init__(self, reason: str) -> None:
        self.reason = _checked(reason)
        super().__init__(reason)


class Retry(Exception):
    """Raised by a handler: a technical failure, to be tried again.

    `after` is how long to wait, as timedelta or in seconds; without it the platform decides. `reason` has 1 to 1,000
    characters.
    """

    def __init__(self, reason: str, after: timedelta | float | None = None) -> None:
        self.reason = _checked(reason)
        self.after = timedelta(seconds=after) if isinstance(after, int | float) else after
        if self.after is not None and self.after < timedelta(0):
            raise ValueError(f"after is {self.after}; it must not be negative")
        super().__init__(reason)


class RequestCorrection(Exception):
    """Raised by a handler: 补正, the applicant is to supply or mend something; ask for everything at once.

    `fields` and `materials` say what is wrong with each field of the form, by its path, and with each kind of material:
    `RequestCorrection({"premises.area": "the deed says 120 square metres"}, {"lease": "cannot be read"})`. `reason` is
    needed from the second request for the same step on. Another task follows when the applicant has supplied it all.
    """

    def __init__(
        self,
        fields: Mapping[str, str] | None = None,
        materials: Mapping[str, str] | None = None,
        *,
        reason: str = "",
    ) -> None:
        self.fields = {path: _checked(wrong, LONGEST_FAULT) for path, wrong in (fields or {}).items()}
        self.materials = {kind: _checked(wrong, LONGEST_FAULT) for kind, wrong in (materials or {}).items()}
        self.reason = _checked(reason) if reason else ""
        if not 0 < len(self.fields) + len(self.materials) <= MOST_ITEMS:
            raise ValueError(f"ask for 1 to {MOST_ITEMS} fields and materials")
        super().__init__(reason or ", ".join([*self.fields, *self.materials]))


class Suspend(Exception):
    """Raised by a handler: 特别程序, a special procedure begins, and the clocks of the step stand still.

    `kind` is "hearing" (听证), "publicity" (公示), "verification" (检验、检测、检疫、鉴定) or "suspended" (中止);
    `reason` is for the applicant. Keep the task's id: `Department.resume(task_id)` says that it is over, and another
    task follows.
    """

    def __init__(self, kind: ProcedureName, reason: str) -> None:
        if kind not in PROCEDURES:
            raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(PROCEDURES)}")
        self.kind = kind
        self.reason = _checked(reason)
        super().__init__(reason)


class PassUp(Exception):
    """Raised by a handler: 转报, reviewed here, and the office above decides.

    `opinion` is a JSON-like dict, which that office gets with the task; `reason`, which the applicant is told, has 1 to
    1,000 characters.
    """

    def __init__(self, opinion: Mapping[str, object], reason: str) -> None:
        self.opinion = opinion
        self.reason = _checked(reason)
        super().__init__(reason)


class LeaseLost(DuokuaError):
    """The task is no longer ours: its lease ran out, it is settled, or its case has ended. `reason` says which."""


class Task:
    """A piece of work for the office.

    `task_id` is the idempotency key for the department's own database: after a crash the same task may come again,
    and must then have the same effect and the same result, once. `cancelled` is set when the task is lost while its
    handler runs: whatever the handler answers then is dropped, so it may as well stop.
    """

    def __init__(
        self,
        message: task_pb2.Task,
        say: Callable[["Task", task_pb2.TaskAnswer], None],
        session: "Session",
    ) -> None:
        self.message: Final = message
        self.cancelled: Final = threading.Event()
        self._say = say
        self._session = session

    def __repr__(self) -> str:
        return f"<Task {self.task_id} {self.kind} {self.catalog_code} of case {self.case_number}>"

    @property
    def task_id(self) -> str:
        """Names the task, in every attempt."""
        return self.message.task_id

    @property
    def is_undo(self) -> bool:
        """Whether the task is to undo what an earlier task did."""
        return self.message.kind == task_pb2.TASK_KIND_UNDO

    @property
    def is_follow_up(self) -> bool:
        """Whether the task is to answer a bad rating."""
        return self.message.kind == task_pb2.TASK_KIND_FOLLOW_UP

    @property
    def kind(self) -> str:
        """Either "handle", "undo" or "follow_up"."""
        return task_pb2.TaskKind.Name(self.message.kind).removeprefix("TASK_KIND_").lower()

    @property
    def case_id(self) -> str:
        """The case that the task belongs to."""
        return self.message.case_id

    @property
    def case_number(self) -> str:
        """办件编号, as people write it."""
        return self.message.case_number

    @property
    def bundle_id(self) -> str:
        """The bundle that the case runs."""
        return self.message.bundle_id

    @property
    def step_id(self) -> str:
        """The step of the bundle."""
        return self.message.step_id

    @property
    def catalog_code(self) -> str:
        """The matter, by its national code."""
        return self.message.catalog_code

    @property
    def organ_id(self) -> str:
        """The office that the task was routed to."""
        return self.message.organ_id

    @property
    def attempt(self) -> int:
        """The try, counted from 1."""
        return self.message.attempt

    @property
    def accepted(self) -> bool:
        """Whether the office had accepted the task before, under an earlier lease."""
        return self.message.accepted

    @property
    def corrections(self) -> int:
        """How often the applicant was asked for corrections of this step."""
        return self.message.corrections

    @cached_property
    def form(self) -> dict[str, object]:
        """The declared fields of the form."""
        return from_struct(self.message.form)

    @cached_property
    def inputs(self) -> dict[str, object]:
        """What the matter takes of the results of earlier steps, each of the type that the matter declares.

        Empty for an undo task.
        """
        return from_struct(self.message.inputs)

    @property
    def materials(self) -> tuple[case_pb2.MaterialRef, ...]:
        """The declared materials: kind, name, media_type, sha256, size; see `content`.

        One with `licence` (`HasField("licence")`) has no content: the applicant's licence stands in its place.
        """
        return tuple(self.message.materials)

    @property
    def handled_task_id(self) -> str:
        """For an undo task: the task whose work is to be undone."""
        return self.message.handled_task_id

    @cached_property
    def handled_result(self) -> dict[str, object]:
        """For an undo task: the result that the task to be undone gave."""
        return from_struct(self.message.handled_result)

    @property
    def handler(self) -> str:
        """Who or which section handles it inside the office, as the office said with `hand_over`; empty before."""
        return self.message.handler

    @property
    def reviews(self) -> tuple[case_pb2.Review, ...]:
        """Opinions of offices below that passed it upward, oldest first; `from_struct(review.opinion)` reads one."""
        return tuple(self.message.reviews)

    @property
    def lease_expires_at(self) -> datetime:
        """When the lease that the task came with runs out, in UTC; it is kept alive while the handler runs."""
        return self.message.lease_expires_at.ToDatetime(UTC)

    def accept(self) -> None:
        """受理: take the matter on, and wait until the platform has noted it.

        A handler that answers without it accepts by that. Raises `LeaseLost` when the task is not ours any more. In
        an `async def` handler use `await asyncio.to_thread(task.accept)`.
        """
        answer = task_pb2.TaskAnswer()
        answer.accept.SetInParent()
        self._say(self, answer)

    def hand_over(self, handler: str, reason: str = "") -> None:
        """转办: another person or section of the office handles the task from now on; it stays with this handler.

        It is told with the task (`handler`) from the next lease on. `handler` has 1 to 200 characters. Raises
        `LeaseLost`, and `DuokuaError` when the platform does not take it. In an `async def` handler use
        `await asyncio.to_thread(task.hand_over, handler)`.
        """
        over = task_pb2.HandOver(handler=_checked(handler, LONGEST_NAME), reason=_checked(reason) if reason else "")
        self._say(self, task_pb2.TaskAnswer(hand_over=over))

    def extend_limit(self, amount: int, reason: str, authority: str) -> None:
        """延长: more time for the decision, in the unit of the statutory limit; the task stays with this handler.

        `reason` is for the applicant; `authority` is who gave leave, in 1 to 200 characters. Raises as `hand_over`.
        """
        if amount < 1:
            raise ValueError(f"amount is {amount}; it must be 1 or more")
        more = task_pb2.ExtendLimit(amount=amount, reason=_checked(reason), authority=_checked(authority, LONGEST_NAME))
        self._say(self, task_pb2.TaskAnswer(extend_limit=more))

    @property
    def visit(self) -> case_pb2.VisitState | None:
        """The joint visit (联合踏勘) for which the result waits, as it stood when the task was opened; None without."""
        return self.message.visit if self.message.HasField("visit") else None

    def schedule_visit(self, at: datetime, place: str) -> None:
        """Say when and where the offices of the joint visit meet; said again, it is moved.

        `at` is aware, `place` has 1 to 200 characters. Raises as `hand_over`, with reason NO_VISIT when the task has
        none, and VISIT_HELD when it is over.
        """
        if at.tzinfo is None:
            raise ValueError(f"at is {at} without a time zone; give an aware datetime")
        meeting = task_pb2.ScheduleVisit(place=_checked(place, LONGEST_NAME))
        meeting.at.FromDatetime(at)
        self._say(self, task_pb2.TaskAnswer(schedule_visit=meeting))

    def attend_visit(self, finding: str = "") -> None:
        """Say that the office was at the joint visit; accept the task before. Said twice, nothing happens.

        The result is taken once all offices were there, and refused with VISIT_PENDING until then. Raises as
        `hand_over`, with reasons VISIT_NOT_SCHEDULED, NOT_ACCEPTED and NO_VISIT.
        """
        self._say(self, task_pb2.TaskAnswer(attend_visit=task_pb2.AttendVisit(finding=finding)))

    def content(self, material: case_pb2.MaterialRef) -> bytes:
        """Fetch the content of one of the materials, whole; raises `DuokuaError`. For large ones, see `save`.

        In an `async def` handler use `await asyncio.to_thread(task.content, material)`.
        """
        if material.size > LARGEST_MESSAGE:
            buffer = io.BytesIO()
            self.save(material, buffer)
            return buffer.getvalue()
        request = task_service_pb2.GetMaterialRequest(task_id=self.task_id, sha256=material.sha256)
        return self._session.tasks.GetMaterial(request).content

    def save(
        self,
        material: case_pb2.MaterialRef,
        to: str | os.PathLike[str] | BinaryIO,
        progress: transfer.Progress | None = None,
    ) -> None:
        """Write one of the materials, of whatever size, to a path or a file; see `duokua.transfer.download`.

        In an `async def` handler use `await asyncio.to_thread(task.save, material, path)`.
        """
        request = DownloadMaterialRequest(task_id=self.task_id, sha256=material.sha256)
        transfer.download(self._session, request, to, progress)


def _checked(reason: str, longest: int = LONGEST_REASON) -> str:
    if not reason.strip():
        raise ValueError("the reason is empty; it is what people read")
    if len(reason) > longest:
        raise ValueError(f"the reason has {len(reason)} characters; at most {longest} are taken")
    return reason
