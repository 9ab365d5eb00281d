"""The process that writes seals into files of strangers: `python -m services.eseal.preparation.process`.

It is asked `{"format": ..., "size": bytes, "seal_size": bytes, "order": {...}, "now": RFC 3339,
"room": bytes, "trust": {...}, "validation": {...} or null}`, followed by the file and what of the seal goes into it. It
has neither key nor signature: it gives what has to be put into the file in any number of `{"piece": base64}`, each
answered by a line, and answers `{"places": {...}}`, where everything is in it, or `{"refused": [reason, description]}`.
"""

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from chassis.confined.worker import Parent, serve
from services.eseal.domain.findings import Format, UnreadableError
from services.eseal.domain.orders import SealingError, order_of
from services.eseal.domain.trust import Trust
from services.eseal.national.ofd import preparing as ofd
from services.eseal.pdf import preparing as pdf
from services.eseal.pdf.picture import SealPicture
from services.eseal.pdf.prepared import Validation
from services.eseal.pdf.screening import screen
from services.eseal.pdf.searching import find

# A file of 16 MB with as many objects as it can hold takes longer; nobody seals one.
CPU_SECONDS = 6
# Loaded it has 80 MB; a file of 16 MB takes 200 MB more.
ADDRESS_SPACE = 512 * 1024 * 1024
_PIECE = 45_000

Prepare: TypeAlias = Callable[[bytes, bytes, Mapping[str, Any]], tuple[bytes, Mapping[str, object]]]
"""What a file with a seal takes beside the signature, and where it is, by the file, the seal and what is asked."""


def _answer(asked: dict[str, Any], parent: Parent) -> Mapping[str, object]:
    content, seal, of = parent.read(asked["size"]), parent.read(asked["seal_size"]), Format(asked["format"])
    try:
        added, places = _PREPARE[of](content, seal, asked)
    except (SealingError, UnreadableError) as fault:
        return {"refused": [fault.reason, fault.description]}
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a hostile file can make a parser raise anything
        return {"refused": [f"BROKEN_{of}", f"the file is damaged: it begins as {of} and cannot be read as such"]}
    for start in range(0, len(added), _PIECE):
        parent.say({"piece": base64.b64encode(added[start : start + _PIECE]).decode()})
        parent.line()
    return {"places": places}


def _pdf(content: bytes, picture: bytes, asked: Mapping[str, Any]) -> tuple[bytes, Mapping[str, object]]:
    screen(content, Trust(**_binary(asked["trust"])))
    prepared = pdf.prepare(
        content,
        SealPicture(picture),
        order_of(asked["order"]),
        datetime.fromisoformat(asked["now"]),
        room=asked["room"],
        validation=Validation(**_binary(asked["validation"])) if asked["validation"] else None,
        find=find,
    )
    return prepared.content[len(content) :], {"start": prepared.start, "end": prepared.end}


def _ofd(content: bytes, seal: bytes, asked: Mapping[str, Any]) -> tuple[bytes, Mapping[str, object]]:
    trust, order = Trust(**_binary(asked["trust"])), order_of(asked["order"])
    return ofd.prepare(content, trust, seal, order, datetime.fromisoformat(asked["now"]))


def _binary(encoded: Mapping[str, list[str]]) -> dict[str, tuple[bytes, ...]]:
    return {name: tuple(map(base64.b64decode, values)) for name, values in encoded.items()}


_PREPARE: Mapping[Format, Prepare] = {Format.PDF: _pdf, Format.OFD: _ofd}

if __name__ == "__main__":
    serve(_answer, cpu_seconds=CPU_SECONDS, address_space=ADDRESS_SPACE)
