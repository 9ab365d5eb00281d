"""An authority of the national suite, made once for all tests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from services.eseal.domain.picture import draw
from services.eseal.keys import Credential
from services.eseal.keys.national import NationalKey
from services.eseal.national import issuing
from services.eseal.national.certificate import Certificate
from services.eseal.national.chains import Trust
from services.eseal.national.seals import Picture, certificate_bytes, make_seal

NOON = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OFFICE = "杭州市西湖区市场监督管理局"


@dataclass(frozen=True, slots=True)
class Authority:
    """Everybody who is needed for a seal."""

    root: Credential
    issuing: Credential
    maker: Credential
    seal: Credential

    def trust(self, *lists: bytes) -> Trust:
        return Trust.from_pem([self.root.certificate_pem(), self.issuing.certificate_pem()], lists)


def make_authority(now: datetime = NOON) -> Authority:
    root = issuing.make_root(NationalKey.generate(), now)
    middle = issuing.make_issuing(root, NationalKey.generate(), now)
    maker = issuing.make_maker(middle, NationalKey.generate(), now)
    seal = issuing.make_seal(middle, NationalKey.generate(), organ_id="o1", organ_name=OFFICE, now=now)
    return Authority(root, middle, maker, seal)


@cache
def authority() -> Authority:
    return make_authority()


def certificate(credential: Credential) -> Certificate:
    return Certificate.from_pem(credential.certificate_pem())


@cache
def picture() -> Picture:
    return Picture("PNG", draw(OFFICE), 42, 42)


def seal(made: Authority | None = None, *, holder: Credential | None = None, now: datetime = NOON) -> bytes:
    """A seal of the office, by its maker, for its holder."""
    made = made or authority()
    return make_seal(
        es_id="33010600000001",
        name=OFFICE,
        picture=picture(),
        holders=[certificate_bytes(holder or made.seal)],
        maker=made.maker,
        now=now,
        valid_until=now + 365 * DAY,
    )
