"""Every fault of a scenario package has a file, a line, a path and a remedy."""

import json

import pytest

from tests.matters.builders import PERMIT, faults_of, package

# What is changed in the sound package: (file, old, new), then the place and words of the one fault to expect.
ONE_FAULT = [
    # Keys and values
    ("manifest", "licence: Apache-2.0", "licenc: Apache-2.0", "scenario.yaml:4:1 licenc", 'did you mean "licence"?'),
    ("manifest", "    undo: none", "    undos: none", "scenario.yaml:33:5 steps[0].undos", 'did you mean "undo"?'),
    ("manifest", "    undo: none", "    undo: maybe", "scenario.yaml:33:11 steps[0].undo", "'task' or 'none'"),
    ("manifest", "pivot: true", "pivot: yes", "scenario.yaml:42:12 steps[2].pivot", "should be true or false"),
    ("manifest", "format: 1", "format: 2", "scenario.yaml:1:9 format", '"2" should be 1'),
    ("manifest", "id: open-shop", "id: Open Shop", "scenario.yaml:2:5 id", "small letters, digits"),
    ("manifest", '"330106"', "330106", "scenario.yaml:5:18 origin.region", 'put it in quotes, as "330106"'),
    ("manifest", "2 MB", "2 GB", "scenario.yaml:29:15 materials[0].max_size", 'such as "500 KB" or "2 MB"'),
    ("manifest", "2 MB", "201 MB", "scenario.yaml:29:15 materials[0].max_size", "200 MB at most"),
    ("manifest", "[application/pdf]", "[]", "scenario.yaml:28:18 materials[0].media_types", "needs 1 at least"),
    ("manifest", "after: [check]", "after: check", "scenario.yaml:36:12 steps[1].after", "should be a list"),
    ("manifest", "after: [check]", "after:", "scenario.yaml:36:11 steps[1].after", "should be a list"),
    ("manifest", "    undo: none", "    undo: none\n    level: 9", "scenario.yaml:34:12 steps[0].level", "6 or less"),
    *(
        (
            "manifest",
            "zh: 开店, en: Open a shop",
            f'zh: "开{mark}店", en: Open',
            "scenario.yaml:3:12 name.zh",
            "on one line",
        )
        for mark in ("\\n", "\\e[31m", "\\u202e", "\\u2028")
    ),
    # Codes
    (
        "manifest",
        '"332031901000"',
        '"33203190100"',
        "scenario.yaml:6:15 catalog_code",
        "has 12 characters, this has 11",
    ),
    ("manifest", '"332031901000"', '"99203190100O"', "scenario.yaml:6:15 catalog_code", "character 12 is 'O'"),
    ("permit", '"330131903000"', '"990131903000"', "matters/permit.yaml:1:15 catalog_code", "the region '99'"),
    ("permit", 'type: "01"', 'type: "07"', "matters/permit.yaml:3:7 type", 'should be "01"'),
    (
        *("check", '"331031902000"\nname: {zh: 核验, en: Check}\ntype: "10"'),
        '"332031904000"\nname: {zh: 核验, en: Check}\ntype: "20"',
        *("matters/deliver.yaml:1:15 catalog_code", "matters/check.yaml has the code 332031904000 already"),
    ),
    # Steps
    ("manifest", "after: [check]", "after: [chek]", "scenario.yaml:36:13 steps[1].after[0]", 'did you mean "check"?'),
    ("manifest", "[permit]\n", "[permit, permit]\n", "scenario.yaml:41:21 steps[2].after[1]", "is here twice"),
    (
        "manifest",
        "  - id: permit",
        "  - id: check\n    matter: check\n    undo: none\n  - id: permit",
        "scenario.yaml:34:9 steps[1].id",
        'steps[0] has "check" already',
    ),
    ("manifest", "    undo: none", "", "scenario.yaml:31:5 steps[0]", 'has no "undo"'),
    (
        "manifest",
        "pivot: true",
        "pivot: true\n    undo: task",
        "scenario.yaml:43:11 steps[2].undo",
        "nothing is undone",
    ),
    (
        *("manifest", "pivot: true", "pivot: true\n    when: form.shop.area > 1.0"),
        *("scenario.yaml:43:11 steps[2].when", "which cannot be skipped"),
    ),
    (
        *("manifest", "undo: task", "undo: none"),
        *("scenario.yaml:38:11 steps[1].undo", "a notice that would stand although another step may still be refused"),
    ),
    (
        *("manifest", "undo: none", "undo: none\n    after: [deliver]"),
        *("scenario.yaml:34:12 steps[0].after", "check -> permit -> deliver -> check"),
    ),
    (
        "manifest",
        "undo: none",
        "undo: none\n    after: [check]",
        "scenario.yaml:34:12 steps[0].after",
        "check -> check",
    ),
    (
        "manifest",
        "undo: none",
        "undo: none\n    pivot: true",
        "scenario.yaml:43:12 steps[2].pivot",
        "one point of no return",
    ),
    # The form
    (
        "manifest",
        "region_field: shop.region",
        "region_field: shop.regon",
        "scenario.yaml:8:15 region_field",
        "shop.region",
    ),
    (
        "manifest",
        "region_field: shop.region",
        "region_field: shop.area",
        "scenario.yaml:8:15 region_field",
        "should be text",
    ),
    (
        "manifest",
        "region_field: shop.region",
        "region_field: remark",
        "scenario.yaml:8:15 region_field",
        "may be missing",
    ),
    (
        "manifest",
        "matter: deliver",
        "matter: deliver\n    region_field: shop.regon",
        "scenario.yaml:41:19 steps[2].region_field",
        "shop.region",
    ),
    (
        "manifest",
        "matter: permit",
        "matter: permit\n    region_field: shop.area",
        "scenario.yaml:36:19 steps[1].region_field",
        "should be text",
    ),
    (
        "manifest",
        "matter: permit",
        "matter: permit\n    region_field: remark",
        "scenario.yaml:36:19 steps[1].region_field",
        "have matters/permit.yaml require it",
    ),
    (
        "manifest",
        "matter: deliver",
        "matter: deliver\n    organ_field: ownr",
        "scenario.yaml:41:18 steps[2].organ_field",
        'did you mean "owner"?',
    ),
    (
        "manifest",
        "matter: permit",
        "matter: permit\n    organ_field: shop.area",
        "scenario.yaml:36:18 steps[1].organ_field",
        "should be text",
    ),
    (
        "manifest",
        "matter: permit",
        "matter: permit\n    organ_field: remark",
        "scenario.yaml:36:18 steps[1].organ_field",
        "have matters/permit.yaml require it",
    ),
    (
        "manifest",
        "matter: deliver",
        "matter: deliver\n    organ_field: owner\n    level: 4",
        "scenario.yaml:42:12 steps[2].level",
        "take `level` away, or `organ_field`",
    ),
    (
        "manifest",
        "matter: deliver",
        "matter: deliver\n    organ_field: owner\n    region_field: shop.region",
        "scenario.yaml:42:19 steps[2].region_field",
        "take `region_field` away, or `organ_field`",
    ),
    # Data elements and fields
    (
        "manifest",
        "like: person-name",
        "like: persn-name",
        "scenario.yaml:14:11 elements.owner.like",
        'did you mean "person-name"?',
    ),
    ("manifest", "    like: person-name", "    type: txt", "scenario.yaml:14:11 elements.owner.type", "should be"),
    ("manifest", "like: person-name", "typ: string", "scenario.yaml:14:5 elements.owner.typ", 'did you mean "type"?'),
    (
        "manifest",
        "    like: person-name",
        "    type: string\n    values: [a]",
        "scenario.yaml:15:13 elements.owner.values",
        "exactly one of",
    ),
    (
        "manifest",
        "    like: person-name",
        "    type: string\n    pattern: '(?=a)b'",
        "scenario.yaml:15:14 elements.owner.pattern",
        "no look-around",
    ),
    (
        "manifest",
        "    minimum: 0\n",
        "    minimum: 0\n    max_length: 3\n",
        "scenario.yaml:19:17 elements.seats.max_length",
        "is for text",
    ),
    (
        "manifest",
        "    minimum: 0\n",
        "    minimum: 10001\n",
        "scenario.yaml:18:14 elements.seats.minimum",
        "no value would fit",
    ),
    ("manifest", "like: person-name", "like: owner", "scenario.yaml:14:11 elements.owner.like", "owner -> owner"),
    (
        *("manifest", "  tags:\n", "  address: {name: {zh: 地址, en: Address}, type: string}\n  tags:\n"),
        *("scenario.yaml:20:3 elements.address", "the platform has"),
    ),
    ("manifest", "  shop: {zh", "  shopp: {zh", "scenario.yaml:10:3 sections.shopp", 'did you mean "shop"?'),
    (
        "permit",
        "{owner: owner, ",
        "{owner: remark, ",
        "matters/permit.yaml:4:10 fields.owner",
        "one field, one element",
    ),
    (
        "permit",
        "owner: owner, ",
        "owner: owner, shop: remark, ",
        "matters/permit.yaml:4:24 fields.shop",
        "other fields",
    ),
    (
        "permit",
        "shop.area: floor-area",
        "shop.area: flor-area",
        "matters/permit.yaml:4:45 fields.shop.area",
        '"floor-area"',
    ),
    # Conditions
    ("manifest", "shop.area > 300", "shop.aera > 300", "scenario.yaml:37:11 steps[1].when", 'did you mean "area"?'),
    (
        "manifest",
        "shop.area > 300",
        "shop.area >",
        "scenario.yaml:37:11 steps[1].when",
        "(at character 17)",
    ),
    (
        "manifest",
        "shop.area > 300",
        "shop.area",
        "scenario.yaml:37:11 steps[1].when",
        "a condition gives true or false",
    ),
    ("manifest", "shop.area > 300", "shop.region > 300", "scenario.yaml:37:11 steps[1].when", "no matching overload"),
    (
        "manifest",
        "shop.area > 300",
        "shop.seats > 300",
        "scenario.yaml:37:11 steps[1].when",
        "ask has(form.shop.seats)",
    ),
    ("manifest", "shop.area > 300", "shop.area + 1 > 300", "scenario.yaml:37:11 steps[1].when", "write double(...)"),
    (
        *("manifest", "form.shop.area > 300", f"form.owner == '{'x' * 500}'"),
        *("scenario.yaml:37:11 steps[1].when", "500 characters at most"),
    ),
    (
        *(
            "manifest",
            "form.shop.area > 300",
            "has(form.shop.tags) && form.shop.tags.exists(a, form.shop.tags.exists(b, a == b))",
        ),
        *("scenario.yaml:37:11 steps[1].when", "one at a time"),
    ),
    # Between files
    ("manifest", "matter: permit", "matter: permt", "scenario.yaml:35:13 steps[1].matter", 'did you mean "permit"?'),
    (
        "permit",
        "materials: [lease]",
        "materials: [lease, plan]",
        "matters/permit.yaml:5:20 materials[1]",
        'have no "plan"',
    ),
    ("permit", "materials: [lease]\n", "", "scenario.yaml:26:11 materials[0].kind", "no office would see it"),
    # Notices
    ("template", "{{ form.owner }}", "{{ form.owner }", "templates/permit.txt:1:1", "is not a template"),
    ("template", "准予许可。", "准予{{ form.shop.sign }}。", "templates/permit.txt:2:1", 'no field "shop.sign"'),
    (
        "template",
        "准予许可。",
        "准予{{ form.shop.seats }}。",
        "templates/permit.txt:2:1",
        "form.shop.seats may be missing",
    ),
    (
        "template",
        "准予许可。",
        "{% if form.shop.tags is defined %}{{ form.shop.tags }}{% endif %}。",
        "templates/permit.txt:2:1",
        'form.shop.tags, which is a list: print it with | join("、")',
    ),
    ("template", "准予许可。", "准予{{ result.number }}。", "templates/permit.txt:2:1", "result.number is defined"),
    ("template", "准予许可。", "{{ case.nummber }}。", "templates/permit.txt:2:1", 'did you mean "number"?'),
    ("template", "准予许可。", "{{ cycler.__init__ }}。", "templates/permit.txt:2:1", 'knows no "cycler"'),
    ("template", "准予许可。", "{{ 'x' * 1000000000 }}。", "templates/permit.txt:2:1", "uses mul"),
    ("template", "准予许可。", "{{ result.items }}。", "templates/permit.txt:2:1", "give the field another name"),
    ("template", "准予许可。", "{{ form['shop'] }}。", "templates/permit.txt:2:1", "uses getitem"),
    ("template", "准予许可。", "{% include 'other' %}", "templates/permit.txt:2:1", "uses include"),
    ("template", "准予许可。", "{{ form.owner | attr('x') }}", "templates/permit.txt:2:1", 'there is no filter "attr"'),
    (
        "permit",
        "shop.area: floor-area, ",
        "",
        "templates/permit.txt:2:1",
        "add shop.area to fields of matters/permit.yaml",
    ),
    # YAML
    ("permit", 'type: "01"', 'type: "01"\ntype: "01"', "matters/permit.yaml:4:1 type", "is here and at line 3"),
    ("permit", 'type: "01"', 'type: &t "01"', "matters/permit.yaml:3:7 type", "&t is an anchor"),
    ("permit", 'type: "01"', "type: *t", "matters/permit.yaml:3:7 type", "*t repeats another part"),
    ("permit", 'type: "01"', 'type: !!python/object:os.system "01"', "matters/permit.yaml:3:7 type", "is a tag"),
    ("permit", 'type: "01"', 'type: "01"\n<<: {a: 1}', "matters/permit.yaml:4:1", "<< merges another part"),
    ("permit", 'type: "01"', 'type: "01', "matters/permit.yaml:3:7", "is not YAML here"),
    ("permit", 'type: "01"', "\ttype: x", "matters/permit.yaml:3:1", "is not YAML here"),
    ("permit", 'type: "01"', 'type: "01"\n? [a, b]\n: c', "matters/permit.yaml:4:3", "cannot be a key"),
    ("permit", 'type: "01"', 'type: "01"\n---\na: b', "matters/permit.yaml:4:1", "a second document"),
    ("permit", 'type: "01"', f"type: {'9' * 400}", "matters/permit.yaml:3:7 type", "too large a number"),
]


@pytest.mark.parametrize(("file", "old", "new", "place", "words"), ONE_FAULT)
def test_a_broken_package_is_refused_at_the_place_of_the_fault(
    file: str, old: str, new: str, place: str, words: str
) -> None:
    faults = faults_of(package(**{file: (old, new)}))
    assert place in faults, faults
    assert words in faults[place]
    assert len(faults) == 1, faults


def test_the_sound_package_has_no_faults() -> None:
    assert faults_of(package()) == {}


def test_all_faults_of_all_files_are_reported_at_once_in_order_of_their_place() -> None:
    files = package(
        manifest=("after: [permit]", "after: [permitt]"),
        check=('type: "10"', 'type: "11"'),
        permit=("title:", "titel:"),
        template=("准予许可。", "{{ form.owner | nosuch }}"),
    )
    assert list(faults_of(files)) == [
        "matters/check.yaml:3:7 type",
        "matters/permit.yaml:7:3 notice.titel",
        "scenario.yaml:41:13 steps[2].after[0]",
        "templates/permit.txt:2:1",
    ]


def test_a_missing_key_is_reported_where_its_mapping_starts() -> None:
    faults = faults_of(
        package(manifest=("lead: {role: market, name: {zh: 市场监管, en: Market regulation}}", "lead: {role: market}"))
    )
    assert faults == {"scenario.yaml:7:7 lead": '"name" is missing: add it'}


@pytest.mark.parametrize(
    "guarded",
    [
        "has(form.shop.seats) && form.shop.seats > 3",
        "form.shop.seats > 3 && has(form.shop.seats)",
        "!has(form.shop.seats) || form.shop.seats > 3",
        "has(form.shop.seats) ? form.shop.seats > 3 : false",
        "has(form.shop.tags) && form.shop.tags.exists(t, t == 'a')",
        "double(form.shop.area) + 1.0 > 300.0",
        "form.shop.area == 300 || form.owner in ['a', 'b']",
    ],
)
def test_an_optional_field_may_be_used_behind_has(guarded: str) -> None:
    assert faults_of(package(manifest=("form.shop.area > 300", json.dumps(guarded)))) == {}


@pytest.mark.parametrize(
    "guarded",
    [
        "{% if result.number is defined %}{{ result.number }}{% endif %}",
        "{{ result.number | default('无') }}",
        "{% if result.a is defined and result.a.b is defined %}{{ result.a.b }}{% endif %}",
        "{{ form.shop.seats if form.shop.seats is defined else '无' }}",
        "{% if form.shop.tags is defined %}{% for tag in form.shop.tags %}{{ tag }}{% endfor %}{% endif %}",
        "{{ case.number }}{{ case.bundle_name }}{{ step.name }}{{ step.organ_name }}{{ decided_at | date }}",
    ],
)
def test_a_template_may_print_what_it_has_asked_for(guarded: str) -> None:
    assert faults_of(package(template=("准予许可。", guarded))) == {}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/etc/passwd", "absolute path"),
        ("C:/x.yaml", "absolute path"),
        ("../scenario.yaml", '".."'),
        ("matters/../../x.yaml", '".."'),
        ("matters//x.yaml", "an empty part"),
        ("./scenario.yaml", '"."'),
        ("matters\\x.yaml", "backslash"),
        ("matters/x\0.yaml", "control character"),
        ("matters/Big Name.yaml", "small letters"),
        ("scenaro.yaml", 'did you mean "scenario.yaml"?'),
        ("run.sh", "is no file of a scenario package"),
        ("matters/deep/er.yaml", "small letters"),
    ],
)
def test_a_path_that_has_no_business_here_is_refused(path: str, words: str) -> None:
    faults = faults_of(package() | {path: b"a: 1"})
    assert len(faults) == 1
    ((place, message),) = faults.items()
    assert words in message
    assert place == path.replace("\0", "�")


def test_a_package_without_a_manifest_is_refused() -> None:
    files = package()
    del files["scenario.yaml"]
    assert faults_of(files) == {"scenario.yaml": "the package has no scenario.yaml: add it at the top of the folder"}


def test_files_that_nobody_uses_are_refused() -> None:
    extra = {"matters/idle.yaml": PERMIT.replace("0131903", "0131999").encode(), "templates/idle.txt": b"text"}
    assert faults_of(package() | extra) == {
        "matters/idle.yaml:1:1": "no step uses it: add a step with `matter: idle`, or take the file away",
        "templates/idle.txt": "no notice uses it: name it in a matter, or take the file away",
    }


def test_a_template_that_is_not_there_is_named() -> None:
    faults = faults_of(package(permit=("templates/permit.txt", "templates/permitt.txt")))
    assert 'did you mean "templates/permit.txt"?' in faults["matters/permit.yaml:8:13 notice.template"]


def test_documentation_and_examples_are_welcome() -> None:
    extra = {
        "README.md": b"#",
        "README.zh-CN.md": b"#",
        "examples/large.json": b"{}",
        "docs/a.svg": b"",
        "LICENSE": b"",
    }
    assert faults_of(package() | extra) == {}


def test_a_file_that_is_not_utf_8_is_refused_at_the_first_bad_byte() -> None:
    files = package() | {"matters/permit.yaml": PERMIT.replace("许可, en", "@, en").encode().replace(b"@", b"\xb4\xf3")}
    assert faults_of(files)["matters/permit.yaml:2:12"] == "is not UTF-8 here: save the file as UTF-8"


def test_a_step_beside_the_pivot_is_refused() -> None:
    beside = "    pivot: true\n  - id: beside\n    matter: check\n    undo: none"
    faults = faults_of(package(manifest=("    pivot: true", beside)))
    assert "runs beside the pivot 'deliver'" in faults["scenario.yaml:43:5 steps[3]"]


def test_the_last_step_of_a_bundle_without_a_pivot_may_keep_its_notice() -> None:
    end = "steps: [{id: check, matter: check, undo: none}, {id: permit, matter: permit, after: [check], undo: none}]"
    files = package()
    text = files["scenario.yaml"].decode()
    files["scenario.yaml"] = (text[: text.index("steps:")] + end + '\nversion: "1.0.0"').encode()
    del files["matters/deliver.yaml"]
    assert faults_of(files) == {}
