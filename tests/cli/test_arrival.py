"""What was registered a moment ago is waited for, and not for ever."""

import pytest
from grpc import StatusCode

from cli.arrival import once_arrived
from duokua.errors import NotFound


class Late:
    """Answers after so many refusals."""

    def __init__(self, refusals: int, reason: str = "ORGAN_NOT_FOUND") -> None:
        self.calls = 0
        self._refusals = refusals
        self._reason = reason

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._refusals:
            raise NotFound(StatusCode.NOT_FOUND, self._reason, "there is no organ")
        return "answer"


def test_what_arrives_late_is_waited_for() -> None:
    late = Late(2)
    assert once_arrived(late, "ORGAN_NOT_FOUND") == "answer"
    assert late.calls == 3


def test_what_never_arrives_is_its_own_error() -> None:
    with pytest.raises(NotFound, match="ORGAN_NOT_FOUND"):
        once_arrived(Late(10**6), "ORGAN_NOT_FOUND", seconds=0.2)


def test_another_error_is_not_tried_again() -> None:
    late = Late(1, "CASE_NOT_FOUND")
    with pytest.raises(NotFound):
        once_arrived(late, "ORGAN_NOT_FOUND")
    assert late.calls == 1
