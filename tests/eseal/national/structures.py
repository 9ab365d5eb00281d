"""The structures of GM/T 0031-2014, GB/T 38540-2020 and GM/T 0031-2025 once more, with another library.

An independent reader of what is written, and an independent writer of what is to be read.
"""

# ruff: noqa: RUF012 (lists of fields are how asn1crypto describes a structure)

from datetime import timedelta
from typing import Any

from asn1crypto import core  # type: ignore[import-untyped]

from services.eseal.keys import Credential
from services.eseal.national.seals import certificate_bytes
from tests.eseal.national.builders import NOON, OFFICE

SM2_WITH_SM3 = "1.2.156.10197.1.501"
_UNTIL = NOON + timedelta(days=365)


class Header(core.Sequence):  # type: ignore[misc]
    _fields = [("id", core.IA5String), ("version", core.Integer), ("vid", core.IA5String)]


class Extension(core.Sequence):  # type: ignore[misc]
    _fields = [("id", core.ObjectIdentifier), ("critical", core.Boolean), ("value", core.OctetString)]


class Extensions(core.SequenceOf):  # type: ignore[misc]
    _child_spec = Extension


class Certificates(core.SequenceOf):  # type: ignore[misc]
    _child_spec = core.OctetString


class Digest(core.Sequence):  # type: ignore[misc]
    _fields = [("type", core.PrintableString), ("value", core.OctetString)]


class Digests(core.SequenceOf):  # type: ignore[misc]
    _child_spec = Digest


class Picture(core.Sequence):  # type: ignore[misc]
    _fields = [("type", core.IA5String), ("data", core.OctetString), ("width", core.Integer), ("height", core.Integer)]


class Property(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("type", core.Integer), ("name", core.UTF8String), ("list_type", core.Integer), ("list", core.Any),
        ("created", core.GeneralizedTime), ("start", core.GeneralizedTime), ("end", core.GeneralizedTime),
    ]  # fmt: skip


class Property1(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("type", core.Integer), ("name", core.UTF8String), ("list", Certificates),
        ("created", core.UTCTime), ("start", core.UTCTime), ("end", core.UTCTime),
    ]  # fmt: skip


class Info(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("header", Header), ("es_id", core.IA5String), ("property", Property), ("picture", Picture),
        ("bare", Extensions, {"optional": True}), ("tagged", Extensions, {"explicit": 0, "optional": True}),
    ]  # fmt: skip


class Info1(core.Sequence):  # type: ignore[misc]
    _fields = [("header", Header), ("es_id", core.IA5String), ("property", Property1), ("picture", Picture)]


class Seal(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("info", Info), ("cert", core.OctetString), ("algorithm", core.ObjectIdentifier),
        ("signature", core.OctetBitString), ("timestamp", core.OctetBitString, {"explicit": 0, "optional": True}),
    ]  # fmt: skip


class SignInfo1(core.Sequence):  # type: ignore[misc]
    _fields = [("cert", core.OctetString), ("algorithm", core.ObjectIdentifier), ("signature", core.OctetBitString)]


class Signed1(core.Sequence):  # type: ignore[misc]
    _fields = [("info", Info1), ("cert", core.OctetString), ("algorithm", core.ObjectIdentifier)]


class Seal1(core.Sequence):  # type: ignore[misc]
    _fields = [("info", Info1), ("sign_info", SignInfo1)]


class ToSign(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("version", core.Integer), ("seal", Seal), ("time", core.GeneralizedTime), ("hash", core.OctetBitString),
        ("property", core.IA5String), ("extensions", Extensions, {"explicit": 0, "optional": True}),
    ]  # fmt: skip


class Signature(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("to_sign", ToSign), ("cert", core.OctetString), ("algorithm", core.ObjectIdentifier),
        ("signature", core.OctetBitString), ("timestamp", core.OctetBitString, {"explicit": 0, "optional": True}),
    ]  # fmt: skip


class ToSign1(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("version", core.Integer), ("seal", Seal1), ("time", core.OctetBitString), ("hash", core.OctetBitString),
        ("property", core.IA5String), ("cert", core.OctetString), ("algorithm", core.ObjectIdentifier),
    ]  # fmt: skip


class Signature1(core.Sequence):  # type: ignore[misc]
    _fields = [("to_sign", ToSign1), ("signature", core.OctetBitString)]


def _picture() -> dict[str, Any]:
    return {"type": "PNG", "data": b"\x89PNG", "width": 42, "height": 42}


def seal(
    maker: Credential,
    holders: Any,
    *,
    version: int = 4,
    listed: int = 1,
    extensions: dict[str, Any] | None = None,
    timestamp: bytes | None = None,
) -> bytes:
    """A seal of version 4 or 5; `extensions` under "bare" or "tagged"."""
    info = Info({
        "header": {"id": "ES", "version": version, "vid": "OTHER"},
        "es_id": "33010600000002",
        "property": {
            "type": 1, "name": OFFICE, "list_type": listed, "list": holders,
            "created": NOON, "start": NOON, "end": _UNTIL,
        },
        "picture": _picture(),
        **(extensions or {}),
    })  # fmt: skip
    made = {"info": info, "cert": certificate_bytes(maker), "algorithm": SM2_WITH_SM3}
    made["signature"] = maker.key.sign(info.dump())
    if timestamp is not None:
        made["timestamp"] = timestamp
    encoded: bytes = Seal(made).dump()
    return encoded


def first_seal(maker: Credential, holders: list[bytes]) -> bytes:
    """A seal of version 1."""
    info = Info1({
        "header": {"id": "ES", "version": 1, "vid": "OTHER"},
        "es_id": "33010600000003",
        "property": {
            "type": 1, "name": OFFICE, "list": Certificates(holders), "created": NOON, "start": NOON, "end": _UNTIL,
        },
        "picture": _picture(),
    })  # fmt: skip
    signing = {"cert": certificate_bytes(maker), "algorithm": SM2_WITH_SM3}
    signature = maker.key.sign(Signed1({"info": info, **signing}).dump())
    encoded: bytes = Seal1({"info": info, "sign_info": {**signing, "signature": signature}}).dump()
    return encoded


def signature(
    seal: bytes, signer: Credential, data_hash: bytes, *, version: int = 5, property_info: str = "/Doc_0/Signature.xml"
) -> bytes:
    """A signature with a seal of version 4 or 5."""
    to_sign = ToSign({
        "version": version, "seal": Seal.load(seal), "time": NOON, "hash": data_hash, "property": property_info,
    })  # fmt: skip
    encoded: bytes = Signature({
        "to_sign": to_sign, "cert": certificate_bytes(signer), "algorithm": SM2_WITH_SM3,
        "signature": signer.key.sign(to_sign.dump()),
    }).dump()  # fmt: skip
    return encoded


def first_signature(
    seal: bytes, signer: Credential, data_hash: bytes, *, time: bytes, property_info: str = "/Doc_0/Signature.xml"
) -> bytes:
    """A signature with a seal of version 1."""
    to_sign = ToSign1({
        "version": 1, "seal": Seal1.load(seal), "time": time, "hash": data_hash, "property": property_info,
        "cert": certificate_bytes(signer), "algorithm": SM2_WITH_SM3,
    })  # fmt: skip
    encoded: bytes = Signature1({"to_sign": to_sign, "signature": signer.key.sign(to_sign.dump())}).dump()
    return encoded
