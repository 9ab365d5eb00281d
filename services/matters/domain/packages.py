"""Packages as they were installed, and the publishers whose packages may be."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signed a package: the trust list's name for the key, or the signature's own where the list has none."""

    key_id: str
    publisher: str
    trusted: bool
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Installation:
    """A package as it was installed; `number` counts those of a bundle."""

    bundle_id: str
    number: int
    bundle_version: int
    package_id: str
    package_version: str
    package_digest: str
    archive_digest: str
    """SHA-256 of the file with its signatures."""
    signers: tuple[Signer, ...]
    region_code: str
    lead_organ_id: str
    overlay: Mapping[str, str] | None
    """The overlay's files by path; None when nothing was bound."""
    name: str
    """Of the bundle, in Chinese."""
    installed_at: datetime
    installed_by: str

    def says_the_same_as(self, other: "Installation") -> bool:
        """Whether the same was installed in the same way, whenever and by whomever."""
        return self == replace(
            other, number=self.number, installed_at=self.installed_at, installed_by=self.installed_by
        )

    def overlay_files(self) -> dict[str, bytes] | None:
        """The overlay as files."""
        return None if self.overlay is None else {path: text.encode() for path, text in self.overlay.items()}


@dataclass(frozen=True, slots=True)
class Publisher:
    """A publisher who is trusted, or was; a key that is trusted again has another record."""

    trust_id: str
    key_id: str
    public_key: bytes
    name: str
    trusted_at: datetime
    trusted_by: str
    reason: str
    distrusted_at: datetime | None = None
    distrusted_by: str = ""
    distrust_reason: str = ""
