"""What matters can do: each method is one use case in one transaction that the caller opens and commits."""

from collections.abc import Mapping, Sequence
from typing import Self

from chassis.database import UnitOfWork
from chassis.problems import NotFound
from chassis.settings import Settings
from duokua.identity.v1 import events_pb2 as identity_events
from duokua.matters.v1 import events_pb2
from services.matters import store
from services.matters.domain.bundle import Bundle, CataloguedMatter, Lead, Matter, Organ, matter_digest
from services.matters.messages import bundle_message
from services.matters.package.compiler import check_package, compile_package
from services.matters.package.faults import Fault


class Matters:
    """Publishes what scenario packages say: the catalogue of matters, and the bundles that cases run."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Matters has nothing to set."""
        del settings
        return cls()

    def check(self, files: Mapping[str, bytes]) -> list[Fault]:
        """All that is wrong with a package, by file and line; empty when it can be installed."""
        _, faults = check_package(files)
        return faults

    def install(self, work: UnitOfWork, files: Mapping[str, bytes], lead_organ_id: str) -> Bundle:
        """Publish a package's matters and its bundle as a new version, led by the organ.

        What says the same as the newest version, with the same lead, is that version: nothing is published again.
        Raises Invalid SCENARIO_INVALID, which names the faults, NotFound ORGAN_NOT_FOUND.
        """
        scenario = compile_package(files)
        organ = store.find_organ(work.connection, lead_organ_id)
        if organ is None:
            raise NotFound("ORGAN_NOT_FOUND", f"there is no organ {lead_organ_id}", organ_id=lead_organ_id)
        lead = Lead(organ.organ_id, organ.uscc, organ.level)
        newest = store.lock_scenario(work.connection, scenario.scenario_id)
        before = store.find_bundle(work.connection, scenario.scenario_id, newest) if newest else None
        digest = scenario.digest()
        if before and (before.digest, before.lead) == (digest, lead):
            return before
        bundle = Bundle(scenario, newest + 1, lead, digest, work.now)
        store.add_bundle(work.connection, bundle)
        self._publish_matters(work, scenario.scenario_id, scenario.matters)
        work.emit(events_pb2.BundlePublished(bundle=bundle_message(bundle)), subject=scenario.scenario_id)
        return bundle

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
