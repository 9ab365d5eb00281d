"""What a run found: the checks, and everything that `--json` tells."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One claim, and whether it held."""

    name: str
    ok: bool
    detail: str


@dataclass(slots=True)
class DocumentReport:
    """A sealed notice, and what each verifier said of it."""

    path: str
    title: str
    case_number: str
    step_id: str
    document_id: str
    sealed_by: str
    sha256: str
    verdict: str
    """The platform's, in the end."""
    offline: str
    """Of the file and the trust anchors alone: pyHanko's of a PDF, our own verifier's of an OFD."""
    pdfsig: str
    """Poppler's, on the signature of a PDF alone; empty of an OFD, and where `pdfsig` is not installed."""


@dataclass(slots=True)
class Report:
    """Grows while the demo runs."""

    folder: str
    mode: str
    ok: bool = False
    seconds: float = 0.0
    platform: dict[str, Any] = field(default_factory=dict)
    cases: list[dict[str, Any]] = field(default_factory=list)
    documents: list[DocumentReport] = field(default_factory=list)
    licences: list[DocumentReport] = field(default_factory=list)
    """Those that came of approvals; the identifier is in the title."""
    histories: list[str] = field(default_factory=list)
    """Where the cases' verified histories lie, in the order of the cases."""
    undo: list[dict[str, str]] = field(default_factory=list)
    recovery: dict[str, Any] = field(default_factory=dict)
    notifications: dict[str, Any] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    failed_early: bool = False
    """Whether the run broke off; the last check then says why."""

    def check(self, name: str, ok: bool, detail: str = "") -> None:  # noqa: FBT001 - what is checked
        """Note whether a claim held."""
        self.checks.append(Check(name, bool(ok), detail))

    def same(self, name: str, found: object, expected: object) -> None:
        """Note whether something is as expected; says both when it is not."""
        self.check(name, found == expected, "" if found == expected else f"found {found}, expected {expected}")

    def break_off(self, why: Exception) -> None:
        """Note that the run could not go on."""
        self.failed_early = True
        self.check("the run reached its end", False, f"{type(why).__name__}: {why}")  # noqa: FBT003 - what is checked

    @property
    def failed(self) -> list[Check]:
        """The claims that did not hold."""
        return [check for check in self.checks if not check.ok]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
