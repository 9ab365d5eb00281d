"""Contents are what they say they are, and no file keeps whoever looks into it for long."""

import asyncio
import io
import signal
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pikepdf
import pytest
from PIL import Image

from chassis.problems import Exhausted, Unavailable
from services.cases.inspection import inspectors as inspecting
from services.cases.inspection.inspectors import TOO_COMPLEX, Inspectors
from tests.cases.builders import PDF

OFD = "application/ofd"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture(scope="module")
def shared() -> Iterator[Inspectors]:
    inspectors = Inspectors()
    yield inspectors
    inspectors.close()


def found(inspectors: Inspectors, media_type: str, content: bytes) -> str:
    def read(start: int, length: int) -> bytes:
        return content[start : start + length]

    return asyncio.run(inspectors.fault_of(media_type, len(content), read))


def a_picture(kind: str = "PNG", size: tuple[int, int] = (20, 10)) -> bytes:
    buffer = io.BytesIO()
    Image.new("1" if kind != "JPEG" else "RGB", size).save(buffer, kind)
    return buffer.getvalue()


def a_link() -> zipfile.ZipInfo:
    link = zipfile.ZipInfo("folder")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return link


def an_archive(*names: str | zipfile.ZipInfo, content: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            # At one date: the bytes name the case, and every process of a run must know it by the same name.
            dated = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            archive.writestr(dated, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def a_document(change: Callable[[pikepdf.Pdf], Any] = id, **saving: Any) -> bytes:
    document = pikepdf.new()
    document.add_blank_page()
    change(document)
    buffer = io.BytesIO()
    document.save(buffer, **saving)
    return buffer.getvalue()


def opening_with(action: dict[str, Any]) -> Callable[[pikepdf.Pdf], Any]:
    return lambda document: document.Root.__setitem__("/OpenAction", pikepdf.Dictionary(action))


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/pdf", PDF),
        ("application/pdf", b"\n\n" + PDF),
        ("application/pdf", a_document(encryption=pikepdf.Encryption(user="", owner="o"))),
        ("application/pdf", a_document(object_stream_mode=pikepdf.ObjectStreamMode.generate)),
        ("application/pdf", a_document(opening_with({"/S": pikepdf.Name.GoTo, "/D": pikepdf.Array([])}))),
        ("application/pdf", PDF.replace(b"startxref", b"startxxxx")),  # mended, as every reader does
        ("image/png", a_picture()),
        ("image/jpeg", a_picture("JPEG")),
        ("image/jpeg", a_picture("JPEG") + b"what telephones add"),
        ("image/tiff", a_picture("TIFF")),
        ("image/webp", a_picture("WEBP")),
        ("image/png", a_picture(size=(15_000, 15_000))),
        (OFD, an_archive("OFD.xml", "Doc_0/Document.xml")),
        (DOCX, an_archive("[Content_Types].xml", "word/document.xml")),
        ("application/zip", an_archive("a")),
        ("application/zip", an_archive()),
        ("application/zip", an_archive("图纸/一层.pdf", "..图纸", "a..b/c")),
        ("text/plain", "你好".encode()),
        ("text/csv", "姓名,年龄\n".encode("gb18030") * 100_000),
        ("application/octet-stream", b"\0\1\2"),
        ("application/x-of-one-office", b"\0\1\2"),
    ],
)
def test_what_is_as_it_says_is_taken(shared: Inspectors, media_type: str, content: bytes) -> None:
    assert found(shared, media_type, content) == ""


@pytest.mark.parametrize(
    ("media_type", "content", "fault"),
    [
        ("application/pdf", a_picture(), "says application/pdf, but is image/png"),
        ("image/jpeg", PDF, "says image/jpeg, but is application/pdf"),
        ("image/jpeg", a_picture(), "says image/jpeg, but is image/png"),
        ("application/pdf", b"MZ\x90\0" + b"\0" * 100, "says application/pdf, but is"),
        (OFD, PDF, "says application/ofd, but is application/pdf"),
        (OFD, an_archive("word/document.xml"), "says application/ofd, but has no OFD.xml in it"),
        ("text/plain", a_picture(), "says text/plain, but is image/png"),
        ("text/plain", b"\x80\xff" * 10, "neither UTF-8 nor GB 18030"),
        ("video/mp4", a_picture(), "says video/mp4, but is image/png"),
        ("application/pdf", b"%PDF-1.7 and nothing else", "too damaged"),
        ("image/png", a_picture()[:20], "too damaged"),
        ("application/zip", an_archive("a")[:-10], "too damaged"),
        ("application/pdf", a_document(encryption=pikepdf.Encryption(user="u", owner="o")), "needs a password"),
        ("application/pdf", a_document(opening_with({"/S": pikepdf.Name.JavaScript})), "when it is opened"),
        ("application/pdf", a_document(opening_with({"/S": pikepdf.Name.Launch})), "when it is opened"),
        (
            "application/pdf",
            a_document(opening_with({"/S": pikepdf.Name.GoTo, "/Next": pikepdf.Dictionary(S=pikepdf.Name.Launch)})),
            "when it is opened",
        ),
        (
            "application/pdf",
            a_document(
                lambda document: document.Root.__setitem__(
                    "/Names", pikepdf.Dictionary(JavaScript=pikepdf.Dictionary(Names=pikepdf.Array([])))
                ),
                object_stream_mode=pikepdf.ObjectStreamMode.generate,
            ),
            "when it is opened",
        ),
        ("application/pdf", a_document(lambda document: document.pages.__delitem__(0)), "no pages"),
        ("image/png", a_picture(size=(20_000, 20_000)), "20000 x 20000 pixels"),
        ("application/zip", an_archive("a", content=b"\0" * 60_000_000), "out of proportion"),
        ("application/zip", an_archive(*map(str, range(10_001))), "10001 members"),
        ("application/zip", an_archive("a", "../../etc/cron.d/x"), "elsewhere"),
        ("application/zip", an_archive("a\\..\\..\\x"), "elsewhere"),
        ("application/zip", an_archive("/etc/passwd"), "elsewhere"),
        ("application/zip", an_archive("C:\\x"), "elsewhere"),
        ("application/zip", an_archive(a_link()), "elsewhere"),
        (
            "application/pdf",
            a_document(lambda document: document.pages[0].obj.__setitem__("/AA", pikepdf.Dictionary())),
            "when a page of it is shown",
        ),
    ],
)
def test_what_is_not_as_it_says_is_told_apart(shared: Inspectors, media_type: str, content: bytes, fault: str) -> None:
    assert fault in found(shared, media_type, content)


def test_a_member_that_needs_a_password_is_told(shared: Inspectors) -> None:
    locked = bytearray(an_archive("a"))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert "needs a password" in found(shared, "application/zip", bytes(locked))


def test_a_file_that_would_fill_the_memory_is_refused_and_the_next_one_is_read(shared: Inspectors) -> None:
    squeezing = zlib.compressobj(1)
    squeezed = b"".join(squeezing.compress(bytes(16_000_000)) for _ in range(80)) + squeezing.flush()
    squeezed = zlib.compress(squeezed, 6)
    head = b"1 0 obj <</Type /XRef /Size 9 /W [1 2 1] /Filter [/FlateDecode /FlateDecode] /Length %d>> stream\n"
    bomb = b"%PDF-1.5\n" + head % len(squeezed) + squeezed + b"\nendstream endobj\nstartxref\n9\n%%EOF\n"
    assert len(bomb) < 100_000
    assert found(shared, "application/pdf", bomb)
    assert found(shared, "application/pdf", PDF) == ""


def test_a_content_that_takes_too_long_is_given_up() -> None:
    hasty = Inspectors(wall_seconds=2.0)

    def read(start: int, length: int) -> bytes:
        return b"%PDF-1.7".ljust(length, b"\0") if start == 0 else bytes(length)

    try:
        assert asyncio.run(hasty.fault_of("application/pdf", 10**12, read)) == TOO_COMPLEX
    finally:
        hasty.close()


def test_what_reading_raises_passes_on_and_the_next_content_is_read(shared: Inspectors) -> None:
    def read(start: int, length: int) -> bytes:
        raise Unavailable("BLOBS_UNAVAILABLE", f"{start} {length}")

    with pytest.raises(Unavailable):
        asyncio.run(shared.fault_of("application/pdf", 1000, read))
    assert found(shared, "application/pdf", PDF) == ""


def test_a_process_that_was_killed_between_two_contents_is_replaced(shared: Inspectors) -> None:
    assert found(shared, "application/pdf", PDF) == ""
    for inspector in shared._processes._idle:
        inspector._process.send_signal(signal.SIGKILL)
        inspector._process.wait()
    assert found(shared, "application/pdf", PDF) == ""


def test_a_process_that_is_killed_while_it_reads_is_told_as_lost(shared: Inspectors) -> None:
    def read(start: int, length: int) -> bytes:
        for inspector in begun:
            inspector._process.send_signal(signal.SIGKILL)
            inspector._process.wait()
        return PDF[start : start + length]

    assert found(shared, "application/pdf", PDF) == ""
    begun = list(shared._processes._idle)
    with pytest.raises(Unavailable, match="CHECK_LOST"):
        asyncio.run(shared.fault_of("application/pdf", len(PDF), read))


def test_few_wait(shared: Inspectors) -> None:
    async def many() -> list[Any]:
        count = inspecting.AT_ONCE + inspecting.MOST_WAITING + 1
        asked = [shared.fault_of("application/pdf", len(PDF), lambda s, n: PDF[s : s + n]) for _ in range(count)]
        return await asyncio.gather(*asked, return_exceptions=True)

    results = asyncio.run(many())
    assert [each for each in results if isinstance(each, Exhausted)] == results[-1:]
    assert set(results[:-1]) == {""}
