"""Cases in a database that go on by a newer version: rows, tasks in hand, what finds them, and what rebuilds them."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chassis.problems import Invalid, NotFound, Problem
from duokua.matters.v1 import bundle_pb2
from services.cases import searching, store
from services.cases.case_migration import CaseMigration, Change, Move, Moved
from services.cases.domain.case import StepStatus
from services.cases.records import CaseRecords
from services.cases.replaying import replay
from tests.cases.builders import (
    FORM_SCHEMA,
    Town,
    a_bundle,
    a_form,
    code,
    completing,
    refusing,
    tables,
    taken,
)


def newer(version: int = 2, **schema: Any) -> bundle_pb2.Bundle:
    """A version with a tax registration before the delivery, which has a poster in the place of the sign."""
    bundle = a_bundle(version)
    bundle.form_schema = json.dumps({**FORM_SCHEMA, **schema})
    tax = bundle.steps.add(step_id="tax", catalog_code=code(6), name="税务", after=["food"], when="form.shop.area > 50")
    tax.form_fields.append("owner")
    bundle.steps[2].step_id = "poster"
    del bundle.steps[4].after[:]
    bundle.steps[4].after.extend(["food", "poster", "fire", "tax"])
    return bundle


def a_move(**changes: Any) -> Move:
    values = {
        "bundle_id": "open-shop",
        "from_version": 1,
        "to_version": 2,
        "mapping": {"sign": "poster"},
        "reason": "新规施行",
        "request_id": "r1",
    }
    return Move(**{**values, **changes})


def migrate(town: Town, case_id: str, move: Move | None = None) -> Moved:
    with town.database.begin() as work:
        return CaseMigration(town.cases).migrate(work, case_id, move or a_move(), "client:ops")


def preview(town: Town, case_id: str, move: Move | None = None) -> Moved:
    with town.database.read() as work:
        return CaseMigration(town.cases).preview(work, town.cases.row(work, case_id), move or a_move())


def refusal_of(town: Town, case_id: str, move: Move | None = None) -> Problem:
    """The problem with which a case is refused, by a look and by the deed; nothing is written."""
    before = tables(town.database)
    with pytest.raises(Problem) as looked:
        preview(town, case_id, move)
    with pytest.raises(Problem) as done:
        migrate(town, case_id, move)
    assert (looked.value.reason, looked.value.message) == (done.value.reason, done.value.message)
    assert tables(town.database) == before
    return done.value


def replays(town: Town, case_id: str) -> bool:
    with town.database.read() as work:
        return replay(work, town.cases.row(work, case_id), town.cases.plans)[1] is None


def routed(town: Town) -> str:
    """A case the check of which is with its office, and that has not got further."""
    case_id = town.submit()
    town.route(case_id)
    town.publish(newer())
    return case_id


def test_a_look_tells_what_the_deed_does_and_writes_nothing(town: Town) -> None:
    case_id = routed(town)
    before = tables(town.database)
    told = preview(town, case_id)
    assert tables(town.database) == before
    assert told == migrate(town, case_id)
    assert told.changes == (
        Change("sign", StepStatus.WAITING, None),
        Change("poster", None, StepStatus.WAITING),
        Change("tax", None, StepStatus.WAITING),
    )
    assert preview(town, case_id) == migrate(town, case_id) == Moved(changed=False)


def test_a_case_goes_on_by_the_new_version_to_its_end(town: Town) -> None:
    case_id = routed(town)
    held = town.one("check")
    migrate(town, case_id)
    assert (town.row(case_id).bundle_version, town.case(case_id).bundle_version) == (2, 2)
    taken(town.answer(completing(held)))
    town.route(case_id)
    town.complete("food", "sign")
    town.complete("tax")
    town.complete("deliver")
    town.sealed(case_id, "food")
    assert town.row(case_id).status == "completed"
    assert replays(town, case_id)


def test_who_holds_a_task_answers_it_as_before(town: Town) -> None:
    case_id = town.running()
    held = town.one("food")
    bundle = a_bundle(2)
    bundle.steps[1].name = "食品经营许可"
    bundle.steps[1].form_fields.append("email")
    town.publish(bundle)
    migrate(town, case_id, a_move(mapping={}))
    taken(town.answer(refusing(held)))
    assert town.row(case_id).status == "undone"
    assert replays(town, case_id)


def test_a_migrated_case_is_found_by_its_version_and_by_its_offices(town: Town) -> None:
    case_id = routed(town)
    migrate(town, case_id, a_move(mapping={"sign": ""}))
    with town.database.read() as work:
        found = searching.stored_listing(work.connection, town.case(case_id))
        ties = work.connection.scalars(store.search.organs.select().with_only_columns(store.search.organs.c.organ_id))
        assert "sign" not in set(ties)
    assert found == searching.listing_of(town.case(case_id))
    assert found.bundle_version == 2
    assert replays(town, case_id)


def test_records_of_a_migrated_case_are_made_by_the_version_of_each_entry(town: Town) -> None:
    case_id = routed(town)
    town.complete("check")
    bundle = newer(3)
    bundle.steps[2].step_id = "sign"
    bundle.steps[4].after[1] = "sign"
    town.publish(bundle)
    migrate(town, case_id, a_move(to_version=3, mapping={}))
    town.route(case_id)
    town.complete("food", "sign", "tax", "deliver")
    town.sealed(case_id, "food")
    with town.database.read() as work:
        reader = CaseRecords(town.cases, work, town.cases.row(work, case_id))
        records = reader.next_page(work) or []
    ended = {each.fact.step_id for each in records if each.key.startswith("result:")}
    assert ended == {"", "check", "food", "sign", "tax", "deliver"}


def test_a_clock_goes_on_and_is_looked_at_when_it_was_to_be(town: Town) -> None:
    bundle = a_bundle(2)
    bundle.limits.statutory.amount, bundle.limits.statutory.unit = 20, bundle_pb2.TIME_UNIT_WORKING_DAY
    town.publish(bundle)
    case_id = town.running()
    before = town.row(case_id)
    assert before.wake_at is not None
    longer = a_bundle(3)
    longer.limits.statutory.amount, longer.limits.statutory.unit = 45, bundle_pb2.TIME_UNIT_WORKING_DAY
    town.publish(longer)
    town.database.clock.advance(seconds=60)  # type: ignore[attr-defined]
    migrate(town, case_id, a_move(from_version=2, to_version=3, mapping={}))
    after = town.row(case_id)
    assert (after.wake_at, after.calendar_version) == (before.wake_at, before.calendar_version)
    yellow = a_bundle(4)
    yellow.clock_rules.yellow_percent = 50
    town.publish(yellow)
    migrate(town, case_id, a_move(from_version=3, to_version=4, mapping={}))
    assert town.row(case_id).wake_at < before.wake_at - timedelta(days=1)


def test_new_conditions_are_decided_by_the_form(town: Town) -> None:
    case_id = town.submit(a_form(area=40))
    town.route(case_id)
    town.publish(newer())
    migrate(town, case_id)
    step = town.case(case_id).steps["tax"]
    assert (step.status, step.reason) == ("skipped", "form.shop.area > 50")


def another_region() -> bundle_pb2.Bundle:
    bundle = newer()
    bundle.region_field = "owner"
    return bundle


def another_material() -> bundle_pb2.Bundle:
    bundle = newer()
    bundle.materials[1].required = True
    return bundle


def no_answer() -> bundle_pb2.Bundle:
    bundle = newer()
    bundle.steps[5].when = "form.email == 'a@b.c'"
    return bundle


@pytest.mark.parametrize(
    ("bundle", "words"),
    [
        (lambda: newer(required=["shop", "owner", "email"]), '"email" is a required property'),
        (another_region, "form.owner is not 330106"),
        (another_material, "photo (照片) is required"),
        (no_answer, "the condition of step tax cannot be decided"),
    ],
)
def test_what_was_handed_in_must_fit_the_new_version(
    town: Town, bundle: Callable[[], bundle_pb2.Bundle], words: str
) -> None:
    case_id = town.submit()
    town.publish(bundle())
    problem = refusal_of(town, case_id)
    assert problem.reason == "MIGRATION_FORM"
    assert words in problem.message
    assert isinstance(problem, Invalid)
    assert problem.violations[0].field.startswith(("form", "materials"))


def test_what_the_core_refuses_is_told_with_its_reason(town: Town) -> None:
    case_id = routed(town)
    assert refusal_of(town, case_id, a_move(mapping={})).reason == "MIGRATION_MAPPING"
    assert refusal_of(town, case_id, a_move(from_version=2, to_version=3)).reason == "MIGRATION_VERSION"
    town.publish(a_bundle(1, "other"))
    stranger = town.submit(bundle_id="other")
    assert refusal_of(town, stranger).reason == "MIGRATION_VERSION"
    town.complete("check")
    assert refusal_of(town, case_id).reason == "MIGRATION_MAPPING"
    taken(town.answer(refusing(town.one("food"))))
    assert refusal_of(town, case_id).reason == "CASE_ENDED"


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({"to_version": 1}, Invalid, "BAD_REQUEST"),
        ({"to_version": 9}, NotFound, "BUNDLE_NOT_FOUND"),
        ({"bundle_id": "other"}, NotFound, "BUNDLE_NOT_FOUND"),
        ({"mapping": {}}, Invalid, "MIGRATION_MAPPING"),
        ({"mapping": {"sign": "nothing"}}, Invalid, "MIGRATION_MAPPING"),
        ({"mapping": {"sign": "poster", "nothing": ""}}, Invalid, "MIGRATION_MAPPING"),
    ],
)
def test_a_move_that_fits_no_case_is_refused_as_a_whole(
    town: Town, changes: dict[str, Any], kind: type[Problem], reason: str
) -> None:
    town.publish(newer())
    with town.database.read() as work, pytest.raises(kind) as caught:
        CaseMigration(town.cases).check(work, a_move(**changes))
    assert caught.value.reason == reason


def test_only_running_cases_of_the_version_are_meant(town: Town) -> None:
    running = [town.submit() for _ in range(3)]
    ended = town.submit()
    town.route(ended)
    taken(town.answer(refusing(town.one("check"))))
    town.publish(newer())
    town.submit()
    with town.database.read() as work:
        found = CaseMigration.running(work, a_move(), "", 10)
        assert list(found) == sorted(running)
        assert list(CaseMigration.running(work, a_move(), found[0], 1)) == [found[1]]


def test_the_history_says_who_migrated_a_case_how_and_why(town: Town) -> None:
    case_id = routed(town)
    migrate(town, case_id)
    with town.database.read() as work:
        entry = store.history_page(work.connection, case_id, town.case(case_id).version - 1, 1)[0]
        published = store.bundle_body(work.connection, "open-shop", 2)
    assert (entry.kind, entry.actor) == ("migrated", "client:ops")
    assert entry.input == {
        "from_version": 1,
        "to_version": 2,
        "reason": "新规施行",
        "mapping": {"sign": "poster"},
        "skipped": ["fire"],
        "skip_reasons": ["form.shop.area > 300"],
        "request_id": "r1",
        "bundle_digest": hashlib.sha256(published).hexdigest(),
    }
