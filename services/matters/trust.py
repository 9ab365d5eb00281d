"""Whose packages may be installed: the trust list, and whether a package is vouched for by somebody on it."""

from collections.abc import Sequence

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.problems import Conflict, Exists, Invalid, NotFound, Violation
from services.matters import package_store
from services.matters.domain.packages import Publisher, Signer
from services.matters.package.archive import Package
from services.matters.package.keys import read_public_key
from services.matters.package.signatures import Signature, is_publisher, key_id_of


class Trust:
    """Keeps the trust list and judges packages by it."""

    def __init__(self, *, allows_unsigned: bool) -> None:
        self._allows_unsigned = allows_unsigned

    def vouch(self, work: UnitOfWork, package: Package) -> tuple[Signer, ...]:
        """Say who signed a package that may be installed.

        Raises Invalid PACKAGE_CHANGED, which names the files, SIGNATURE_WRONG; Conflict PUBLISHER_NOT_TRUSTED,
        PACKAGE_UNSIGNED.
        """
        check_whole(package)
        known = package_store.trusted(work.connection, [each.key_id for each in package.signatures])
        if not package.signatures and not self._allows_unsigned:
            raise Conflict(
                "PACKAGE_UNSIGNED",
                "nobody signed the package, and here only signed ones are installed: have its publisher sign it",
            )
        if package.signatures and not known:
            raise _not_trusted(package.signatures)
        return tuple(_signer(each, known.get(each.key_id)) for each in package.signatures)

    def trust(self, work: UnitOfWork, public_key_pem: str, name: str, reason: str, by: str) -> Publisher:
        """Trust a publisher's key; one that is trusted under this name stays as it is.

        Raises Invalid BAD_PUBLIC_KEY, BAD_PUBLISHER; Exists PUBLISHER_TRUSTED.
        """
        public_key = read_public_key(public_key_pem)
        if not is_publisher(name):
            fault = Violation("name", "should be printable, on one line, and of 100 characters at most")
            raise Invalid("BAD_PUBLISHER", "a publisher cannot be called so", [fault])
        key_id = key_id_of(public_key)
        made = Publisher(new_id(), key_id, public_key, name, work.now, by, reason)
        package_store.add_publisher(work.connection, made)
        kept = package_store.trusted(work.connection, [key_id])[key_id]
        if kept.name != name:
            raise Exists(
                "PUBLISHER_TRUSTED",
                f"key {key_id} is trusted as {kept.name}: end that before you give it another name",
                key_id=key_id,
                name=kept.name,
            )
        return kept

    def distrust(self, work: UnitOfWork, key_id: str, reason: str, by: str) -> Publisher:
        """End the trust in a key; for one that is not trusted any more nothing changes. Raises NotFound."""
        package_store.distrust(work.connection, key_id, work.now, by, reason)
        kept = package_store.newest_publisher(work.connection, key_id)
        if kept is None:
            raise NotFound("PUBLISHER_NOT_FOUND", f"no publisher with the key {key_id} was ever trusted", key_id=key_id)
        return kept

    def publishers(
        self, work: UnitOfWork, after: Sequence[str | int] | None, limit: int, *, everybody: bool
    ) -> list[Publisher]:
        """Publishers by name; those who are not trusted any more only if wanted."""
        return package_store.list_publishers(work.connection, after, limit, everybody=everybody)


def check_whole(package: Package) -> None:
    """Refuse a package of which something was changed. Raises Invalid PACKAGE_CHANGED, SIGNATURE_WRONG."""
    if package.changed:
        faults = [Violation(path, "is not what the package's list of files says") for path in package.changed[:20]]
        first = package.changed[0]
        message = f"{len(package.changed)} files of the package were changed after it was packed; the first is {first}"
        if len(package.changed) == 1:
            message = f"{first} was changed after the package was packed"
        raise Invalid("PACKAGE_CHANGED", f"{message}: get the package anew", faults, files=str(len(package.changed)))
    for each in package.signatures:
        if not each.holds(package.statement):
            fault = Violation(f"META/signatures/{each.key_id}.json", "does not hold for the files of the package")
            message = f"the signature of {each.publisher} with the key {each.key_id} is not of this package"
            raise Invalid("SIGNATURE_WRONG", f"{message}: get the package anew", [fault], key_id=each.key_id)


def _signer(signature: Signature, known: Publisher | None) -> Signer:
    name = known.name if known else signature.publisher
    return Signer(signature.key_id, name, known is not None, signature.signed_at)


def _not_trusted(signatures: Sequence[Signature]) -> Conflict:
    names = ", ".join(f"{each.publisher} (key {each.key_id})" for each in signatures)
    return Conflict(
        "PUBLISHER_NOT_TRUSTED",
        f"nobody who signed the package is trusted here: {names}; `duokua scenario trust add` trusts a publisher",
        key_ids=",".join(each.key_id for each in signatures),
    )
