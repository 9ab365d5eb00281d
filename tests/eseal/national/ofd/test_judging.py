"""When a seal was put on a file, and whether certificates and seal were good then."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cache

import pytest

from services.eseal.certificates import profiles
from services.eseal.cms.timestamps import OwnTimestamps
from services.eseal.domain.answers import Code, Question, Verdict
from services.eseal.domain.findings import Finding
from services.eseal.domain.trust import Trust
from services.eseal.keys import Credential
from services.eseal.keys.national import NationalKey
from services.eseal.keys.software import SoftwareKey
from services.eseal.national import issuing as national
from services.eseal.national.issuing import Revoked, make_revocation_list
from services.eseal.national.ofd import verification
from services.eseal.national.ofd.package import read, write
from services.eseal.national.ofd.sealing import Sealed
from services.eseal.national.seals import certificate_bytes
from services.eseal.national.signatures import read_signature
from tests.eseal.builders import issuing, root
from tests.eseal.national.builders import (
    DAY,
    NOON,
    OFFICE,
    Authority,
    authority,
    make_authority,
    sealed,
    sealer,
    stamps,
    user_of,
    written,
)

VALUE = "Doc_0/Signs/Sign_0/SignedValue.dat"
YEAR = 365 * DAY


def inspect(
    content: bytes,
    *,
    now: datetime = NOON + DAY,
    registered: datetime | None = None,
    lists: tuple[bytes, ...] = (),
    timestamps: Credential | None = None,
) -> Finding:
    trusted = replace(
        authority().trust_list(*lists), timestamp_roots=(certificate_bytes(timestamps),) if timestamps else ()
    )
    return verification.inspect(content, trusted, lambda _: registered, now)


def answer(found: Finding, question: Question) -> Code:
    (seal,) = found.seals
    (code,) = {each.code for each in seal.answers if each.question is question}
    return code


def revocation(since: datetime, *, of: Credential | None = None, now: datetime = NOON + DAY) -> bytes:
    revoked = Revoked((of or authority().seal).certificate.serial_number, since)
    return make_revocation_list(authority().issuing, [revoked], number=1, now=now)


@cache
def stamped(moment: datetime = NOON) -> Sealed:
    """A notice whose seal has a timestamp of this moment, by an authority under the tests' other root."""
    clock: Callable[[], datetime] = lambda: moment  # noqa: E731 (a clock that stands still)
    own = profiles.make_timestamping(issuing(), SoftwareKey.generate(), NOON)
    document = written()
    return sealer().seal(document.files, stamps(document), now=NOON, timestamp=OwnTimestamps(own, clock).stamp)


def test_the_registers_time_counts_first() -> None:
    found = inspect(sealed().content, registered=NOON + DAY, now=NOON + 20 * YEAR)
    assert answer(found, Question.TIME) is Code.TIME_REGISTERED
    assert found.sealed_at == NOON + DAY
    assert found.verdict is Verdict.GENUINE


def test_a_trusted_timestamp_proves_the_time() -> None:
    found = inspect(stamped().content, timestamps=root())
    assert answer(found, Question.TIME) is Code.TIME_STAMPED
    assert found.seals[0].timestamp_authority
    # Long after the seal's certificate has ended, for as long as the authority's own lasts.
    assert inspect(stamped().content, timestamps=root(), now=NOON + 2 * YEAR).verdict is Verdict.GENUINE
    assert inspect(stamped().content, now=NOON + 2 * YEAR).verdict is Verdict.INVALID


def test_a_timestamp_by_nobody_whom_one_trusts_proves_nothing() -> None:
    found = inspect(stamped().content)
    assert answer(found, Question.TIME) is Code.TIMESTAMP_UNTRUSTED
    assert found.verdict is Verdict.GENUINE


def with_token(token: bytes) -> bytes:
    files = read(sealer().seal(written().files, stamps(written()), now=NOON, timestamp=lambda _: token).content)
    return write(files)


def test_the_timestamp_of_another_signature_is_broken() -> None:
    other = read_signature(stamped().files[VALUE]).timestamp
    assert other is not None
    found = inspect(with_token(other), timestamps=root())
    assert answer(found, Question.TIME) is Code.TIMESTAMP_BROKEN
    assert found.verdict is Verdict.ALTERED


@pytest.mark.parametrize(
    "token", [b"", b"\x30\x00", b"\x30\x80", b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"]
)
def test_what_is_no_timestamp_proves_nothing(token: bytes) -> None:
    assert answer(inspect(with_token(token), timestamps=root()), Question.TIME) is Code.TIMESTAMP_UNTRUSTED


def test_a_certificate_that_has_ended_needs_a_proven_time() -> None:
    later = NOON + 6 * YEAR
    assert answer(inspect(sealed().content, now=later), Question.CERTIFICATE) is Code.CERTIFICATE_EXPIRED_SINCE
    found = inspect(sealed().content, now=later, registered=later)
    assert answer(found, Question.CERTIFICATE) is Code.CERTIFICATE_EXPIRED
    assert found.verdict is Verdict.INVALID


def test_a_seal_put_on_before_its_certificate_began_is_invalid() -> None:
    document = written()
    early = sealer().seal(document.files, stamps(document), now=NOON - DAY)
    found = inspect(early.content)
    assert answer(found, Question.CERTIFICATE) is Code.CERTIFICATE_NOT_YET_VALID
    assert answer(found, Question.SEAL) is Code.SEAL_NOT_YET_VALID
    assert answer(inspect(sealed().content, registered=NOON - DAY), Question.SEAL) is Code.SEAL_NOT_YET_VALID


def test_a_seal_put_on_after_its_end_is_expired() -> None:
    document = written()
    late = sealer().seal(document.files, stamps(document), now=NOON + 2 * YEAR)
    assert answer(inspect(late.content, now=NOON + 2 * YEAR), Question.SEAL) is Code.SEAL_EXPIRED
    assert answer(inspect(sealed().content, registered=NOON + 2 * YEAR), Question.SEAL) is Code.SEAL_EXPIRED


def test_a_revoked_certificate_counts_until_it_was_revoked() -> None:
    lists = (revocation(NOON + 10 * DAY),)
    later = NOON + 20 * DAY
    claimed = inspect(sealed().content, now=later, lists=lists)
    assert answer(claimed, Question.REVOCATION) is Code.CERTIFICATE_REVOKED
    assert claimed.verdict is Verdict.REVOKED
    proven = inspect(sealed().content, now=later, registered=NOON, lists=lists)
    assert answer(proven, Question.REVOCATION) is Code.REVOKED_LATER
    assert proven.verdict is Verdict.GENUINE
    after = inspect(sealed().content, now=later, registered=NOON + 15 * DAY, lists=lists)
    assert answer(after, Question.REVOCATION) is Code.CERTIFICATE_REVOKED


def test_a_list_that_is_in_force_says_that_nothing_is_revoked() -> None:
    empty = make_revocation_list(authority().issuing, [], number=1, now=NOON)
    assert answer(inspect(sealed().content, lists=(empty,)), Question.REVOCATION) is Code.NOT_REVOKED
    assert answer(inspect(sealed().content), Question.REVOCATION) is Code.REVOCATION_UNKNOWN
    old = inspect(sealed().content, lists=(empty,), now=NOON + 30 * DAY)
    assert answer(old, Question.REVOCATION) is Code.REVOCATION_UNKNOWN


def test_seals_of_a_maker_who_was_revoked_count_no_more() -> None:
    lists = (revocation(NOON + 10 * DAY, of=authority().maker),)
    before = inspect(sealed().content, registered=NOON, now=NOON + 20 * DAY, lists=lists)
    assert answer(before, Question.SEAL) is Code.SEAL_VALID
    after = inspect(sealed().content, registered=NOON + 15 * DAY, now=NOON + 20 * DAY, lists=lists)
    assert answer(after, Question.SEAL) is Code.SEAL_FORGED


def test_an_authority_seals_no_documents() -> None:
    made = authority()
    usurped = replace(made, seal=made.issuing)
    assert answer(by(usurped), Question.TRUST) is Code.WRONG_PURPOSE


def test_who_may_sign_documents_may_not_make_seals() -> None:
    """Else a company with a certificate of a trusted authority could make itself an organ's seal."""
    made = authority()
    company = user_of(made.issuing, "某某公司")
    forged = replace(made, maker=company, seal=company)
    assert answer(by(forged), Question.SEAL) is Code.SEAL_FORGED
    # Nor can it make itself somebody who may.
    usurper = national.make_maker(company, NationalKey.generate(), NOON)
    assert answer(by(replace(made, maker=usurper)), Question.SEAL) is Code.SEAL_FORGED


def test_a_maker_from_outside_is_trusted_in_person() -> None:
    made = authority()
    outside = user_of(make_authority().issuing, "制章中心")
    document = written()
    content = sealer(replace(made, maker=outside)).seal(document.files, stamps(document), now=NOON).content
    assert answer(inspect(content), Question.SEAL) is Code.SEAL_FORGED
    listed = Trust((*made.trust_list().roots, certificate_bytes(outside)))
    found = verification.inspect(content, listed, lambda _: None, NOON)
    assert found.verdict is Verdict.GENUINE
    # To make seals it is trusted, and not to use them.
    own = sealer(replace(made, maker=outside, seal=outside)).seal(document.files, stamps(document), now=NOON)
    found = verification.inspect(own.content, listed, lambda _: None, NOON)
    assert answer(found, Question.TRUST) is Code.UNTRUSTED_ISSUER


def by(made: Authority) -> Finding:
    document = written()
    return inspect(sealer(made).seal(document.files, stamps(document), now=NOON).content)


def test_the_certificate_is_told() -> None:
    (seal,) = inspect(sealed().content).seals
    told = seal.certificate
    assert told is not None
    assert (told.subject, told.issuer) == (OFFICE, "多跨（平台自建，非依法设立的电子认证服务机构）")
    assert told.valid_until == authority().seal.certificate.not_valid_after_utc
    assert seal.signer == OFFICE


def test_with_nobody_trusted_there_is_no_answer_about_the_certificate() -> None:
    found = verification.inspect(sealed().content, Trust(), lambda _: None, NOON)
    assert found.seals[0].answer(Question.CERTIFICATE) is None
    stranger = make_authority()
    document = written()
    other = sealer(stranger).seal(document.files, stamps(document), now=NOON)
    assert answer(inspect(other.content), Question.TRUST) is Code.UNTRUSTED_ISSUER
