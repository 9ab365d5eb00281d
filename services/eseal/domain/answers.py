"""The answers to what one asks about a seal on a file, each with a stable code and words that a clerk understands.

PDF, OFD and detached signatures are judged by the same answers, so that the same fault has the same name everywhere.
A code never changes its meaning; the words may get better.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto


class Verdict(Enum):
    """What a file or a seal on it is worth; the later, the worse it is when several are true."""

    GENUINE = auto()
    NOT_SEALED = auto()
    INVALID = auto()
    """Seal or certificate were not valid at the time."""
    REVOKED = auto()
    UNTRUSTED = auto()
    ALTERED = auto()


class Question(StrEnum):
    """What one asks about a seal on a file."""

    CHANGED = "CHANGED"
    """Was anything changed since?"""
    COVERAGE = "COVERAGE"
    """Does it cover the whole file?"""
    TRUST = "TRUST"
    """Was the certificate issued by somebody whom one trusts, for this use?"""
    TIME = "TIME"
    """How is the time known?"""
    CERTIFICATE = "CERTIFICATE"
    """Was the certificate valid at that time?"""
    REVOCATION = "REVOCATION"
    """Had the certificate been revoked by then?"""
    SEAL = "SEAL"
    """Was the seal valid at that time?"""
    FILE = "FILE"
    """What there is to say about the file as a whole."""


class Standing(StrEnum):
    """How an answer stands."""

    GOOD = "GOOD"
    BAD = "BAD"
    OPEN = "OPEN"
    """It cannot be told from what is at hand; this alone makes no seal bad."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says; `verdict` is what a bad answer makes of the seal, GENUINE for the others."""

    question: Question
    standing: Standing
    verdict: Verdict
    zh: str
    en: str


class Code(StrEnum):
    """An answer. What each means is in `MEANINGS`."""

    UNCHANGED = "UNCHANGED"
    SEALED_AFTERWARDS = "SEALED_AFTERWARDS"
    CONTENT_CHANGED = "CONTENT_CHANGED"
    CHANGED_AFTER_CERTIFICATION = "CHANGED_AFTER_CERTIFICATION"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    SIGNATURE_UNREADABLE = "SIGNATURE_UNREADABLE"
    SIGNATURE_KIND_UNKNOWN = "SIGNATURE_KIND_UNKNOWN"
    WEAK_ALGORITHM = "WEAK_ALGORITHM"

    COVERS_ALL = "COVERS_ALL"
    COVERED_THEN = "COVERED_THEN"
    COVERS_PART = "COVERS_PART"

    TRUSTED_ISSUER = "TRUSTED_ISSUER"
    UNTRUSTED_ISSUER = "UNTRUSTED_ISSUER"
    WRONG_PURPOSE = "WRONG_PURPOSE"

    TIME_REGISTERED = "TIME_REGISTERED"
    TIME_STAMPED = "TIME_STAMPED"
    TIME_CLAIMED = "TIME_CLAIMED"
    TIME_AHEAD = "TIME_AHEAD"
    TIME_UNKNOWN = "TIME_UNKNOWN"
    TIMESTAMP_UNTRUSTED = "TIMESTAMP_UNTRUSTED"
    TIMESTAMP_BROKEN = "TIMESTAMP_BROKEN"

    CERTIFICATE_VALID = "CERTIFICATE_VALID"
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    CERTIFICATE_EXPIRED_SINCE = "CERTIFICATE_EXPIRED_SINCE"
    CERTIFICATE_NOT_YET_VALID = "CERTIFICATE_NOT_YET_VALID"

    NOT_REVOKED = "NOT_REVOKED"
    REVOKED_LATER = "REVOKED_LATER"
    REVOCATION_UNKNOWN = "REVOCATION_UNKNOWN"
    CERTIFICATE_REVOKED = "CERTIFICATE_REVOKED"

    SEAL_VALID = "SEAL_VALID"
    SEAL_UNKNOWN = "SEAL_UNKNOWN"
    SEAL_NOT_YET_VALID = "SEAL_NOT_YET_VALID"
    SEAL_EXPIRED = "SEAL_EXPIRED"
    SEAL_EXPIRED_SINCE = "SEAL_EXPIRED_SINCE"
    SEAL_SUSPENDED = "SEAL_SUSPENDED"
    SEAL_REVOKED = "SEAL_REVOKED"
    SEAL_FORGED = "SEAL_FORGED"
    SEAL_OF_ANOTHER = "SEAL_OF_ANOTHER"

    NO_SEAL = "NO_SEAL"
    SEALS_REMOVED = "SEALS_REMOVED"
    BROKEN_SEALED_FILE = "BROKEN_SEALED_FILE"
    FOREIGN_SIGNATURE_ON_TOP = "FOREIGN_SIGNATURE_ON_TOP"
    UNCOVERED_PARTS = "UNCOVERED_PARTS"
    CONTAINER_REWRITTEN = "CONTAINER_REWRITTEN"
    DOCUMENT_REVOKED = "DOCUMENT_REVOKED"
    REGISTERED_DOCUMENT = "REGISTERED_DOCUMENT"


def _good(question: Question, zh: str, en: str) -> Meaning:
    return Meaning(question, Standing.GOOD, Verdict.GENUINE, zh, en)


def _open(question: Question, zh: str, en: str) -> Meaning:
    return Meaning(question, Standing.OPEN, Verdict.GENUINE, zh, en)


def _bad(question: Question, verdict: Verdict, zh: str, en: str) -> Meaning:
    return Meaning(question, Standing.BAD, verdict, zh, en)


_Q, _V = Question, Verdict
MEANINGS = {
    Code.UNCHANGED: _good(_Q.CHANGED, "盖章后未被改动", "nothing was changed since"),
    Code.SEALED_AFTERWARDS: _good(
        _Q.CHANGED, "盖章后只加盖了其他印章、时间戳或附上了校验资料",
        "since then only further seals, timestamps or evidence were added"
    ),
    Code.CONTENT_CHANGED: _bad(_Q.CHANGED, _V.ALTERED, "盖章后内容被改动", "the content was changed since"),
    Code.CHANGED_AFTER_CERTIFICATION: _bad(
        _Q.CHANGED, _V.ALTERED, "盖章时声明不得再改动，之后仍被改动",
        "it was changed although the seal forbids any change"
    ),
    Code.SIGNATURE_INVALID: _bad(
        _Q.CHANGED, _V.ALTERED, "签名值不正确", "the signature was not made with the key of its certificate"
    ),
    Code.SIGNATURE_UNREADABLE: _bad(
        _Q.CHANGED, _V.ALTERED, "签名数据损坏，无法读取", "the signature is damaged and cannot be read"
    ),
    Code.SIGNATURE_KIND_UNKNOWN: _bad(
        _Q.CHANGED, _V.UNTRUSTED, "签名的种类或算法无法识别，不能核验",
        "the signature is of a kind that is not known here, and cannot be judged"
    ),
    Code.WEAK_ALGORITHM: _bad(
        _Q.CHANGED, _V.ALTERED, "签名使用的算法已不安全", "the signature uses an algorithm that is not safe any more"
    ),
    Code.COVERS_ALL: _good(_Q.COVERAGE, "印章覆盖整个文件", "it covers the whole file"),
    Code.COVERED_THEN: _good(
        _Q.COVERAGE, "印章覆盖盖章时的整个文件", "it covers the whole file as it was when it was sealed"
    ),
    Code.COVERS_PART: _bad(
        _Q.COVERAGE, _V.ALTERED, "印章没有覆盖整个文件", "it does not cover the whole file"
    ),
    Code.TRUSTED_ISSUER: _good(_Q.TRUST, "证书由受信任的机构签发", "the certificate was issued by a trusted authority"),
    Code.UNTRUSTED_ISSUER: _bad(
        _Q.TRUST, _V.UNTRUSTED, "证书不是受信任的机构签发的", "the certificate was not issued by a trusted authority"
    ),
    Code.WRONG_PURPOSE: _bad(
        _Q.TRUST, _V.UNTRUSTED, "证书的用途不是签署文件", "the certificate is not meant for sealing documents"
    ),
    Code.TIME_REGISTERED: _good(
        _Q.TIME, "时间以平台登记为准", "the time is the one in the platform's register"
    ),
    Code.TIME_STAMPED: _good(_Q.TIME, "时间由可信时间戳证明", "the time is proven by a trusted timestamp"),
    Code.TIME_CLAIMED: _open(
        _Q.TIME, "时间由签署方自行声明，没有时间戳证明", "the time is what the signer claims; no timestamp proves it"
    ),
    Code.TIME_AHEAD: _open(
        _Q.TIME, "签署方声明的时间尚未到来，不予采信",
        "the time that the signer claims has not come yet, and is not believed"
    ),
    Code.TIME_UNKNOWN: _open(_Q.TIME, "文件没有说明盖章时间", "the file does not say when it was sealed"),
    Code.TIMESTAMP_UNTRUSTED: _open(
        _Q.TIME, "时间戳不是受信任的机构签发的，不予采信",
        "its timestamp is not by a trusted authority, and is not believed"
    ),
    Code.TIMESTAMP_BROKEN: _bad(
        _Q.TIME, _V.ALTERED, "时间戳与签名不符", "its timestamp does not belong to this signature"
    ),
    Code.CERTIFICATE_VALID: _good(
        _Q.CERTIFICATE, "盖章时证书在有效期内", "the certificate was valid at that time"
    ),
    Code.CERTIFICATE_EXPIRED: _bad(
        _Q.CERTIFICATE, _V.INVALID, "盖章时证书已过期", "the certificate had expired by then"
    ),
    Code.CERTIFICATE_EXPIRED_SINCE: _bad(
        _Q.CERTIFICATE, _V.INVALID, "证书现已过期，且没有可信时间证明盖章在过期之前",
        "the certificate has expired, and nothing proves that the seal was put on before"
    ),
    Code.CERTIFICATE_NOT_YET_VALID: _bad(
        _Q.CERTIFICATE, _V.INVALID, "盖章时证书尚未生效", "the certificate was not valid yet at that time"
    ),
    Code.NOT_REVOKED: _good(_Q.REVOCATION, "证书未被吊销", "the certificate is not revoked"),
    Code.REVOKED_LATER: _good(
        _Q.REVOCATION, "证书在盖章之后才被吊销，不影响本文件",
        "the certificate was revoked later, which leaves this file valid"
    ),
    Code.REVOCATION_UNKNOWN: _open(
        _Q.REVOCATION, "没有吊销信息，无法确认证书是否被吊销",
        "nothing at hand tells whether the certificate was revoked"
    ),
    Code.CERTIFICATE_REVOKED: _bad(
        _Q.REVOCATION, _V.REVOKED, "证书已被吊销，且没有可信时间证明盖章在吊销之前",
        "the certificate is revoked, and nothing proves that the seal was put on before"
    ),
    Code.SEAL_VALID: _good(_Q.SEAL, "盖章时印章有效", "the seal was valid at that time"),
    Code.SEAL_UNKNOWN: _open(_Q.SEAL, "印章不在本平台登记", "the seal is not in the platform's register"),
    Code.SEAL_NOT_YET_VALID: _bad(_Q.SEAL, _V.INVALID, "盖章时印章尚未启用", "the seal was not in use yet"),
    Code.SEAL_EXPIRED: _bad(_Q.SEAL, _V.INVALID, "盖章时印章已过有效期", "the seal had expired by then"),
    Code.SEAL_EXPIRED_SINCE: _bad(
        _Q.SEAL, _V.INVALID, "印章现已过有效期，且没有可信时间证明盖章在过期之前",
        "the seal has expired, and nothing proves that it was used before"
    ),
    Code.SEAL_SUSPENDED: _bad(_Q.SEAL, _V.INVALID, "盖章时印章已停用", "the seal was suspended at that time"),
    Code.SEAL_REVOKED: _bad(_Q.SEAL, _V.REVOKED, "盖章时印章已注销", "the seal had been revoked by then"),
    Code.SEAL_FORGED: _bad(
        _Q.SEAL, _V.UNTRUSTED, "不能证明印章由受信任的机构制作", "nothing shows that a trusted authority made the seal"
    ),
    Code.SEAL_OF_ANOTHER: _bad(
        _Q.SEAL, _V.UNTRUSTED, "印章不属于签署人", "the seal does not belong to whoever signed"
    ),
    Code.NO_SEAL: _bad(_Q.FILE, _V.NOT_SEALED, "文件上没有电子印章", "the file carries no seal"),
    Code.SEALS_REMOVED: _bad(
        _Q.FILE, _V.ALTERED, "文件原有的印章被去除", "the file carried seals that were taken out of it"
    ),
    Code.BROKEN_SEALED_FILE: _bad(
        _Q.FILE, _V.ALTERED, "文件含有印章但已损坏", "the file has a seal in it, but is broken"
    ),
    Code.FOREIGN_SIGNATURE_ON_TOP: _bad(
        _Q.FILE, _V.ALTERED, "盖章后又加上了不受信任的签名", "a signature that is not trusted was added after the seal"
    ),
    Code.UNCOVERED_PARTS: _bad(
        _Q.FILE, _V.ALTERED, "文件中有印章未覆盖的部分", "the file has parts that no seal covers"
    ),
    Code.CONTAINER_REWRITTEN: _bad(
        _Q.FILE, _V.ALTERED, "签名数据与登记的原件不同", "the signature's data differ from the original in the register"
    ),
    Code.DOCUMENT_REVOKED: _bad(_Q.FILE, _V.REVOKED, "平台已撤销本文件", "the platform has revoked this document"),
    Code.REGISTERED_DOCUMENT: _good(_Q.FILE, "与平台登记的原件一致", "it is the original in the platform's register"),
}  # fmt: skip
