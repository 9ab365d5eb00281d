"""Use cases of applications that are not handed in yet (草稿): each person's own, bounded, and forgotten in the end.

A draft is no case: it has no number, no history and no plan's version. All that keeps it is its row, and the uploads
that it names live as long as it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Self

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.paging import Page
from chassis.problems import Conflict, Exhausted, Invalid, NotFound, Violation
from chassis.settings import Settings
from duokua.cases.v1 import case_pb2
from services.cases import store, uploads
from services.cases.applications import check_application
from services.cases.held_licences import held_by
from services.cases.materials import uploaded
from services.cases.service import Cases, Taken

MOST = 20
"""Of one person that are not submitted."""
KEPT = timedelta(days=90)
"""Without a change."""
FORGOTTEN_AT_ONCE = 200
_NAMES = ("kind", "name", "media_type", "sha256")
"""What a draft keeps of a material."""

drafts = store.drafts
_SUMMARY = [column for column in drafts.c if column.name not in ("form", "materials")]


class Drafts:
    """The drafts of all persons; whoever asks is named, and finds its own."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The drafts of an installation."""
        return cls(Cases.from_settings(settings))

    def add(
        self,
        work: UnitOfWork,
        person_id: str,
        bundle_id: str,
        form: Mapping[str, Any],
        materials: Sequence[case_pb2.Material],
    ) -> Row[Any]:
        """Keep a new draft. Raises NotFound BUNDLE_NOT_FOUND, Invalid, Exhausted TOO_MANY_DRAFTS."""
        query = select(func.count()).select_from(drafts).where(*_waiting(work, person_id))
        if (work.connection.scalar(query) or 0) >= MOST:
            raise Exhausted("TOO_MANY_DRAFTS", f"a person has at most {MOST} drafts: submit or delete one")
        draft_id = new_id()
        row = {"draft_id": draft_id, "applicant_id": person_id, "version": 1, "created_at": work.now, "case_id": ""}
        work.connection.execute(insert(drafts).values(**row, **self._content(work, bundle_id, form, materials)))
        _keep_uploads(work, person_id, _digests(materials))
        return self.find(work, person_id, draft_id)

    def change(
        self,
        work: UnitOfWork,
        person_id: str,
        draft_id: str,
        version: int,
        bundle_id: str,
        form: Mapping[str, Any],
        materials: Sequence[case_pb2.Material],
    ) -> Row[Any]:
        """Put a draft in the place of what it was.

        Raises NotFound DRAFT_NOT_FOUND, BUNDLE_NOT_FOUND, Invalid, Conflict DRAFT_CHANGED, DRAFT_SUBMITTED.
        """
        before = self._lock(work, person_id, draft_id, version)
        content = self._content(work, bundle_id, form, materials)
        _update(work, draft_id, version=version + 1, **content)
        _keep_uploads(work, person_id, _digests(materials) | _digests(materials_of(before)))
        return self.find(work, person_id, draft_id)

    @staticmethod
    def find(work: UnitOfWork, person_id: str, draft_id: str) -> Row[Any]:
        """A draft; raises NotFound DRAFT_NOT_FOUND, also for another person's."""
        return _found(work, select(drafts), person_id, draft_id)

    def faults(self, work: UnitOfWork, row: Row[Any]) -> Sequence[Violation]:
        """For what a draft could not be submitted now; for nothing when it was."""
        if row.case_id:
            return ()
        materials = materials_of(row)
        finished = uploaded(work, row.applicant_id, materials)
        try:
            published = self._cases.plans.newest(work.connection, row.bundle_id)
            held = held_by(work, row.applicant_id, published)
            check_application(published, row.form, materials, finished, work.now, held)
        except Invalid as invalid:
            return invalid.violations
        return ()

    @staticmethod
    def list_drafts(work: UnitOfWork, person_id: str, page: Page) -> Sequence[Row[Any]]:
        """What a person has not submitted, newest first, without contents."""
        query = select(*_SUMMARY).where(*_waiting(work, person_id))
        if page.after:
            query = query.where(drafts.c.draft_id < str(page.after[0]))
        return work.connection.execute(query.order_by(drafts.c.draft_id.desc()).limit(page.fetch)).all()

    def submit(self, work: UnitOfWork, person_id: str, actor: str, draft_id: str, version: int) -> Taken:
        """Make a case of a draft, and give that.

        Raises NotFound DRAFT_NOT_FOUND, Conflict DRAFT_CHANGED, DRAFT_SUBMITTED, UPLOAD_EXPIRED, Invalid
        APPLICATION_INVALID.
        """
        draft = self._lock(work, person_id, draft_id, version)
        taken = self._cases.submit(work, person_id, actor, draft.bundle_id, draft.form, materials_of(draft))
        times = {"changed_at": work.now, "expires_at": work.now + KEPT}
        # Form and materials are the case's from now on.
        _update(work, draft_id, version=version + 1, case_id=taken.row.case_id, form={}, materials=[], **times)
        _keep_uploads(work, person_id, _digests(materials_of(draft)))
        return taken

    def delete(self, work: UnitOfWork, person_id: str, draft_id: str) -> None:
        """Forget a draft. Raises NotFound DRAFT_NOT_FOUND, Conflict DRAFT_SUBMITTED."""
        draft = self._lock(work, person_id, draft_id)
        work.connection.execute(delete(drafts).where(drafts.c.draft_id == draft_id))
        _keep_uploads(work, person_id, _digests(materials_of(draft)))

    @staticmethod
    def forget_old(work: UnitOfWork) -> bool:
        """Forget a batch of drafts that have expired; true when there may be more. Their uploads expire with them."""
        old = select(drafts.c.draft_id).where(drafts.c.expires_at <= work.now).limit(FORGOTTEN_AT_ONCE)
        keys = list(work.connection.scalars(old.with_for_update(skip_locked=True)))
        work.connection.execute(delete(drafts).where(drafts.c.draft_id.in_(keys)))
        return len(keys) == FORGOTTEN_AT_ONCE

    def _content(
        self, work: UnitOfWork, bundle_id: str, form: Mapping[str, Any], materials: Sequence[case_pb2.Material]
    ) -> dict[str, Any]:
        """The columns of a draft that a change replaces."""
        self._cases.plans.newest(work.connection, bundle_id)
        faults = [
            Violation(f"materials[{index}].content", "upload it, and name it by its sha256: drafts keep no contents")
            for index, material in enumerate(materials)
            if material.content
        ]
        if faults:
            raise Invalid("BAD_REQUEST", "a draft names its materials, and does not have them", faults)
        named = [{name: getattr(each, name) for name in _NAMES} for each in materials]
        times = {"changed_at": work.now, "expires_at": work.now + KEPT}
        return {"bundle_id": bundle_id, "form": dict(form), "materials": named, **times}

    @staticmethod
    def _lock(work: UnitOfWork, person_id: str, draft_id: str, version: int | None = None) -> Row[Any]:
        """A draft that is not submitted, locked; one of whose versions it must be, if that is told."""
        found = _found(work, select(drafts).with_for_update(), person_id, draft_id)
        if found.case_id:
            message = f"draft {draft_id} was submitted: it is case {found.case_id}"
            raise Conflict("DRAFT_SUBMITTED", message, draft_id=draft_id, case_id=found.case_id)
        if version is not None and found.version != version:
            message = f"draft {draft_id} has version {found.version} by now: get it again, and change that"
            raise Conflict("DRAFT_CHANGED", message, draft_id=draft_id, version=found.version)
        return found


def materials_of(row: Row[Any]) -> list[case_pb2.Material]:
    """The materials that a draft names."""
    return [case_pb2.Material(**each) for each in row.materials]


def _digests(materials: Collection[case_pb2.Material]) -> set[str]:
    return {each.sha256 for each in materials if each.sha256}


def _waiting(work: UnitOfWork, person_id: str) -> tuple[ColumnElement[bool], ...]:
    return drafts.c.applicant_id == person_id, drafts.c.case_id == "", drafts.c.expires_at > work.now


def _found(work: UnitOfWork, query: Any, person_id: str, draft_id: str) -> Row[Any]:
    own = drafts.c.draft_id == draft_id, drafts.c.applicant_id == person_id, drafts.c.expires_at > work.now
    found: Row[Any] | None = work.connection.execute(query.where(*own)).one_or_none()
    if found is None:
        raise NotFound("DRAFT_NOT_FOUND", f"you have no draft {draft_id}; it may have expired", draft_id=draft_id)
    return found


def _update(work: UnitOfWork, draft_id: str, **values: Any) -> None:
    work.connection.execute(update(drafts).where(drafts.c.draft_id == draft_id).values(values))


def _keep_uploads(work: UnitOfWork, person_id: str, digests: Collection[str]) -> None:
    """Have uploads live as long as the drafts that name them; those that none names any more as long as new ones."""
    until = dict.fromkeys(uploads.lock_finished(work, person_id, digests), work.now + uploads.LIFE)
    named = select(drafts.c.materials, drafts.c.expires_at).where(*_waiting(work, person_id))
    for row in work.connection.execute(named).all():  # read after the lock: another draft may have changed meanwhile
        for material in row.materials:
            if material["sha256"] in until:
                until[material["sha256"]] = max(until[material["sha256"]], row.expires_at)
    if until:
        uploads.keep(work, person_id, until)
