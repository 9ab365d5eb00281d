"""The process that writes seals into files of strangers: `python -m services.eseal.preparation.process`.

It is asked `{"size": bytes, "picture_size": bytes, "order": {...}, "now": RFC 3339, "room": bytes, "trust": {...},
"validation": {...} or null}`, followed by the file and the seal's picture. It has neither key nor signature: it gives
what has to be appended to the file in any number of `{"piece": base64}`, each answered by a line, and answers
`{"start": ..., "end": ...}`, where the signature goes, or `{"refused": [reason, description]}`.
"""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chassis.confined.worker import Parent, serve
from services.eseal.domain.findings import UnreadableError
from services.eseal.domain.trust import Trust
from services.eseal.pdf.orders import SealingError, order_of
from services.eseal.pdf.picture import SealPicture
from services.eseal.pdf.prepared import Prepared, Validation
from services.eseal.pdf.preparing import prepare
from services.eseal.pdf.screening import screen
from services.eseal.pdf.searching import find

# A file of 16 MB with as many objects as it can hold takes longer; nobody seals one.
CPU_SECONDS = 6
# Loaded it has 80 MB; a file of 16 MB takes 200 MB more.
ADDRESS_SPACE = 512 * 1024 * 1024
_PIECE = 45_000


def _answer(asked: dict[str, Any], parent: Parent) -> Mapping[str, object]:
    content, picture = parent.read(asked["size"]), parent.read(asked["picture_size"])
    try:
        prepared = _prepared(content, picture, asked)
    except (SealingError, UnreadableError) as fault:
        return {"refused": [fault.reason, fault.description]}
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a hostile file can make a parser raise anything
        return {"refused": ["BROKEN_PDF", "the file is damaged: it begins as a PDF and cannot be read as one"]}
    appended = prepared.content[len(content) :]
    for start in range(0, len(appended), _PIECE):
        parent.say({"piece": base64.b64encode(appended[start : start + _PIECE]).decode()})
        parent.line()
    return {"start": prepared.start, "end": prepared.end}


def _prepared(content: bytes, picture: bytes, asked: dict[str, Any]) -> Prepared:
    screen(content, Trust(**_binary(asked["trust"])))
    return prepare(
        content,
        SealPicture(picture),
        order_of(asked["order"]),
        datetime.fromisoformat(asked["now"]),
        room=asked["room"],
        validation=Validation(**_binary(asked["validation"])) if asked["validation"] else None,
        find=find,
    )


def _binary(encoded: Mapping[str, list[str]]) -> dict[str, tuple[bytes, ...]]:
    return {name: tuple(map(base64.b64decode, values)) for name, values in encoded.items()}


if __name__ == "__main__":
    serve(_answer, cpu_seconds=CPU_SECONDS, address_space=ADDRESS_SPACE)
