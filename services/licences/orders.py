"""What cases have licences do: each method is one use case in one transaction that the caller opens and commits."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from chassis.clock import day_of
from chassis.database import UnitOfWork
from chassis.problems import NotFound, Unavailable
from chassis.settings import Settings
from duokua.cases.v1 import events_pb2 as cases_events
from services.licences import store
from services.licences.domain.licence import PLATFORM, Licence
from services.licences.domain.life import FINAL, Status
from services.licences.messages import plain
from services.licences.service import Licences, Order
from services.licences.types import type_of

_ON_THE_WAY = ("ORGAN_NOT_FOUND", "PERSON_NOT_FOUND")


class Orders:
    """Issues the licences that approvals make, and revokes them when the approvals are undone."""

    def __init__(self, licences: Licences) -> None:
        self._licences = licences

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """With the licences of this installation."""
        return cls(Licences.from_settings(settings))

    def issue(self, work: UnitOfWork, events: Sequence[cases_events.LicenceRequested]) -> None:
        """Issues each order once; one that was withdrawn before is never issued.

        Raises Unavailable HOLDER_OR_ORGAN_ON_THE_WAY while identity's event about the applicant or the office has not
        come; NotFound and Invalid, as `Licences.issue`, make a dead letter that an operator replays once the type is
        put right.
        """
        for event in sorted(events, key=lambda event: event.order_id):
            if store.take_order(work.connection, _row(work, event)) is None:
                licence = self._issue(work, event)
                store.fill_order(work.connection, event.order_id, licence.licence_id)

    def withdraw(self, work: UnitOfWork, events: Sequence[cases_events.LicenceWithdrawn]) -> None:
        """Revokes what each order became, or sees to it that it is never issued."""
        for event in sorted(events, key=lambda event: event.order_id):
            licence_id = store.take_order(work.connection, _row(work, event))
            if not store.withdraw_order(work.connection, event.order_id, work.now):
                continue
            while licence_id:
                licence = self._licences.locked(work, licence_id)
                if licence.status not in FINAL:
                    self._licences.end(work, licence, Status.REVOKED, PLATFORM, event.reason)
                licence_id = licence.next_licence_id

    def _issue(self, work: UnitOfWork, event: cases_events.LicenceRequested) -> Licence:
        of = type_of(work, event.kind)
        order = Order(
            issuer_organ_id=event.step.organ_id,
            holder_person_id=event.case.applicant_id,
            data=plain(event.data),
            valid_from=day_of(datetime.fromisoformat(event.decided_at)).isoformat(),
            valid_until=event.valid_until,
            case_id=event.case.case_id,
        )
        try:
            return self._licences.issue(work, of, order, PLATFORM)
        except NotFound as problem:
            if problem.reason not in _ON_THE_WAY:
                raise
            message = f"{problem.message} yet, for whom or by whom order {event.order_id} is to be issued"
            raise Unavailable("HOLDER_OR_ORGAN_ON_THE_WAY", message, order_id=event.order_id) from problem


def _row(work: UnitOfWork, event: cases_events.LicenceRequested | cases_events.LicenceWithdrawn) -> dict[str, object]:
    return {
        "order_id": event.order_id,
        "case_id": event.case.case_id,
        "step_id": event.step.step_id,
        "licence_id": "",
        "ordered_at": work.now,
    }
