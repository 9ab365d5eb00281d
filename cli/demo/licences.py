"""The licence that an approval makes: what it says is defined beforehand; then the applicant holds it, sealed."""

from pathlib import Path

from cli.demo.documents import GENUINE, judge
from cli.demo.report import DocumentReport, Report
from cli.demo.waiting import until
from cli.demo.world import SCENARIO
from cli.licences.documents import fetched
from cli.licences.types import read_type
from cli.output import every_page
from duokua.cases.v1 import case_pb2
from duokua.client import Platform, Session
from duokua.eseal.v1 import seal_service_pb2
from duokua.licences.v1 import licence_pb2
from duokua.licences.v1 import licence_service_pb2 as pb

VALID = licence_pb2.LICENCE_STATUS_VALID
_TYPE = SCENARIO / "examples" / "food-licence.type.yaml"


def define_type(operator: Platform) -> None:
    """Define the type of the scenario's licence, as it is shipped."""
    operator.licences.DefineType(pb.DefineTypeRequest(type=read_type(_TYPE)))


def held(session: Session) -> list[licence_pb2.Licence]:
    """All licences that the applicant holds or held, the newest first."""
    return every_page(
        lambda token: session.licences.ListLicences(pb.ListLicencesRequest(page_size=1000, page_token=token)),
        lambda answer: answer.licences,
    )


def collect_licence(session: Session, case: case_pb2.Case, folder: Path, report: Report) -> DocumentReport:
    """Fetch the licence that came of a case into `folder`, and have it judged by all verifiers."""
    found: list[licence_pb2.Licence] = []

    def came() -> bool:
        found[:] = [each for each in held(session) if each.case_id == case.case_id and each.status == VALID]
        return bool(found)

    until(came, f"the licence of case {case.case_number}")
    answer = fetched(session, found[0].licence_id)
    path = folder / f"{case.case_number[31:]}-licence.pdf"
    path.write_bytes(answer.content)
    anchors = session.seals.GetTrustAnchors(seal_service_pb2.GetTrustAnchorsRequest()).certificates_pem
    document = judge(session, answer, path, anchors)
    document.case_number = case.case_number
    told = (document.verdict, document.offline, document.pdfsig or GENUINE)
    report.check("the applicant's licence is genuine", set(told) == {GENUINE}, ", ".join(told))
    report.licences.append(document)
    return document
