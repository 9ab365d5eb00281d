"""An authority of the national suite, made once for all tests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from services.eseal.domain import trust
from services.eseal.domain.findings import Finding
from services.eseal.domain.picture import draw
from services.eseal.domain.sheet import lay
from services.eseal.keys import Credential
from services.eseal.keys.national import NationalKey
from services.eseal.national import issuing
from services.eseal.national.certificate import Certificate
from services.eseal.national.chains import Trust
from services.eseal.national.ofd import verification
from services.eseal.national.ofd.document import Written
from services.eseal.national.ofd.document import draw as draw_ofd
from services.eseal.national.ofd.sealing import Sealed, Sealer
from services.eseal.national.ofd.stamps import Stamp
from services.eseal.national.seals import Picture, certificate_bytes, make_seal
from tests.eseal.builders import notice

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

    def trust_list(self, *lists: bytes) -> trust.Trust:
        return trust.Trust((certificate_bytes(self.root), certificate_bytes(self.issuing)), (), lists)

    def trust(self, *lists: bytes) -> Trust:
        return Trust.of(self.trust_list(*lists))


def make_authority(now: datetime = NOON) -> Authority:
    root = issuing.make_root(NationalKey.generate(), now)
    middle = issuing.make_issuing(root, NationalKey.generate(), now)
    maker = issuing.make_maker(middle, NationalKey.generate(), now)
    return Authority(root, middle, maker, user_of(middle, OFFICE, now))


def user_of(issuer: Credential, organ: str, now: datetime = NOON) -> Credential:
    """Somebody of the organ who may use its seal."""
    validity = (now, now + 5 * 365 * DAY)
    return issuing.make_seal(
        issuer, NationalKey.generate(), organ_id="o1", organ_name=organ, name=organ, validity=validity
    )


@cache
def authority() -> Authority:
    return make_authority()


def certificate(credential: Credential) -> Certificate:
    return Certificate(certificate_bytes(credential))


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


def written(sentences: int = 1) -> Written:
    """A notice as OFD before it is sealed; 60 sentences take three pages."""
    return _written(sentences)


@cache
def _written(sentences: int) -> Written:
    template = "你单位的申请收悉，经审查符合法定形式，准予许可。" * sentences
    return draw_ofd(lay(notice(template)), NOON.date())


def sealer(made: Authority | None = None) -> Sealer:
    made = made or authority()
    return Sealer(seal(made), made.seal)


def stamps(document: Written) -> list[Stamp]:
    return [Stamp(document.page_ids[-1], document.seal_box)]


def sealed(seals: int = 1) -> Sealed:
    """A notice sealed so many times by the office."""
    return _sealed(seals)


@cache
def _sealed(seals: int) -> Sealed:
    document = written()
    found = sealer().seal(document.files, stamps(document), now=NOON)
    for _ in range(seals - 1):
        found = sealer().seal(found.files, stamps(document), now=NOON)
    return found


def inspect(content: bytes, *, trust_list: trust.Trust | None = None, now: datetime = NOON + DAY) -> Finding:
    """What is found without any register."""
    return verification.inspect(content, trust_list or authority().trust_list(), lambda _: None, now)
