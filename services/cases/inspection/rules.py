"""What a content must be like to be of a media type; looked at in ranges, never unpacked, never drawn.

Kinds that offices get every day are opened by a library made for them. Of other kinds the first bytes are compared
with what is known of them; a kind of which nothing is known is taken as it is said to be.
"""

import codecs
import stat
import warnings
import zipfile
from typing import BinaryIO

import pikepdf
import puremagic
from PIL import Image, UnidentifiedImageError

MOST_PIXELS = 250_000_000
"""A sheet of A0 scanned at 400 dpi, a telephone's largest picture."""
MOST_MEMBERS = 10_000
MOST_TIMES_LARGER = 100
"""What a ZIP may unpack to, in times its own size; beyond a floor that small and dull documents need."""
SMALL_UNPACKED = 50_000_000
LARGEST_DIRECTORY = 4 * 1024 * 1024
HEAD = 8192
LARGEST_TEXT_LOOKED_AT = 1024 * 1024
_IMAGES = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
    "image/webp": "WEBP",
}
_OFFICE = "application/vnd.openxmlformats-officedocument."
# A file inside each, by which it is known; for OFD the standard's (GB/T 33190) entry point.
_ZIPS = {
    "application/zip": "",
    "application/ofd": "OFD.xml",
    f"{_OFFICE}wordprocessingml.document": "word/document.xml",
    f"{_OFFICE}spreadsheetml.sheet": "xl/workbook.xml",
    f"{_OFFICE}presentationml.presentation": "ppt/presentation.xml",
}
_ACTIVE = frozenset({"/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/Rendition"})
"""What a PDF can do when it is opened that paper cannot."""
_KNOWN = frozenset(match.mime_type for match in puremagic.magic_header_array) - {"application/octet-stream"}


class WrongContentError(Exception):
    """The content is not of the media type; the message goes on from "is" or "cannot be read": for the applicant."""


def check(media_type: str, file: BinaryIO, size: int) -> None:
    """Raise WrongContentError when a content is not what it says it is."""
    head = file.read(HEAD)
    if media_type == "application/pdf":
        _check_head(media_type, head, b"%PDF-" in head[:1024])
        _check_pdf(file)
    elif media_type in _IMAGES:
        _check_image(media_type, file, head)
    elif media_type in _ZIPS:
        _check_head(media_type, head, head.startswith((b"PK\x03\x04", b"PK\x05\x06")))
        _check_zip(media_type, file, size)
    elif media_type.startswith("text/"):
        _check_text(media_type, file, head)
    else:
        _check_head(media_type, head, media_type not in _KNOWN or media_type in _guesses(head))


def _check_head(media_type: str, head: bytes, fits: bool) -> None:  # noqa: FBT001 - what was found
    if not fits:
        is_what = next((guess for guess in _guesses(head) if guess != media_type), "something else")
        raise WrongContentError(f"says {media_type}, but is {is_what}")


def _guesses(head: bytes) -> list[str]:
    """Media types that the first bytes speak for, the likeliest first."""
    try:
        return [match.mime_type for match in puremagic.magic_string(head) if match.mime_type]
    except puremagic.PureError:
        return []


def _check_pdf(file: BinaryIO) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pdf = pikepdf.open(file, access_mode=pikepdf.AccessMode.stream, suppress_warnings=True)
    except pikepdf.PasswordError:
        raise WrongContentError("needs a password to be read: give it without") from None
    except pikepdf.PdfError:
        raise WrongContentError("says application/pdf, but is too damaged to be read as one") from None
    with pdf:
        root = pdf.Root
        names = root.get("/Names", pikepdf.Dictionary())
        if "/JavaScript" in names or "/AA" in root or _is_active(root.get("/OpenAction")):
            raise WrongContentError("does something when it is opened (a script or another action): give it without")
        if not pdf.pages:
            raise WrongContentError("has no pages")
        if any("/AA" in page.obj for page in pdf.pages):
            raise WrongContentError("does something when a page of it is shown: give it without")


def _is_active(action: object) -> bool:
    """Whether an action, or one that follows it, does more than to show a place in the document."""
    for _ in range(20):
        if not isinstance(action, pikepdf.Dictionary):
            return False
        if str(action.get("/S", "")) in _ACTIVE:
            return True
        action = action.get("/Next")
    return True


def _check_image(media_type: str, file: BinaryIO, head: bytes) -> None:
    file.seek(0)
    Image.MAX_IMAGE_PIXELS = None  # judged below, before anything is unpacked
    try:
        with Image.open(file, formats=[_IMAGES[media_type]]) as image:
            width, height = image.size
    except UnidentifiedImageError:
        _check_head(media_type, head, media_type in _guesses(head))
        raise WrongContentError(f"says {media_type}, but is too damaged to be read as one") from None
    except (OSError, ValueError, SyntaxError):
        raise WrongContentError(f"says {media_type}, but is too damaged to be read as one") from None
    if width * height > MOST_PIXELS:
        raise WrongContentError(f"has {width} x {height} pixels; at most {MOST_PIXELS} are taken")


def _check_zip(media_type: str, file: BinaryIO, size: int) -> None:
    if _directory_size(file, size) > LARGEST_DIRECTORY:
        raise WrongContentError("has too many members to be looked through")
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise WrongContentError(f"says {media_type}, but is too damaged to be read as one") from None
    if len(members) > MOST_MEMBERS:
        raise WrongContentError(f"has {len(members)} members; at most {MOST_MEMBERS} are taken")
    if any(member.flag_bits & 1 for member in members):
        raise WrongContentError("needs a password to be read: give it without")
    if media_type == "application/zip" and any(_leads_out(member) for member in members):
        raise WrongContentError("has members that would be unpacked elsewhere than in its folder")
    unpacked = sum(member.file_size for member in members)
    if unpacked > max(SMALL_UNPACKED, MOST_TIMES_LARGER * size):
        raise WrongContentError(f"unpacks to {unpacked} bytes, which is out of proportion")
    wanted = _ZIPS[media_type]
    if wanted and wanted not in {member.filename for member in members}:
        raise WrongContentError(f"says {media_type}, but has no {wanted} in it")


def _leads_out(member: zipfile.ZipInfo) -> bool:
    """Whether a member's name leads out of the folder that it is unpacked to, or it is a link that can."""
    parts = member.orig_filename.replace("\\", "/").split("/")
    is_absolute = parts[0] == "" or (len(parts[0]) == len("C:") and parts[0].endswith(":"))
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    return is_link or is_absolute or ".." in parts or "\0" in member.orig_filename


def _directory_size(file: BinaryIO, size: int) -> int:
    """In bytes, as the end of a ZIP says; 0 when it has no end, which whoever opens it will find."""
    file.seek(max(0, size - 65_557))
    tail = file.read(65_557)
    found = tail.rfind(b"PK\x05\x06")
    file.seek(0)
    return int.from_bytes(tail[found + 12 : found + 16], "little") if found >= 0 else 0


def _check_text(media_type: str, file: BinaryIO, head: bytes) -> None:
    file.seek(0)
    text = file.read(LARGEST_TEXT_LOOKED_AT)
    _check_head(media_type, head, b"\0" not in text)
    for encoding in ("utf-8", "gb18030"):
        try:
            # What the limit cuts in two is not wrong.
            codecs.getincrementaldecoder(encoding)().decode(text, final=len(text) < LARGEST_TEXT_LOOKED_AT)
        except UnicodeDecodeError:
            continue
        return
    raise WrongContentError(f"says {media_type}, but is neither UTF-8 nor GB 18030")
