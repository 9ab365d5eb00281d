"""The process that looks into contents, fed by `inspectors.py`: `python -m services.cases.inspection.inspector`.

It is asked `{"media_type": ..., "size": bytes}`. It asks any number of times `{"read": [start, length]}`, answered by
so many bytes, and answers `{"fault": text}`, empty when there is none.
"""

import io
import traceback
from collections.abc import Mapping
from typing import Any

from chassis.confined.worker import Parent, serve
from services.cases.inspection import rules

CPU_SECONDS = 5
ADDRESS_SPACE = 1024 * 1024 * 1024
"""In bytes. Loaded it has about 300 MiB of it, most of them never touched."""
READ_AHEAD = 64 * 1024


class _Remote(io.RawIOBase):
    """The content, which the parent reads in ranges."""

    def __init__(self, size: int, parent: Parent) -> None:
        self._size = size
        self._parent = parent
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        length = min(len(buffer), max(0, self._size - self._position))
        if length == 0:
            return 0
        self._parent.say({"read": [self._position, length]})
        buffer[:length] = self._parent.read(length)
        self._position += length
        return length


def _inspect(asked: dict[str, Any], parent: Parent) -> Mapping[str, object]:
    media_type, size = asked["media_type"], asked["size"]
    fault = ""
    try:
        rules.check(media_type, io.BufferedReader(_Remote(size, parent), READ_AHEAD), size)
    except rules.WrongContentError as wrong:
        fault = str(wrong)
    except (MemoryError, EOFError):
        raise  # a limit is reached, or the parent is gone
    except Exception:  # noqa: BLE001 - a library met what its makers had not thought of
        traceback.print_exc()
        fault = f"says {media_type}, but cannot be read as one"
    return {"fault": fault}


if __name__ == "__main__":
    serve(_inspect, cpu_seconds=CPU_SECONDS, address_space=ADDRESS_SPACE)
