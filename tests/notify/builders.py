"""Events of cases, and notify with what it needs."""

from chassis.api import Caller
from chassis.database import UnitOfWork
from chassis.vault import Vault
from duokua.cases.v1 import case_pb2
from duokua.cases.v1 import events_pb2 as pb
from services.notify.sender import Limits, Resolve, Sender, resolve
from services.notify.service import Notify, Registered
from services.notify.texts import Texts

TAX = Caller("client:tax", client_id="tax", organ_id="tax-bureau", permissions=frozenset({"webhooks.write"}))
FIRE = Caller("client:fire", client_id="fire", organ_id="fire-brigade", permissions=frozenset({"webhooks.write"}))
LI_LEI = Caller("person:li-lei", person_id="li-lei", permissions=frozenset({"messages.read"}))
OPERATOR = Caller("client:op", client_id="op", permissions=frozenset({"messages.read", "messages.read_all"}))


# Compiled once, as in a process.
_TEXTS = Texts()


def vault() -> Vault:
    return Vault(bytes(32))


def sender(*, allow_private: bool = True, resolve: Resolve = resolve, limits: Limits | None = None) -> Sender:
    return Sender(allow_private=allow_private, resolve=resolve, limits=limits)


def notify(*, allow_private: bool = True, resolve: Resolve = resolve) -> Notify:
    return Notify(vault(), sender(allow_private=allow_private, resolve=resolve), _TEXTS)


def case(case_id: str = "c1", version: int = 1, applicant_id: str = "li-lei") -> pb.CaseRef:
    return pb.CaseRef(
        case_id=case_id,
        case_number=f"number-{case_id}",
        bundle_id="restaurant",
        bundle_name="开办餐饮店",
        applicant_id=applicant_id,
        version=version,
    )


def step(organ_id: str = "tax-bureau", step_id: str = "") -> pb.StepRef:
    name = step_id or f"step-{organ_id}"
    return pb.StepRef(step_id=name, step_name=f"name of {name}", organ_id=organ_id, organ_name=f"office {organ_id}")


def correction() -> case_pb2.Correction:
    """Two offices ask for three things."""
    area = case_pb2.CorrectionItem(field="shop.area", reason="与图纸不符")
    lease = case_pb2.CorrectionItem(material="lease", reason="看不清")
    owner = case_pb2.CorrectionItem(field="owner", reason="与证件不符")
    return case_pb2.Correction(
        correction_no=1,
        requests=[
            case_pb2.CorrectionRequest(step_id="food", organ_name="食品局", items=[area, lease]),
            case_pb2.CorrectionRequest(step_id="sign", organ_name="城管局", items=[owner]),
        ],
    )


def visit() -> case_pb2.VisitState:
    """Nine o'clock in China."""
    made = case_pb2.VisitState(visit_id="site", name="联合踏勘", place="某路1号")
    made.at.FromJsonString("2026-03-02T01:00:00Z")
    return made


def accepted(case_id: str = "c1", organ_id: str = "tax-bureau", version: int = 2) -> pb.StepAccepted:
    return pb.StepAccepted(case=case(case_id, version), step=step(organ_id))


def register(service: Notify, work: UnitOfWork, url: str, caller: Caller = TAX, *event_types: str) -> Registered:
    return service.register_webhook(work, caller, url, event_types, f"request for {url}")
