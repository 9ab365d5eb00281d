"""Words that people write for other people to read: purposes, uses, what a licence says."""

import unicodedata

_NEVER_SHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of what nobody sees: controls, marks that turn text around or join it, ends of lines."""
_ENDS_OF_SENTENCES = "。！？；"


def words_fault(text: str) -> str:
    """What is wrong with one line of words; empty for nothing."""
    if not any(character.isalnum() for character in text):
        return "say it in words, on one line"
    return unreadable_fault(text)


def use_fault(use: str) -> str:
    """What is wrong with the use of a copy (仅供…使用); empty for nothing. It makes no sentence of its own."""
    if any(mark in use for mark in _ENDS_OF_SENTENCES):
        return f"must not have {' '.join(_ENDS_OF_SENTENCES)}: it is part of one sentence"
    return words_fault(use)


def unreadable_fault(text: str) -> str:
    """What in a text nobody can see, such as a control character or the end of a line; empty for nothing."""
    for place, character in enumerate(text, start=1):
        if unicodedata.category(character) in _NEVER_SHOWN:
            return f"character {place} (U+{ord(character):04X}) cannot be seen; remove it"
    return ""


def one_line(text: str) -> str:
    """A text as it is printed: one space for every gap, also for ends of lines, and nothing that cannot be seen."""
    seen = " ".join(text.split())
    return "".join(each for each in seen if unicodedata.category(each) not in _NEVER_SHOWN).strip()


def same_words(one: str, other: str) -> bool:
    """Whether two texts say the same, whatever their width, case, spaces and punctuation are."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
