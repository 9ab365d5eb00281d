"""The process that reads sealed files, started and fed by `judges.py`: `python -m services.eseal.verification.process`.

It is asked `{"format": ..., "size": bytes, "signature_size": bytes, "trust": {...}}`, followed by the file and, when it
lies apart, its signature. It asks any number of times `{"sealed_at": signed digest}`, answered by a line with a moment
in RFC 3339 or null, and answers `{"finding": {...}}` or `{"unreadable": [reason, description]}`.
"""

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from chassis.confined.worker import Parent, serve
from services.eseal.cms import detached
from services.eseal.domain.finding_json import to_json
from services.eseal.domain.findings import Finding, Format, SealedAt, UnreadableError
from services.eseal.domain.trust import Trust
from services.eseal.national.ofd import verification as ofd
from services.eseal.pdf import verification as pdf

CPU_SECONDS = 3
# Loaded it has 66 MB; a file of 16 MB takes 130 MB more.
ADDRESS_SPACE = 512 * 1024 * 1024

Inspect: TypeAlias = Callable[[bytes, Trust, SealedAt], Finding]
# Who reads which format, of those whose signature lies in the file.
READERS: Mapping[Format, Inspect] = {Format.PDF: pdf.inspect, Format.OFD: ofd.inspect}


def _judge(asked: dict[str, Any], parent: Parent) -> Mapping[str, object]:
    def sealed_at(signed_digest: str) -> datetime | None:
        parent.say({"sealed_at": signed_digest})
        moment = parent.line()
        return datetime.fromisoformat(moment) if moment else None

    content, signature = parent.read(asked["size"]), parent.read(asked["signature_size"])
    trust = Trust(**{name: tuple(map(base64.b64decode, ders)) for name, ders in asked["trust"].items()})
    try:
        return {"finding": to_json(_inspect(Format(asked["format"]), content, signature, trust, sealed_at))}
    except UnreadableError as fault:
        return {"unreadable": [fault.reason, fault.description]}


def _inspect(of: Format, content: bytes, signature: bytes, trust: Trust, sealed_at: SealedAt) -> Finding:
    if of is Format.DETACHED:
        return detached.inspect(content, signature, trust, sealed_at)
    return READERS[of](content, trust, sealed_at)


if __name__ == "__main__":
    serve(_judge, cpu_seconds=CPU_SECONDS, address_space=ADDRESS_SPACE)
