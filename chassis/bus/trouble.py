"""What keeps a part of a worker from its work right now, for the readiness of its process."""

from collections.abc import Callable

Report = Callable[[str], None]
"""Takes what is wrong, or an empty string once it works (again)."""


def ignore(_trouble: str) -> None:
    """A report that nobody reads."""


class Troubles:
    """The troubles of a process's parts."""

    def __init__(self) -> None:
        self._by_part: dict[str, str] = {}

    def reporter(self, part: str, trouble: str = "") -> Report:
        """How a part reports; `trouble` stands until its first report."""
        self._by_part[part] = trouble

        def report(trouble: str) -> None:
            self._by_part[part] = trouble

        return report

    def check(self) -> None:
        """Raise when a part is in trouble."""
        if present := [f"{part}: {trouble}" for part, trouble in sorted(self._by_part.items()) if trouble]:
            raise RuntimeError("; ".join(present))
