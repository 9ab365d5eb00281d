"""Files that somebody tampered with: none of them is genuine, and each says why."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.eseal.domain.answers import Code, Verdict
from services.eseal.domain.findings import Finding, UnreadableError
from services.eseal.domain.trust import Trust
from services.eseal.keys import Credential
from services.eseal.keys.national import NationalKey
from services.eseal.national import signatures
from services.eseal.national.ofd import xml
from services.eseal.national.ofd.package import Files, write
from services.eseal.national.ofd.sealing import LIST, Sealer
from services.eseal.national.seals import certificate_bytes
from services.eseal.national.sm3 import sm3
from tests.eseal.national import structures
from tests.eseal.national.builders import (
    DAY,
    NOON,
    OFFICE,
    Authority,
    authority,
    inspect,
    make_authority,
    seal,
    sealed,
    sealer,
    stamps,
    user_of,
    written,
)

PAGE, DOCUMENT, SIGN = "Doc_0/Pages/Page_0/Content.xml", "Doc_0/Document.xml", "Doc_0/Signs/Sign_0"
DESCRIPTION, VALUE, SEAL = f"{SIGN}/Signature.xml", f"{SIGN}/SignedValue.dat", f"{SIGN}/Seal.esl"
Change = Callable[[Files], None]


def codes(found: Finding) -> set[Code]:
    return {answer.code for each in found.seals for answer in each.answers} | {each.code for each in found.remarks}


def judged(change: Change, *, seals: int = 1) -> Finding:
    """What is found of a sealed document after a change."""
    files = dict(sealed(seals).files)
    change(files)
    return inspect(write(files))


def put(name: str, data: bytes) -> Change:
    return lambda files: files.update({name: data})


def swap(name: str, old: bytes, new: bytes) -> Change:
    def change(files: Files) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new)

    return change


def drop(*names: str) -> Change:
    def change(files: Files) -> None:
        for name in names:
            del files[name]

    return change


def both(*changes: Change) -> Change:
    def change(files: Files) -> None:
        for each in changes:
            each(files)

    return change


ENTRY = b'<ofd:Signature ID="1" Type="Seal" BaseLoc="/Doc_0/Signs/Sign_0/Signature.xml" />'
_LISTED = b"<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures>"
_BOMB = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
ATTACKS: dict[str, tuple[Change, Code]] = {
    "another text": (swap(PAGE, "予".encode(), "驳".encode()), Code.CONTENT_CHANGED),
    "another typeface": (swap("Doc_0/Res/DuokuaSong.ttf", b"glyf", b"glyg"), Code.CONTENT_CHANGED),
    "another title": (swap("OFD.xml", b"<ofd:Author>", b"<ofd:Author>X"), Code.CONTENT_CHANGED),
    "a page gone": (drop("Doc_0/PublicRes.xml"), Code.CONTENT_CHANGED),
    "a file added": (put("Doc_0/Annots/Page_0.xml", b"<a/>"), Code.COVERS_PART),
    "a file added beside the signature": (put(f"{SIGN}/Other.xml", b"<a/>"), Code.COVERS_PART),
    "a file added at the top": (put("Other.xml", b"<a/>"), Code.COVERS_PART),
    "the seal moved": (swap(DESCRIPTION, b'Boundary="123', b'Boundary="023'), Code.CONTENT_CHANGED),
    "the seal off the page": (swap(DESCRIPTION, b'PageRef="2"', b'PageRef="9"'), Code.SIGNATURE_UNREADABLE),
    "a file not covered any more": (swap(DESCRIPTION, b'FileRef="/Doc_0/PublicRes.xml"', b'FileRef="/OFD.xml"'),
                                    Code.SIGNATURE_UNREADABLE),
    "the name of MD5": (swap(DESCRIPTION, b"1.2.156.10197.1.401", b"MD5"), Code.WEAK_ALGORITHM),
    "the name of SHA-1": (swap(DESCRIPTION, b"1.2.156.10197.1.401", b"1.3.14.3.2.26"), Code.WEAK_ALGORITHM),
    "no name of a digest": (swap(DESCRIPTION, b' CheckMethod="1.2.156.10197.1.401"', b""), Code.WEAK_ALGORITHM),
    "an unknown digest": (swap(DESCRIPTION, b"1.2.156.10197.1.401", b"1.2.3"), Code.SIGNATURE_KIND_UNKNOWN),
    "a reference outside": (swap(DESCRIPTION, b'"/OFD.xml"', b'"/../OFD.xml"'), Code.SIGNATURE_UNREADABLE),
    "a space in the description": (swap(DESCRIPTION, b"</ofd:Signature>", b"</ofd:Signature> "), Code.CONTENT_CHANGED),
    "a DTD in the description": (swap(DESCRIPTION, b"<ofd:Signature ", _BOMB + b"<ofd:Signature "),
                                 Code.SIGNATURE_UNREADABLE),
    "no description": (drop(DESCRIPTION), Code.SIGNATURE_UNREADABLE),
    "no value": (drop(VALUE), Code.SIGNATURE_UNREADABLE),
    "a value of nothing": (put(VALUE, b""), Code.SIGNATURE_UNREADABLE),
    "another seal beside it": (put(SEAL, b"\x30\x00"), Code.CONTENT_CHANGED),
    "the entry taken out": (swap(LIST, ENTRY, b""), Code.SEALS_REMOVED),
    "the list emptied and the files gone": (both(swap(LIST, ENTRY, b""), drop(DESCRIPTION, VALUE)), Code.SEALS_REMOVED),
    "the list gone": (drop(LIST), Code.BROKEN_SEALED_FILE),
    "no mention of the list": (swap("OFD.xml", _LISTED, b""), Code.SEALS_REMOVED),
    "the entry twice": (swap(LIST, ENTRY, ENTRY * 2), Code.BROKEN_SEALED_FILE),
    "another kind of entry": (swap(LIST, b'Type="Seal"', b'Type="Other"'), Code.BROKEN_SEALED_FILE),
    "the kind without a seal": (swap(LIST, b'Type="Seal"', b'Type="Sign"'), Code.SIGNATURE_KIND_UNKNOWN),
    "an entry of another language": (swap(LIST, ENTRY, ENTRY + b'<Signature BaseLoc="/x"/>'), Code.BROKEN_SEALED_FILE),
    "an entry outside": (swap(LIST, b'"/Doc_0/Signs/Sign_0', b'"/../Signs/Sign_0'), Code.BROKEN_SEALED_FILE),
    "a DTD": (swap("OFD.xml", b"<ofd:OFD ", _BOMB + b"<ofd:OFD "), Code.BROKEN_SEALED_FILE),
    "UTF-16": (put(LIST, "<a/>".encode("utf-16")), Code.BROKEN_SEALED_FILE),
    "two documents": (swap("OFD.xml", b"<ofd:DocBody>", b"<ofd:DocBody></ofd:DocBody><ofd:DocBody>"),
                      Code.BROKEN_SEALED_FILE),
    "two roots": (swap("OFD.xml", b"<ofd:DocRoot>", b"<ofd:DocRoot>x</ofd:DocRoot><ofd:DocRoot>"),
                  Code.BROKEN_SEALED_FILE),
    "versions": (swap("OFD.xml", b"</ofd:DocBody>", b"<ofd:Versions/></ofd:DocBody>"), Code.BROKEN_SEALED_FILE),
    "a list in another encoding": (swap(LIST, b"UTF-8", b"UTF-7"), Code.BROKEN_SEALED_FILE),
    "an entry within another element": (swap(LIST, b"<ofd:MaxSignId>", b"<ofd:MaxSignId><ofd:Signature/>"),
                                        Code.BROKEN_SEALED_FILE),
    "words in the list": (swap(LIST, ENTRY, b"paid" + ENTRY), Code.BROKEN_SEALED_FILE),
    "no pages": (swap(DOCUMENT, b"<ofd:Page ", b"<ofd:Sage "), Code.BROKEN_SEALED_FILE),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_changed_file_is_found_out(attack: str) -> None:
    change, expected = ATTACKS[attack]
    found = judged(change)
    assert found.verdict not in (Verdict.GENUINE, Verdict.NOT_SEALED)
    assert expected in codes(found)


def test_what_was_changed_is_named() -> None:
    found = judged(swap(PAGE, "予".encode(), "驳".encode()))
    assert PAGE in found.zh
    assert PAGE in found.en


def test_a_document_that_was_never_sealed_is_just_that() -> None:
    assert inspect(write(written().files)).verdict is Verdict.NOT_SEALED


def test_a_file_that_is_broken_and_never_was_sealed_is_not_read() -> None:
    for files in ({"OFD.xml": b"<a/>"}, {"a": b""}, {**written().files, "OFD.xml": b""}):
        with pytest.raises(UnreadableError) as raised:
            inspect(write(files))
        assert raised.value.reason == "BROKEN_OFD"


def test_taking_out_the_first_of_two_seals_is_found_out() -> None:
    def change(files: Files) -> None:
        root = xml.parse(files[LIST], "Signatures")
        root.remove(next(xml.children(root, "Signature")))
        files[LIST] = xml.serialise(root)

    assert Code.SEALS_REMOVED in codes(judged(change, seals=2))
    gone = judged(both(change, drop(DESCRIPTION, VALUE, SEAL)), seals=2)
    assert {Code.SEALS_REMOVED, Code.CONTENT_CHANGED} <= codes(gone)


def test_the_order_of_the_list_decides_nothing() -> None:
    def change(files: Files) -> None:
        root = xml.parse(files[LIST], "Signatures")
        root[:] = [root[0], *reversed(root[1:])]
        files[LIST] = xml.serialise(root)

    found = judged(change, seals=2)
    assert found.verdict is Verdict.GENUINE
    assert found == inspect(sealed(2).content)


def resealed(made: Authority, seal_bytes: bytes, signer: Credential) -> Finding:
    """The document with this seal, by this signer."""
    document = written()
    found = Sealer(seal_bytes, signer).seal(document.files, stamps(document), now=NOON)
    return inspect(found.content, trust_list=made.trust_list())


def test_a_copied_seal_with_an_own_certificate_is_refused() -> None:
    """The seal is public: it is in every document that was ever sealed with it."""
    own = user_of(make_authority().issuing, OFFICE)
    found = resealed(authority(), seal(), own)
    assert {Code.UNTRUSTED_ISSUER, Code.SEAL_OF_ANOTHER} <= codes(found)
    assert found.verdict is Verdict.UNTRUSTED


def test_another_organ_cannot_use_the_seal() -> None:
    other = user_of(authority().issuing, "税务局")
    found = resealed(authority(), seal(), other)
    assert Code.SEAL_OF_ANOTHER in codes(found)
    assert Code.TRUSTED_ISSUER in codes(found)
    assert found.verdict is Verdict.UNTRUSTED


def test_a_seal_that_its_user_made_is_refused() -> None:
    """An organ has a certificate of its own, and could make a seal in another's name."""
    made = authority()
    forged = seal(replace(made, maker=make_authority().maker))
    assert Code.SEAL_FORGED in codes(resealed(made, forged, made.seal))
    # A maker whom nobody trusts, though the certificate looks the same.
    other = seal(replace(made, maker=replace(made.maker, key=NationalKey.generate())))
    assert Code.SEAL_FORGED in codes(resealed(made, other, made.seal))


def test_the_signature_of_another_key_is_refused() -> None:
    made = authority()
    found = resealed(made, seal(), replace(made.seal, key=NationalKey.generate()))
    assert Code.SIGNATURE_INVALID in codes(found)
    assert found.verdict is Verdict.ALTERED
    assert not found.signed_digest


def test_the_signature_of_another_document_is_refused() -> None:
    other = sealer().seal(written(10).files, stamps(written(10)), now=NOON)
    found = judged(put(VALUE, other.files[VALUE]))
    assert Code.CONTENT_CHANGED in codes(found)
    moved = judged(lambda files: files.update({VALUE: other.files[VALUE], DESCRIPTION: other.files[DESCRIPTION]}))
    assert Code.CONTENT_CHANGED in codes(moved)


def test_a_signature_at_another_place_of_the_package_is_refused() -> None:
    """Its own place is signed, so that it cannot be taken for that of another file."""

    def change(files: Files) -> None:
        value, _ = signatures.sign(
            files[SEAL], authority().seal, data_hash=sm3(files[DESCRIPTION]), property_info="/Doc_0/Other.xml", now=NOON
        )
        files[VALUE] = value

    assert Code.CONTENT_CHANGED in codes(judged(change))


def test_a_stranger_who_seals_on_top_makes_the_file_altered() -> None:
    stranger = make_authority()
    on_top = sealer(stranger).seal(sealed().files, stamps(written()), now=NOON)
    found = inspect(on_top.content)
    assert Code.FOREIGN_SIGNATURE_ON_TOP in codes(found)
    assert found.verdict is Verdict.ALTERED
    assert found.seals[0].verdict is Verdict.GENUINE


def test_a_seal_from_elsewhere_beside_the_signature_is_refused() -> None:
    """Whoever shows the picture out of Seal.esl would show another one than was signed."""
    other = seal(make_authority())

    def change(files: Files) -> None:
        files[SEAL] = other
        old = base64.b64encode(sm3(sealed().files[SEAL]))
        description = files[DESCRIPTION].replace(old, base64.b64encode(sm3(other)))
        files[DESCRIPTION] = description
        files[VALUE], _ = signatures.sign(
            seal(), authority().seal, data_hash=sm3(description), property_info="/" + DESCRIPTION, now=NOON
        )

    found = judged(change)
    assert Code.SEAL_FORGED in codes(found)
    assert found.verdict is Verdict.UNTRUSTED


def test_a_seal_with_an_unknown_critical_extension_is_refused() -> None:
    made = authority()
    holders = structures.Certificates([certificate_bytes(made.seal)])
    critical = [{"id": "1.2.3.4", "critical": True, "value": b""}]
    plain, marked = (structures.seal(made.maker, holders, extensions=each) for each in ({}, {"bare": critical}))
    assert resealed(made, plain, made.seal).verdict is Verdict.GENUINE
    assert Code.SEAL_FORGED in codes(resealed(made, marked, made.seal))


@pytest.mark.parametrize("version", [1, 4, 5])
def test_documents_with_seals_of_all_versions_are_judged(version: int) -> None:
    made = authority()
    certificate = certificate_bytes(made.seal)
    files = dict(sealed().files)
    if version == 1:
        other = structures.first_seal(made.maker, [certificate])
    else:
        other = structures.seal(made.maker, structures.Certificates([certificate]), version=version)
    old = base64.b64encode(sm3(files[SEAL]))
    files[SEAL] = other
    files[DESCRIPTION] = files[DESCRIPTION].replace(old, base64.b64encode(sm3(other)))
    digest, place = sm3(files[DESCRIPTION]), "/" + DESCRIPTION
    if version == 1:
        time = b"20260601040000Z"
        files[VALUE] = structures.first_signature(other, made.seal, digest, time=time, property_info=place)
    else:
        files[VALUE] = structures.signature(other, made.seal, digest, version=version, property_info=place)
    found = inspect(write(files))
    assert found.verdict is Verdict.GENUINE
    assert found.sealed_at == NOON
    files[PAGE] += b" "
    assert inspect(write(files)).verdict is Verdict.ALTERED


def test_nobody_is_trusted_without_a_trust_list() -> None:
    found = inspect(sealed().content, trust_list=Trust())
    assert {Code.UNTRUSTED_ISSUER, Code.SEAL_FORGED, Code.UNCHANGED} <= codes(found)
    assert found.verdict is Verdict.UNTRUSTED


def test_more_seals_than_anybody_puts_on_a_paper_are_not_read() -> None:
    entries = b"".join(ENTRY.replace(b"Sign_0", b"Sign_%d" % number) for number in range(21))
    with pytest.raises(UnreadableError) as raised:
        judged(swap(LIST, ENTRY, entries))
    assert raised.value.reason == "TOO_MANY_SIGNATURES"


CONTENT = sealed().content


@given(st.integers(0), st.integers(1, 255))
def test_no_changed_byte_makes_another_genuine_document(position: int, change: int) -> None:
    content = bytearray(CONTENT)
    content[position % len(content)] ^= change
    try:
        found = inspect(bytes(content))
    except UnreadableError:
        return
    if found.verdict is Verdict.GENUINE:
        # A date of the archive, say: nothing that a reader shows.
        assert found == inspect(CONTENT)


@given(
    st.sampled_from([PAGE, DOCUMENT, "OFD.xml", LIST, DESCRIPTION, VALUE, SEAL]), st.integers(0), st.binary(max_size=9)
)
def test_no_changed_file_is_genuine(name: str, position: int, junk: bytes) -> None:
    data = sealed().files[name]
    at = position % len(data)
    changed = data[:at] + junk + data[at + len(junk) :]
    try:
        found = judged(put(name, changed))
    except UnreadableError:
        return
    assert changed == data or found.verdict is not Verdict.GENUINE or name == LIST


@pytest.mark.parametrize("depth", [200, 100_000])
def test_deep_xml_ends_in_a_finding(depth: int) -> None:
    deep = b"<ofd:a>" * depth + b"</ofd:a>" * depth
    found = judged(swap(LIST, b"</ofd:Signatures>", deep + b"</ofd:Signatures>"))
    assert found.verdict is Verdict.ALTERED


def test_time_runs_out() -> None:
    later = inspect(CONTENT, now=NOON + 400 * DAY)
    assert codes(later) >= {Code.SEAL_EXPIRED_SINCE, Code.CERTIFICATE_VALID}
    assert later.verdict is Verdict.INVALID
