"""Packages and overlays as requests bring them."""

from collections.abc import Iterable, Sequence

from chassis.problems import Invalid, Violation
from duokua.matters.v1 import matter_service_pb2 as pb
from services.matters.package.archive import Package, made_of, unpack
from services.matters.package.files import collect


def package_sent(archive: bytes, files: Sequence[pb.ScenarioFile]) -> Package:
    """The package of a request. Raises Invalid PACKAGE_MISSING, and what reading a package raises."""
    if bool(archive) == bool(files):
        fault = Violation("package", "send the package as one file here, or its files in `files`")
        raise Invalid("PACKAGE_MISSING", "there should be one package, as a file or as files", [fault])
    return unpack(archive) if archive else made_of(_collected(files))


def overlay_sent(files: Sequence[pb.ScenarioFile]) -> dict[str, bytes] | None:
    """The overlay of a request; None without one."""
    return _collected(files) if files else None


def _collected(files: Iterable[pb.ScenarioFile]) -> dict[str, bytes]:
    return collect((file.path, file.content) for file in files)
