"""Problems as gRPC statuses: google.rpc.Status with exactly one ErrorInfo, BadRequest with the fields, RetryInfo."""

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from chassis.problems import (
    Conflict,
    Exhausted,
    Exists,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    Unauthenticated,
    Unavailable,
)

DOMAIN = "duokua"
CODES: dict[type[Problem], grpc.StatusCode] = {
    Invalid: grpc.StatusCode.INVALID_ARGUMENT,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    NotFound: grpc.StatusCode.NOT_FOUND,
    Exists: grpc.StatusCode.ALREADY_EXISTS,
    Conflict: grpc.StatusCode.FAILED_PRECONDITION,
    Exhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
}
LONGEST_TEXT = 300
MOST_BYTES = 3000
"""Of details: they travel in one header block, and one that is longer than clients accept (8 KiB, as Base64) would
lose the whole status."""


def code_of(problem: Problem) -> grpc.StatusCode:
    """The status code of a problem."""
    return CODES.get(type(problem), grpc.StatusCode.UNKNOWN)


def details_of(problem: Problem, code: grpc.StatusCode | None = None) -> bytes:
    """The serialised google.rpc.Status of a problem, for the trailer `grpc-status-details-bin`.

    `code` is for what no problem stands for: a deadline, an unexpected error.
    """
    number = (code or code_of(problem)).value[0]
    info = error_details_pb2.ErrorInfo(reason=problem.reason, domain=DOMAIN)
    for key, value in problem.metadata.items():
        info.metadata[key] = value[:LONGEST_TEXT]
    details = [_any(info)]
    if isinstance(problem, Invalid) and problem.violations:
        bad = error_details_pb2.BadRequest()
        for violation in problem.violations:
            bad.field_violations.add(
                field=violation.field[:LONGEST_TEXT], description=violation.description[:LONGEST_TEXT]
            )
            if info.ByteSize() + bad.ByteSize() > MOST_BYTES:
                del bad.field_violations[-1]
                break
        details.append(_any(bad))
    if isinstance(problem, Exhausted) and problem.retry_after is not None:
        details.append(_any(error_details_pb2.RetryInfo(retry_delay=duration(problem.retry_after))))
    status = status_pb2.Status(code=number, message=problem.message[:LONGEST_TEXT], details=details)
    serialised: bytes = status.SerializeToString()
    return serialised


def duration(seconds: float) -> Duration:
    """Seconds as protobuf has them, to the millisecond."""
    return Duration(seconds=int(seconds), nanos=int(seconds * 1000) % 1000 * 1_000_000)


def _any(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
