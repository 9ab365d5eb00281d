"""OFD files in the process that reads uploaded files: the same findings, and limits that hold."""

from datetime import datetime

import pytest

from services.eseal.domain.answers import Code, Question, Verdict
from services.eseal.domain.findings import Format, UnreadableError
from services.eseal.national.ofd.package import write
from tests.eseal.builders import judges
from tests.eseal.national.builders import NOON, authority, sealed, written


def asked(signed_digest: str) -> datetime | None:
    return NOON if signed_digest == sealed().signed_digest else None


def test_an_ofd_is_told_by_its_content_and_judged_in_a_process_of_its_own() -> None:
    found = judges().inspect(sealed().content, authority().trust_list(), asked)
    assert (found.format, found.verdict) == (Format.OFD, Verdict.GENUINE)
    time = found.seals[0].answer(Question.TIME)
    assert time is not None
    assert time.code is Code.TIME_REGISTERED
    assert found.signed_digest == sealed().signed_digest


def test_a_changed_one_is_altered() -> None:
    files = {**sealed().files, "OFD.xml": sealed().files["OFD.xml"] + b" "}
    assert judges().inspect(write(files), authority().trust_list(), asked).verdict is Verdict.ALTERED


def test_bombs_end_in_a_refusal() -> None:
    bomb = write({**written().files, "Doc_0/a.xml": bytes(40_000_000)})
    assert len(bomb) < 200_000
    with pytest.raises(UnreadableError) as raised:
        judges().inspect(bomb, authority().trust_list(), asked)
    assert raised.value.reason == "BROKEN_OFD"


def test_xml_that_takes_too_much_memory_or_time_ends_in_a_refusal() -> None:
    wide = written().files["Doc_0/Document.xml"].replace(b"</ofd:Pages>", b"<a/>" * 7_000_000 + b"</ofd:Pages>")
    content = write({**written().files, "Doc_0/Document.xml": wide})
    assert len(content) < 200_000
    with pytest.raises(UnreadableError) as raised:
        judges().inspect(content, authority().trust_list(), asked)
    assert raised.value.reason in ("TOO_COMPLEX", "BROKEN_OFD")
