"""Bad input and repeats at the gRPC edge: a clear status with one ErrorInfo, and nothing changed."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct, Value
from google.rpc import error_details_pb2, status_pb2
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.api_process import LARGEST_MESSAGE
from chassis.clock import new_id
from chassis.paging import next_token
from cli.history import first_broken
from duokua.cases.v1 import case_pb2, case_service_pb2, operations_service_pb2, task_service_pb2
from duokua.cases.v1.case_service_pb2_grpc import CaseServiceStub
from duokua.cases.v1.task_service_pb2_grpc import TaskServiceStub
from duokua.data import to_struct
from services.identity.store import metadata as identity_tables
from tests.cases.builders import PDF, a_material, tables
from tests.cases.offices import Offices, an_answer, answering, application, offices, pulled, refusal

pb = case_service_pb2
SUBMIT = "/duokua.cases.v1.CaseService/SubmitCase"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    with offices(tmp_path_factory.mktemp("edge")) as made:
        yield made


@pytest.fixture
def town(shared: Offices) -> Iterator[Offices]:
    """The module's offices, with no open task left over from the test before."""
    yield shared
    with shared.database.begin() as work:
        work.connection.exec_driver_sql("DELETE FROM tasks")


@pytest.fixture
def unchanged(town: Offices) -> Iterator[None]:
    """Nothing in the databases of cases and identity differs after the test."""
    tokens = town.applicant, town.stranger, town.food, town.sign, town.operator, town.portal
    for each in tokens:
        each.token_source.get()
    before = tables(town.database), tables(town.edge.database("identity"), identity_tables)
    yield
    assert (tables(town.database), tables(town.edge.database("identity"), identity_tables)) == before


def bare(town: Offices, token: str | None, request: Any = None) -> tuple[str, str, list[str]]:
    """How a call with a token of our own making is refused."""
    metadata = None if token is None else [("authorization", token)]
    with town.edge.channel() as channel:
        call = CaseServiceStub(channel).SubmitCase
        return refusal(call, application() if request is None else request, metadata=metadata, timeout=20)


def raw(town: Offices, data: bytes, method: str = SUBMIT) -> Any:
    """How bytes are refused that no stub would send."""
    with town.edge.channel() as channel:
        send: Any = channel.unary_unary(method)
        with pytest.raises(grpc.RpcError) as caught:
            send(data, metadata=town.bearer(town.applicant), timeout=20)
    return caught.value


@pytest.mark.usefixtures("unchanged")
def test_a_call_without_a_good_token_is_unauthenticated(town: Offices) -> None:
    ours = town.applicant.token_source.get()
    claims = {"iss": "duokua", "aud": "duokua", "sub": "client:x", "scope": "cases.submit", "exp": 2**33}
    theirs = jwt.encode({"typ": "at+jwt", "alg": "ES256", "kid": "theirs"}, claims, ECKey.generate_key("P-256"))
    for token, reason in (
        (None, "TOKEN_MISSING"),
        ("", "TOKEN_INVALID"),
        (ours, "TOKEN_INVALID"),
        (f"Basic {ours}", "TOKEN_INVALID"),
        ("Bearer x", "TOKEN_INVALID"),
        ("Bearer e30.e30.e30", "TOKEN_INVALID"),
        (f"Bearer {ours[:-6]}AAAAAA", "TOKEN_INVALID"),
        (f"Bearer {theirs}", "TOKEN_INVALID"),
        (f"Bearer {town.edge.forged(town.applicant, exp=1_700_000_000)}", "TOKEN_EXPIRED"),
        (f"Bearer {town.edge.forged(town.applicant, exp=None)}", "TOKEN_EXPIRED"),
        (f"Bearer {town.edge.forged(town.applicant, iss='another')}", "TOKEN_INVALID"),
        (f"Bearer {town.edge.forged(town.applicant, aud='another')}", "TOKEN_INVALID"),
        (f"Bearer {town.edge.forged(town.applicant, sub=None)}", "TOKEN_INVALID"),
    ):
        assert bare(town, token) == ("UNAUTHENTICATED", reason, []), token


@pytest.mark.usefixtures("unchanged")
def test_a_token_without_the_permission_is_denied(town: Offices) -> None:
    assert refusal(town.food.cases.SubmitCase, application())[:2] == ("PERMISSION_DENIED", "PERMISSION_MISSING")
    assert refusal(town.operator.tasks.PullTasks, task_service_pb2.PullTasksRequest())[:2] == (
        "PERMISSION_DENIED",
        "PERMISSION_MISSING",
    )
    assert refusal(town.portal.operations.ListIncidents, operations_service_pb2.ListIncidentsRequest())[1] == (
        "PERMISSION_MISSING"
    )


@pytest.mark.usefixtures("unchanged")
def test_a_portal_that_acts_for_nobody_submits_nothing(town: Offices) -> None:
    assert refusal(town.portal.cases.SubmitCase, application())[:2] == ("PERMISSION_DENIED", "NO_APPLICANT")


@pytest.mark.usefixtures("unchanged")
def test_a_token_of_no_organ_has_no_tasks(town: Offices) -> None:
    token = town.edge.forged(town.food, organ_id=None)
    with town.edge.channel() as channel:
        metadata = [("authorization", f"Bearer {token}")]
        pull = TaskServiceStub(channel).PullTasks
        assert refusal(pull, task_service_pb2.PullTasksRequest(), metadata=metadata)[:2] == (
            "PERMISSION_DENIED",
            "NO_ORGAN",
        )


def nested(levels: int) -> Struct:
    struct = Struct()
    here = struct
    for _ in range(levels):
        here = here.fields["a"].struct_value
    here.fields["a"].number_value = 1
    return struct


def with_unknown_field(request: Any) -> bytes:
    data: bytes = request.SerializeToString()
    return data + b"\xfa\x3f\x01x"  # field 1023


@pytest.mark.parametrize(
    ("request_", "reason", "fields"),
    [
        (application(request_id=""), "BAD_REQUEST", ["request_id"]),
        (application(request_id="x" * 101), "BAD_REQUEST", ["request_id"]),
        (application(bundle_id=""), "BAD_REQUEST", ["bundle_id"]),
        (application(bundle_id="x\0"), "BAD_REQUEST", ["bundle_id"]),
        (application(form=None), "BAD_REQUEST", ["form"]),
        (application(form=nested(20)), "BAD_REQUEST", ["form" + ".a" * 17]),
        (application(form=to_struct({"a\0b": 1})), "BAD_REQUEST", ["form.a\0b"]),
        (application(form=to_struct({"a": "b\0"})), "BAD_REQUEST", ["form.a"]),
        (application(form=to_struct({"a": 1e17})), "BAD_REQUEST", ["form.a"]),
        (application(form=Struct(fields={"a": Value(number_value=float("nan"))})), "BAD_REQUEST", ["form.a"]),
        (application(form=to_struct({"a": list(range(6000))})), "BAD_REQUEST", ["form"]),
        (application(materials=[a_material(content=b"x" * 3_000_001)]), "BAD_REQUEST", ["materials[0].content"]),
        (application(materials=[a_material()] * 101), "BAD_REQUEST", ["materials"]),
        (application(materials=[case_pb2.Material(kind="lease", content=b"x")]), "BAD_REQUEST", ["materials[0].name"]),
        (application(form=to_struct({"owner": 1})), "APPLICATION_INVALID", ["form", "form.owner"]),
        (application(materials=[]), "APPLICATION_INVALID", ["materials"]),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_a_malformed_application_names_its_faults(
    town: Offices, request_: pb.SubmitCaseRequest, reason: str, fields: list[str]
) -> None:
    code, why, wrong = bare(town, f"Bearer {town.applicant.token_source.get()}", request_)
    assert (code, why) == ("INVALID_ARGUMENT", reason)
    assert set(fields) <= set(wrong)


@pytest.mark.usefixtures("unchanged")
def test_an_unknown_bundle_is_not_found(town: Offices) -> None:
    assert refusal(town.applicant.cases.SubmitCase, application(bundle_id="x")) == ("NOT_FOUND", "BUNDLE_NOT_FOUND", [])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "data",
    [
        with_unknown_field(application()),
        application(materials=[]).SerializeToString() + b"\x22\x06\x0a\x01a\xfa\x3f\x00",
        b"\xff\xff\xff",
        application(form=None).SerializeToString() + nested(60).SerializeToString(),
        b"\x0a\x02\xc3\x28",
    ],
    ids=["unknown field", "unknown field inside", "no message", "mixed up", "no text"],
)
def test_what_the_contract_does_not_have_is_refused(town: Offices, data: bytes) -> None:
    error = raw(town, data)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    has_one_reason(error)


@pytest.mark.usefixtures("unchanged")
def test_a_form_that_is_nested_too_deep_to_be_read_is_refused(town: Offices) -> None:
    deep = b"\x0a\x05\x0a\x01a\x12\x00"
    for _ in range(150):
        value = b"\x2a" + varint(len(deep)) + deep
        entry = b"\x0a\x01a\x12" + varint(len(value)) + value
        deep = b"\x0a" + varint(len(entry)) + entry
    data = application(form=None).SerializeToString() + b"\x1a" + varint(len(deep)) + deep
    error = raw(town, data)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    has_one_reason(error)


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def has_one_reason(error: Any) -> None:
    """The trailer holds a google.rpc.Status with exactly one ErrorInfo."""
    (trailer,) = (value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin")
    status = status_pb2.Status.FromString(trailer)
    infos = [detail for detail in status.details if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)]
    assert len(infos) == 1
    assert status.code == error.code().value[0]


@pytest.mark.usefixtures("unchanged")
def test_a_message_beyond_the_largest_is_refused(town: Offices) -> None:
    assert raw(town, b"x" * (LARGEST_MESSAGE + 1)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.usefixtures("unchanged")
def test_an_error_with_many_long_faults_still_arrives(town: Offices) -> None:
    materials = [a_material("类" * 90) for _ in range(100)]
    code, reason, fields = refusal(town.applicant.cases.SubmitCase, application(materials=materials))
    assert (code, reason) == ("INVALID_ARGUMENT", "APPLICATION_INVALID")
    assert fields
    long = refusal(town.applicant.cases.GetCase, pb.GetCaseRequest(case_id="案" * 1000))
    assert long[:2] == ("NOT_FOUND", "CASE_NOT_FOUND")


def test_a_repeated_request_gets_the_first_answer(town: Offices) -> None:
    request = application()
    first = town.applicant.cases.SubmitCase(request)
    town.route(first.case.case_id)
    assert town.applicant.cases.SubmitCase(request) == first
    before = tables(town.database)
    other = application(request_id=request.request_id, form=to_struct({}))
    assert refusal(town.applicant.cases.SubmitCase, other) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED", ["request_id"])
    assert tables(town.database) == before


def test_a_request_id_is_the_callers_own(town: Offices) -> None:
    request = application()
    mine, theirs = (each.cases.SubmitCase(request).case for each in (town.applicant, town.stranger))
    assert mine.case_id != theirs.case_id
    assert mine.applicant_id != theirs.applicant_id


def test_a_request_id_is_good_for_one_method(town: Offices) -> None:
    request = application()
    town.applicant.cases.SubmitCase(request)
    retry = operations_service_pb2.RetryIncidentRequest(request_id=new_id(), incident_id="x", reason="x")
    assert refusal(town.operator.operations.RetryIncident, retry)[:2] == ("NOT_FOUND", "INCIDENT_NOT_FOUND")
    assert refusal(town.operator.operations.RetryIncident, retry)[:2] == ("NOT_FOUND", "INCIDENT_NOT_FOUND")


def test_repeats_at_the_same_time_make_one_case(town: Offices) -> None:
    request = application()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: town.applicant.cases.SubmitCase(request), range(8)))
    assert len({answer.case.case_id for answer in answers}) == 1
    assert len({answer.case.case_number for answer in answers}) == 1


def test_a_case_is_there_for_its_applicant_and_for_operators_only(town: Offices) -> None:
    case = town.submitted()
    for case_id in (case.case_id, case.case_number):
        asked = pb.GetCaseRequest(case_id=case_id)
        assert town.applicant.cases.GetCase(asked).case == case
        assert town.operator.cases.GetCase(asked).case == case
        assert refusal(town.stranger.cases.GetCase, asked) == ("NOT_FOUND", "CASE_NOT_FOUND", [])
        assert refusal(town.portal.cases.GetCase, asked) == ("NOT_FOUND", "CASE_NOT_FOUND", [])
        history = pb.GetHistoryRequest(case_id=case_id)
        assert refusal(town.stranger.cases.GetHistory, history)[:2] == ("NOT_FOUND", "CASE_NOT_FOUND")
        with pytest.raises(Exception, match="CASE_NOT_FOUND"):
            list(town.stranger.cases.WatchCase(pb.WatchCaseRequest(case_id=case_id), timeout=20))
    listed = [
        town_.cases.ListCases(pb.ListCasesRequest(page_size=1000)).cases for town_ in (town.stranger, town.portal)
    ]
    assert case.case_id not in {each.case_id for cases in listed for each in cases}
    assert list(listed[1]) == []


def test_the_history_can_be_checked_by_whoever_gets_it(town: Offices) -> None:
    (case_id,) = town.opened()
    (task,) = pulled(town.food)
    answer = an_answer(task)
    answer.complete.result.update({"number": 1, "部分": [0.1, None, {"z": -1.5}]})
    town.food.tasks.AnswerTask(answering(answer))
    entries: list[case_pb2.HistoryEntry] = []
    token = ""
    while True:
        request = pb.GetHistoryRequest(case_id=case_id, page_size=2, page_token=token)
        page = town.applicant.cases.GetHistory(request)
        entries += page.entries
        if not (token := page.next_page_token):
            break
    assert [entry.kind for entry in entries] == ["submitted", "routed", "completed", "completed"]
    assert first_broken(case_id, entries) is None
    entries[1].actor = "client:x"
    assert first_broken(case_id, entries) == 2


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "token",
    [
        "x",
        "€",
        "AAAA",
        "e30",
        "W251bGxd",
        "W3RydWVd",
        "x" * 999,
        json.dumps(["a"]),
        next_token([]),
        next_token([1, 2]),
        next_token(["a\0"]),
        next_token([10**30]),
        next_token([-1]),
    ],
)
def test_a_page_token_that_was_not_given_is_refused(town: Offices, token: str) -> None:
    case_id = town.applicant.cases.ListCases(pb.ListCasesRequest()).cases[0].case_id
    asked = [
        (town.applicant.cases.ListCases, pb.ListCasesRequest(page_token=token)),
        (town.operator.operations.ListIncidents, operations_service_pb2.ListIncidentsRequest(page_token=token)),
        (town.applicant.cases.GetHistory, pb.GetHistoryRequest(case_id=case_id, page_token=token)),
    ]
    for call, request in asked:
        assert refusal(call, request) == ("INVALID_ARGUMENT", "BAD_PAGE_TOKEN", ["page_token"])


def test_a_token_of_another_list_is_refused(town: Offices) -> None:
    case_id = town.submitted().case_id
    for token in (next_token(["a"]), next_token(["1"])):
        request = pb.GetHistoryRequest(case_id=case_id, page_token=token)
        assert refusal(town.applicant.cases.GetHistory, request)[1] == "BAD_PAGE_TOKEN"
    assert refusal(town.applicant.cases.ListCases, pb.ListCasesRequest(page_token=next_token([1])))[1] == (
        "BAD_PAGE_TOKEN"
    )


def test_a_huge_page_is_cut_to_the_largest(town: Offices) -> None:
    town.submitted()
    assert town.applicant.cases.ListCases(pb.ListCasesRequest(page_size=2**32 - 1)).cases
    town.submitted()
    first = town.applicant.cases.ListCases(pb.ListCasesRequest(page_size=1))
    rest = town.applicant.cases.ListCases(pb.ListCasesRequest(page_size=1, page_token=first.next_page_token))
    assert first.cases[0].case_id > rest.cases[0].case_id


def test_an_unknown_status_is_refused(town: Offices) -> None:
    token = f"Bearer {town.applicant.token_source.get()}"
    with town.edge.channel() as channel:
        request = pb.ListCasesRequest(status=77)  # type: ignore[arg-type] # what a newer client might send
        metadata = [("authorization", token)]
        assert refusal(CaseServiceStub(channel).ListCases, request, metadata=metadata, timeout=20)[2] == ["status"]


# Tasks, one call at a time


def test_answers_to_tasks_that_are_not_ours_change_nothing(town: Offices) -> None:
    town.opened()
    (food,) = pulled(town.food)
    before = tables(town.database)
    answer = town.sign.tasks.AnswerTask
    for verb in ("accept", "complete", "refuse", "return_task", "fail", "extend", "release"):
        assert refusal(answer, answering(an_answer(food, verb))) == ("NOT_FOUND", "TASK_NOT_FOUND", [])
    material = task_service_pb2.GetMaterialRequest(task_id=food.task_id, sha256=food.materials[0].sha256)
    assert refusal(town.sign.tasks.GetMaterial, material) == ("NOT_FOUND", "TASK_NOT_FOUND", [])
    assert tables(town.database) == before
    got = town.food.tasks.GetMaterial(material)
    assert (got.media_type, got.content) == ("application/pdf", PDF)
    assert hashlib.sha256(got.content).hexdigest() == food.materials[0].sha256


def test_malformed_answers_name_their_faults_and_change_nothing(town: Offices) -> None:
    town.opened()
    (food,) = pulled(town.food)
    before = tables(town.database)
    too_large = an_answer(food)
    too_large.complete.result.update({"text": ["x" * 20_000] * 4})
    too_long = an_answer(food, "fail")
    too_long.fail.retry_after.seconds = 10**15
    negative = an_answer(food, "fail")
    negative.fail.retry_after.seconds = -1
    reasonless = an_answer(food, "")
    reasonless.refuse.SetInParent()
    number = an_answer(food)
    number.complete.result.fields["a"].number_value = float("inf")
    for answer, fields in (
        (an_answer(food, ""), ["answer"]),
        (an_answer(food, lease=""), ["answer.lease"]),
        (an_answer(food, request_id=""), ["answer.request_id"]),
        (an_answer(food, task_id="x" * 101), ["answer.task_id"]),
        (too_large, ["complete.result"]),
        (too_long, ["answer.fail.retry_after"]),
        (negative, ["fail.retry_after"]),
        (reasonless, ["answer.refuse.reason"]),
        (number, ["answer.complete.result.a"]),
    ):
        assert refusal(town.food.tasks.AnswerTask, answering(answer)) == ("INVALID_ARGUMENT", "BAD_REQUEST", fields)
    assert tables(town.database) == before


def test_an_answer_is_repeated_and_a_second_one_refused(town: Offices) -> None:
    town.opened()
    (food,) = pulled(town.food)
    done = answering(an_answer(food))
    assert town.food.tasks.AnswerTask(done) == town.food.tasks.AnswerTask(done)
    before = tables(town.database)
    assert refusal(town.food.tasks.AnswerTask, answering(an_answer(food)))[:2] == (
        "FAILED_PRECONDITION",
        "TASK_SETTLED",
    )
    reused = answering(an_answer(food, "refuse", request_id=done.answer.request_id))
    assert refusal(town.food.tasks.AnswerTask, reused)[:2] == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")
    assert tables(town.database) == before


def test_a_stale_lease_is_refused(town: Offices) -> None:
    town.opened()
    (food,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(an_answer(food, "release")))
    (again,) = pulled(town.food)
    before = tables(town.database)
    assert refusal(town.food.tasks.AnswerTask, answering(an_answer(food)))[:2] == ("FAILED_PRECONDITION", "STALE_LEASE")
    assert tables(town.database) == before
    town.food.tasks.AnswerTask(answering(an_answer(again)))


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("most", "seconds", "nanos", "field"),
    [(101, 0, 0, "max_tasks"), (1, 61, 0, "wait"), (1, -1, 0, "wait"), (1, 10**18, 0, "wait"), (1, 0, -5000, "wait")],
)
def test_a_pull_out_of_bounds_is_refused(town: Offices, most: int, seconds: int, nanos: int, field: str) -> None:
    request = task_service_pb2.PullTasksRequest(max_tasks=most)
    request.wait.seconds, request.wait.nanos = seconds, nanos
    assert refusal(town.food.tasks.PullTasks, request) == ("INVALID_ARGUMENT", "BAD_REQUEST", [field])


def test_a_waiting_pull_gets_a_task_as_soon_as_it_is_opened(town: Offices) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pulled, town.food, 1, 30)
        (case_id,) = town.opened()
        (task,) = waiting.result(timeout=5)
    assert task.case_id == case_id


def test_an_operator_retries_an_incident_once(town: Offices) -> None:
    case_id = town.submitted().case_id
    town.route(case_id, without=["food"])
    incidents = town.operator.operations.ListIncidents(operations_service_pb2.ListIncidentsRequest(page_size=1000))
    (incident,) = (each for each in incidents.incidents if each.case_id == case_id)
    request = operations_service_pb2.RetryIncidentRequest(
        request_id=new_id(), incident_id=incident.incident_id, reason="已登记"
    )
    first = town.operator.operations.RetryIncident(request)
    assert first.incident.HasField("resolved_at")
    assert town.operator.operations.RetryIncident(request) == first
    request.request_id = new_id()
    assert refusal(town.operator.operations.RetryIncident, request)[:2] == ("FAILED_PRECONDITION", "INCIDENT_RESOLVED")


def test_a_watcher_sees_each_change_until_the_end(town: Offices) -> None:
    (case_id,) = town.opened()
    seen: list[case_pb2.Case] = []
    stream = town.applicant.cases.WatchCase(pb.WatchCaseRequest(case_id=case_id), timeout=20)
    for answer in stream:
        seen.append(answer.case)
        if len(seen) == 1:
            (sign,) = pulled(town.sign)
            town.sign.tasks.AnswerTask(answering(an_answer(sign, "refuse")))
    assert [case.version for case in seen] == [3, 4]
    assert seen[-1].status == case_pb2.CASE_STATUS_UNDONE
    assert seen[-1].refusal_reason == "理由"


def test_every_error_says_one_reason_in_its_trailer(town: Offices) -> None:
    with town.edge.channel() as channel, pytest.raises(grpc.RpcError) as caught:
        CaseServiceStub(channel).GetCase(pb.GetCaseRequest(case_id="x"), timeout=20)
    has_one_reason(caught.value)
