"""SM2 against the standard's own example, against the `openssl` command, and against whatever is not a signature."""

import copy
import pickle
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from services.eseal.national.libcrypto import libcrypto, version
from services.eseal.national.sm2 import BadKeyError, PrivateKey, PublicKey

# GB/T 32918.5-2017, A.2: the key, the message, and a signature over it.
NUMBER = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
POINT = bytes.fromhex(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
MESSAGE = b"message digest"
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
PRIME = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF

KEY = PrivateKey.generate()
MADE = KEY.sign(MESSAGE)


def integer(value: int) -> bytes:
    body = value.to_bytes(max(1, value.bit_length() // 8 + 1), "big")
    return bytes([2, len(body)]) + body


def signature(r: int, s: int) -> bytes:
    body = integer(r) + integer(s)
    return bytes([0x30, len(body)]) + body


def pkcs8(number: bytes, point: bytes) -> bytes:
    """PKCS#8 around an ECPrivateKey (RFC 5915)."""
    inner = bytes.fromhex("0201010420") + number + b"\xa1\x44\x03\x42\x00" + point
    inner = bytes([0x30, len(inner)]) + inner
    algorithm = bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d")
    body = b"\x02\x01\x00" + algorithm + bytes([4, len(inner)]) + inner
    return b"\x30\x81" + bytes([len(body)]) + body


def test_the_standards_signature_is_valid() -> None:
    assert PublicKey.from_point(POINT).verify(MESSAGE, signature(R, S))


def test_the_standards_private_key_has_the_standards_public_key_and_signs() -> None:
    key = PrivateKey.from_pkcs8(pkcs8(NUMBER, POINT))
    assert key.public_key.point == POINT
    assert PublicKey.from_point(POINT).verify(MESSAGE, key.sign(MESSAGE))


@given(st.binary(max_size=500), st.binary(max_size=60))
def test_what_was_signed_is_verified_and_nothing_else(message: bytes, identifier: bytes) -> None:
    made = KEY.sign(message, identifier)
    public = PublicKey(KEY.public_key.spki)
    assert public.verify(message, made, identifier)
    assert not public.verify(message + b"\x00", made, identifier)
    assert not public.verify(message, made, identifier + b"\x00")
    assert not PublicKey.from_point(POINT).verify(message, made, identifier)


@given(st.integers(0))
def test_any_changed_bit_of_a_signature_shows(number: int) -> None:
    changed = bytearray(MADE)
    bit = number % (len(changed) * 8)
    changed[bit // 8] ^= 1 << bit % 8
    assert KEY.public_key.verify(MESSAGE, MADE)
    assert not KEY.public_key.verify(MESSAGE, bytes(changed))


@pytest.mark.parametrize(
    "broken",
    [
        signature(0, S),
        signature(R, 0),
        signature(ORDER, S),
        signature(R, ORDER),
        signature(R + ORDER, S),
        signature(R, S + ORDER),
        signature(R, S) + b"\x00",
        signature(R, S)[:-1],
        # The length of the sequence in the long form, and a number with a needless zero: BER, not DER.
        b"\x30\x81" + signature(R, S)[1:],
        bytes([0x30, 0x47]) + b"\x02\x22\x00" + integer(R)[2:] + integer(S),
        R.to_bytes(32, "big") + S.to_bytes(32, "big"),
        b"",
        b"\x30\x00",
        b"\x30" * 10_000,
    ],
)
def test_numbers_out_of_range_and_loose_encodings_are_no_signatures(broken: bytes) -> None:
    assert not PublicKey.from_point(POINT).verify(MESSAGE, broken)


@given(st.binary(max_size=80))
def test_random_bytes_are_neither_signatures_nor_keys(junk: bytes) -> None:
    assert not KEY.public_key.verify(MESSAGE, junk)
    with pytest.raises(BadKeyError):
        PublicKey(junk)
    with pytest.raises(BadKeyError):
        PrivateKey.from_pkcs8(junk)


def p256_spki() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "point",
    [
        POINT[:-1] + bytes([POINT[-1] ^ 1]),
        b"\x04" + bytes(64),
        b"\x04" + PRIME.to_bytes(32, "big") + POINT[33:],
        b"\x02" + POINT[1:33],
        b"\x06" + POINT[1:],
        b"\x00",
        POINT + b"\x00",
    ],
)
def test_a_point_that_is_not_on_the_curve_or_not_uncompressed_is_no_key(point: bytes) -> None:
    with pytest.raises(BadKeyError):
        PublicKey.from_point(point)


def test_keys_of_other_curves_are_refused() -> None:
    with pytest.raises(BadKeyError, match="sm2p256v1"):
        PublicKey(p256_spki())
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(BadKeyError):
        PrivateKey.from_pkcs8(other)


@pytest.mark.usefixtures("openssl")
def test_a_key_with_the_curves_parameters_written_out_is_refused(tmp_path: Path) -> None:
    made, spelt = tmp_path / "made.der", tmp_path / "spelt.der"
    run("ecparam", "-name", "SM2", "-param_enc", "explicit", "-genkey", "-noout", "-outform", "DER", "-out", made)
    run("ec", "-in", made, "-inform", "DER", "-pubout", "-outform", "DER", "-param_enc", "explicit", "-out", spelt)
    with pytest.raises(BadKeyError):
        PublicKey(spelt.read_bytes())


def test_a_private_key_with_somebody_elses_public_key_is_refused_without_showing_it() -> None:
    with pytest.raises(BadKeyError) as raised:
        PrivateKey.from_pkcs8(pkcs8(NUMBER, KEY.public_key.point))
    shown = f"{raised.value!r} {raised.value.__cause__!r} {raised.value.__context__!r}"
    assert NUMBER.hex() not in shown.lower()


def test_a_private_key_survives_pkcs8_and_shows_nothing_of_itself() -> None:
    again = PrivateKey.from_pkcs8(KEY.pkcs8())
    assert again.public_key == KEY.public_key
    assert hash(again.public_key) == hash(KEY.public_key)
    assert KEY.pkcs8().hex()[60:120] not in repr(KEY)
    for duplicate in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            duplicate(KEY)


def test_threads_share_a_key() -> None:
    made: list[bool] = []

    def work() -> None:
        made.extend(KEY.public_key.verify(MESSAGE, KEY.sign(MESSAGE)) for _ in range(25))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [True] * 100


def test_an_identifier_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="8191"):
        KEY.sign(MESSAGE, bytes(8192))


def test_nothing_is_left_in_the_librarys_queue_of_errors() -> None:
    KEY.public_key.verify(MESSAGE, b"\x30\x00")
    with pytest.raises(BadKeyError):
        PublicKey.from_point(b"\x04" + bytes(64))
    assert libcrypto().ERR_get_error() == 0
    assert version().startswith("OpenSSL")


def run(*arguments: object) -> str:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


IDENTIFIED = "distid:1234567812345678"


@pytest.mark.usefixtures("openssl")
def test_openssl_verifies_what_we_sign(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(MESSAGE)
    (tmp_path / "s").write_bytes(KEY.sign(MESSAGE))
    (tmp_path / "k").write_bytes(KEY.public_key.spki)
    said = run("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", tmp_path / "k", "-rawin", "-digest", "sm3",
               "-pkeyopt", IDENTIFIED, "-in", tmp_path / "m", "-sigfile", tmp_path / "s")  # fmt: skip
    assert "Signature Verified Successfully" in said


@pytest.mark.usefixtures("openssl")
def test_we_verify_what_openssl_signs(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(MESSAGE)
    key = tmp_path / "k.pem"
    run("genpkey", "-algorithm", "SM2", "-out", key)
    run("pkeyutl", "-sign", "-inkey", key, "-rawin", "-digest", "sm3", "-pkeyopt", IDENTIFIED,
        "-in", tmp_path / "m", "-out", tmp_path / "s")  # fmt: skip
    run("pkey", "-in", key, "-pubout", "-outform", "DER", "-out", tmp_path / "k.der")
    public = PublicKey((tmp_path / "k.der").read_bytes())
    assert public.verify(MESSAGE, (tmp_path / "s").read_bytes())
    # Without its option the command signs for an empty identifier.
    assert not public.verify(MESSAGE, (tmp_path / "s").read_bytes(), b"")
