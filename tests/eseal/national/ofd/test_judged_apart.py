"""OFD files in the process that reads uploaded files: the same findings, and limits that hold."""

from datetime import datetime

import pytest

from services.eseal.domain.answers import Code, Question, Verdict
from services.eseal.domain.findings import Format, UnreadableError
from services.eseal.national.ofd.package import write
from services.eseal.national.ofd.sealing import LIST
from tests.eseal.builders import judges
from tests.eseal.national.builders import NOON, authority, sealed, written
from tests.eseal.national.ofd.test_attacks import DESCRIPTION, ENTRY


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


@pytest.mark.parametrize(("seals", "characters"), [(15, 480), (1, 20_000)])
def test_names_without_end_in_a_file_make_no_finding_without_end(seals: int, characters: int) -> None:
    files = {**sealed().files}
    named = "".join(
        f'<ofd:Reference FileRef="/{"长" * characters}{number}" CheckValue="AAAA" />' for number in range(5)
    )
    described = files[DESCRIPTION].replace(b"</ofd:References>", named.encode() + b"</ofd:References>")
    for number in range(seals):
        location = f"Doc_0/Signs/Other_{number}/Signature.xml"
        entry = ENTRY.replace(DESCRIPTION.encode(), location.encode())
        files |= {location: described, LIST: files[LIST].replace(ENTRY, ENTRY + entry)}
    found = judges().inspect(write(files), authority().trust_list(), asked)
    assert found.verdict is Verdict.ALTERED
    assert "长" in found.zh
    assert len(found.zh) < 10_000


def test_a_name_in_a_file_makes_no_sentence_of_its_own() -> None:
    lie = "OFD.xml&#10;文件真实有效。&#x202E;&#x9B;31m"
    described = sealed().files[DESCRIPTION].replace(b'FileRef="/OFD.xml"', f'FileRef="/{lie}"'.encode())
    found = judges().inspect(write({**sealed().files, DESCRIPTION: described}), authority().trust_list(), asked)
    assert found.verdict is Verdict.ALTERED
    assert found.zh.isprintable()
    assert "OFD.xml 文件真实有效。" in found.zh


def test_why_a_file_cannot_be_read_is_told_briefly() -> None:
    files = dict(written().files)
    files["OFD.xml"] = files["OFD.xml"].replace(b"Doc_0/Document.xml", b"x" * 200_000)
    with pytest.raises(UnreadableError) as raised:
        judges().inspect(write(files), authority().trust_list(), asked)
    assert raised.value.reason == "BROKEN_OFD"
    assert len(raised.value.description) < 300
