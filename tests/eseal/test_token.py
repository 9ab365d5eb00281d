"""Keys in a PKCS#11 token: made there, used there, and never seen elsewhere."""

import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pkcs11
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select

from chassis.database import Database
from chassis.problems import Conflict, Unavailable
from chassis.settings import Settings
from chassis.vault import make_key
from duokua.eseal.v1.events_pb2 import DocumentSealed
from services.eseal.certificates.authorities import Authorities
from services.eseal.domain.answers import Verdict
from services.eseal.domain.seal import Suite
from services.eseal.keys import SigningKey
from services.eseal.keys.keystore import KeyStore
from services.eseal.keys.token import Token
from services.eseal.notices import Notices
from services.eseal.seals.application import Application
from services.eseal.seals.desk import SealDesk
from services.eseal.seals.register import Register
from services.eseal.service import Documents
from services.eseal.tables import keys
from tests.eseal.builders import APPLICANT, APPROVER, handle, judges, notice_requested, organ, vault
from tests.servers import SoftHsm
from tests.servers.softhsm import LABEL, PIN


@pytest.fixture(scope="module")
def token(softhsm: SoftHsm) -> Token:
    return Token(str(softhsm.module), LABEL, PIN)


def verify(key: SigningKey, signature: bytes, data: bytes) -> None:
    public = serialization.load_der_public_key(key.public_key)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(signature, data, ec.ECDSA(hashes.SHA256()))


def test_a_key_is_made_in_the_token_and_signs_there(token: Token) -> None:
    key = token.make("key:made")
    verify(key, key.sign(b"data"), b"data")
    with pytest.raises(InvalidSignature):
        verify(key, key.sign(b"data"), b"other data")


def test_a_key_cannot_be_taken_out_of_the_token(token: Token) -> None:
    token.make("key:kept")

    def look(session: pkcs11.Session) -> tuple[bool, bool, bool]:
        key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, id=b"key:kept")
        with pytest.raises(pkcs11.exceptions.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]
        return (
            key[pkcs11.Attribute.EXTRACTABLE],
            key[pkcs11.Attribute.SENSITIVE],
            key[pkcs11.Attribute.NEVER_EXTRACTABLE],
        )

    assert token.call(look) == (False, True, True)


def test_many_threads_may_sign_at_once(token: Token) -> None:
    made = [token.make(f"key:thread-{number}") for number in range(2)]
    ready = threading.Barrier(8)

    def sign(number: int) -> None:
        ready.wait()
        key = made[number % 2]
        for count in range(50):
            data = b"%d %d" % (number, count)
            verify(key, key.sign(data), data)

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(sign, number) for number in range(8)]:
            done.result()


def test_a_session_that_was_lost_is_opened_anew(token: Token) -> None:
    key = token.make("key:lost")
    key.sign(b"data")
    token.call(lambda session: session.close())
    verify(key, key.sign(b"data"), b"data")


def test_a_token_that_was_away_is_used_again_once_it_is_back(softhsm: SoftHsm, token: Token) -> None:
    key = token.make("key:pulled")
    with softhsm.away():
        for _ in range(2):
            with pytest.raises(Unavailable) as raised:
                token.make("key:meanwhile")
            assert raised.value.reason == "TOKEN_AWAY"
    verify(key, key.sign(b"data"), b"data")


def test_a_key_that_is_not_there_is_named(token: Token) -> None:
    with pytest.raises(Unavailable, match=r"KEY_MISSING.*key:nowhere"):
        token.sign("key:nowhere", b"d" * 32)


def test_a_token_that_is_not_there_is_away(softhsm: SoftHsm) -> None:
    with pytest.raises(Unavailable) as raised:
        Token(str(softhsm.module), "another", PIN).make("key:x")
    assert raised.value.reason == "TOKEN_AWAY"


def test_a_wrong_pin_is_tried_once(softhsm: SoftHsm, token: Token) -> None:
    token.call(lambda session: session.close())
    wrong = Token(str(softhsm.module), LABEL, "000000")
    reasons = []
    for _ in range(5):
        with pytest.raises(Unavailable) as raised:
            wrong.make("key:x")
        reasons.append(raised.value.reason)
    assert reasons == ["TOKEN_PIN_REFUSED"] * 5
    token.make("key:afterwards")


def test_a_seal_and_its_authorities_have_their_keys_in_the_token(database: Database, token: Token) -> None:
    organ(database)
    register = Register(KeyStore(vault(), token))
    with database.begin() as work:
        seal = register.apply(work, APPLICANT, Application("o1", "启用"))
        seal = register.approve(work, APPROVER, seal.seal_id, "", hold=False)
        rows = work.connection.execute(select(keys.c.place, keys.c.encrypted)).all()
    assert [tuple(row) for row in rows] == [("pkcs11", b"")] * 3
    with database.read() as work:
        credential, _ = SealDesk(KeyStore(vault(), token)).equip(work, seal)
        credential.certificate.verify_directly_issued_by(credential.chain[0])
        verify(credential.key, credential.key.sign(b"data"), b"data")
        with pytest.raises(Unavailable) as raised:
            KeyStore(vault()).load(work, seal.key_id)
    assert raised.value.reason == "TOKEN_MISSING"


def test_keys_from_before_the_token_stay_in_use(database: Database, token: Token) -> None:
    with database.begin() as work:
        key_id, before = KeyStore(vault()).make(work, Suite.INTERNATIONAL)
        again = KeyStore(vault(), token).load(work, key_id)
    assert again.public_key == before.public_key
    verify(again, again.sign(b"data"), b"data")


def test_the_national_suite_is_refused_where_keys_are_made_in_a_token(database: Database, token: Token) -> None:
    with database.begin() as work, pytest.raises(Conflict) as raised:
        KeyStore(vault(), token).make(work, Suite.NATIONAL)
    assert raised.value.reason == "SUITE_NOT_AVAILABLE"


def test_the_settings_name_the_token_to_all_that_use_keys(database: Database, softhsm: SoftHsm, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "vault.key").write_bytes(make_key())
    (secrets / "eseal-token.pin").write_text(f"{PIN}\n")
    settings = Settings(data_dir=tmp_path, eseal_token_module=softhsm.module, eseal_token_label=LABEL)
    organ(database)
    register = Register.from_settings(settings)
    with database.begin() as work:
        seal = register.apply(work, APPLICANT, Application("o1", "启用"))
        register.approve(work, APPROVER, seal.seal_id, "", hold=False)
    (answer,) = handle(database, notice_requested(), by=Notices.from_settings(settings))
    assert isinstance(answer, DocumentSealed)
    with database.read() as work:
        assert set(work.connection.scalars(select(keys.c.place))) == {"pkcs11"}
        documents = Documents(Authorities.from_settings(settings), judges())
        content = documents.content(work, documents.document(work, answer.document.document_id))
        assert documents.verify(work, content)[0].verdict is Verdict.GENUINE
    with pytest.raises(ValueError, match="go together"):
        Settings(data_dir=tmp_path, eseal_token_label=LABEL)
    (secrets / "eseal-token.pin").unlink()
    with pytest.raises(FileNotFoundError, match="put the user PIN"):
        KeyStore.from_settings(settings)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_verifies_what_the_token_signed(token: Token, tmp_path: Path) -> None:
    key = token.make("key:openssl")
    (tmp_path / "public.der").write_bytes(key.public_key)
    (tmp_path / "data").write_bytes(b"data")
    (tmp_path / "signature").write_bytes(key.sign(b"data"))
    command = "openssl dgst -sha256 -verify public.der -keyform DER -signature signature data"
    said = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.stdout == "Verified OK\n", said.stderr
