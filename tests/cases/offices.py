"""A town at the edge: its offices are real clients, and what other services would tell comes straight to its cases."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from chassis.clock import new_id
from duokua import errors
from duokua.cases.v1 import case_pb2, case_service_pb2, task_pb2, task_service_pb2
from duokua.client import Platform, Session
from duokua.data import to_struct
from duokua.identity.v1 import directory_pb2
from tests.cases.builders import Town, a_bundle, a_form, a_material
from tests.edge import Edge


class Offices(Town):
    """A portal with an applicant, and one department system for each of two organs."""

    def __init__(self, edge: Edge) -> None:
        super().__init__(edge.database("cases"))
        self.edge = edge
        self.operator = edge.operator
        self.portal = edge.client(directory_pb2.CLIENT_ROLE_PORTAL)
        self.applicant = self.portal.acting_for(edge.person(self.portal))
        self.stranger = self.portal.acting_for(edge.person(self.portal, "330106199203072348"))
        self.food_organ, self.sign_organ = edge.organ(1), edge.organ(2)
        self.food = edge.client(directory_pb2.CLIENT_ROLE_DEPARTMENT, self.food_organ)
        self.sign = edge.client(directory_pb2.CLIENT_ROLE_DEPARTMENT, self.sign_organ)
        self.publish(a_bundle())

    def submitted(self) -> case_pb2.Case:
        """A case that the applicant submitted."""
        return self.applicant.cases.SubmitCase(application()).case

    def opened(self, count: int = 1) -> list[str]:
        """Cases whose steps food and sign are offered to the two organs; the data check is done."""
        made = []
        for _ in range(count):
            case_id = self.submitted().case_id
            self.route(case_id, food=self.food_organ, sign=self.sign_organ)
            self.complete("check")
            made.append(case_id)
        return made

    def bearer(self, session: Session) -> list[tuple[str, str]]:
        """The metadata of a session's calls."""
        return [("authorization", f"Bearer {session.token_source.get()}")]


@contextmanager
def offices(folder: Path, **settings: Any) -> Iterator[Offices]:
    with Edge(folder, "cases", **settings) as edge:
        yield Offices(edge)


def application(**changes: Any) -> case_service_pb2.SubmitCaseRequest:
    values = {
        "request_id": new_id(),
        "bundle_id": "open-shop",
        "form": to_struct(a_form()),
        "materials": [a_material()],
    }
    return case_service_pb2.SubmitCaseRequest(**{**values, **changes})


def pulled(platform: Platform, most: int = 1, wait: int = 0) -> list[task_pb2.Task]:
    """Tasks that an office pulls."""
    request = task_service_pb2.PullTasksRequest(max_tasks=most)
    if wait:
        request.wait.seconds = wait
    return list(platform.tasks.PullTasks(request).tasks)


def an_answer(task: task_pb2.Task, verb: str = "complete", **changes: Any) -> task_pb2.TaskAnswer:
    answer = task_pb2.TaskAnswer(**{"request_id": new_id(), "task_id": task.task_id, "lease": task.lease, **changes})
    if verb:
        getattr(answer, verb).SetInParent()
    if verb in ("refuse", "return_task", "fail"):
        getattr(answer, verb).reason = "理由"
    return answer


def answering(answer: task_pb2.TaskAnswer) -> task_service_pb2.AnswerTaskRequest:
    return task_service_pb2.AnswerTaskRequest(answer=answer)


def refusal(call: Any, *arguments: Any, **options: Any) -> tuple[str, str, list[str]]:
    """The code, the reason and the wrong fields with which a call is refused."""
    with pytest.raises((errors.DuokuaError, grpc.RpcError)) as caught:
        call(*arguments, **options)
    error = caught.value
    if not isinstance(error, errors.DuokuaError):
        error = errors.from_rpc(error)  # type: ignore[arg-type] # a failed call tells its code too
    assert "+00:00" not in error.message, "instants are told as the contracts have them, with a Z"
    return error.code.name, error.reason, [violation.field for violation in error.violations]
