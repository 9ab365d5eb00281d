"""The end of a run, for people: what was shown, where it lies, and what did not hold."""

from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.demo.report import Report

STORIES = ("granted", "refused and undone", "killed and completed")


def print_summary(console: Console, report: Report) -> None:
    """Print cases, documents, recovery, folders, and the checks that failed."""
    console.print()
    if report.cases:
        console.print(Padding(_cases(report), (0, 0, 1, 1)))
    facts = Table.grid(padding=(0, 2))
    for name, fact in _facts(report):
        facts.add_row(Text(f" {name}", style="dim"), Text(fact, overflow="fold"))
    console.print(facts)
    console.print()
    for check in report.failed:
        console.print(Text(f" ✕ {check.name}: {check.detail}", style="bold red"))
    passed = len(report.checks) - len(report.failed)
    verdict = f" {passed} of {len(report.checks)} checks held, in {report.seconds:.1f} s"
    console.print(Text(verdict, style="bold green" if report.ok else "bold red"))


def _cases(report: Report) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("case", "what happened", "status", "seconds", "documents"):
        table.add_column(title, no_wrap=True)
    for case, what in zip(report.cases, STORIES, strict=False):
        documents = [document for document in report.documents if document.case_number == case["case_number"]]
        verdicts = ", ".join(
            f"{sum(document.verdict == verdict for document in documents)} {verdict}"
            for verdict in sorted({document.verdict for document in documents})
        )
        table.add_row(case["case_number"][31:], what, case["status"], f"{case['seconds']:.2f}", verdicts)
    return table


def _facts(report: Report) -> list[tuple[str, str]]:
    folder = Path(report.folder)
    facts = [] if report.failed_early else _findings(report)
    places = {"documents": "documents", "histories": "histories", "ledgers": "departments", "logs": "logs"}
    return facts + [(name, str(folder / place)) for name, place in places.items() if (folder / place).exists()]


def _findings(report: Report) -> list[tuple[str, str]]:
    recovery, told = report.recovery, report.notifications
    memory = report.platform["memory_mb"]
    done = (
        f"{len(recovery['killed'])} processes killed; ready again after {recovery['seconds_to_ready']:.1f} s, "
        f"the case completed after {recovery['seconds_to_completed']:.1f} s"
    )
    return [
        ("undone", ", then ".join(f"{act['step_id']} by {act['office']}" for act in report.undo)),
        ("recovery", done),
        ("told", f"{told['inbox']} messages to the applicant, {told['webhooks']} signed webhooks to the lead office"),
        ("platform", f"ready in {report.platform['ready_seconds']:.1f} s" + (f", {memory:.0f} MB" if memory else "")),
    ]
