"""LogService: proofs from the case log, replay and audit, between contract and use cases."""

from typing import Any

from sqlalchemy import Row

from chassis.api import Call
from chassis.paging import KeyValue, next_token, page
from duokua.cases.v1 import log_pb2, log_service_pb2
from services.cases import log_audit, log_store, proofs, replaying
from services.cases.domain.log import Registered
from services.cases.service import Cases
from services.cases.timestamps import stamp
from services.cases.visibility import visible_case, visible_history

pb = log_service_pb2


class LogApi:
    """What proves the histories of cases."""

    service = log_service_pb2.DESCRIPTOR.services_by_name["LogService"]

    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    def get_case_proof(self, call: Call, request: pb.GetCaseProofRequest) -> pb.GetCaseProofResponse:
        """Where the entries of a case are in the log, and how many there are."""
        row, _ = visible_history(self._cases, call.work, call.caller, request.case_id)
        asked = page(request.page_size, request.page_token, keys=2, kind=int)
        size, after = (int(asked.after[0]), int(asked.after[1])) if asked.after else (None, 0)
        found = proofs.case_proof(call.work, row.case_id, size, after, asked.fetch)
        kept, token = asked.cut(found.places, lambda place: [found.head.size, place.sequence])
        response = pb.GetCaseProofResponse(case_id=row.case_id, head=_head(found.head), next_page_token=token)
        if found.registered is not None:
            response.register.CopyFrom(_registered(found.registered))
            response.register.path.extend(found.register_path)
        for each in kept:
            response.entries.add(sequence=each.sequence, leaf=each.leaf, path=each.path)
        return response

    def get_tree_head(self, call: Call, request: pb.GetTreeHeadRequest) -> pb.GetTreeHeadResponse:
        """A head that was signed."""
        return pb.GetTreeHeadResponse(head=_head(proofs.head_at(call.work, request.size)))

    def list_tree_heads(self, call: Call, request: pb.ListTreeHeadsRequest) -> pb.ListTreeHeadsResponse:
        """All that were signed."""
        asked = page(request.page_size, request.page_token, kind=int)
        kept, token = asked.cut(proofs.heads(call.work, asked), lambda head: [head.size])
        return pb.ListTreeHeadsResponse(heads=[_head(each) for each in kept], next_page_token=token)

    def get_consistency_proof(
        self, call: Call, request: pb.GetConsistencyProofRequest
    ) -> pb.GetConsistencyProofResponse:
        """That the log only grew."""
        head, path = proofs.consistency(call.work, request.first_size, request.second_size)
        return pb.GetConsistencyProofResponse(head=_head(head), path=path)

    def get_log_keys(self, call: Call, request: pb.GetLogKeysRequest) -> pb.GetLogKeysResponse:
        """What heads are checked with."""
        del request
        keys = [
            log_pb2.LogKey(key_id=row.key_id, public_key=row.public_key, first_used_at=stamp(row.first_used_at))
            for row in log_store.keys(call.work.connection)
        ]
        return pb.GetLogKeysResponse(keys=keys)

    def replay_case(self, call: Call, request: pb.ReplayCaseRequest) -> pb.ReplayCaseResponse:
        """Whether a case is what its history leads to."""
        row = visible_case(self._cases, call.work, call.caller, request.case_id)
        entries, found = replaying.replay(call.work, row, self._cases.plans)
        response = pb.ReplayCaseResponse(case_id=row.case_id, entries=entries)
        if found is not None:
            response.difference.CopyFrom(
                pb.ReplayDifference(sequence=found.sequence, path=found.path, description=found.description)
            )
        return response

    def audit_log(self, call: Call, request: pb.AuditLogRequest) -> pb.AuditLogResponse:
        """A page of the comparison of everything with everything."""
        asked = page(request.page_size, request.page_token, keys=2, kind=int)
        start: list[KeyValue] = asked.after or [log_audit.LEAVES, 0]
        found = log_audit.audit(call.work, int(start[0]), int(start[1]), asked.limit)
        response = pb.AuditLogResponse(leaves=found.leaves, cases=found.cases)
        for each in found.findings:
            response.findings.add(case_id=each.case_id, sequence=each.sequence, description=each.description)
        if found.following is not None:
            response.next_page_token = next_token(found.following)
        return response


def _head(row: Row[Any]) -> log_pb2.TreeHead:
    return log_pb2.TreeHead(
        size=row.size,
        root=bytes.fromhex(row.root),
        cases=row.cases,
        cases_root=bytes.fromhex(row.cases_root),
        at=stamp(row.at),
        key_id=row.key_id,
        signature=bytes(row.signature),
    )


def _registered(registered: Registered) -> log_pb2.RegisterProof:
    return log_pb2.RegisterProof(place=registered.place, entries=registered.entries, hash=registered.hash)
