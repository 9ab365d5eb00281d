"""What goes wrong between a client and the platform.

    DuokuaError                 any error of the platform; has code, reason, message, metadata, violations, retry_after
      InvalidArgument           a field is wrong: see `violations`
      Unauthenticated           no good token, or the client is unknown or disabled
      PermissionDenied          the token does not carry the permission
      NotFound
      AlreadyExists
      FailedPrecondition        not in this state: see `reason`
      ResourceExhausted         too much, or too big
      DeadlineExceeded          no answer in time; whether the call took effect is unknown
      Unavailable               the platform cannot be reached
      LeaseLost                 (duokua.task) a task is no longer ours

What to do is decided by `code` and `reason`, never by the text of `message`.
"""

# the names are those of gRPC's status codes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from duokua.cases.v1 import task_pb2

_DETAILS = "grpc-status-details-bin"
_TRANSIENT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
    }
)
_ADVICE = {
    grpc.StatusCode.UNAVAILABLE: "Check the address and that the platform runs, then try again.",
    grpc.StatusCode.DEADLINE_EXCEEDED: "Try again with the same request_id: it is not done twice.",
    grpc.StatusCode.UNAUTHENTICATED: "Check the client id and its key, and that the client is registered and enabled.",
    grpc.StatusCode.UNIMPLEMENTED: "Check that the address is the one of this service.",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One wrong field of a request."""

    field: str
    description: str


class DuokuaError(Exception):
    """The platform refused a call, or could not be reached.

    `reason` is UPPER_SNAKE, such as "STALE_LEASE", and empty when the error did not come from the platform itself;
    `metadata` holds every dynamic part of `message`; `retry_after` is set when the platform says in how many seconds
    the same call may succeed, and that sooner it will not.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after: float | None = None,
    ) -> None:
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after
        super().__init__(code, reason, message)

    def __str__(self) -> str:
        """Tell the status, the reason, the message and each wrong field."""
        head = " ".join(part for part in (self.code.name, self.reason) if part)
        fields = "; ".join(f"{violation.field}: {violation.description}" for violation in self.violations)
        return f"{head}: {self.message}" + (f" [{fields}]" if fields else "")

    @property
    def transient(self) -> bool:
        """Whether the same call may succeed a little later."""
        return self.code in _TRANSIENT


class InvalidArgument(DuokuaError):
    """A field of the request is wrong: `violations` names each."""


class Unauthenticated(DuokuaError):
    """The client, its key or its token was not accepted."""


class PermissionDenied(DuokuaError):
    """The token does not carry the permission."""


class NotFound(DuokuaError):
    """There is no such thing, or none that the caller may see."""


class AlreadyExists(DuokuaError):
    """The thing exists already, and differs."""


class FailedPrecondition(DuokuaError):
    """The thing is not in a state that allows the call."""


class ResourceExhausted(DuokuaError):
    """Too many calls, or a message too big."""


class DeadlineExceeded(DuokuaError):
    """There was no answer in time; whether the call took effect is unknown."""


class Unavailable(DuokuaError):
    """The platform cannot be reached, or is stopping."""


_KINDS: dict[grpc.StatusCode, type[DuokuaError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
}
_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


class RpcFailure(Protocol):
    """What a failed call tells; both `grpc.RpcError` with `grpc.Call` and `grpc.aio.AioRpcError` do."""

    def code(self) -> grpc.StatusCode | None: ...  # noqa: D102
    def details(self) -> str | None: ...  # noqa: D102
    def trailing_metadata(self) -> Any: ...  # noqa: D102


def error(
    code: grpc.StatusCode,
    reason: str,
    message: str,
    metadata: Mapping[str, str] | None = None,
    violations: Sequence[Violation] = (),
    retry_after: float | None = None,
) -> DuokuaError:
    """Make the error whose class fits the code."""
    return _KINDS.get(code, DuokuaError)(code, reason, message, metadata, violations, retry_after)


def from_rpc(failure: RpcFailure, where: str = "") -> DuokuaError:
    """Make the error that a failed call tells.

    Reads google.rpc.Status, with its ErrorInfo, BadRequest and RetryInfo, from the trailer `grpc-status-details-bin`.
    A failure without it (nobody answered, or something between us did) gets an empty reason and `where`, the method
    and the address, in its message.
    """
    code = failure.code() or grpc.StatusCode.UNKNOWN
    status = _status_of(failure)
    if status is None:
        details = (failure.details() or "no details were given").rstrip(".")
        message = f"{where}: {details}." if where else f"{details}."
        return error(code, "", " ".join(part for part in (message, _ADVICE.get(code, "")) if part))
    info, bad_request, retry = ErrorInfo(), BadRequest(), RetryInfo()
    for detail in status.details:
        # Unpack does nothing when the detail is of another type.
        detail.Unpack(info)
        detail.Unpack(bad_request)
        detail.Unpack(retry)
    violations = [Violation(item.field, item.description) for item in bad_request.field_violations]
    retry_after = _seconds(retry.retry_delay) if retry.HasField("retry_delay") else None
    kind = _CODES.get(status.code, code)
    return error(kind, info.reason, status.message, dict(info.metadata), violations, retry_after)


def from_problem(problem: task_pb2.Problem) -> DuokuaError:
    """Make the error that an answer on a stream was met with."""
    code = _CODES.get(problem.code, grpc.StatusCode.UNKNOWN)
    violations = [Violation(item.field, item.description) for item in problem.violations]
    retry_after = _seconds(problem.retry_after) if problem.HasField("retry_after") else None
    return error(code, problem.reason, problem.message, problem.metadata, violations, retry_after)


def _seconds(duration: Duration) -> float:
    """A delay, which is not negative whatever was sent."""
    return max(0.0, duration.seconds + duration.nanos / 1e9)


def _status_of(failure: RpcFailure) -> Status | None:
    for key, value in failure.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            try:
                return Status.FromString(value)
            except DecodeError:
                return None
    return None
