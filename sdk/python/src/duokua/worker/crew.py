"""The threads that run sync handlers."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

_Item = TypeVar("_Item")


class Crew(Generic[_Item]):
    """Daemon threads, started as they are needed: a handler that hangs does not keep the process from ending."""

    def __init__(self, work: Callable[[_Item], None]) -> None:
        self._work: Final = work
        self._queue: Final[SimpleQueue[_Item | None]] = SimpleQueue()
        self._threads: Final[list[threading.Thread]] = []

    def give(self, item: _Item, busy: int) -> None:
        """Have an item worked on at once; `busy` is how many are under way with it. For one thread's use."""
        self._queue.put(item)
        if len(self._threads) < busy:
            thread = threading.Thread(target=self._run, name=f"duokua-task-{busy}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def dismiss(self) -> None:
        """Let each thread end once it is free."""
        for _ in self._threads:
            self._queue.put(None)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            self._work(item)
