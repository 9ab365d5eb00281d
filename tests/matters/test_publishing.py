"""Installing packages: versions, the catalogue, the event, and what is not done twice."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from chassis.api import Call, Caller
from chassis.database import Database, UnitOfWork
from chassis.problems import Invalid, NotFound
from duokua.matters.v1 import bundle_pb2, events_pb2
from duokua.matters.v1 import matter_service_pb2 as pb
from services.matters import store
from services.matters.api import MatterApi
from services.matters.messages import bundle_message
from services.matters.package.archive import made_of
from services.matters.package.compiler import compile_package
from services.matters.service import Matters
from tests.conftest import MakeDatabase
from tests.matters.builders import LEAD_USCC, organ_registered, package
from tests.matters.test_package_dataflow import flowing

OUTBOX = store.metadata.tables["outbox"]


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    made = make_database(store.metadata, "matters")
    with made.begin() as work:
        Matters().keep_organs(work, [organ_registered("lead"), organ_registered("other", level=3)])
    return made


def install(database: Database, files: dict[str, bytes] | None = None, lead: str = "lead") -> int:
    with database.begin() as work:
        matters = Matters()
        return matters.install(work, matters.ready(work, made_of(files or package()), lead))[0].version


def published(database: Database) -> list[bundle_pb2.Bundle]:
    """What the events in the outbox say, oldest first."""
    with database.read() as work:
        rows = work.connection.execute(select(OUTBOX).order_by(OUTBOX.c.id)).all()
    assert {row.type for row in rows} <= {"duokua.matters.v1.BundlePublished"}
    return [events_pb2.BundlePublished.FromString(row.body).bundle for row in rows]


def call(work: UnitOfWork) -> Call:
    return Call(work, Caller("client:operator"))


def files_message(files: dict[str, bytes]) -> list[pb.ScenarioFile]:
    return [pb.ScenarioFile(path=path, content=content) for path, content in files.items()]


def test_a_package_is_published_with_its_event(database: Database) -> None:
    assert install(database) == 1
    (bundle,) = published(database)
    assert (bundle.bundle_id, bundle.version, bundle.name) == ("open-shop", 1, "开店")
    assert bundle.lead == bundle_pb2.Lead(organ_id="lead", uscc=LEAD_USCC, level=4, name="西湖区市场监督管理局")
    assert [step.step_id for step in bundle.steps] == ["check", "permit", "deliver"]
    permit = bundle.steps[1]
    assert (permit.catalog_code, permit.undoable, permit.pivot) == ("330131903000", True, False)
    assert permit.when == "form.shop.area > 300"
    assert list(permit.form_fields) == ["owner", "shop.region", "shop.area", "shop.seats", "shop.tags"]
    assert permit.notice.title == "准予许可决定书"
    assert permit.notice.template.startswith("{{ form.owner }}")
    assert not bundle.steps[0].HasField("notice")
    assert bundle.materials[0].max_size == 2_000_000
    schema = json.loads(bundle.form_schema)
    assert (schema["title"], schema["required"]) == ("开店", ["owner", "shop"])
    assert bundle.materials[0].required_when == "form.shop.area > 300"


def test_the_same_package_again_is_the_version_there_is_and_announces_nothing(database: Database) -> None:
    install(database)
    commented = package(manifest=("licence:", "# a comment\nlicence:")) | {"README.md": b"# read me"}
    assert install(database, commented) == 1
    assert len(published(database)) == 1


def test_a_change_of_content_or_of_lead_is_a_new_version(database: Database) -> None:
    assert install(database) == 1
    changed = package(manifest=("> 300", "> 200"))
    assert install(database, changed) == 2
    assert install(database, changed, lead="other") == 3
    assert install(database) == 4
    assert [bundle.version for bundle in published(database)] == [1, 2, 3, 4]
    with database.read() as work:
        kept = [Matters().bundle(work, "open-shop", version).scenario.steps[1].when for version in (1, 2)]
    assert kept == ["form.shop.area > 300", "form.shop.area > 200"]


def test_a_lead_that_changed_its_level_is_a_new_version(database: Database) -> None:
    install(database)
    with database.begin() as work:
        Matters().keep_organs(work, [organ_registered("lead", version=2, level=3)])
    assert install(database) == 2


def test_an_older_version_of_an_organ_never_overwrites_a_newer_one(database: Database) -> None:
    with database.begin() as work:
        Matters().keep_organs(work, [organ_registered("x", version=3, level=3), organ_registered("x", version=2)])
        Matters().keep_organs(work, [organ_registered("x", version=1, level=5)])
        organ = store.find_organ(work.connection, "x")
    assert organ is not None
    assert (organ.version, organ.level) == (3, 3)


def test_an_unknown_lead_is_refused_and_nothing_is_kept(database: Database) -> None:
    with pytest.raises(NotFound) as caught:
        install(database, lead="nobody")
    assert caught.value.reason == "ORGAN_NOT_FOUND"
    assert caught.value.metadata == {"organ_id": "nobody"}
    with database.read() as work:
        assert Matters().bundles(work, None, 10) == []
        assert Matters().matters(work, None, 10) == []
    assert published(database) == []


def test_a_faulty_package_is_refused_and_the_newest_version_stays(database: Database) -> None:
    install(database)
    with pytest.raises(Invalid):
        install(database, package(manifest=("undo: none", "undo: never")))
    with database.read() as work:
        assert Matters().bundle(work, "open-shop", 0).version == 1
    assert len(published(database)) == 1


def test_what_is_read_back_is_what_was_published(database: Database) -> None:
    install(database)
    with database.read() as work:
        read = MatterApi(Matters()).get_bundle(call(work), pb.GetBundleRequest(bundle_id="open-shop"))
        again = Matters().bundle(work, "open-shop", 1)
    assert read.bundle == published(database)[0]
    assert again.scenario.digest() == again.digest


@pytest.mark.parametrize(("bundle_id", "version"), [("open-shop", 2), ("open-shop", 4_294_967_295), ("none", 0)])
def test_a_bundle_that_is_not_there_is_not_found(database: Database, bundle_id: str, version: int) -> None:
    install(database)
    with database.read() as work, pytest.raises(NotFound) as caught:
        Matters().bundle(work, bundle_id, version)
    assert caught.value.reason == "BUNDLE_NOT_FOUND"


def test_the_catalogue_has_the_matters_of_the_newest_bundles_each_versioned_by_its_content(database: Database) -> None:
    install(database)
    renamed = package(permit=("{zh: 许可, en: Permit}", "{zh: 新许可, en: Permit}"))
    install(database, renamed)
    with database.read() as work:
        kept = {matter.matter.catalog_code: matter for matter in Matters().matters(work, None, 10)}
    assert {code: matter.version for code, matter in kept.items()} == {
        "330131903000": 2,
        "331031902000": 1,
        "332031904000": 1,
    }
    assert kept["330131903000"].matter.name.zh == "新许可"


def test_a_matter_that_the_newest_bundle_lacks_leaves_the_catalogue(database: Database) -> None:
    install(database)
    files = package(manifest=("  - id: check\n    matter: check\n    undo: none\n", ""))
    files["scenario.yaml"] = files["scenario.yaml"].replace(
        b"after: [check]\n    when: form.shop.area > 300", b"after: []"
    )
    del files["matters/check.yaml"]
    install(database, files)
    with database.read() as work:
        codes = [matter.matter.catalog_code for matter in Matters().matters(work, None, 10)]
    assert codes == ["330131903000", "332031904000"]
    install(database)
    with database.read() as work:
        assert [matter.version for matter in Matters().matters(work, None, 10)] == [1, 1, 1]


def test_lists_come_in_pages(database: Database) -> None:
    for number in range(5):
        install(database, package(manifest=("id: open-shop", f"id: open-shop-{number}")))
    api = MatterApi(Matters())
    bundles, token = [], ""
    with database.read() as work:
        while True:
            answer = api.list_bundles(call(work), pb.ListBundlesRequest(page_size=2, page_token=token))
            assert len(answer.bundles) <= 2
            bundles += [bundle.bundle_id for bundle in answer.bundles]
            token = answer.next_page_token
            if not token:
                break
        first = api.list_matters(call(work), pb.ListMattersRequest(page_size=10))
        rest = api.list_matters(call(work), pb.ListMattersRequest(page_size=10, page_token=first.next_page_token))
    assert bundles == [f"open-shop-{number}" for number in range(5)]
    keys = [(matter.catalog_code, matter.scenario) for matter in [*first.matters, *rest.matters]]
    assert keys == sorted(set(keys))
    assert (len(first.matters), len(rest.matters), rest.next_page_token) == (10, 5, "")


def test_installing_through_the_api_gives_the_bundle_and_its_matters(database: Database) -> None:
    request = pb.InstallScenarioRequest(request_id="1", files=files_message(package()), lead_organ_id="lead")
    with database.begin() as work:
        answer = MatterApi(Matters()).install_scenario(call(work), request)
    assert answer.bundle == published(database)[0]
    assert [matter.name for matter in answer.matters] == ["核验", "送达", "许可"]
    assert {matter.scenario for matter in answer.matters} == {"open-shop"}


def test_checking_through_the_api_says_the_faults_and_changes_nothing(database: Database) -> None:
    api = MatterApi(Matters())
    with database.read() as work:
        sound = api.check_scenario(call(work), pb.CheckScenarioRequest(files=files_message(package())))
        assert list(sound.faults) == []
        broken = files_message(package(check=('type: "10"', 'type: "11"')))
        answer = api.check_scenario(call(work), pb.CheckScenarioRequest(files=broken))
        assert Matters().bundles(work, None, 10) == []
    (fault,) = answer.faults
    assert (fault.file, fault.line, fault.column, fault.path) == ("matters/check.yaml", 3, 7, "type")
    assert fault.message == 'should be "10": characters 3 and 4 of the catalogue code say so'


def test_two_installations_at_once_give_two_versions_or_one_and_never_a_clash(database: Database) -> None:
    variants = [package(manifest=("> 300", f"> {number}")) for number in (100, 200, 200, 300)]
    with ThreadPoolExecutor(4) as threads:
        versions = sorted(threads.map(lambda files: install(database, files), variants))
    assert versions[0] == 1
    assert len(published(database)) == len(set(versions))
    with database.read() as work:
        assert Matters().bundle(work, "open-shop", 0).version == max(versions)


def test_what_flows_between_steps_is_kept_with_the_version(database: Database) -> None:
    install(database, flowing())
    (event,) = published(database)
    assert event.steps[2].inputs
    with database.read() as work:
        kept = Matters().bundle(work, "open-shop", 1)
        assert {each.matter for each in Matters().matters(work, None, 10)} == set(kept.scenario.matters)
    assert kept.scenario == compile_package(flowing())
    assert bundle_message(kept).steps == event.steps


def test_limits_and_rules_are_published_and_told_again(database: Database) -> None:
    top = "region_field: shop.region\n"
    said = f"{top}clock_rules: {{ends_on_days_off: true}}\nlimits: {{promised: 30 calendar days}}\n"
    said += "corrections: {most: 3, limit: 20 calendar days}\n"
    install(database, package(manifest=(top, said)))
    (bundle,) = published(database)
    permit = next(each for each in bundle.steps if each.step_id == "permit").limits
    unit = bundle_pb2.TIME_UNIT_WORKING_DAY
    assert permit.statutory == bundle_pb2.Limit(amount=20, unit=unit, longest_extension=10)
    assert permit.acceptance == bundle_pb2.Limit(amount=5, unit=unit)
    assert not permit.HasField("promised")
    assert bundle.limits.promised == bundle_pb2.Limit(amount=30, unit=bundle_pb2.TIME_UNIT_CALENDAR_DAY)
    assert bundle.clock_rules == bundle_pb2.ClockRules(ends_on_days_off=True, yellow_percent=80)
    assert bundle.corrections == bundle_pb2.CorrectionRules(
        most=3, limit=bundle_pb2.Limit(amount=20, unit=bundle_pb2.TIME_UNIT_CALENDAR_DAY)
    )
    with database.read() as work:
        kept = store.find_bundle(work.connection, "open-shop", 1)
    assert kept is not None
    assert bundle_message(kept) == bundle
