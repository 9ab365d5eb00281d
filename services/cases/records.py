"""Exchange records of stored cases: one case's, page by page, or all cases' in the order of the case log."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from chassis.database import UnitOfWork
from chassis.problems import Conflict
from services.cases import store
from services.cases.domain.case import Case
from services.cases.domain.decide import decide, version_for
from services.cases.domain.inputs import from_json
from services.cases.domain.records import Record
from services.cases.domain.refusal import Refusal
from services.cases.domain.reporting import Moment, Reports
from services.cases.service import Cases

PAGE = 200
"""Entries of a history that are read at a time."""
history = store.history


class CaseRecords:
    """Goes through the history of one case and says what is to be reported; it keeps one page of it at a time."""

    def __init__(self, cases: Cases, work: UnitOfWork, row: Row[Any]) -> None:
        self.case_id: str = row.case_id
        self.case_number: str = row.case_number
        self.bundle_id: str = row.bundle_id
        self.plan = cases.plans.of(work.connection, row.bundle_id, row.bundle_version).plan
        """Of the version that the case runs now."""
        self._plans = cases.plans
        self._reports = Reports(_materials(work, row))
        self._case: Case | None = None
        self._sequence = 0

    def next_page(self, work: UnitOfWork, last: int | None = None) -> list[Record] | None:
        """The records of the next entries, not after the one numbered ``last``; None when there are no more.

        Raises Conflict HISTORY_UNREADABLE when the very next one cannot be replayed: what went before it was told.
        """
        begins, records = self._sequence, list[Record]()
        limit = PAGE if last is None else min(PAGE, last - begins)
        entries = store.history_page(work.connection, self.case_id, begins, limit) if limit > 0 else []
        for entry in entries:
            try:
                records += self._take(work, entry)
            except Conflict:
                if self._sequence == begins:
                    raise
                break
        return records if entries else None

    def _take(self, work: UnitOfWork, entry: Row[Any]) -> Iterator[Record]:
        try:
            given = from_json(entry.kind, entry.input)
            plan = self._plans.of(work.connection, self.bundle_id, version_for(self._case, given)).plan
            after = decide(plan, self._case, given, entry.at).case
        except (Refusal, KeyError, TypeError, ValueError) as error:
            message = f"entry {entry.sequence} of case {self.case_id} cannot be replayed; ReplayCase tells why"
            raise Conflict("HISTORY_UNREADABLE", message, case_id=self.case_id) from error
        moment = Moment(plan, entry.sequence, entry.at, given, self._case, after)
        self._case, self._sequence = after, entry.sequence
        return self._reports.after(moment)


@dataclass(frozen=True, slots=True)
class Exported:
    """Records in the order of the case log, each with its case."""

    records: list[tuple[CaseRecords, Record]]
    unreadable: list[tuple[CaseRecords, Conflict]]
    """The cases whose entries, or some of them, cannot be replayed, with why."""
    next_position: int
    more: bool


def position_since(work: UnitOfWork, since: datetime) -> int:
    """Where in the log to begin so that nothing is missed that was logged since a time."""
    heads = store.log.heads
    query = select(heads.c.size).where(heads.c.at < since).order_by(heads.c.at.desc(), heads.c.size.desc()).limit(1)
    size: int | None = work.connection.scalar(query)
    return size or 0


def records_from(cases: Cases, work: UnitOfWork, position: int, limit: int) -> Exported:
    """The records of so many entries of the log; what cannot be replayed of one case keeps no other's back."""
    query = select(history.c.case_id, history.c.sequence, history.c.leaf).where(history.c.leaf >= position)
    entries = work.connection.execute(query.order_by(history.c.leaf).limit(limit + 1)).all()
    wanted, more = entries[:limit], len(entries) > limit
    following = wanted[-1].leaf + 1 if wanted else position
    places: dict[str, dict[int, int]] = {}
    for entry in wanted:
        places.setdefault(entry.case_id, {})[entry.sequence] = entry.leaf
    found: list[tuple[int, CaseRecords, Record]] = []
    unreadable: list[tuple[CaseRecords, Conflict]] = []
    for case_id, leaves in places.items():
        reader = CaseRecords(cases, work, cases.row(work, case_id))
        try:
            found.extend(_of_case(work, reader, leaves))
        except Conflict as conflict:
            unreadable.append((reader, conflict))
    found.sort(key=lambda each: each[0])
    return Exported([(each, record) for _, each, record in found], unreadable, following, more)


def _of_case(
    work: UnitOfWork, reader: CaseRecords, leaves: Mapping[int, int]
) -> Iterator[tuple[int, CaseRecords, Record]]:
    """The records of some entries of a case, each with its place in the log; what went before is gone through too.

    Raises Conflict HISTORY_UNREADABLE, after what can be replayed.
    """
    last = max(leaves)
    while (records := reader.next_page(work, last)) is not None:
        for record in records:
            if record.sequence in leaves:
                yield leaves[record.sequence], reader, record


def _materials(work: UnitOfWork, row: Row[Any]) -> Mapping[str, tuple[tuple[str, str, str, int], ...]]:
    """What a case knows, or knew before corrections, of the materials under each digest."""
    forms = store.case_forms
    earlier = select(forms.c.materials).where(forms.c.case_id == row.case_id).order_by(forms.c.version.desc())
    sets: list[Sequence[Mapping[str, Any]]] = [row.materials, *work.connection.scalars(earlier)]
    found: dict[str, tuple[tuple[str, str, str, int], ...]] = {}
    for materials in sets:
        here: dict[str, list[tuple[str, str, str, int]]] = {}
        for each in materials:
            here.setdefault(each["sha256"], []).append((each["kind"], each["name"], each["media_type"], each["size"]))
        for digest, known in here.items():
            found.setdefault(digest, tuple(known))
    return found
