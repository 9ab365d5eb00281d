"""`python -m bench.forms`: the form of a bundle of 20 matters, computed, and cut to the answers so far."""

import argparse
import json
import statistics
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from bench.accounting import machine
from bench.timing import clock_times
from services.cases.applications import look_over
from services.cases.asking import ask, material_needs, step_needs
from services.cases.published import Published, compile_bundle
from services.matters.domain.bundle import Bundle, Lead
from services.matters.messages import bundle_message
from services.matters.package.compiler import compile_package

MATTERS = 20
FIELDS = 12
ROUNDS = 200
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
_MANIFEST = """\
format: 1
id: twenty
version: "1.0.0"
name: {zh: 二十件事, en: Twenty}
licence: Apache-2.0
origin: {region: "330106", organ: benchmark}
catalog_code: "332099999000"
lead: {role: lead, name: {zh: 牵头部门, en: Lead}}
region_field: premises.region
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured, in milliseconds."""

    fields: int
    conditions: int
    bytes_of_schema: int
    compiling_the_package: float
    get_form: dict[str, float]
    """By how much is answered: the median, and the 95th of 100."""
    checking_an_application: float


def main() -> None:
    """Compile a bundle, then ask for its form and check an application."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    found = measure()
    if parser.parse_args().json:
        json.dump({"machine": machine(), "found": asdict(found)}, sys.stdout, indent=2)
        return
    print(f"machine: {machine()}")
    print(f"{found.fields} fields, {found.conditions} conditions, {found.bytes_of_schema} bytes of schema")
    print(f"compiling the package: {found.compiling_the_package} ms")
    for name, milliseconds in found.get_form.items():
        print(f"GetForm, {name}: {milliseconds} ms")
    print(f"checking an application with all answers: {found.checking_an_application} ms")


def measure() -> Found:
    """All of it, in this process."""
    files = a_package()
    published = publish(files)
    answers = a_form()
    faults = look_over(published, answers, ["lease"], NOW).faults
    if faults:
        message = f"the form of the benchmark is not valid: {faults}"
        raise SystemExit(message)
    questions = {"q": answers["q"]}
    get_form = {}
    for name, given in (("no answers", {}), ("the questions answered", questions), ("all answered", answers)):
        times = clock_times(lambda given=given: _get_form(published, given), ROUNDS)  # type: ignore[misc]  # bound to its value
        get_form[f"{name}, median"] = round(statistics.median(times), 2)
        get_form[f"{name}, 95th"] = round(statistics.quantiles(times, n=20)[-1], 2)
    checking = clock_times(lambda: look_over(published, answers, ["lease"], NOW), ROUNDS)
    return Found(
        fields=len(list(_leaves(json.loads(published.bundle.form_schema)))),
        conditions=len(published.depending) + len(published.conditions),
        bytes_of_schema=len(published.bundle.form_schema.encode()),
        compiling_the_package=round(statistics.median(clock_times(lambda: compile_package(files), 10)), 1),
        get_form=get_form,
        checking_an_application=round(statistics.median(checking), 2),
    )


def a_package() -> dict[str, bytes]:
    """Twenty matters: each shares four fields with all others and has eight of its own; every second is conditional."""
    names = ", ".join(f"m{number}: {{zh: 事项{number}, en: Matter {number}}}" for number in range(MATTERS))
    lines = [
        _MANIFEST,
        f"sections: {{q: {{zh: 情形, en: Questions}}, premises: {{zh: 场所, en: Premises}}, {names}}}\n",
    ]
    lines.append("questions:\n")
    lines += [f"  - {{field: q.q{number}, ask: {{zh: 是否办理, en: Wanted}}}}\n" for number in range(MATTERS // 2)]
    lines.append(
        "materials:\n  - {kind: lease, name: {zh: 租赁合同, en: Lease}, media_types: [application/pdf]}\nsteps:\n"
    )
    files = {}
    for number in range(MATTERS):
        when = f", when: form.q.q{number // 2}" if number % 2 else ""
        lines.append(f"  - {{id: s{number}, matter: m{number}, undo: none{when}}}\n")
        own = "".join(f"  m{number}.f{field}: {_element(field)}\n" for field in range(FIELDS - 4))
        shared = "  premises.region: region\n  premises.address: address\n  premises.area: floor-area\n"
        text = (
            f'catalog_code: "3320999{number:02d}000"\nname: {{zh: 事项{number}, en: Matter {number}}}\ntype: "20"\n'
            f"materials: [lease]\nfields:\n{shared}  premises.floor: floor\n{own}"
        )
        files[f"matters/m{number}.yaml"] = text.encode()
    return files | {"scenario.yaml": "".join(lines).encode()}


def _element(field: int) -> str:
    return ("person-name", "mobile-phone", "date", "sex")[field % 4]


def a_form() -> dict[str, Any]:
    """Half of the questions answered with yes."""
    values = ("王示例", "13800000001", "2026-03-01", "1")
    wanted = {f"q{number}": number % 2 == 0 for number in range(MATTERS // 2)}
    done = [number for number in range(MATTERS) if not number % 2 or wanted[f"q{number // 2}"]]
    return {
        "q": wanted,
        "premises": {"region": "330106", "address": "示例路100号", "area": 80, "floor": 1},
        **{f"m{number}": {f"f{field}": values[field % 4] for field in range(FIELDS - 4)} for number in done},
    }


def publish(files: dict[str, bytes]) -> Published:
    """The package as cases have it."""
    bundle = Bundle(compile_package(files), 1, Lead("lead", "11330106002491234N", 4), "digest", NOW)
    return compile_bundle(bundle_message(bundle).SerializeToString())


def _get_form(published: Published, answers: dict[str, Any]) -> None:
    asked = ask(published, answers)
    json.dumps(asked.schema, ensure_ascii=False, separators=(",", ":"))
    list(step_needs(published, asked))
    list(material_needs(published, asked))


def _leaves(schema: dict[str, Any]) -> Any:
    for field in schema["properties"].values():
        if "properties" in field:
            yield from _leaves(field)
        else:
            yield field


if __name__ == "__main__":
    main()
