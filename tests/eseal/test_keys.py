"""Keys behind their port."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from services.eseal.keys import Algorithm, SigningKey
from services.eseal.keys.builders import builder_key
from services.eseal.keys.software import SoftwareKey
from tests.eseal.builders import vault


def verify(key: SigningKey, signature: bytes, data: bytes) -> None:
    public = serialization.load_der_public_key(key.public_key)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(signature, data, ec.ECDSA(hashes.SHA256()))


def test_a_key_signs_what_its_public_key_verifies() -> None:
    key = SoftwareKey.generate()
    assert key.algorithm is Algorithm.ECDSA_P256_SHA256
    verify(key, key.sign(b"data"), b"data")


def test_a_key_survives_storing_and_is_unreadable_there() -> None:
    key = SoftwareKey.generate()
    stored = key.encrypt(vault(), context="one")
    again = SoftwareKey.decrypt(stored, vault(), context="one")
    assert again.public_key == key.public_key
    verify(key, again.sign(b"data"), b"data")
    with pytest.raises(ValueError, match=r".+"):
        serialization.load_der_private_key(stored, password=None)


def test_a_stored_key_cannot_stand_in_for_another() -> None:
    stored = SoftwareKey.generate().encrypt(vault(), context="one")
    with pytest.raises(InvalidTag):
        SoftwareKey.decrypt(stored, vault(), context="another")


def test_a_key_of_another_curve_is_refused() -> None:
    plain = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(TypeError, match="P-256"):
        SoftwareKey.decrypt(vault().encrypt(plain, context="one"), vault(), context="one")


def test_builders_can_sign_with_a_key_and_not_see_it() -> None:
    key = SoftwareKey.generate()
    lent = builder_key(key)
    verify(key, lent.sign(b"data", ec.ECDSA(hashes.SHA256())), b"data")
    with pytest.raises(NotImplementedError):
        lent.private_numbers()
    with pytest.raises(NotImplementedError):
        lent.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for other in (ec.ECDSA(hashes.SHA384()), ec.ECDSA(Prehashed(hashes.SHA256()))):
        with pytest.raises(TypeError, match="SHA-256"):
            lent.sign(b"d" * 32, other)
