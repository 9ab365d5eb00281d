"""Findings: how answers make a verdict, their words, and their JSON."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.eseal.domain.answers import MEANINGS, Code, Question, Standing, Verdict
from services.eseal.domain.finding_json import from_json, to_json
from services.eseal.domain.findings import (
    Answer,
    Certificate,
    Finding,
    Format,
    Kind,
    SealFinding,
    UnreadableError,
    authority_name,
    conclude,
    format_of,
)
from services.eseal.domain.trust import BadTrustListError, read_trust
from tests.eseal.builders import NOON, OFFICE, root

GOOD = tuple(Answer(code) for code in (Code.UNCHANGED, Code.COVERS_ALL, Code.TRUSTED_ISSUER, Code.TIME_REGISTERED))
CERTIFICATE = Certificate(OFFICE, "签发机构", "1f", "ab" * 32, NOON, NOON + timedelta(days=1))
SEAL = SealFinding(Kind.SEAL, GOOD, signer=OFFICE, certificate=CERTIFICATE, sealed_at=NOON, signed_digest="ab" * 32)

codes = st.sampled_from(Code)


def test_every_code_has_a_meaning_in_both_languages() -> None:
    assert set(MEANINGS) == set(Code)
    assert all(meaning.zh and meaning.en for meaning in MEANINGS.values())


def test_bad_answers_and_no_others_make_a_bad_verdict() -> None:
    for code, meaning in MEANINGS.items():
        assert (meaning.standing is Standing.BAD) == (meaning.verdict is not Verdict.GENUINE), code


def test_every_code_is_explained_to_users() -> None:
    text = Path("services/eseal/README.md").read_text()
    assert [code for code in Code if f"`{code}`" not in text] == []


@given(st.lists(codes, max_size=8), st.lists(codes, max_size=3))
def test_a_finding_is_as_bad_as_its_worst_answer(of_seal: list[Code], of_file: list[Code]) -> None:
    seal = replace(SEAL, answers=tuple(map(Answer, of_seal)))
    found = conclude(Format.PDF, [seal], [Answer(code) for code in of_file])
    worst = max((MEANINGS[code].verdict.value for code in (*of_seal, *of_file)), default=1)
    assert found.verdict.value == worst
    assert (found.verdict is Verdict.GENUINE) == found.en.startswith("The file is genuine")


@given(st.lists(codes, max_size=8, unique_by=lambda code: MEANINGS[code].question), st.text(max_size=20))
def test_a_finding_survives_json(of_seal: list[Code], detail: str) -> None:
    seal = replace(SEAL, answers=tuple(Answer(code, detail) for code in of_seal))
    found = Finding(Format.OFD, (seal, replace(seal, certificate=None, sealed_at=None)), (Answer(Code.NO_SEAL),))
    assert from_json(json.loads(json.dumps(to_json(found)))) == found


def test_a_file_without_seals_is_not_sealed_and_a_timestamp_is_no_seal() -> None:
    stamp = replace(SEAL, kind=Kind.TIMESTAMP)
    assert conclude(Format.PDF, []).verdict is Verdict.NOT_SEALED
    assert conclude(Format.PDF, [stamp]).verdict is Verdict.NOT_SEALED
    assert conclude(Format.PDF, [SEAL, stamp]).verdict is Verdict.GENUINE


def test_what_somebody_unknown_signs_in_after_a_seal_is_a_change_and_before_it_is_not() -> None:
    foreign = replace(SEAL, answers=(Answer(Code.UNCHANGED), Answer(Code.UNTRUSTED_ISSUER)))
    assert conclude(Format.PDF, [SEAL, foreign]).verdict is Verdict.ALTERED
    assert conclude(Format.PDF, [SEAL, replace(foreign, kind=Kind.TIMESTAMP)]).verdict is Verdict.ALTERED
    assert conclude(Format.PDF, [foreign, SEAL]).verdict is Verdict.UNTRUSTED


def test_the_words_say_who_when_and_how_that_is_known() -> None:
    found = conclude(Format.PDF, [SEAL])
    assert (
        found.zh == f"文件真实有效：由{OFFICE}于2026-06-01 12:00（北京时间）盖章，时间以平台登记为准，盖章后未被改动。"
    )
    assert found.en == (
        f"The file is genuine: sealed by {OFFICE} on 2026-06-01 at 12:00 (Beijing), the time is the one in the "
        "platform's register, nothing was changed since."
    )


def test_an_answer_takes_the_place_of_an_earlier_one_to_the_same_question() -> None:
    seal = SEAL.answered(Answer(Code.CONTENT_CHANGED, "第2页"))
    answer = seal.answer(Question.CHANGED)
    assert (answer, len(seal.answers)) == (Answer(Code.CONTENT_CHANGED, "第2页"), len(SEAL.answers))
    assert answer is not None
    assert (answer.zh, answer.en) == ("盖章后内容被改动：第2页", "the content was changed since: 第2页")


@pytest.mark.parametrize(
    ("content", "signature", "expected"),
    [
        (b"%PDF-1.7", b"", Format.PDF),
        (b"\n%PDF-1.7", b"", Format.PDF),
        (b"PK\x03\x04", b"", Format.OFD),
        (b"anything", b"\x30", Format.DETACHED),
        (b"%PDF-1.7", b"\x30", Format.DETACHED),
    ],
)
def test_a_format_is_told_by_how_a_file_begins(content: bytes, signature: bytes, expected: Format) -> None:
    assert format_of(content, signature) is expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "UNKNOWN_FORMAT"),
        (bytes(2_000) + b"%PDF-1.7", "UNKNOWN_FORMAT"),
        (b"PK\x03\x04%PDF-1.7", "AMBIGUOUS_FORMAT"),
        (b"%PDF-1.7" + bytes(16_000_000), "TOO_LARGE"),
    ],
)
def test_what_is_no_format_of_ours_is_refused_at_a_glance(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        format_of(content)
    assert raised.value.reason == reason


def test_a_trust_list_is_pem_with_any_commentary() -> None:
    pem = root().certificate_pem()
    trust = read_trust(f"the root of our province\n{pem}and again\n{pem}", pem)
    assert (len(trust.roots), len(trust.timestamp_roots), trust.revocation_lists) == (2, 1, ())
    assert read_trust("").roots == ()


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nAA==",
        "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----",
    ],
)
def test_what_is_no_trust_list_is_refused(text: str) -> None:
    with pytest.raises(BadTrustListError):
        read_trust(text)


def test_a_time_that_no_calendar_here_has_is_left_out() -> None:
    seal = SealFinding(Kind.SEAL, (Answer(Code.UNCHANGED),), "甲", sealed_at=datetime(9999, 12, 31, 23, tzinfo=UTC))
    assert Finding(Format.PDF, (seal,)).zh == "文件真实有效：由甲盖章，盖章后未被改动。"


def test_a_seal_that_is_called_otherwise_than_its_user_is_named() -> None:
    seal = replace(SEAL, seal_name="行政审批专用章")
    assert "盖章（印章：行政审批专用章），" in Finding(Format.OFD, (seal,)).zh
    assert f"sealed by {OFFICE} with the seal 行政审批专用章 on" in Finding(Format.OFD, (seal,)).en
    assert Finding(Format.OFD, (replace(SEAL, seal_name=OFFICE),)).zh == Finding(Format.OFD, (SEAL,)).zh


@pytest.mark.parametrize(
    ("organisation", "unit", "common", "told"),
    [
        ("多跨", "平台自建", "签发证书", "多跨（平台自建）"),
        ("某认证公司", "", "二级根", "某认证公司（二级根）"),
        ("", "", "二级根", "二级根"),
        ("某认证公司", "", "某认证公司", "某认证公司"),
        ("", "", "", ""),
        ("多\n跨", "假\u202e的", "", "多 跨（假\N{REPLACEMENT CHARACTER}的）"),
    ],
)
def test_an_authority_is_told_with_what_it_says_of_itself(organisation: str, unit: str, common: str, told: str) -> None:
    assert authority_name(organisation, unit, common) == told
