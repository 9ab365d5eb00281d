"""Sealing: what the file holds afterwards, judged by pyHanko and by poppler, and that it needs no event loop."""

import io
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import pem, x509  # type: ignore[import-untyped]
from PIL import Image
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from services.eseal.domain.answers import Verdict
from services.eseal.domain.notice import render
from services.eseal.domain.trust import read_trust
from services.eseal.pdf.verification import inspect
from tests.eseal.builders import NOON, notice, root, sealed_file, sealed_notice


def status(content: bytes) -> PdfSignatureStatus:
    _, _, anchor = pem.unarmor(root().certificate_pem().encode())
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(anchor)], moment=NOON + timedelta(days=1), allow_fetching=False
    )
    (signature,) = PdfFileReader(io.BytesIO(content)).embedded_regular_signatures
    return validate_pdf_signature(signature, context)


def test_the_signature_is_trusted_and_covers_the_whole_file() -> None:
    found = status(sealed_file().content)
    assert found.bottom_line
    assert found.coverage == SignatureCoverageLevel.ENTIRE_FILE
    assert found.signer_reported_dt == NOON


def test_the_level_is_pades_baseline() -> None:
    (signature,) = PdfFileReader(io.BytesIO(sealed_file().content)).embedded_regular_signatures
    attributes = {attribute["type"].native for attribute in signature.signer_info["signed_attrs"]}
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert signature.sig_object["/Reason"] == "33010620260601000017"
    # ETSI EN 319 142-1, 6.3: the certificate is bound, and the time stands in the PDF and not in the signature.
    assert {"content_type", "message_digest", "signing_certificate_v2"} <= attributes
    assert "signing_time" not in attributes
    assert len(signature.signed_data["certificates"]) == 2


def test_the_digest_that_the_register_keeps_is_that_of_the_signature() -> None:
    sealed = sealed_file()
    (signature,) = PdfFileReader(io.BytesIO(sealed.content)).embedded_regular_signatures
    assert signature.compute_digest().hex() == sealed.signed_digest


def test_one_sealer_seals_many_documents() -> None:
    contents = [sealed_notice(shop=shop).content for shop in ("面馆", "茶馆", "面馆")]
    assert all(status(content).bottom_line for content in contents)
    assert len(set(contents)) == 3


@pytest.mark.usefixtures("poppler_tools")
def test_poppler_finds_the_signature_valid(tmp_path: Path) -> None:
    file = tmp_path / "sealed.pdf"
    file.write_bytes(sealed_file().content)
    said = subprocess.run(["pdfsig", "-nocert", str(file)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid." in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said


@pytest.mark.usefixtures("poppler_tools")
def test_the_picture_shows_red_where_the_seal_lies(tmp_path: Path) -> None:
    file = tmp_path / "sealed.pdf"
    file.write_bytes(sealed_file().content)
    subprocess.run(["pdftoppm", "-r", "72", "-png", "-singlefile", str(file), str(tmp_path / "page")], check=True)
    left, bottom, right, top = render(notice()).seal_box
    with Image.open(tmp_path / "page.png") as page:
        box = page.convert("RGB").crop((left, page.height - top, right, page.height - bottom))
    centre = box.getpixel((box.width // 2, box.height // 2))
    assert isinstance(centre, tuple)
    assert centre[0] > 180
    assert max(centre[1:]) < 80


_UNDER_EVENTLET = """
import eventlet
eventlet.monkey_patch()
import sys
from tests.eseal.builders import root, sealed_notice
beats = []
def beat():
    while True:
        beats.append(1)
        eventlet.sleep(0)
heart = eventlet.spawn(beat)
pool = eventlet.GreenPool(3)
def seal(shop):
    return sealed_notice(shop=shop).content
files = list(pool.imap(seal, ["一馆", "二馆", "三馆"]))
heart.kill()
folder = sys.argv[1]
for number, content in enumerate(files):
    open(f"{folder}/{number}.pdf", "wb").write(content)
open(f"{folder}/root.pem", "w").write(root().certificate_pem())
print(len(beats) > 0)
"""


_A_BATCH = """
import eventlet
eventlet.monkey_patch()
import sys
from pathlib import Path
from chassis.database import Database, create_tables
from services.eseal.store import metadata
from tests.eseal.builders import notice_requested, notices, organ_with_seal
folder = Path(sys.argv[1])
database = Database(f"sqlite:///{folder}/eseal.db", "eseal", signals_folder=folder)
create_tables(database, metadata)
organ_with_seal(database)
beats = []
def beat():
    while True:
        beats.append(1)
        eventlet.sleep(0)
with database.begin() as work:
    heart = eventlet.spawn(beat)
    notices().seal(work, [notice_requested(f"n{number}") for number in range(5)])
    print(len(beats))
    heart.kill()
"""


def test_a_batch_gives_others_a_turn_after_each_notice(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _A_BATCH, str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert said.stdout == "5\n", said.stderr


def test_a_worker_under_eventlet_seals(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _UNDER_EVENTLET, str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert said.stdout == "True\n", said.stderr
    anchors = read_trust((tmp_path / "root.pem").read_text())
    for number in range(3):
        content = (tmp_path / f"{number}.pdf").read_bytes()
        assert inspect(content, anchors, lambda _: NOON).verdict is Verdict.GENUINE
