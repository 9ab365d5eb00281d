"""The published bundles that a process has met: loaded once, because a version never changes."""

from sqlalchemy import Connection

from chassis.problems import NotFound
from services.cases import store
from services.cases.published import Published, compile_bundle


class Plans:
    """The bundles that this process has met."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Published] = {}

    def of(self, connection: Connection, bundle_id: str, version: int) -> Published:
        """A version of a bundle that is known to be there."""
        key = (bundle_id, version)
        if key not in self._known:
            self._known[key] = compile_bundle(store.bundle_body(connection, bundle_id, version))
        return self._known[key]

    def published(self, connection: Connection, bundle_id: str, version: int) -> Published:
        """A version of a bundle that somebody named; raises NotFound BUNDLE_NOT_FOUND."""
        if not store.has_bundle(connection, bundle_id, version):
            message = f"there is no version {version} of a bundle {bundle_id}; ListBundles tells which there are"
            raise NotFound("BUNDLE_NOT_FOUND", message, bundle_id=bundle_id, version=version)
        return self.of(connection, bundle_id, version)

    def newest(self, connection: Connection, bundle_id: str) -> Published:
        """The newest version of a bundle; raises NotFound BUNDLE_NOT_FOUND."""
        version = store.newest_version(connection, bundle_id)
        if version is None:
            message = f"there is no bundle {bundle_id}; ListBundles of the matters service tells which there are"
            raise NotFound("BUNDLE_NOT_FOUND", message, bundle_id=bundle_id)
        return self.of(connection, bundle_id, version)
