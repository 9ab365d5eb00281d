"""Drafts: each person's own, never lost by two who change one, never two cases, and gone with their uploads."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from chassis.paging import page
from chassis.problems import Conflict, Exhausted, Invalid, NotFound
from chassis.settings import Settings
from chassis.testing import ManualClock
from duokua.cases.v1 import case_pb2
from services.cases import drafts as module
from services.cases import material_store, store
from services.cases.blobs import Blobs
from services.cases.drafts import KEPT, MOST, Drafts
from services.cases.keeping import Keeper
from services.cases.uploads import GRACE, LIFE
from tests.cases.builders import PDF, Town, a_form, a_material, tables
from tests.cases.test_keeping import names, uploaded

HOUR = timedelta(hours=1)


class Desk:
    """Persons with drafts, and the store that keeps their uploads."""

    def __init__(self, town: Town, blobs: Blobs, keeper: Keeper, clock: ManualClock) -> None:
        self.town, self.blobs, self.keeper, self.clock = town, blobs, keeper, clock
        self.drafts = Drafts(town.cases)

    def save(
        self,
        form: Mapping[str, Any] | None = None,
        materials: Sequence[case_pb2.Material] = (),
        *,
        person_id: str = "p1",
        bundle_id: str = "open-shop",
    ) -> Row[Any]:
        with self.town.database.begin() as work:
            return self.drafts.add(work, person_id, bundle_id, form or {}, materials)

    def change(self, draft: Row[Any], **changes: Any) -> Row[Any]:
        values = {"form": draft.form, "materials": module.materials_of(draft), "person_id": "p1", **changes}
        person_id, version = values.pop("person_id"), values.pop("version", draft.version)
        with self.town.database.begin() as work:
            return self.drafts.change(work, person_id, draft.draft_id, version, draft.bundle_id, **values)

    def submit(self, draft: Row[Any], person_id: str = "p1") -> Row[Any]:
        with self.town.database.begin() as work:
            return self.drafts.submit(work, person_id, "person:p1", draft.draft_id, draft.version).row

    def delete(self, draft: Row[Any], person_id: str = "p1") -> None:
        with self.town.database.begin() as work:
            self.drafts.delete(work, person_id, draft.draft_id)

    def find(self, draft: Row[Any], person_id: str = "p1") -> Row[Any]:
        with self.town.database.read() as work:
            return self.drafts.find(work, person_id, draft.draft_id)

    def faults(self, draft: Row[Any]) -> list[str]:
        with self.town.database.read() as work:
            return sorted(fault.field for fault in self.drafts.faults(work, draft))

    def listed(self, person_id: str = "p1", **paging: Any) -> list[str]:
        with self.town.database.read() as work:
            found = self.drafts.list_drafts(work, person_id, page(paging.get("size", 0), ""))
            return [row.draft_id for row in found]

    def forgotten(self) -> int:
        """How many drafts the housekeeping of workers takes away."""
        before = len(self.rows(store.drafts))
        with self.town.database.begin() as work:
            assert not self.drafts.forget_old(work)
        return before - len(self.rows(store.drafts))

    def wait(self, time: timedelta) -> None:
        self.clock.advance(seconds=time.total_seconds())

    def rows(self, table: Any) -> list[Any]:
        with self.town.database.read() as work:
            return list(work.connection.execute(select(table)))

    def lease(self, content: bytes = PDF, person_id: str = "p1", upload_id: str = "u1") -> case_pb2.Material:
        """A material that was uploaded."""
        upload = uploaded(self.town, self.blobs, content, person_id, upload_id)
        return case_pb2.Material(kind="lease", name="lease.pdf", media_type="application/pdf", sha256=upload.sha256)

    def stored(self) -> int:
        """How many blobs are left when everything that is due is deleted."""
        asyncio.run(self.keeper.keep_order())
        return len(names(self.blobs))


@pytest.fixture
def desk(town: Town, clock: ManualClock, tmp_path: Path) -> Iterator[Desk]:
    blobs = Blobs.from_settings(Settings(data_dir=tmp_path))
    with ThreadPoolExecutor(2) as threads:
        yield Desk(town, blobs, Keeper(blobs, town.database, threads), clock)


def test_whatever_there_is_of_an_application_is_kept_and_its_faults_are_told(desk: Desk) -> None:
    draft = desk.save({"shop": {"area": "large"}, "unknown": None})
    assert desk.find(draft).form == {"shop": {"area": "large"}, "unknown": None}
    assert desk.faults(draft) == ["form", "form", "form.shop", "form.shop.area", "materials"]
    lease = desk.lease()
    better = desk.change(draft, form=a_form(), materials=[lease])
    assert (better.version, desk.faults(better)) == (2, [])
    assert module.materials_of(better) == [lease]
    assert better.created_at == draft.created_at


def test_the_faults_of_a_draft_are_those_for_which_it_is_not_submitted(desk: Desk) -> None:
    unknown = case_pb2.Material(kind="lease", name="x", media_type="application/pdf", sha256="0" * 64)
    missing = case_pb2.Material(kind="photo", name="x", media_type="image/png")
    for form, materials in ((a_form(), []), ({}, [unknown, missing]), (a_form(region="x"), [desk.lease()])):
        draft = desk.save(form, materials)
        before = tables(desk.town.database)
        with pytest.raises(Invalid) as refused:
            desk.submit(draft)
        assert refused.value.reason == "APPLICATION_INVALID"
        assert desk.faults(draft) == sorted(fault.field for fault in refused.value.violations) != []
        assert tables(desk.town.database) == before


def test_a_draft_becomes_one_case_and_remembers_which(desk: Desk) -> None:
    draft = desk.save(a_form(), [desk.lease()])
    case = desk.submit(draft)
    assert (case.form, [each["kind"] for each in case.materials]) == (a_form(), ["lease"])
    after = desk.find(draft)
    assert (after.case_id, after.form, after.materials, desk.faults(after)) == (case.case_id, {}, [], [])
    assert desk.listed() == []
    before = tables(desk.town.database)
    for again in (desk.submit, desk.delete, desk.change):
        for seen in (draft, after):
            with pytest.raises(Conflict) as refused:
                again(seen)
            assert (refused.value.reason, refused.value.metadata["case_id"]) == ("DRAFT_SUBMITTED", case.case_id)
    assert tables(desk.town.database) == before


def test_who_changes_or_submits_an_older_version_is_told_and_changes_nothing(desk: Desk) -> None:
    draft = desk.save({"owner": "李雷"})
    desk.change(draft, form={"owner": "韩梅梅"})
    before = tables(desk.town.database)
    for late in (desk.change, desk.submit):
        with pytest.raises(Conflict) as refused:
            late(draft)
        assert (refused.value.reason, refused.value.metadata["version"]) == ("DRAFT_CHANGED", "2")
    with pytest.raises(Conflict):
        desk.change(draft, version=3)
    assert tables(desk.town.database) == before
    assert desk.find(draft).form == {"owner": "韩梅梅"}


def test_nobody_learns_of_another_persons_draft(desk: Desk) -> None:
    draft = desk.save(a_form(), [desk.lease()])
    before = tables(desk.town.database)
    for touch in (desk.find, desk.submit, desk.delete, desk.change):
        with pytest.raises(NotFound, match="DRAFT_NOT_FOUND"):
            touch(draft, person_id="p2")
    assert desk.listed("p2") == []
    assert tables(desk.town.database) == before


def test_a_person_has_so_many_drafts_and_others_have_their_own(desk: Desk) -> None:
    made = [desk.save().draft_id for _ in range(MOST)]
    assert desk.listed() == made[::-1]
    assert len(desk.listed(size=3)) == 4  # one more than the page, to see that there is more
    with pytest.raises(Exhausted) as refused:
        desk.save()
    assert refused.value.reason == "TOO_MANY_DRAFTS"
    desk.save(person_id="p2")
    with desk.town.database.begin() as work:
        desk.drafts.delete(work, "p1", made[0])
    desk.save()


def test_a_draft_has_no_contents_and_a_bundle(desk: Desk) -> None:
    draft = desk.save()
    before = tables(desk.town.database)
    with pytest.raises(Invalid) as refused:
        desk.save(materials=[a_material()])
    assert [fault.field for fault in refused.value.violations] == ["materials[0].content"]
    with pytest.raises(Invalid):
        desk.change(draft, materials=[a_material()])
    with pytest.raises(NotFound, match="BUNDLE_NOT_FOUND"):
        desk.save(bundle_id="nowhere")
    assert tables(desk.town.database) == before


def test_a_draft_is_forgotten_so_long_after_its_last_change(desk: Desk) -> None:
    draft = desk.save(a_form())
    desk.wait(KEPT - HOUR)
    changed = desk.change(draft)
    assert changed.expires_at == changed.changed_at + KEPT
    desk.wait(KEPT - HOUR)
    assert (desk.forgotten(), desk.listed()) == (0, [draft.draft_id])
    desk.wait(HOUR)
    with pytest.raises(NotFound):  # whether the housekeeping was there or not
        desk.find(draft)
    with pytest.raises(NotFound):
        desk.submit(changed)
    assert desk.listed() == []
    assert (desk.forgotten(), desk.rows(store.drafts)) == (1, [])


def test_a_draft_that_was_submitted_is_forgotten_too_and_its_case_stays(desk: Desk) -> None:
    case = desk.submit(desk.save(a_form(), [desk.lease()]))
    desk.wait(KEPT)
    assert desk.forgotten() == 1
    assert desk.town.row(case.case_id).form == a_form()
    assert desk.stored() == 1


def test_what_a_draft_names_is_kept_as_long_as_it(desk: Desk) -> None:
    draft = desk.save(a_form(), [desk.lease()])
    desk.wait(KEPT - HOUR)
    assert desk.stored() == 1
    draft = desk.change(draft)
    desk.wait(KEPT - HOUR)
    assert (desk.stored(), desk.faults(draft)) == (1, [])
    case = desk.submit(draft)
    desk.wait(4 * KEPT)
    assert desk.stored() == 1
    assert desk.town.row(case.case_id).materials[0]["size"] == len(PDF)


def test_what_an_expired_draft_named_goes_with_it(desk: Desk) -> None:
    desk.save(a_form(), [desk.lease()])
    desk.wait(KEPT + GRACE)
    assert (desk.forgotten(), desk.stored()) == (1, 0)
    assert desk.rows(material_store.uploads) == []


@pytest.mark.parametrize("by", ["delete", "change"])
def test_what_no_draft_names_any_more_goes_a_day_later(desk: Desk, by: str) -> None:
    draft = desk.save(a_form(), [desk.lease()])
    desk.wait(timedelta(days=30))
    if by == "delete":
        desk.delete(draft)
        assert desk.rows(store.drafts) == []
    else:
        desk.change(draft, materials=[])
    desk.wait(LIFE)
    assert desk.stored() == 1
    desk.wait(GRACE)
    assert desk.stored() == 0


def test_what_another_draft_names_stays(desk: Desk) -> None:
    lease = desk.lease()
    first, second = desk.save(a_form(), [lease]), desk.save(a_form(), [lease])
    desk.delete(first)
    desk.wait(KEPT - HOUR)
    assert (desk.stored(), desk.faults(second)) == (1, [])


def test_what_another_person_has_uploaded_stays_for_that_one(desk: Desk) -> None:
    mine, theirs = desk.save(a_form(), [desk.lease()]), desk.lease(person_id="p2", upload_id="u2")
    other = desk.save(a_form(), [theirs], person_id="p2")
    desk.delete(mine)
    desk.wait(KEPT - HOUR)
    assert (desk.stored(), desk.faults(other)) == (1, [])
    third = desk.save(a_form(), [theirs], person_id="p3")
    assert desk.faults(third) == ["materials[0].sha256"]
    desk.wait(HOUR + GRACE)
    assert desk.stored() == 0  # naming what is not one's own keeps nothing


def test_what_a_case_has_is_kept_for_ever_whatever_becomes_of_drafts(desk: Desk) -> None:
    lease = desk.lease()
    draft = desk.save(a_form(), [lease])
    case_id = desk.town.submit(materials=[lease])
    desk.delete(draft)
    desk.wait(4 * KEPT)
    assert desk.stored() == 1
    assert desk.town.row(case_id).materials[0]["sha256"] == lease.sha256
