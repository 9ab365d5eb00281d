"""How the demo looks: a live table at a terminal, plain lines in a file or a pipe, nothing when JSON is asked for."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from duokua.cases.v1 import case_pb2

# Status of a step: what it is called, its mark, its colour.
STEP_WORDS = {
    case_pb2.STEP_STATUS_WAITING: ("等待 waiting", "·", "dim"),
    case_pb2.STEP_STATUS_ROUTING: ("分派 routing", "◌", "cyan"),
    case_pb2.STEP_STATUS_OFFERED: ("待受理 offered", "◔", "cyan"),
    case_pb2.STEP_STATUS_ACCEPTED: ("已受理 accepted", "◑", "yellow"),
    case_pb2.STEP_STATUS_COMPLETED: ("已办结 completed", "●", "green"),
    case_pb2.STEP_STATUS_SKIPPED: ("无需办理 skipped", "–", "dim"),
    case_pb2.STEP_STATUS_REFUSED: ("不予许可 refused", "✕", "red"),
    case_pb2.STEP_STATUS_UNDOING: ("撤销中 undoing", "◐", "magenta"),
    case_pb2.STEP_STATUS_UNDONE: ("已撤销 undone", "○", "magenta"),
    case_pb2.STEP_STATUS_CANCELLED: ("已终止 cancelled", "–", "dim"),
}
NOTICE_WORDS = {
    case_pb2.NOTICE_STATUS_REQUESTED: ("用印中 sealing", "cyan"),
    case_pb2.NOTICE_STATUS_SEALED: ("已用印 sealed", "red"),
    case_pb2.NOTICE_STATUS_REVOKED: ("已作废 revoked", "magenta"),
}
CASE_WORDS = {
    case_pb2.CASE_STATUS_RUNNING: "办理中 running",
    case_pb2.CASE_STATUS_UNDOING: "撤销中 undoing",
    case_pb2.CASE_STATUS_COMPLETED: "已办结 completed",
    case_pb2.CASE_STATUS_UNDONE: "未办成，已撤销 undone",
}


def english(step_id: str) -> str:
    """A step's id as words: "food-licence" as "Food licence"."""
    return step_id.replace("-", " ").capitalize()


class Show(Protocol):
    """What the demo tells whoever watches."""

    pace: float
    """Seconds that a clerk takes for a matter: somebody who watches wants to see it."""

    def title(self, text: str) -> None:
        """Begin a part."""

    def say(self, text: str, *, ok: bool | None = None) -> None:
        """Tell one thing, good or bad if `ok` says so."""

    def stage(self, text: str) -> AbstractContextManager[None]:
        """Show that something is under way, then that it is done and how long it took."""

    def case(self, case: case_pb2.Case) -> None:
        """Show where a case stands now."""

    def settle(self) -> None:
        """Leave the case as it is on the screen, and go on below it."""


class Quiet:
    """Shows nothing."""

    pace = 0.0

    def title(self, text: str) -> None:
        """Nothing."""

    def say(self, text: str, *, ok: bool | None = None) -> None:
        """Nothing."""

    def stage(self, text: str) -> AbstractContextManager[None]:
        """Nothing."""
        del text
        return nullcontext()

    def case(self, case: case_pb2.Case) -> None:
        """Nothing."""

    def settle(self) -> None:
        """Nothing."""


class Lines:
    """Plain lines, one a change: for files, pipes and continuous integration."""

    pace = 0.0

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: dict[str, int] = {}

    def title(self, text: str) -> None:
        """A line between empty ones."""
        self._line(f"\n== {text}")

    def say(self, text: str, *, ok: bool | None = None) -> None:
        """A line."""
        self._line(f"{'' if ok is None else 'ok  ' if ok else 'FAILED  '}{text}")

    @contextmanager
    def stage(self, text: str) -> Iterator[None]:
        """A line when it is done."""
        started = time.monotonic()
        yield
        self._line(f"ok  {text} ({time.monotonic() - started:.1f} s)")

    def case(self, case: case_pb2.Case) -> None:
        """A line for each step that changed."""
        for step in case.steps:
            if self._seen.get(step.step_id) != step.status:
                self._seen[step.step_id] = step.status
                office = f"  {step.organ_name}" if step.organ_name else ""
                self._line(f"    {step.name} {english(step.step_id)}: {STEP_WORDS[step.status][0]}{office}")

    def settle(self) -> None:
        """The next case begins anew."""
        self._seen.clear()

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class Screen:
    """A terminal: spinners, and a table of steps that changes in place."""

    pace = 0.4

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def title(self, text: str) -> None:
        """A rule with the part's name."""
        self._console.print()
        self._console.print(Rule(Text(text, style="bold"), align="left", style="dim"))

    def say(self, text: str, *, ok: bool | None = None) -> None:
        """A line with a mark."""
        mark, style = ("·", "dim") if ok is None else ("✓", "green") if ok else ("✕", "bold red")
        line = Table.grid(padding=(0, 1))
        # Folding breaks between any two characters, as Chinese does; cutting off would lose some.
        line.add_row(Text(f" {mark}", style=style), Text(text, overflow="fold"))
        self._console.print(line)

    @contextmanager
    def stage(self, text: str) -> Iterator[None]:
        """A spinner, then a mark and the time."""
        started = time.monotonic()
        with self._console.status(Text(text), spinner="dots"):
            yield
        took = Text(f"  {time.monotonic() - started:.1f} s", style="dim")
        self._console.print(Text(" ✓ ", style="green").append(Text(text, style="default")).append(took))

    def case(self, case: case_pb2.Case) -> None:
        """The table of steps, in place of the one before."""
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        self._live.update(_case(case), refresh=True)

    def settle(self) -> None:
        """Let go of the table."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def _case(case: case_pb2.Case) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    for title in ("环节 step", "部门 office"):
        table.add_column(title, overflow="fold")
    table.add_column("状态 status", no_wrap=True)
    for step in case.steps:
        words, mark, style = STEP_WORDS[step.status]
        notice, notice_style = NOTICE_WORDS.get(step.notice_status, ("", ""))
        name = Text(step.name).append(f"\n{english(step.step_id)}", style="dim")
        status = Text(words, style=style).append(f"\n{notice}", style=notice_style)
        table.add_row(Text(mark, style=style), name, step.organ_name, status)
    head = Text(case.case_number, style="bold").append(f"   {CASE_WORDS[case.status]}", style="dim")
    return Padding(Group(head, table), (1, 0, 1, 1))


def show_for(console: Console, *, quiet: bool) -> Show:
    """What suits where the output goes; a quiet run tells its progress at most to a terminal's standard error."""
    if quiet:
        errors = Console(stderr=True)
        return Lines(errors) if errors.is_terminal else Quiet()
    return Screen(console) if console.is_terminal else Lines(console)
