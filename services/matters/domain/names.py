"""Names in the two languages that people read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Name:
    """What people read: in Chinese, as the law names it, and in English."""

    zh: str
    en: str
