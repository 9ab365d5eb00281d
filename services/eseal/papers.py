"""A notice in the format of its seal: a sealed PDF, or with a seal of the national suite a sealed OFD.

pyHanko, reportlab and Pillow are imported where they are first needed: see `service.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from chassis.clock import day_of
from services.eseal.domain.orders import At, Order
from services.eseal.domain.records import OFD, PDF, Picture
from services.eseal.keys import Credential

if TYPE_CHECKING:
    from services.eseal.cms.signing import Stamp
    from services.eseal.domain.wording import Notice
    from services.eseal.pdf.grades import Grade


@dataclass(frozen=True, slots=True)
class Paper:
    """A sealed file, and the digest of what its signature signs, in hexadecimal."""

    content: bytes
    signed_digest: str
    media_type: str


Press: TypeAlias = "Callable[[Notice, datetime], Paper]"
"""Prints a notice and seals it at a moment. Raises NoticeError."""


def pdf_press(credential: Credential, picture: Picture, grade: "Grade") -> Press:
    """What prints with a seal of the international suite, at a level."""
    from services.eseal.domain.notice import render  # noqa: PLC0415 (loads on first use)
    from services.eseal.pdf.sealing import Sealer  # noqa: PLC0415 (the same)

    sealer = Sealer(credential, picture.png, grade)

    def press(notice: "Notice", now: datetime) -> Paper:
        rendered = render(notice)
        order = Order(At(-1, *rendered.seal_middle), reason=notice.case_number)
        sealed = sealer.seal(rendered.content, order, now)
        return Paper(sealed.content, sealed.signed_digest, PDF)

    return press


def ofd_press(credential: Credential, picture: Picture, seal: bytes, timestamp: "Stamp | None" = None) -> Press:
    """What prints with a seal of the national suite; `seal` as GB/T 38540 has it."""
    from services.eseal.domain.sheet import lay  # noqa: PLC0415 (loads on first use)
    from services.eseal.national.ofd.document import draw  # noqa: PLC0415 (the same)
    from services.eseal.national.ofd.sealing import Sealer  # noqa: PLC0415 (the same)
    from services.eseal.national.ofd.stamps import centred  # noqa: PLC0415 (the same)

    sealer = Sealer(seal, credential)

    def press(notice: "Notice", now: datetime) -> Paper:
        written = draw(lay(notice), day_of(now))
        stamp = centred(written.page_ids[-1], written.seal_box, picture.width_mm, picture.height_mm)
        sealed = sealer.seal(written.files, [stamp], now=now, timestamp=timestamp)
        return Paper(sealed.content, sealed.signed_digest, OFD)

    return press
