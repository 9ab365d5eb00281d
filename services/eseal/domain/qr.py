"""QR codes (ISO/IEC 18004) as modules, whatever they are drawn with."""

from collections.abc import Iterator, Sequence

from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel


def modules(text: str) -> list[list[bool]]:
    """The rows of the code of a text, from the top; true is dark. Level M: 15 in 100 of it may be lost."""
    code = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    return [[bool(module) for module in row] for row in code.modules]


def runs(row: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """The dark stretches of a row: where each begins, and how long it is."""
    start = None
    for place, dark in enumerate([*row, False]):
        if dark and start is None:
            start = place
        elif not dark and start is not None:
            yield start, place - start
            start = None
