"""Where a text stands in a PDF, found by PDFium, which reads text as readers show it."""

from collections.abc import Iterator

import pypdfium2

from services.eseal.pdf.orders import SealingError
from services.eseal.pdf.pages import MOST_PAGES

LONGEST_TEXT = 200
_MOST_FOUND = 10_000


def find(content: bytes, text: str, occurrence: int) -> tuple[int, float, float]:
    """The middle of an occurrence of a text: its page, from 0, and the place in the page's own coordinates.

    Occurrences count from 1 in the order of pages, and from the last backwards as -1, -2. Raises SealingError
    BAD_TEXT, TEXT_NOT_FOUND, TOO_MANY_PAGES, BROKEN_PDF.
    """
    if not text.strip() or len(text) > LONGEST_TEXT or occurrence == 0:
        raise SealingError("BAD_TEXT", f"a text to look for has 1 to {LONGEST_TEXT} characters, counted from 1 or -1")
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as fault:
        raise SealingError("BROKEN_PDF", f"the file cannot be read: {fault}") from fault
    with document:
        if len(document) > MOST_PAGES:
            raise SealingError("TOO_MANY_PAGES", f"the file has {len(document)} pages, the most is {MOST_PAGES}")
        found = list(_found(document, text, occurrence))
    place = occurrence - 1 if occurrence > 0 else occurrence
    try:
        return found[place]
    except IndexError:
        times = f"only {len(found)} times" if found else "nowhere"
        raise SealingError("TEXT_NOT_FOUND", f"{text!r} stands {times} in the file") from None


def _found(document: pypdfium2.PdfDocument, text: str, occurrence: int) -> Iterator[tuple[int, float, float]]:
    """All of them, or as many as it takes to count."""
    count = 0
    for number in range(len(document)):
        page = document[number].get_textpage()
        searcher = page.search(text, match_case=True)
        while (match := searcher.get_next()) is not None:
            count += 1
            if count > _MOST_FOUND:
                raise SealingError("BAD_TEXT", f"{text!r} stands more than {_MOST_FOUND} times in the file")
            yield (number, *_middle(page, *match))
            if count == occurrence:
                return


def _middle(page: pypdfium2.PdfTextPage, first: int, length: int) -> tuple[float, float]:
    boxes = [page.get_charbox(index) for index in range(first, first + length)]
    left, bottom = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, top = max(box[2] for box in boxes), max(box[3] for box in boxes)
    return (left + right) / 2, (bottom + top) / 2
