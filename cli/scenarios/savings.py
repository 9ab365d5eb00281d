"""`duokua scenario savings`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from cli.options import AsJson
from cli.output import counted, one_line, print_json, print_rows, say
from cli.scenarios.faulty import faults_as_json, print_faults
from cli.scenarios.folders import Folder, OverlayPath, read_folder, read_overlay

if TYPE_CHECKING:
    from services.matters.domain.savings import Savings

_TITLES = {"forms": "表单", "fields": "填写项", "materials": "材料", "visits": "跑动", "days": "工作日"}


def savings(folder: Folder, overlay: OverlayPath = None, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Count what a package saves (四减): forms, fields, materials, visits, days, before and after. No platform needed.

    Before is what its matters ask of whoever applies for one after the other, as each says in `alone`.
    """
    from services.matters.domain.savings import savings_of  # noqa: PLC0415 - only what a command needs is loaded
    from services.matters.package.compiler import check_package  # noqa: PLC0415

    scenario, faults = check_package(read_folder(folder), read_overlay(overlay))
    if scenario is None:
        if json:
            print_json({"faults": faults_as_json(faults)})
        else:
            print_faults(faults)
            say(f"{folder}: {counted(len(faults), 'fault')}, so nothing was counted")
        raise typer.Exit(1)
    found = savings_of(scenario)
    if json:
        print_json(_as_json(found))
    else:
        say(f"{scenario.name.zh} {scenario.name.en}")
        _print(found)


def _print(found: "Savings") -> None:
    columns = [
        ("", lambda name: name),
        ("四减", lambda name: _TITLES[name]),
        ("before", lambda name: str(getattr(found.before, name))),
        ("after", lambda name: str(getattr(found.after, name))),
        ("less", lambda name: _less(getattr(found.before, name), getattr(found.after, name))),
    ]
    print_rows(list(_TITLES), columns, as_json=False, empty="")
    if found.supplied_fields:
        say(f"{counted(found.supplied_fields, 'field')} of them can be supplied by data or licences")
    if found.given_materials:
        say(f"{counted(found.given_materials, 'material')} more need not be handed in (免证办)")
    if found.unsaid:
        names = [one_line(f"{matter.name.zh} ({matter.catalog_code})") for matter in found.unsaid]
        say(f"not counted before, because they do not say what they ask `alone`: {', '.join(names)}")


def _less(before: int, after: int) -> str:
    """By how much it is less, in per cent."""
    return f"{round(100 * (before - after) / before)} %" if before else "-"


def _as_json(found: "Savings") -> dict[str, object]:
    return {
        "before": asdict(found.before),
        "after": asdict(found.after),
        "supplied_fields": found.supplied_fields,
        "given_materials": found.given_materials,
        "matters": [
            {"catalog_code": matter.catalog_code, "name": matter.name.zh, "alone": asdict(matter.alone)}
            for matter in found.matters
            if matter.alone
        ],
        "unsaid": [matter.catalog_code for matter in found.unsaid],
    }
