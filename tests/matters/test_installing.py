"""Installing, upgrading, exporting packages, and whose packages may be installed."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import func, select

from chassis.api import Call, Caller
from chassis.database import Database
from chassis.problems import Conflict, Exists, Invalid, NotFound, Problem
from duokua.matters.v1 import matter_service_pb2, package_pb2
from duokua.matters.v1 import scenario_service_pb2 as pb
from services.matters import store
from services.matters.api import MatterApi
from services.matters.package.archive import FILES, Package, made_of, pack, statement_of, unpack
from services.matters.package.container import write_entries
from services.matters.package.keys import public_key_pem
from services.matters.package.signatures import key_id_of, sign, write_signature
from services.matters.scenario_api import ScenarioApi
from services.matters.service import Matters
from services.matters.upgrades import Scenarios
from tests.conftest import MakeDatabase
from tests.matters.builders import organ_registered, package
from tests.matters.overlays import left_open, overlay

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
UPGRADED = ('version: "1.0.0"', 'version: "1.1.0"')
OPERATOR = Caller("client:operator")


class Desk:
    """What an operator does, each call in a transaction of its own."""

    def __init__(self, database: Database, *, allows_unsigned: bool = True) -> None:
        self.database = database
        matters = Matters(allows_unsigned=allows_unsigned)
        self._matters = MatterApi(matters)
        self._scenarios = ScenarioApi(Scenarios(matters), matters.trust)

    def install(self, archive: bytes, said: dict[str, bytes] | None = None, lead: str = "") -> package_pb2.Installation:
        request = matter_service_pb2.InstallScenarioRequest(package=archive, lead_organ_id=lead, overlay=_files(said))
        with self.database.begin() as work:
            return self._matters.install_scenario(Call(work, OPERATOR), request).installation

    def upgrade(
        self,
        archive: bytes,
        said: dict[str, bytes] | None = None,
        *,
        bundle_id: str = "",
        down: bool = False,
        check: bool = False,
    ) -> pb.UpgradeScenarioResponse:
        request = pb.UpgradeScenarioRequest(
            package=archive, overlay=_files(said), bundle_id=bundle_id, allow_downgrade=down, check_only=check
        )
        with self.database.begin() as work:
            return self._scenarios.upgrade_scenario(Call(work, OPERATOR), request)

    def export(self, bundle_id: str = "open-shop", version: int = 0) -> pb.ExportScenarioResponse:
        request = pb.ExportScenarioRequest(bundle_id=bundle_id, bundle_version=version)
        with self.database.read() as work:
            return self._scenarios.export_scenario(Call(work, OPERATOR), request)

    def installations(self, bundle_id: str = "", *, size: int = 1) -> list[package_pb2.Installation]:
        found: list[package_pb2.Installation] = []
        token = ""
        with self.database.read() as work:
            while True:
                request = pb.ListInstallationsRequest(page_size=size, page_token=token, bundle_id=bundle_id)
                answer = self._scenarios.list_installations(Call(work, OPERATOR), request)
                found.extend(answer.installations)
                if not (token := answer.next_page_token):
                    return found

    def trust(self, key: Ed25519PrivateKey = KEY, name: str = "某市大数据局") -> package_pb2.Publisher:
        pem = public_key_pem(key.public_key().public_bytes_raw())
        request = pb.TrustPublisherRequest(public_key_pem=pem, name=name, reason="函〔2026〕1号")
        with self.database.begin() as work:
            return self._scenarios.trust_publisher(Call(work, OPERATOR), request).publisher

    def distrust(self, key_id: str) -> package_pb2.Publisher:
        request = pb.DistrustPublisherRequest(key_id=key_id, reason="密钥泄露")
        with self.database.begin() as work:
            return self._scenarios.distrust_publisher(Call(work, OPERATOR), request).publisher

    def publishers(self, *, everybody: bool = False) -> list[package_pb2.Publisher]:
        with self.database.read() as work:
            request = pb.ListPublishersRequest(all=everybody)
            return list(self._scenarios.list_publishers(Call(work, OPERATOR), request).publishers)

    def rows(self) -> dict[str, int]:
        """How many rows each table has that an installation writes."""
        names = ("bundles", "matters", "installations", "archives", "outbox")
        with self.database.read() as work:
            return {
                name: work.connection.scalar(select(func.count()).select_from(store.metadata.tables[name])) or 0
                for name in names
            }


def _files(files: dict[str, bytes] | None) -> list[matter_service_pb2.ScenarioFile]:
    return [matter_service_pb2.ScenarioFile(path=path, content=text) for path, text in (files or {}).items()]


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    made = make_database(store.metadata, "matters")
    permits = organ_registered("permit-office")
    permits.organ.uscc = "11330106MB1A00010E"
    with made.begin() as work:
        Matters().keep_organs(
            work,
            [organ_registered("lead"), organ_registered("other", level=3), permits, organ_registered("tobacco-office")],
        )
    return made


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def signed(files: dict[str, bytes], *keys: Ed25519PrivateKey, publisher: str = "自称的名字") -> bytes:
    return pack(made_of(files, [sign(statement_of(files), key, publisher, NOON) for key in keys or (KEY,)]))


def reason_of(problem: pytest.ExceptionInfo[Problem]) -> str:
    return problem.value.reason


def test_an_installation_records_version_digest_region_and_who_did_it(desk: Desk) -> None:
    made = desk.install(pack(made_of(left_open())), overlay())
    assert (made.bundle_id, made.bundle_version, made.package_version) == ("open-shop", 1, "1.0.0")
    assert (made.package_digest, made.region_code) == (made_of(left_open()).digest, "330106")
    assert (made.lead_organ_id, made.installed_by, list(made.signers)) == ("lead", "client:operator", [])
    assert desk.installations() == [made]


def test_a_signed_package_of_a_trusted_publisher_is_installed_under_the_name_of_the_trust_list(desk: Desk) -> None:
    publisher = desk.trust()
    made = desk.install(signed(package(), KEY, OTHER), lead="lead")
    first, second = sorted(made.signers, key=lambda each: not each.trusted)
    assert (first.key_id, first.publisher, first.trusted) == (publisher.key_id, "某市大数据局", True)
    assert (second.publisher, second.trusted) == ("自称的名字", False)
    assert first.signed_at.ToDatetime(tzinfo=UTC) == NOON


def test_the_same_again_writes_nothing_and_a_new_signature_is_a_new_record_of_the_same_version(desk: Desk) -> None:
    desk.trust()
    first = desk.install(pack(made_of(package())), lead="lead")
    before = desk.rows()
    assert desk.install(pack(made_of(package())), lead="lead") == first
    assert desk.rows() == before
    again = desk.install(signed(package()), lead="lead")
    assert (again.bundle_version, len(again.signers)) == (1, 1)
    assert desk.installations("open-shop") == [again, first]
    assert desk.rows()["outbox"] == before["outbox"]


@pytest.mark.parametrize("allows_unsigned", [True, False])
def test_what_nobody_trusted_signed_is_refused_everywhere(database: Database, allows_unsigned: bool) -> None:  # noqa: FBT001 - a case of the test
    desk = Desk(database, allows_unsigned=allows_unsigned)
    desk.trust(OTHER)
    with pytest.raises(Conflict) as caught:
        desk.install(signed(package()), lead="lead")
    assert reason_of(caught) == "PUBLISHER_NOT_TRUSTED"
    assert key_id_of(KEY.public_key().public_bytes_raw()) in caught.value.message
    assert set(desk.rows().values()) == {0}


def test_a_signature_that_was_taken_off_is_missed_where_unsigned_packages_are_not_allowed(database: Database) -> None:
    desk = Desk(database, allows_unsigned=False)
    desk.trust()
    stripped = pack(made_of(unpack(signed(package())).files))
    with pytest.raises(Conflict) as caught:
        desk.install(stripped, lead="lead")
    assert reason_of(caught) == "PACKAGE_UNSIGNED"
    assert Desk(database).install(stripped, lead="lead").signers == []
    assert desk.install(signed(package()), lead="lead").bundle_version == 1


def test_a_changed_file_is_named_and_nothing_is_written(desk: Desk) -> None:
    desk.trust()
    genuine = unpack(signed(package()))
    (signature,) = genuine.signatures
    name = f"META/signatures/{signature.key_id}.json"
    changed = {**genuine.files, "matters/permit.yaml": genuine.files["matters/permit.yaml"] + b"\n"}
    with pytest.raises(Invalid) as caught:
        desk.install(
            write_entries({**changed, FILES: genuine.statement, name: write_signature(signature)}), lead="lead"
        )
    assert reason_of(caught) == "PACKAGE_CHANGED"
    assert [fault.field for fault in caught.value.violations] == ["matters/permit.yaml"]
    with pytest.raises(Invalid) as caught:
        desk.install(pack(Package(changed, statement_of(changed), (signature,))), lead="lead")
    assert reason_of(caught) == "SIGNATURE_WRONG"
    assert set(desk.rows().values()) == {0}


def test_one_wrong_signature_spoils_a_package_that_others_signed(desk: Desk) -> None:
    desk.trust()
    files = package()
    right, wrong = sign(statement_of(files), KEY, "甲", NOON), sign(b"something else", OTHER, "乙", NOON)
    with pytest.raises(Invalid) as caught:
        desk.install(pack(made_of(files, [right, wrong])), lead="lead")
    assert reason_of(caught) == "SIGNATURE_WRONG"


def test_a_key_that_is_not_trusted_any_more_opens_nothing_and_its_record_stays(desk: Desk) -> None:
    publisher = desk.trust()
    installed = desk.install(signed(package()), lead="lead")
    ended = desk.distrust(publisher.key_id)
    assert (ended.distrusted_by, ended.distrust_reason) == ("client:operator", "密钥泄露")
    with pytest.raises(Conflict):
        desk.install(signed(package() | {"README.md": b"1"}), lead="lead")
    assert desk.installations() == [installed]
    assert desk.publishers() == []
    assert desk.distrust(publisher.key_id) == ended
    again = desk.trust(name="另一个名字")
    assert [each.name for each in desk.publishers()] == ["另一个名字"]
    assert sorted(each.name for each in desk.publishers(everybody=True)) == ["另一个名字", "某市大数据局"]
    assert again.key_id == publisher.key_id


def test_a_key_has_one_name_at_a_time(desk: Desk) -> None:
    first = desk.trust()
    assert desk.trust() == first
    with pytest.raises(Exists) as caught:
        desk.trust(name="另一个名字")
    assert (reason_of(caught), caught.value.metadata["name"]) == ("PUBLISHER_TRUSTED", "某市大数据局")
    with pytest.raises(NotFound) as missing:
        desk.distrust("0" * 32)
    assert reason_of(missing) == "PUBLISHER_NOT_FOUND"


RSA = generate_private_key(65537, 2048).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("pem", "name", "reason"),
    [
        ("", "a", "BAD_PUBLIC_KEY"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "a", "BAD_PUBLIC_KEY"),
        (RSA.decode(), "a", "BAD_PUBLIC_KEY"),
        (public_key_pem(KEY.public_key().public_bytes_raw()), "a\nb", "BAD_PUBLISHER"),
    ],
)
def test_only_an_ed25519_key_with_a_printable_name_is_trusted(desk: Desk, pem: str, name: str, reason: str) -> None:
    with desk.database.begin() as work, pytest.raises(Invalid) as caught:
        Matters().trust.trust(work, pem, name, "why", "client:operator")
    assert reason_of(caught) == reason


@pytest.mark.parametrize(
    ("said", "lead", "reason"),
    [
        (overlay(("lead: lead\n", "")), "", "LEAD_MISSING"),
        (overlay(), "other", "LEAD_DIFFERENT"),
        (overlay(("lead: lead\n", "")), "nobody", "ORGAN_NOT_FOUND"),
        (overlay(("counter: nearest", "counter: nobody")), "", "SCENARIO_INVALID"),
        (None, "lead", "SCENARIO_INVALID"),
        ({"overlay.yaml": b"&a [*a, *a]"}, "lead", "SCENARIO_INVALID"),
    ],
)
def test_an_overlay_that_does_not_do_is_refused_whole(
    desk: Desk, said: dict[str, bytes] | None, lead: str, reason: str
) -> None:
    with pytest.raises(Problem) as caught:
        desk.install(pack(made_of(left_open())), said, lead)
    assert reason_of(caught) == reason
    assert set(desk.rows().values()) == {0}


def test_an_upgrade_keeps_the_overlay_and_says_what_changed(desk: Desk) -> None:
    first = desk.install(pack(made_of(left_open())), overlay())
    new = left_open(version=UPGRADED, wider=("max_size: 2 MB", "max_size: 3 MB"))
    looked_at = desk.upgrade(pack(made_of(new)), check=True)
    assert not looked_at.HasField("bundle")
    assert desk.rows()["bundles"] == 1
    done = desk.upgrade(pack(made_of(new)))
    assert done.changes == looked_at.changes
    assert [f"{change.area} {change.subject}: {change.text}" for change in done.changes] == [
        "package : version: 1.0.0 → 1.1.0",
        "material lease: largest size in bytes: 2000000 → 3000000",
    ]
    assert done.before == first
    assert (done.bundle.version, done.installation.package_version) == (2, "1.1.0")
    permit = next(step for step in done.bundle.steps if step.step_id == "permit")
    assert (permit.organ_id, permit.when) == ("permit-office", "form.shop.area > 500")
    assert "tobacco" in {step.step_id for step in done.bundle.steps}
    rows = desk.rows()
    again = desk.upgrade(pack(made_of(new)))
    assert (again.bundle.version, list(again.changes)) == (2, [])
    assert desk.rows() == rows


def test_an_overlay_that_no_longer_fits_stops_the_upgrade_and_another_one_lets_it_pass(desk: Desk) -> None:
    desk.install(pack(made_of(left_open())), overlay())
    rows = desk.rows()
    new = pack(made_of(left_open(version=UPGRADED, renamed=("id: large,", "id: big,"), used=("${large}", "${big}"))))
    with pytest.raises(Invalid) as caught:
        desk.upgrade(new)
    assert [fault.field for fault in caught.value.violations] == ["overlay.yaml:14:3 parameters.large"]
    assert desk.rows() == rows
    assert desk.upgrade(new, overlay(("large: 500", "big: 500"))).bundle.version == 2
    breaking = pack(made_of(left_open(version=('version: "1.0.0"', 'version: "2.0.0"'))))
    with pytest.raises(Invalid) as caught:
        desk.upgrade(breaking)
    assert "overlay.yaml:2:35 package.version" in [fault.field for fault in caught.value.violations]


def test_an_upgrade_goes_upward_and_a_version_has_one_content(desk: Desk) -> None:
    older, newer = pack(made_of(left_open())), pack(made_of(left_open(version=UPGRADED)))
    desk.install(newer, overlay())
    with pytest.raises(Conflict) as caught:
        desk.upgrade(older)
    assert (reason_of(caught), caught.value.metadata["installed"]) == ("DOWNGRADE_REFUSED", "1.1.0")
    other = pack(made_of(left_open(version=UPGRADED) | {"README.md": b"other"}))
    with pytest.raises(Conflict) as caught:
        desk.upgrade(other)
    assert reason_of(caught) == "VERSION_REUSED"
    assert desk.upgrade(older, down=True).bundle.version == 2
    assert desk.upgrade(newer).bundle.version == 3


def test_an_installation_takes_the_place_of_nothing_that_it_is_not(desk: Desk) -> None:
    desk.install(pack(made_of(left_open(version=UPGRADED))), overlay())
    rows = desk.rows()
    other = pack(made_of(package(manifest=("id: open-shop", "id: open-store"))))
    theirs = b'format: 1\npackage: {id: open-store, version: "1.0.0"}\nregion: "330106"\nbundle: open-shop\n'
    with pytest.raises(Invalid) as different:
        desk.install(other, {"overlay.yaml": theirs}, lead="lead")
    with pytest.raises(Conflict) as elsewhere:
        desk.install(pack(made_of(left_open(version=UPGRADED))), overlay(("330106", "330104")))
    with pytest.raises(Conflict) as older:
        desk.install(pack(made_of(left_open())), overlay())
    assert [reason_of(each) for each in (different, elsewhere, older)] == [
        "PACKAGE_DIFFERENT",
        "REGION_DIFFERENT",
        "DOWNGRADE_REFUSED",
    ]
    assert desk.rows() == rows


def test_what_nobody_signed_does_not_take_the_place_of_what_somebody_did(desk: Desk) -> None:
    desk.trust()
    desk.install(signed(left_open()), overlay())
    rows = desk.rows()
    newer = left_open(version=UPGRADED)
    with pytest.raises(Conflict) as installing:
        desk.install(pack(made_of(newer)), overlay())
    with pytest.raises(Conflict) as upgrading:
        desk.upgrade(pack(made_of(newer)))
    with pytest.raises(Conflict) as stripping:
        desk.install(pack(made_of(left_open())), overlay())
    assert {reason_of(each) for each in (installing, upgrading, stripping)} == {"PACKAGE_UNSIGNED"}
    assert desk.rows() == rows
    assert desk.upgrade(signed(newer)).bundle.version == 2


@pytest.mark.parametrize("other", ["signed", "stripped"])
def test_what_somebody_signed_has_one_content_a_version_and_what_nobody_did_is_being_written(
    desk: Desk, other: str
) -> None:
    desk.trust()
    desk.install(pack(made_of(left_open())), overlay())
    written = left_open() | {"README.md": b"written on"}
    desk.install(pack(made_of(written)), overlay())
    desk.install(signed(written), overlay())
    changed = written | {"README.md": b"changed"}
    with pytest.raises(Conflict) as caught:
        desk.install(signed(changed) if other == "signed" else pack(made_of(changed)), overlay())
    assert reason_of(caught) == "VERSION_REUSED"


def test_only_what_is_installed_is_upgraded_and_by_its_own_package(desk: Desk) -> None:
    with pytest.raises(NotFound) as caught:
        desk.upgrade(pack(made_of(package())))
    assert reason_of(caught) == "SCENARIO_NOT_INSTALLED"
    desk.install(pack(made_of(package())), lead="lead")
    other = pack(made_of(package(manifest=("id: open-shop", "id: open-store"))))
    with pytest.raises(Invalid) as different:
        desk.upgrade(other, bundle_id="open-shop")
    assert reason_of(different) == "PACKAGE_DIFFERENT"
    with pytest.raises(Invalid) as unreadable:
        desk.upgrade(pack(made_of({"scenario.yaml": b"- id"})))
    assert reason_of(unreadable) == "SCENARIO_INVALID"


def test_two_regions_have_the_scenario_side_by_side_and_are_upgraded_apart(desk: Desk) -> None:
    archive = pack(made_of(left_open()))
    desk.install(archive, overlay())
    east = overlay(("region:", "bundle: open-shop-east\nregion:"), ("330106", "330104"))
    assert desk.install(archive, east).bundle_id == "open-shop-east"
    assert [(each.bundle_id, each.region_code) for each in desk.installations()] == [
        ("open-shop", "330106"),
        ("open-shop-east", "330104"),
    ]
    new = pack(made_of(left_open(version=UPGRADED)))
    assert desk.upgrade(new, bundle_id="open-shop-east").bundle.bundle_id == "open-shop-east"
    assert [each.package_version for each in desk.installations()] == ["1.0.0", "1.1.0"]
    with pytest.raises(Invalid) as caught:
        desk.upgrade(new, east)
    assert reason_of(caught) == "PACKAGE_DIFFERENT"


def test_an_exported_package_is_the_one_that_was_installed_byte_for_byte(desk: Desk) -> None:
    desk.trust()
    archive = signed(left_open() | {"README.md": "说明".encode()})
    desk.install(archive, overlay())
    answer = desk.export()
    assert answer.package == archive
    assert {file.path: file.content for file in answer.overlay} == overlay()
    assert answer.installation == desk.installations()[0]
    new = signed(left_open(version=UPGRADED))
    desk.upgrade(new)
    assert (desk.export(version=1).package, desk.export().package) == (archive, new)
    with pytest.raises(NotFound) as caught:
        desk.export(version=9)
    assert reason_of(caught) == "SCENARIO_NOT_INSTALLED"


def test_a_package_comes_as_a_file_or_as_files(desk: Desk) -> None:
    for request in (
        matter_service_pb2.InstallScenarioRequest(lead_organ_id="lead"),
        matter_service_pb2.InstallScenarioRequest(package=b"x", files=_files(package()), lead_organ_id="lead"),
    ):
        with desk.database.begin() as work, pytest.raises(Invalid) as caught:
            MatterApi(Matters()).install_scenario(Call(work, OPERATOR), request)
        assert reason_of(caught) == "PACKAGE_MISSING"


def test_checking_takes_the_overlay_and_the_organs_of_this_place_into_account(desk: Desk) -> None:
    def faults(said: dict[str, bytes] | None) -> list[str]:
        request = matter_service_pb2.CheckScenarioRequest(files=_files(left_open()), overlay=_files(said))
        with desk.database.read() as work:
            answer = MatterApi(Matters()).check_scenario(Call(work, OPERATOR), request)
        return [f"{fault.file} {fault.path}" for fault in answer.faults]

    assert faults(None) == []
    assert faults(overlay()) == []
    assert faults(overlay(("counter: nearest", "counter: nobody"))) == ["overlay.yaml bindings.offices.counter"]
