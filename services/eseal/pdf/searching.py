"""Where a text stands in a PDF, found by PDFium, which reads text as readers show it."""

from collections.abc import Iterator

import pypdfium2

from services.eseal.domain.orders import Found, SealingError, chosen
from services.eseal.pdf.pages import MOST_PAGES


def find(content: bytes, text: str, occurrence: int) -> Found:
    """The middle of an occurrence of a text; the place is in points.

    Raises SealingError as `chosen` does, and TOO_MANY_PAGES, BROKEN_PDF.
    """
    return chosen(_found(content, text), text, occurrence)


def _found(content: bytes, text: str) -> Iterator[Found]:
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as fault:
        raise SealingError("BROKEN_PDF", f"the file cannot be read: {fault}") from fault
    with document:
        if len(document) > MOST_PAGES:
            raise SealingError("TOO_MANY_PAGES", f"the file has {len(document)} pages, the most is {MOST_PAGES}")
        for number in range(len(document)):
            page = document[number].get_textpage()
            searcher = page.search(text, match_case=True)
            while (match := searcher.get_next()) is not None:
                yield (number, *_middle(page, *match))


def _middle(page: pypdfium2.PdfTextPage, first: int, length: int) -> tuple[float, float]:
    boxes = [page.get_charbox(index) for index in range(first, first + length)]
    left, bottom = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, top = max(box[2] for box in boxes), max(box[3] for box in boxes)
    return (left + right) / 2, (bottom + top) / 2
