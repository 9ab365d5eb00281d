"""Timestamps over signatures with a seal: tokens of RFC 3161, judged as those in PDF are."""

import hashlib
import logging
from datetime import datetime

from asn1crypto import cms  # type: ignore[import-untyped]

from services.eseal.cms.evidence import Evidence
from services.eseal.cms.judging import Signed, judge_timestamp
from services.eseal.cms.waiting import at_once
from services.eseal.domain.findings import Kind, SealFinding
from services.eseal.domain.trust import Trust

# What it logs of each certificate that is not in order, anybody could fill the log with.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)


def judge_token(token: bytes, signature: bytes, trust: Trust, now: datetime) -> SealFinding | None:
    """What a token over this signature's value is worth; None when it cannot be read, or has unknown algorithms."""
    try:
        info = cms.ContentInfo.load(token, strict=True)
        if info["content_type"].native != "signed_data":
            return None
        signed = Signed(info["content"], lambda name: hashlib.new(name, signature).digest(), kind=Kind.TIMESTAMP)
        return at_once(judge_timestamp(signed, Evidence(trust), now))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 (a hostile token can make a parser raise anything; it is not believed)
        return None
