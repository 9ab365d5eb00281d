"""Faults of a package, as commands print them."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.markup import escape

from cli.output import console

if TYPE_CHECKING:
    from services.matters.package.faults import Fault


def print_faults(faults: Sequence["Fault"], colour: str = "red") -> None:
    """A line for each, in the form that editors and terminals make links of."""
    for fault in faults:
        place = f"{fault.file}:{fault.line}:{fault.column}" if fault.line else fault.file
        parts = [f"[{colour}]{escape(place)}[/]", f"[bold]{escape(fault.path)}[/bold]" if fault.path else ""]
        line = " ".join(part for part in (*parts, escape(fault.message)) if part)
        console.print(line, soft_wrap=True, highlight=False)


def faults_as_json(faults: Sequence["Fault"]) -> list[dict[str, object]]:
    """All that there is to a fault."""
    return [asdict(fault) for fault in faults]
