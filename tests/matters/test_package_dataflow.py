"""What flows between the steps of a package: declared by the matters, mapped by the steps, typed on both sides."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from duokua.matters.v1 import bundle_pb2
from services.matters.domain.bundle import Bundle, Lead, Scenario
from services.matters.domain.limits import NO_LIMITS
from services.matters.messages import bundle_message, matter_message
from services.matters.package.compiler import compile_package
from services.matters.service import matters_of
from tests.matters.builders import LEAD_USCC, faults_of, package

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
RESULT = """\
result:
  number: {type: string, shared: true}
  floors: {type: integer, shared: true}
  score: {type: number, required: false, shared: true}
  holder: {type: object, shared: true}
  remark: {type: string, values: [整改, 停业]}
"""
READ = 'steps["check"].result.number'
OTHER = 'steps["permit"].result.grade'
RESULT_OF_PERMIT = "result: {grade: {type: string, shared: true}}\n"


def flowing(expression: str = READ, kind: str = "string", **more: tuple[str, str]) -> dict[str, bytes]:
    """The sound package, in which the check yields something and the delivery takes the input `given`."""
    changes = {
        "manifest": ("    after: [permit]\n", f"    after: [permit]\n    inputs:\n      given: {quoted(expression)}\n"),
        "check": ('type: "10"\n', f'type: "10"\n{RESULT}'),
        "permit": ("notice:", f"{RESULT_OF_PERMIT}notice:"),
        "deliver": ('type: "20"\n', f'type: "20"\nfields: {{owner: owner}}\ninputs: {{given: {kind}}}\n'),
    }
    return package(**{**changes, **more})


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        (READ, "string"),
        ("steps['check'].result.number", "string"),
        ('steps[ "check" ].result.floors', "integer"),
        ('steps["check"].result.floors', "number"),
        ('steps["check"].result.holder', "object"),
        ('steps["check"].status', "string"),
        ('has(steps["check"].result.score) ? steps["check"].result.score : 0.0', "number"),
        ('has(steps["check"].result.holder.name) ? string(steps["check"].result.holder.name) : ""', "string"),
        ('has(steps["permit"].result.grade) ? steps["permit"].result.grade : "none"', "string"),
        ('steps["permit"].status == "completed"', "boolean"),
        ('form.owner + "：" + steps["check"].result.number', "string"),
        ('{"number": steps["check"].result.number, "of": form.owner}', "object"),
        ('[steps["check"].result.number]', "array"),
        ('int(steps["check"].result.floors) + 1', "integer"),
    ],
)
def test_an_input_that_is_sound(expression: str, kind: str) -> None:
    assert faults_of(flowing(expression, kind)) == {}


AT_INPUT = "scenario.yaml:43:14 steps[2].inputs.given"


@pytest.mark.parametrize(
    ("expression", "kind", "words"),
    [
        ('steps["chek"].result.number', "string", 'there is no step "chek": did you mean "check"?'),
        ('steps["deliver"].status', "string", '"deliver" does not come before "deliver": add it to `after`'),
        (
            'steps["check"].result.nummer',
            "string",
            'matters/check.yaml has no "nummer" in its result: did you mean "nu',
        ),
        ('steps["check"].result.remark', "string", 'matters/check.yaml does not share "remark": say `shared: true`'),
        ('has(steps["check"].result.remark) ? "x" : "y"', "string", 'does not share "remark"'),
        ('steps["check"].result', "object", "name a step and what you read of it"),
        ('steps["check"].office', "string", "of a step there is its status, and its result by field"),
        ("steps", "object", "name a step and what you read of it"),
        ("steps[form.owner].status", "string", "name a step and what you read of it"),
        ('steps.exists(s, s == "check")', "boolean", "name a step and what you read of it"),
        (READ, "integer", "gives string, and should give integer"),
        ('steps["check"].result.score', "integer", "gives number, and should give integer"),
        ('true ? 1 : steps["check"].result.floors', "string", "gives integer, and should give string"),
        ("null", "string", "gives null, and should give string"),
        ('duration("1s")', "object", "gives duration (not JSON), and should give object"),
        (f"{READ} + 1", "string", "found no matching overload"),
        (f'"a" + {READ} ==', "string", "Syntax error"),
        ('steps["check"].result.floors + 1', "integer", "computes with a number"),
        ('steps["check"].result.score', "number", 'steps["check"].result.score may be missing'),
        (OTHER, "string", 'steps["permit"].result.grade may be missing'),
        ('steps["check"].result.holder.name', "string", 'steps["check"].result.holder.name may be missing'),
        ("form.shop.area", "number", "reads form.shop.area, which its office does not see: add it to fields"),
        ("form.shop.aera", "number", 'the form has no field "aera" there: did you mean "area"?'),
        (f"[1, 2].map(n, {READ})", "array", f"reads {READ} again for every item"),
        (f'{READ}.matches("(a{{1000}}){{1000}}")', "boolean", "matches a pattern that cannot be used"),
    ],
)
def test_a_faulty_expression_of_an_input(expression: str, kind: str, words: str) -> None:
    ((place, message),) = faults_of(flowing(expression, kind)).items()
    assert place == AT_INPUT
    assert words in message


ONE_FAULT = [
    # Names on both sides
    (
        ("deliver", 'type: "20"\n', 'type: "20"\ninputs: {givn: string}\n'),
        ("scenario.yaml:43:7 steps[2].inputs.given", 'takes no input "given": did you mean "givn"?'),
    ),
    (
        ("deliver", 'type: "20"\n', 'type: "20"\n'),
        ("scenario.yaml:43:7 steps[2].inputs.given", "add it to `inputs` there, with its type"),
    ),
    (
        ("deliver", 'type: "20"\n', 'type: "20"\ninputs: {given: string, more: string}\n'),
        ("scenario.yaml:43:7 steps[2].inputs", 'matters/deliver.yaml takes "more": say in `inputs`'),
    ),
    # The matters' own keys
    (
        ("deliver", 'type: "20"\n', 'type: "20"\ninputs: {given: text}\n'),
        ("matters/deliver.yaml:4:17 inputs.given", "\"text\" should be 'string', 'number'"),
    ),
    (
        ("deliver", 'type: "20"\n', 'type: "20"\ninputs: {given: string, gi-ven: string}\n'),
        ("matters/deliver.yaml:4:25 inputs.gi-ven", '"gi-ven" should be letters, digits and underscores'),
    ),
    (
        ("check", "fields:", "result: {number: {type: string, share: true}}\nfields:"),
        ("matters/check.yaml:4:33 result.number.share", 'unknown key "share": did you mean "shared"?'),
    ),
    (
        ("check", "fields:", "result: {type: {shared: true}}\nfields:"),
        ("matters/check.yaml:4:16 result.type", '"type" is missing: add it'),
    ),
    (
        ("check", "fields:", "result: {type: {type: string, type_: true}}\nfields:"),
        ("matters/check.yaml:4:31 result.type.type_", 'unknown key "type_": did you mean "type"?'),
    ),
    (
        ("check", "fields:", "result: {number: {type: string, shared: yes}}\nfields:"),
        ("matters/check.yaml:4:41 result.number.shared", "should be true or false"),
    ),
    (
        ("check", "fields:", "result: [number]\nfields:"),
        ("matters/check.yaml:4:9 result", "should be a mapping"),
    ),
    (
        ("check", 'type: "10"\n', f'type: "10"\n{RESULT}  risk: {{type: integer, values: ["1"]}}\n'),
        ("matters/check.yaml:10:33 result.risk.values", "are for a string, and this is of type integer"),
    ),
    (
        ("check", 'type: "10"\n', f'type: "10"\n{RESULT}  risk: {{type: string, values: [高, 低, 高]}}\n'),
        ("matters/check.yaml:10:39 result.risk.values[2]", '"高" is here twice: keep one'),
    ),
]


@pytest.mark.parametrize(("change", "fault"), ONE_FAULT)
def test_a_faulty_declaration(change: tuple[str, str, str], fault: tuple[str, str]) -> None:
    file, old, new = change
    changes = {file: (old, new)}
    ((place, message),) = faults_of(flowing(READ, "string", **changes)).items()
    assert place == fault[0]
    assert fault[1] in message


def test_a_step_without_inputs_says_which_its_matter_takes() -> None:
    ((place, message),) = faults_of(package(deliver=('type: "20"\n', 'type: "20"\ninputs: {given: string}\n'))).items()
    assert place == "scenario.yaml:39:5 steps[2].inputs"
    assert 'takes "given"' in message


def test_a_condition_of_a_choice_reads_no_results() -> None:
    when = 'when: \'steps["check"].status == "completed"\'\n    choice: how'
    other = "  - {id: other, matter: permit, after: [check], undo: task, choice: how, when: form.shop.area > 300}\n"
    files = package(manifest=("when: form.shop.area > 300", when))
    files["scenario.yaml"] = files["scenario.yaml"].replace(b"version:", other.encode() + b"version:")
    assert "reads `form` alone" in faults_of(files)["scenario.yaml:37:11 steps[1].when"]


def test_what_one_file_has_wrong_is_not_told_of_every_step() -> None:
    ((place, _),) = faults_of(flowing(check=("fields:", "feilds:"))).items()
    assert place.startswith("matters/check.yaml")


def scenario() -> Scenario:
    return compile_package(flowing())


def test_declarations_and_mappings_are_published() -> None:
    bundle = Bundle(scenario(), 1, Lead("lead", LEAD_USCC, 4), "digest", NOW)
    check, _, deliver = bundle_message(bundle).steps
    assert list(deliver.inputs) == [bundle_pb2.StepInput(name="given", expression=READ, type="string")]
    assert [(each.name, each.type, each.required, each.shared) for each in check.result_fields] == [
        ("number", "string", True, True),
        ("floors", "integer", True, True),
        ("score", "number", False, True),
        ("holder", "object", True, True),
        ("remark", "string", True, False),
    ]
    catalogued = {each.matter.name.zh: matter_message(each) for each in matters_of(bundle)}
    assert list(catalogued["送达"].inputs) == [bundle_pb2.InputField(name="given", type="string")]
    assert list(catalogued["核验"].result_fields) == list(check.result_fields)
    assert [list(each.values) for each in check.result_fields] == [[], [], [], [], ["整改", "停业"]]


def test_a_package_that_says_nothing_about_results_keeps_its_digest() -> None:
    # As it was before there were results to declare; otherwise every installation would publish everything anew.
    scenario = compile_package(package())
    untimed = tuple(replace(step, limits=NO_LIMITS) for step in scenario.steps)  # the law's limits of licences count
    assert (
        replace(scenario, steps=untimed, limits=NO_LIMITS, version="").digest()
        == "9908117f5a47cbb99fbffe6e87ec0d375cc90e848e2e28c13e0536fa7d68706f"
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{{ result.number }}", ""),
        ("{% if result.remark is defined %}{{ result.remark }}{% endif %}", ""),
        ('{{ result.remark | default("") }}', ""),
        ("{{ result.remark }}", "result.remark may be missing"),
        ("{{ result.holder.name }}", "result.holder.name may be missing"),
        ("{{ result.nummer }}", 'matters/permit.yaml has no "nummer" in its result: did you mean "number"?'),
        ("{% if result.nummer is defined %}x{% endif %}", 'has no "nummer" in its result'),
    ],
)
def test_a_notice_prints_what_the_result_holds(line: str, words: str) -> None:
    result = "{number: {type: string}, holder: {type: object}, remark: {type: string, required: false}}"
    files = package(permit=("notice:", f"result: {result}\nnotice:"), template=("准予许可。", line))
    found = list(faults_of(files).values())
    assert len(found) == bool(words)
    assert all(words in message for message in found)


QUORUM = [
    ('has(steps["check"].result.number) ? steps["check"].result.number : ""', ""),
    (READ, f"{READ} may be missing"),
]


@pytest.mark.parametrize(("expression", "words"), QUORUM)
def test_what_some_of_a_quorum_have_found_out_may_be_passed_on(expression: str, words: str) -> None:
    files = flowing(expression)
    text = files["scenario.yaml"].decode()
    text = text.replace("    undo: none\n", "    undo: none\n    optional: true\n")
    text = text.replace("after: [check]\n    when: form.shop.area > 300\n", "optional: true\n")
    text = text.replace("    after: [permit]\n", "    after: [check, permit]\n    needs: 1\n")
    found = list(faults_of({**files, "scenario.yaml": text.encode()}).values())
    assert len(found) == bool(words)
    assert all(words in message for message in found)


def telling(text: str) -> dict[str, bytes]:
    """The flowing package, in which the delivery is a notice with this text."""
    takes = "fields: {owner: owner}\ninputs: {given: object}\n"
    notice = "notice: {title: 办结告知书, template: templates/deliver.txt}\n"
    files = flowing(
        '{"number": steps["check"].result.number}', "object", deliver=('type: "20"\n', f'type: "20"\n{takes}{notice}')
    )
    return {**files, "templates/deliver.txt": text.encode()}


@pytest.mark.parametrize(
    "text",
    [
        "{% if inputs.given %}许可证{% endif %}。",
        "{% for each in inputs.given %}{{ each }}{% endfor %}",
        "{% if inputs.given.number is defined %}{{ inputs.given.number }}{% endif %}",
        '{{ inputs.given.number | default("无") }}',
    ],
)
def test_a_notice_may_print_what_its_office_is_given(text: str) -> None:
    assert faults_of(telling(text)) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{{ inputs.givn }}", 'matters/deliver.yaml takes no input "givn": did you mean "given"?'),
        ("{{ inputs.given.number }}", "inputs.given.number may be missing"),
        ("{{ inputs }}", "prints or loops over all inputs"),
        ("{{ inputs.given }}", "prints inputs.given, which is made of others: name the one that is meant"),
        ("{{ input.given }}", 'a notice knows no "input": did you mean "inputs"?'),
    ],
)
def test_a_notice_prints_nothing_else_of_earlier_results(text: str, words: str) -> None:
    ((place, message),) = faults_of(telling(text)).items()
    assert place == "templates/deliver.txt:1:1"
    assert words in message


def test_a_condition_on_a_value_that_no_result_has_is_never_met() -> None:
    met = 'steps["check"].result.number == "整改"'
    files = flowing(
        check=('type: "10"\n', f'type: "10"\n{RESULT.replace("string, shared", "string, values: [整顿], shared", 1)}')
    )
    files["scenario.yaml"] = files["scenario.yaml"].replace(b"form.shop.area > 300", quoted(met).encode())
    ((place, message),) = faults_of(files).items()
    assert place.endswith("steps[1].when")
    assert "never holds" in message
