"""What can be done with a package that is installed: another version of it, an export, a list."""

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.database import UnitOfWork
from chassis.problems import NotFound
from services.matters import package_store, store
from services.matters.domain.bundle import Bundle
from services.matters.domain.differences import Change, differences
from services.matters.domain.packages import Installation
from services.matters.package.archive import Package
from services.matters.package.compiler import package_id_of
from services.matters.replacing import check_no_downgrade, check_one_content, check_still_signed, different
from services.matters.service import Matters, installation_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator asks of an upgrade."""

    bundle_id: str = ""
    """Empty for the bundle that is called like the package."""
    overlay: Mapping[str, bytes] | None = None
    """Instead of the one that the bundle was installed with."""
    allow_downgrade: bool = False
    check_only: bool = False


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did, or would do: the bundle is None when it was only looked at."""

    before: Installation
    after: Installation
    bundle: Bundle | None
    changes: list[Change]


class Scenarios:
    """Upgrades and exports what is installed."""

    def __init__(self, matters: Matters) -> None:
        self._matters = matters

    def upgrade(self, work: UnitOfWork, package: Package, wanted: Wanted, by: str) -> Upgrade:
        """Install another version of a package, with the overlay that it has here unless another is given.

        Raises what `Matters.ready` raises; NotFound SCENARIO_NOT_INSTALLED; Invalid PACKAGE_DIFFERENT; Conflict
        DOWNGRADE_REFUSED, VERSION_REUSED, PACKAGE_UNSIGNED.
        """
        package_id = package_id_of(package.files)
        bundle_id = wanted.bundle_id or package_id
        store.lock_scenario(work.connection, bundle_id)
        before = self.installation(work, bundle_id, 0)
        if package_id != before.package_id:
            raise different(
                "package", f'bundle {bundle_id} is of the package "{before.package_id}", not "{package_id}"'
            )
        overlay = before.overlay_files() if wanted.overlay is None else wanted.overlay
        readied = self._matters.ready(work, package, overlay=overlay, otherwise=before.lead_organ_id)
        if readied.scenario.scenario_id != bundle_id:
            raise different("overlay", f'the overlay is for the bundle "{readied.scenario.scenario_id}"')
        if not wanted.allow_downgrade:
            check_no_downgrade(before, readied)
        check_one_content(before, readied)
        check_still_signed(before, readied)
        old = self._matters.bundle(work, bundle_id, before.bundle_version)
        changes = differences(old.scenario, readied.scenario)
        if wanted.check_only:
            return Upgrade(
                before, installation_of(readied, before, old.version + bool(changes), work.now, by), None, changes
            )
        bundle, after = self._matters.install(work, readied, by)
        return Upgrade(before, after, bundle, changes)

    def installation(self, work: UnitOfWork, bundle_id: str, bundle_version: int) -> Installation:
        """The newest installation of a version of a bundle, of the newest for 0. Raises SCENARIO_NOT_INSTALLED."""
        found = package_store.find_installation(work.connection, bundle_id, bundle_version)
        if found is None:
            which = f"version {bundle_version} of bundle {bundle_id}" if bundle_version else f"bundle {bundle_id}"
            raise NotFound(
                "SCENARIO_NOT_INSTALLED",
                f"{which} was never installed here from a package",
                bundle_id=bundle_id,
                bundle_version=bundle_version,
            )
        return found

    def archive(self, work: UnitOfWork, installation: Installation) -> bytes:
        """The package of an installation, with its signatures."""
        return package_store.archive(work.connection, installation.archive_digest)

    def current(self, work: UnitOfWork, after: str, limit: int) -> list[Installation]:
        """The newest installation of each bundle, by id, after the given one."""
        return package_store.current_installations(work.connection, after, limit)

    def of_bundle(self, work: UnitOfWork, bundle_id: str, before: int | None, limit: int) -> list[Installation]:
        """All installations of a bundle, the newest first, before the one with the given number."""
        return package_store.installations_of(work.connection, bundle_id, before, limit)
