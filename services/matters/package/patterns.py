"""How large a pattern may be: matching time is linear, and memory is bounded."""

from functools import lru_cache

import re2

# A pattern's memory grows with its repetitions: characters, instructions of RE2, and bytes while it is compiled.
LONGEST_PATTERN = 500
_PATTERN_MEMORY = 1 << 20
# Instructions of all patterns together.
LARGEST_PATTERNS = 200_000


@lru_cache(maxsize=4096)
def pattern_size(pattern: str) -> int:
    """How many instructions RE2 makes of a pattern.

    Raises ValueError when its matching time or its size is not bounded: RE2 has neither look-around nor
    back-references, and repeats 1000 times at most.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"the pattern has {len(pattern)} characters: {LONGEST_PATTERN} at most")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        return int(re2.compile(pattern, options).programsize)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        if "too large" in reason:
            reason += ": use smaller repetitions, or max_length"
        text = f"the pattern cannot be used: {reason} (RE2 syntax: no look-around, no back-references)"
        raise ValueError(text) from error
