"""What may take the place of what is installed, so that nothing is replaced by mistake or by somebody else."""

from chassis.database import UnitOfWork
from chassis.problems import Conflict, Invalid, Violation
from services.matters import package_store, store
from services.matters.domain.packages import Installation
from services.matters.domain.versions import Version
from services.matters.service import Readied


def check_installing(work: UnitOfWork, readied: Readied) -> None:
    """Refuse an installation that would take the place of something else; it waits for others of the same bundle.

    Whoever writes a package installs it again and again as it is changed: only what somebody signed has one content a
    version. Raises Invalid PACKAGE_DIFFERENT; Conflict REGION_DIFFERENT, DOWNGRADE_REFUSED, VERSION_REUSED,
    PACKAGE_UNSIGNED.
    """
    bundle_id = readied.scenario.scenario_id
    store.lock_scenario(work.connection, bundle_id)
    installed = package_store.find_installation(work.connection, bundle_id, 0)
    if installed is None:
        return
    if readied.package_id != installed.package_id:
        raise different(
            "package",
            f'bundle {bundle_id} is of the package "{installed.package_id}", not "{readied.package_id}": '
            "give this one an id of its own (`bundle` in the overlay)",
        )
    _check_region(installed, readied)
    check_no_downgrade(installed, readied)
    if installed.signers or readied.signers:
        check_one_content(installed, readied)
    check_still_signed(installed, readied)


def check_no_downgrade(installed: Installation, readied: Readied) -> None:
    """Refuse an older version. Raises Conflict DOWNGRADE_REFUSED."""
    offered = readied.scenario.version
    if Version.of(offered) < Version.of(installed.package_version):
        raise Conflict(
            "DOWNGRADE_REFUSED",
            f"version {installed.package_version} is installed, and {offered} is older: ask for an upgrade that may be "
            "a downgrade if that is meant",
            installed=installed.package_version,
            offered=offered,
        )


def check_one_content(installed: Installation, readied: Readied) -> None:
    """Refuse another content under the version that is installed. Raises Conflict VERSION_REUSED."""
    offered = readied.scenario.version
    if offered == installed.package_version and readied.package.digest != installed.package_digest:
        raise Conflict(
            "VERSION_REUSED",
            f"version {offered} is installed with another content: the new one needs a version of its own",
            installed=offered,
        )


def check_still_signed(installed: Installation, readied: Readied) -> None:
    """Refuse a package that nobody signed in the place of a signed one. Raises Conflict PACKAGE_UNSIGNED."""
    if installed.signers and not readied.signers:
        raise Conflict(
            "PACKAGE_UNSIGNED",
            f"version {installed.package_version} is installed, which somebody signed, and nobody signed "
            f"{readied.scenario.version}: have its publisher sign it, or give what you are writing an id of its own "
            "(`bundle` in the overlay)",
            installed=installed.package_version,
        )


def different(field: str, message: str) -> Invalid:
    """The problem PACKAGE_DIFFERENT: another package than the one whose place it would take."""
    return Invalid("PACKAGE_DIFFERENT", message, [Violation(field, message)])


def _check_region(installed: Installation, readied: Readied) -> None:
    ours, theirs = readied.scenario.region_code, installed.region_code
    if ours and theirs and ours != theirs:
        raise Conflict(
            "REGION_DIFFERENT",
            f"bundle {installed.bundle_id} is region {theirs}'s: give that of region {ours} an id of its own (`bundle` "
            "in the overlay), or upgrade with this overlay if the bundle moves",
            installed=theirs,
            offered=ours,
        )
