"""What matters can do: each method is one use case in one transaction that the caller opens and commits."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from chassis.database import UnitOfWork
from chassis.problems import Invalid, NotFound, Violation
from chassis.settings import Settings
from duokua.identity.v1 import events_pb2 as identity_events
from duokua.matters.v1 import events_pb2
from services.matters import package_store, store
from services.matters.domain.bundle import Bundle, CataloguedMatter, Lead, Matter, Organ, Scenario, matter_digest
from services.matters.domain.packages import Installation, Signer
from services.matters.messages import bundle_message
from services.matters.package.archive import Package, pack
from services.matters.package.compiler import check_package, examine_package
from services.matters.package.faults import Fault, scenario_invalid
from services.matters.package.overlay import OrganIds
from services.matters.trust import Trust


@dataclass(frozen=True, slots=True)
class Readied:
    """A package that may be installed: compiled for the region, with who vouches for it."""

    scenario: Scenario
    package_id: str
    lead: Lead
    package: Package
    overlay: Mapping[str, bytes] | None
    signers: tuple[Signer, ...]


class Matters:
    """Publishes what scenario packages say: the catalogue of matters, and the bundles that cases run."""

    def __init__(self, *, allows_unsigned: bool = True) -> None:
        self.trust = Trust(allows_unsigned=allows_unsigned)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """With the packages that may be installed here."""
        return cls(allows_unsigned=settings.allow_unsigned_packages)

    def check(
        self, work: UnitOfWork, files: Mapping[str, bytes], overlay: Mapping[str, bytes] | None = None
    ) -> list[Fault]:
        """All that is wrong with a package, by file and line; with an overlay, with both of them here."""
        _, faults = check_package(files, overlay, None if overlay is None else _organ_ids(work))
        return faults

    def ready(
        self,
        work: UnitOfWork,
        package: Package,
        lead_organ_id: str = "",
        overlay: Mapping[str, bytes] | None = None,
        otherwise: str = "",
    ) -> Readied:
        """Check a package, its signatures and its overlay, and compile it for this region; nothing is written.

        Who leads, the caller or the overlay says; where neither does, `otherwise`.

        Raises what `Trust.vouch` raises; Invalid SCENARIO_INVALID, which names the faults, LEAD_MISSING,
        LEAD_DIFFERENT; NotFound ORGAN_NOT_FOUND.
        """
        signers = self.trust.vouch(work, package)
        examined = examine_package(package.files, overlay, _organ_ids(work))
        if examined.scenario is None or examined.manifest is None:
            raise scenario_invalid(examined.faults)
        lead = _lead(work, lead_organ_id, examined.here.lead, otherwise)
        return Readied(examined.scenario, examined.manifest.id, lead, package, overlay, signers)

    def install(self, work: UnitOfWork, readied: Readied, by: str = "") -> tuple[Bundle, Installation]:
        """Publish a package's matters and its bundle as a new version, and keep how it was installed.

        What says the same as the newest version, with the same lead, is that version: nothing is published again.
        """
        scenario, lead = readied.scenario, readied.lead
        newest = store.lock_scenario(work.connection, scenario.scenario_id)
        bundle = store.find_bundle(work.connection, scenario.scenario_id, newest) if newest else None
        digest = scenario.digest()
        if bundle is None or (bundle.digest, bundle.lead) != (digest, lead):
            bundle = Bundle(scenario, newest + 1, lead, digest, work.now)
            store.add_bundle(work.connection, bundle)
            self._publish_matters(work, scenario.scenario_id, scenario.matters)
            work.emit(events_pb2.BundlePublished(bundle=bundle_message(bundle)), subject=scenario.scenario_id)
        return bundle, _keep(work, bundle, readied, by)

    def bundle(self, work: UnitOfWork, bundle_id: str, version: int) -> Bundle:
        """A version of a bundle, the newest for 0. Raises NotFound BUNDLE_NOT_FOUND."""
        found = store.find_bundle(work.connection, bundle_id, version)
        if found is None:
            which = f"version {version} of bundle {bundle_id}" if version else f"bundle {bundle_id}"
            raise NotFound("BUNDLE_NOT_FOUND", f"there is no {which}", bundle_id=bundle_id, version=version)
        return found

    def bundles(self, work: UnitOfWork, after: Sequence[str | int] | None, limit: int) -> list[Bundle]:
        """The newest version of each bundle, by id, after the given id."""
        return store.list_bundles(work.connection, after, limit)

    def matters(self, work: UnitOfWork, after: Sequence[str | int] | None, limit: int) -> list[CataloguedMatter]:
        """The matters that the newest bundles use, by catalogue code and scenario, after the given pair."""
        return store.list_matters(work.connection, after, limit)

    def keep_organs(self, work: UnitOfWork, events: Sequence[identity_events.OrganRegistered]) -> None:
        """Keep organs as identity has them; an older version never overwrites a newer one."""
        newest = {event.organ.organ_id: event for event in sorted(events, key=lambda event: event.version)}
        store.save_organs(
            work.connection,
            [
                Organ(event.organ.organ_id, event.organ.name, event.organ.uscc, event.organ.level, event.version)
                for event in newest.values()
            ],
        )

    def _publish_matters(self, work: UnitOfWork, scenario_id: str, published: Sequence[Matter]) -> None:
        versions = store.matter_versions(work.connection, scenario_id)
        current = [_in_version(matter, scenario_id, versions) for matter in published]
        store.make_current(work.connection, scenario_id, current, work.now)


def matters_of(bundle: Bundle) -> list[CataloguedMatter]:
    """The matters of one bundle, as its scenario has them."""
    scenario = bundle.scenario
    return [
        CataloguedMatter(matter, scenario.scenario_id, bundle.version, matter_digest(matter))
        for matter in scenario.matters
    ]


def _in_version(matter: Matter, scenario_id: str, versions: Mapping[str, tuple[int, str]]) -> CataloguedMatter:
    """The matter in the version that its content has: the newest one there is, or the next."""
    version, digest = versions.get(matter.catalog_code, (0, ""))
    new_digest = matter_digest(matter)
    return CataloguedMatter(matter, scenario_id, version if digest == new_digest else version + 1, new_digest)


def _organ_ids(work: UnitOfWork) -> OrganIds:
    """Says the id of an organ by its id or unified social credit code; empty when it has not arrived."""

    def organ_id(named: str) -> str:
        organ = store.organ_named(work.connection, named)
        return organ.organ_id if organ else ""

    return organ_id


def _lead(work: UnitOfWork, given: str, named: str, otherwise: str) -> Lead:
    """The leading organ: the one that the caller gives, or the overlay names."""
    if given and named and given != named:
        fault = Violation("lead_organ_id", f"the overlay says {named}: leave it out here, or change the overlay")
        raise Invalid("LEAD_DIFFERENT", "two different organs would lead the bundle", [fault])
    organ_id = given or named or otherwise
    if not organ_id:
        fault = Violation("lead_organ_id", "name the organ here, or as `lead` in the overlay")
        raise Invalid("LEAD_MISSING", "nobody says which organ leads the bundle", [fault])
    organ = store.find_organ(work.connection, organ_id)
    if organ is None:
        raise NotFound("ORGAN_NOT_FOUND", f"there is no organ {organ_id}", organ_id=organ_id)
    return Lead(organ.organ_id, organ.uscc, organ.level, organ.name)


def installation_of(
    readied: Readied, newest: Installation | None, bundle_version: int, now: datetime, by: str
) -> Installation:
    """How a package is installed as a version of its bundle; `newest` is the last installation of that."""
    scenario, overlay = readied.scenario, readied.overlay
    return Installation(
        bundle_id=scenario.scenario_id,
        number=newest.number + 1 if newest else 1,
        bundle_version=bundle_version,
        package_id=readied.package_id,
        package_version=scenario.version,
        package_digest=readied.package.digest,
        archive_digest=hashlib.sha256(pack(readied.package)).hexdigest(),
        signers=readied.signers,
        region_code=scenario.region_code,
        lead_organ_id=readied.lead.organ_id,
        overlay=None if overlay is None else {path: text.decode() for path, text in overlay.items()},
        name=scenario.name.zh,
        installed_at=now,
        installed_by=by,
    )


def _keep(work: UnitOfWork, bundle: Bundle, readied: Readied, by: str) -> Installation:
    """Keep how a bundle was installed, unless the newest record of it says the same."""
    newest = package_store.find_installation(work.connection, bundle.scenario.scenario_id, 0)
    made = installation_of(readied, newest, bundle.version, work.now, by)
    if newest and newest.says_the_same_as(made):
        return newest
    package_store.keep_archive(work.connection, made.archive_digest, pack(readied.package), work.now)
    package_store.add_installation(work.connection, made)
    return made
