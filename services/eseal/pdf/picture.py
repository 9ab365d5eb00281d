"""The picture of a seal as PDF has it, compressed once for all documents."""

import io
import zlib

from PIL import Image
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.writer import BasePdfFileWriter

_LARGEST_SIDE = 4_000


class SealPicture:
    """A picture with transparency, ready to be put into any number of files."""

    def __init__(self, png: bytes) -> None:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as opened:
            if max(opened.size) > _LARGEST_SIDE:
                raise ValueError(f"a seal's picture has at most {_LARGEST_SIDE} pixels a side, not {opened.size}")
            image = opened.convert("RGBA")
        self.width, self.height = image.size
        self._colour = zlib.compress(image.convert("RGB").tobytes(), 9)
        self._coverage = zlib.compress(image.getchannel("A").tobytes(), 9)

    @property
    def aspect(self) -> float:
        """Height by width."""
        return self.height / self.width

    def put_into(self, writer: BasePdfFileWriter) -> generic.IndirectObject:
        """The picture as an object of the file being written; it fills the unit square."""
        coverage = writer.add_object(self._image("/DeviceGray", self._coverage))
        colour = self._image("/DeviceRGB", self._colour)
        colour[pdf_name("/SMask")] = coverage
        return writer.add_object(colour)

    def _image(self, colours: str, compressed: bytes) -> generic.StreamObject:
        names = {"/Type": "/XObject", "/Subtype": "/Image", "/ColorSpace": colours, "/Filter": "/FlateDecode"}
        numbers = {"/Width": self.width, "/Height": self.height, "/BitsPerComponent": 8}
        entries: dict[str, generic.PdfObject] = {name: pdf_name(value) for name, value in names.items()}
        entries |= {name: generic.NumberObject(value) for name, value in numbers.items()}
        return generic.StreamObject({pdf_name(name): value for name, value in entries.items()}, encoded_data=compressed)
