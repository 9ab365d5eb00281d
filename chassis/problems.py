"""The errors that code raises on purpose, one small tree.

    Problem
    ├── Invalid           the input is wrong, and names the fields          INVALID_ARGUMENT
    ├── Unauthenticated   nobody knows who is asking                        UNAUTHENTICATED
    ├── Forbidden         known, but not allowed                            PERMISSION_DENIED
    ├── NotFound          no such thing, or not for this caller             NOT_FOUND
    ├── Exists            there is one already                              ALREADY_EXISTS
    ├── Conflict          not in this state                                 FAILED_PRECONDITION
    ├── Exhausted         too much at once; later is fine                   RESOURCE_EXHAUSTED
    └── Unavailable       something that we depend on is away               UNAVAILABLE

Only the gRPC edge turns them into status codes; only the bus edge turns them into retries and dead letters.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One fault of one field: where it is, and what would be right."""

    field: str
    description: str


class Problem(Exception):
    """Something that the caller can understand and act on.

    `reason` is UPPER_SNAKE and stable; `metadata` holds every dynamic part of `message`.
    """

    passing = False
    """True when the same input may work later without anybody changing anything."""

    def __init__(self, reason: str, message: str, **metadata: object) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = {key: str(value) for key, value in metadata.items()}

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"


class Invalid(Problem):
    """The input is wrong; each violation names a field and says what would be right."""

    def __init__(self, reason: str, message: str, violations: Sequence[Violation] = (), **metadata: object) -> None:
        super().__init__(reason, message, **metadata)
        self.violations = tuple(violations)

    def __str__(self) -> str:
        faults = "".join(f"\n  {fault.field}: {fault.description}" for fault in self.violations)
        return f"{self.reason}: {self.message}{faults}"


class Unauthenticated(Problem):
    """Nobody knows who is asking."""


class Forbidden(Problem):
    """The caller is known, and not allowed."""


class NotFound(Problem):
    """There is no such thing, or none that this caller may see."""


class Exists(Problem):
    """There is one already."""


class Conflict(Problem):
    """What was asked does not fit the state that things are in."""


class Exhausted(Problem):
    """Too much at once; `retry_after` says in how many seconds it may be less, where that is known."""

    passing = True

    def __init__(self, reason: str, message: str, *, retry_after: float | None = None, **metadata: object) -> None:
        super().__init__(reason, message, **metadata)
        self.retry_after = retry_after


class Unavailable(Problem):
    """Something that this depends on is away."""

    passing = True
