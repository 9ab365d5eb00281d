"""A town whose histories are logged, and the desk at which proofs are asked for: the servicers, without a server."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from google.protobuf.message import Message
from sqlalchemy import text

from chassis.api import Call, Caller
from chassis.database import Database
from chassis.testing import ManualClock
from cli.case_proof import CaseProof, faults_of
from cli.proving import proof_of
from cli.tree_proofs import PublicKey
from duokua.cases.v1 import log_service_pb2
from duokua.client import Session
from services.cases.api import CaseApi
from services.cases.domain.log import LogKey, make_key
from services.cases.inspection.inspectors import Inspectors
from services.cases.log_api import LogApi
from services.cases.sequencer import Sequencer
from tests.cases.builders import Town, a_bundle

KEY = LogKey.from_pem(make_key())
OPERATOR = Caller("client:operator", permissions=frozenset({"cases.read", "cases.read_all", "cases.audit"}))


class Desk:
    """The methods of servicers as a stub has them, each in a transaction of its own."""

    def __init__(self, servicer: object, database: Database, caller: Caller = OPERATOR) -> None:
        self._servicer = servicer
        self._database = database
        self._caller = caller

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._servicer, "".join(f"_{each.lower()}" if each.isupper() else each for each in name)[1:])

        def ask(request: Message) -> Any:
            with self._database.read() as work:
                return method(Call(work, self._caller), request)

        return ask


class LoggedTown:
    """A town, its sequencer, and whoever checks proofs."""

    def __init__(self, database: Database, clock: ManualClock, folder: Path, *, batch: int = 1000) -> None:
        self.database = database
        self.clock = clock
        self.town = Town(database).publish(a_bundle())
        self.sequencer = Sequencer(lambda: KEY, batch=batch)
        self.log = Desk(LogApi(self.town.cases), database)
        self._cases = Desk(CaseApi(self.town.cases, Inspectors()), database)
        self._folder = folder

    def add(self) -> None:
        """Add all that waits."""
        self.clock.advance(seconds=6)
        while self.sequencer.add_waiting(self.database) == self.clock.now():
            pass

    def finished(self, **form: Any) -> str:
        """A case with seven entries, all of them logged."""
        case_id = self.town.running(form or None)
        self.town.complete("food", "sign")
        self.town.sealed(case_id, "food")
        self.town.complete("deliver")
        self.add()
        return case_id

    def proof(self, case_id: str, caller: Caller = OPERATOR) -> dict[str, Any]:
        """A proof as JSON has it, read back from its text, with what the caller sees of the history."""
        history = Desk(CaseApi(self.town.cases, Inspectors()), self.database, caller).GetHistory
        cases = SimpleNamespace(GetCase=self._cases.GetCase, GetHistory=history)
        session = cast("Session", SimpleNamespace(cases=cases, log=self.log))
        made: dict[str, Any] = json.loads(json.dumps(proof_of(session, case_id, 0)[0]))
        return made

    def faults(self, case_id: str) -> list[str]:
        """What a third party finds wrong with the proof of a case."""
        return told(self.proof(case_id))

    def audited(self, page_size: int = 3) -> list[tuple[str, int, str]]:
        """What the audit finds: case, entry, and what."""
        found: list[tuple[str, int, str]] = []
        token = ""
        while True:
            request = log_service_pb2.AuditLogRequest(page_size=page_size, page_token=token)
            answer: log_service_pb2.AuditLogResponse = self.log.AuditLog(request)
            found += [(each.case_id, each.sequence, each.description) for each in answer.findings]
            token = answer.next_page_token
            if not token:
                return found

    def tamper(self, statement: str, **values: object) -> None:
        """What somebody with access to the database does there."""
        with self.database.begin() as work:
            result = work.connection.execute(text(statement), values)
            assert result.rowcount > 0, "nothing was tampered with"

    def count(self, query: str) -> int:
        with self.database.read() as work:
            found: int = work.connection.execute(text(query)).scalar_one()
            return found


def told(proof: dict[str, Any], key: LogKey = KEY) -> list[str]:
    """What is wrong with a proof, in words."""
    return [str(fault) for fault in faults_of(CaseProof.model_validate(proof), public(key))]


def public(key: LogKey = KEY) -> PublicKey:
    """The public key as a third party has it."""
    return PublicKey.from_pem(key.public_pem.encode())
