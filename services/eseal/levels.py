"""At which level notices are sealed (PAdES B-B, B-T or B-LT), and what that takes: timestamps and revocation lists."""

from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from chassis.clock import Clock, SystemClock
from chassis.database import UnitOfWork
from chassis.problems import Unavailable
from chassis.settings import Settings
from services.eseal.certificates.authorities import Authorities
from services.eseal.certificates.publishing import revocation_list
from services.eseal.domain.seal import Suite
from services.eseal.domain.trust import Trust, read_trust
from services.eseal.pdf.grades import Grade, Level
from services.eseal.pdf.prepared import Validation

if TYPE_CHECKING:
    from services.eseal.cms.signing import Stamp


class Levels:
    """The level of this installation.

    `begin` is told when a batch begins: what a level takes comes from the database, and a seal that is ready for use
    outlives many batches.
    """

    def __init__(
        self,
        authorities: Authorities | None = None,
        *,
        level: str = "B-B",
        timestamp_url: str = "",
        timestamp_trust: str = "",
        clock: Clock | None = None,
    ) -> None:
        """`authorities` are wanted for all but B-B.

        `timestamp_trust`: PEM, whom to believe at `timestamp_url`; without an address it is the platform's own clock.
        """
        if authorities is None and level != "B-B":
            raise ValueError(f"level {level} takes the platform's authorities")
        self._authorities = authorities
        self._level = level
        self._url = timestamp_url
        self._outside = read_trust("", timestamp_trust)
        self._clock = clock or SystemClock()
        self._stamp: Stamp | None = None
        self._lists: tuple[bytes, ...] = ()
        self._certificates: tuple[bytes, ...] = ()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """As the settings say. Raises BadTrustListError, OSError for a file that cannot be read."""
        return cls(
            Authorities.from_settings(settings),
            level=settings.eseal_level,
            timestamp_url=settings.eseal_timestamp_url,
            timestamp_trust=trusted_timestamps(settings),
        )

    def begin(self, work: UnitOfWork) -> None:
        """Bring up to date what the level takes. For write transactions."""
        if self._authorities is None or self._level == "B-B":
            return
        # Our own timestamps are looked up each time: whose they are may have been followed by another.
        if self._stamp is None or not self._url:
            self._stamp = self._source(work, self._authorities)
        if self._level == "B-LT":
            known = [each for each in self._authorities.all(work) if each.suite is Suite.INTERNATIONAL]
            own = [load_pem_x509_certificate(each.certificate_pem.encode()) for each in known]
            self._certificates = tuple(each.public_bytes(Encoding.DER) for each in own)
            self._lists = tuple(revocation_list(work, self._authorities, each) for each in known)

    def grade(self) -> Grade:
        """What a seal of this level is made with; what it takes is looked at anew for each document."""

        def validation() -> Validation:
            certificates = (*self._certificates, *self._outside.timestamp_roots)
            return Validation(certificates, (*self._lists, *self._outside.revocation_lists))

        level = Level(self._level)
        return Grade(
            level,
            None if level is Level.B_B else self._timestamp,
            validation if level is Level.B_LT else None,
        )

    @property
    def timestamp(self) -> "Stamp | None":
        """What stamps seals on OFD; None at level B-B. There B-LT is as B-T, for an OFD holds no lists."""
        return None if self._level == "B-B" else self._timestamp

    def _timestamp(self, value: bytes) -> bytes:
        """A timestamp; raises Unavailable TIMESTAMP_UNAVAILABLE, on which whoever wants it tries again later."""
        from services.eseal.cms.timestamps import TimestampError  # noqa: PLC0415 (loads on first use)

        if self._stamp is None:
            raise RuntimeError("no batch was begun")
        try:
            return self._stamp(value)
        except TimestampError as fault:
            raise Unavailable("TIMESTAMP_UNAVAILABLE", str(fault)) from fault

    def _source(self, work: UnitOfWork, authorities: Authorities) -> "Stamp":
        from services.eseal.cms.timestamps import OwnTimestamps, TimestampAuthority  # noqa: PLC0415 (loads on first use)

        if self._url:
            trust = Trust(timestamp_roots=self._outside.timestamp_roots)
            return TimestampAuthority(self._url, trust, self._clock.now).stamp
        return OwnTimestamps(authorities.timestamping(work), self._clock.now).stamp


def trusted_timestamps(settings: Settings) -> str:
    """Whom to believe about time beside the platform itself, PEM; empty for nobody."""
    path: Path | None = settings.eseal_timestamp_trust
    return path.read_text("utf-8") if path else ""
