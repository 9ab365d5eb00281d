"""`duokua scenario bind`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cli.options import AsJson
from cli.output import counted, print_json, say
from cli.scenarios.faulty import faults_as_json, print_faults
from cli.scenarios.folders import OverlayPath, SkipTests, Where, read_files, read_overlay
from cli.scenarios.installing import say_tests, tests_held


def bind(
    where: Where,
    out: Annotated[Path, typer.Option(help="The overlay to write.")] = Path("overlay.yaml"),
    region: Annotated[str, typer.Option(help="The code of the region (GB/T 2260), for a new overlay.")] = "",
    overlay: OverlayPath = None,
    skip_tests: SkipTests = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Begin a region's overlay, with every placeholder and parameter of a package in it; or check one with --overlay.

    What is begun fits the package: change in it what is different in your region. A check runs the package's tests with
    it, and those of the overlay. No platform is needed; whether the organs exist, the installation says.
    """
    files = read_files(where)
    if overlay is not None:
        _check(files, read_overlay(overlay) or {}, overlay, skip_tests=skip_tests, as_json=json)
    if not region:
        message = "say for which region the overlay is: --region 330106; or which overlay to check: --overlay"
        raise ValueError(message)
    if not re.fullmatch("[0-9]{6}", region):
        message = f"--region {region} is no region of GB/T 2260: six digits, such as 330106"
        raise ValueError(message)
    from services.matters.package.beginning import overlay_for  # noqa: PLC0415 - only what a command needs is loaded
    from services.matters.package.compiler import compile_package  # noqa: PLC0415

    if out.exists():
        message = f"{out} is there already: choose another name with --out"
        raise ValueError(message)
    text = overlay_for(compile_package(files), region)
    out.write_text(text, encoding="utf-8")
    if json:
        print_json({"file": str(out)})
    else:
        say(f"{out} is begun: change what is different in your region, then check it with --overlay {out}")


def _check(
    files: Mapping[str, bytes], overlay: Mapping[str, bytes], shown: Path, *, skip_tests: bool, as_json: bool
) -> NoReturn:
    from services.matters.package.compiler import examine_package  # noqa: PLC0415 - only what a command needs is loaded

    faults = examine_package(files, overlay).faults
    tests = 0 if skip_tests or faults else tests_held(files, overlay)
    if as_json:
        print_json({"faults": faults_as_json(faults)})
    else:
        print_faults(faults)
        say_tests(tests)
        say(f"{shown}: {counted(len(faults), 'fault')}" if faults else f"{shown} fits")
    raise typer.Exit(1 if faults else 0)
