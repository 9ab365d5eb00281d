"""Seals in PDF: putting them on files, and judging files that carry them."""
