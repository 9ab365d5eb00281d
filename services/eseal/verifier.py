"""The process that reads sealed files, started and fed by `judges.py`: `python -m services.eseal.verifier`.

It is asked `{"size": bytes, "anchors": [PEM]}`, followed by the file. It asks any number of times
`{"sealed_at": signed digest}`, answered by a line with a moment in RFC 3339 or null, and answers
`{"finding": {...}}` or `{"unreadable": [reason, description]}`.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from chassis.confined.worker import Parent, serve
from services.eseal.domain import verification
from services.eseal.domain.findings import Finding, UnreadableError

CPU_SECONDS = 3
# Loaded it has 66 MB; a file of 5 MB takes 40 MB more.
ADDRESS_SPACE = 384 * 1024 * 1024


def _judge(asked: dict[str, Any], parent: Parent) -> Mapping[str, object]:
    def sealed_at(signed_digest: str) -> datetime | None:
        parent.say({"sealed_at": signed_digest})
        moment = parent.line()
        return datetime.fromisoformat(moment) if moment else None

    content = parent.read(asked["size"])
    try:
        return {"finding": _plain(verification.inspect(content, asked["anchors"], sealed_at))}
    except UnreadableError as fault:
        return {"unreadable": [fault.reason, fault.description]}


def _plain(finding: Finding) -> dict[str, object]:
    moment = finding.sealed_at.isoformat() if finding.sealed_at else None
    return asdict(finding) | {"verdict": finding.verdict.name, "sealed_at": moment}


if __name__ == "__main__":
    serve(_judge, cpu_seconds=CPU_SECONDS, address_space=ADDRESS_SPACE)
