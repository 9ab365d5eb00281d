"""SM3 and SM4 against the standards' own examples."""

import subprocess

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from services.eseal.national import sm4
from services.eseal.national.sm3 import sm3
from services.eseal.national.sm4 import AlteredError

KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")


def test_the_examples_of_gb_t_32905() -> None:
    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert sm3(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"


@pytest.mark.usefixtures("openssl")
@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 100_000])
def test_openssl_computes_the_same_digests(size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    said = subprocess.run(["openssl", "dgst", "-sm3", "-binary"], input=data, capture_output=True, check=True).stdout
    assert sm3(data) == said


def test_the_example_of_gb_t_32907() -> None:
    block = Cipher(algorithms.SM4(KEY), modes.ECB()).encryptor()  # noqa: S305 (the example is one block)
    assert block.update(KEY).hex() == "681edf34d206965e86b3e94f536e4246"


def test_the_example_of_rfc_8998_is_decrypted() -> None:
    nonce = bytes.fromhex("00001234567800000000ABCD")
    context = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    plaintext = b"".join(bytes([value]) * 8 for value in (0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA))
    ciphertext = bytes.fromhex(
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
    )
    tag = bytes.fromhex("83DE3541E4C2B58177E065A9BF7B62EC")
    assert sm4.decrypt(KEY, nonce + ciphertext + tag, context) == plaintext


@given(st.binary(max_size=300), st.binary(max_size=20), st.data())
def test_what_was_encrypted_comes_back_and_a_changed_bit_shows(
    plaintext: bytes, context: bytes, data: st.DataObject
) -> None:
    encrypted = bytearray(sm4.encrypt(KEY, plaintext, context))
    assert sm4.decrypt(KEY, bytes(encrypted), context) == plaintext
    with pytest.raises(AlteredError):
        sm4.decrypt(KEY, bytes(encrypted), context + b"\x00")
    bit = data.draw(st.integers(0, len(encrypted) * 8 - 1))
    encrypted[bit // 8] ^= 1 << bit % 8
    with pytest.raises(AlteredError):
        sm4.decrypt(KEY, bytes(encrypted), context)


def test_what_is_too_short_was_not_encrypted() -> None:
    with pytest.raises(AlteredError):
        sm4.decrypt(KEY, bytes(27))
