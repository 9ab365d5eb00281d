"""Templates of notices: what they may do, and that nothing they do costs more than it may."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.eseal.domain.budget import LARGEST_TEXT, MOST_CPU_SECONDS, BadTemplateError
from services.eseal.domain.filters import chinese_date
from services.eseal.domain.template import render

FORM = {
    "shop": "西湖面馆",
    "area": 120,
    "staff": ["李雷", "韩梅梅"],
    "rooms": [{"size": 20}, {"size": 30}],
    "long": "长" * 10_000,
}
# Noncharacters of Unicode are replaced.
_MEANT_FOR_PEOPLE = st.characters(exclude_characters="\ufdd0\ufdd1\ufdd2", exclude_categories=["Cs"])


def filled(template: str) -> str:
    return render(template, {"form": FORM, "decided_at": "2026-06-01T20:00:00Z"})


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ form.shop }}：", "西湖面馆："),
        ("{% for name in form.staff %}{{ loop.index }}.{{ name }}；{% endfor %}", "1.李雷；2.韩梅梅；"),
        ("{% if form.area > 100 %}大{% else %}小{% endif %}", "大"),
        ("{{ form.staff | join('、') }}", "李雷、韩梅梅"),
        ("{{ form.area * 2 + 1 }}平方米", "241平方米"),
        ("{{ form.nothing | default('无') }}", "无"),
        ("{{ 2.345 | round(1) }}、{{ 2.5 | round }}", "2.3、2.0"),
        ("{{ [1, 2, 3] | sum }}、{{ form.rooms | sum('size') }}", "6、50"),
        ("{{ ' 一 ' | trim }}{{ 'x二x' | trim('x') }}", "一二"),
        ("{% if 3 is odd and 4 is even and 6 is divisibleby 3 %}是{% endif %}", "是"),
        ("{{ form.rooms | selectattr('size', 'gt', 25) | map(attribute='size') | join }}", "30"),
        ("{{ ['b', 'a', 'b'] | unique | sort | join }}", "ab"),
        ("{{ decided_at | date }}", "2026年6月2日"),
        ("{{ decided_at[:10] ~ '日' }}", "2026-06-01日"),
        ("<b>{{ form.shop }}</b>", "<b>西湖面馆</b>"),
    ],
)
def test_a_template_may_show_choose_and_repeat(template: str, text: str) -> None:
    assert filled(template) == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ nothing }}",
        "{{ form.nothing }}",
        "{% if %}",
        "{{ 1 / 0 }}",
        "{{ form.shop + 1 }}",
        "{% set x = 1 %}",
        "{% macro f() %}{% endmacro %}",
        "{% include 'other' %}",
        "{% extends 'other' %}",
        "{{ form.shop.upper() }}",
        "{{ form.shop.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ form.items() }}",
        "{{ self }}",
        "{{ 1 | counted }}",
        "{{ 'x' | pprint }}",
        "{% for a in form.staff recursive %}{{ loop(a) }}{% endfor %}",
        "{{ form.staff | map('counted') | list }}",
        "{{ 'not a date' | date }}",
        "{{ form.staff }}",
        "{{ form.staff | map('upper') }}",
        "{{ none }}",
        "{{ form.area > 100 }}",
        "x" * 20_001,
    ],
)
def test_what_is_not_on_the_lists_is_a_fault_of_the_template(template: str) -> None:
    with pytest.raises(BadTemplateError):
        filled(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'x' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ range(1000000000) | list }}",
        "{{ range(1000) | join(form.long) }}",
        "{% for a in range(1000) %}{{ form.long }}{% endfor %}",
        "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
        "{% for a in range(1000) %}" + "{{ range(1000) | map('string') | list | length }}" * 100 + "{% endfor %}",
        "{{ " + "(" * 4000 + "1" + ")" * 4000 + " }}",
        "{{ " + "-" * 4000 + "1 }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ '' | truncate(5, end=form.long) ~ form.shop | truncate(1, end=form.long) }}",
    ],
)
def test_a_greedy_template_is_stopped_early(template: str) -> None:
    started = time.thread_time()
    with pytest.raises(BadTemplateError):
        filled(template)
    assert time.thread_time() - started < MOST_CPU_SECONDS + 1


def nested(first: str, grown: str) -> str:
    """Loops in loops, each with a value that is made of the one before."""
    loops = "".join(f"{{% for a{n + 1} in [{grown.replace('a', f'a{n}')}] %}}" for n in range(20))
    return f"{{% for a0 in [{first}] %}}{loops}x{{{{ 1 if a20 else 2 }}}}" + "{% endfor %}" * 21


@pytest.mark.parametrize(
    "template",
    [
        "{{ 1 | round(10000000, 'ceil') }}",
        "{{ 1 | round(10000000) }}",
        "{{ 1 | round(-10000000) }}",
        "{{ 1.5 | round(method='floor', precision=10000000) }}",
        "{% if 1 | round(10000000, 'ceil') %}{% endif %}",
        "{{ [1] | map('round', 10000000) | join }}",
        "{{ 'x' ~ (1 | round(10000000, 'ceil')) }}",
        "{% if '%999999999d' is odd %}{% endif %}",
        "{% if '%999999999d' is even %}{% endif %}",
        "{% if '%999999999d' is divisibleby 1 %}{% endif %}",
        "{{ ['%999999999d'] | select('odd') | join }}",
        "{{ [[1], [2]] | sum(start=[]) | join }}",
        "{{ (form.long ~ form.long) | trim(form.long) }}",
        "{{ 'x' | center(1000000000) }}",
        "{{ 'x' | indent(1000000000) }}",
        "{{ 'x' | replace('x', form.long) }}",
        "{{ 'x' | wordwrap(1) }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ [1] | batch(1000000000, 1) | list }}",
        "{{ [1] | slice(1000000000) | list }}",
        "{{ ('f' * 1000) | int(0, 16) }}",
        "{{ " + "9" * 4000 + " * 1 }}",
        nested("9", "a * a"),
        nested("form.long", "a ~ a"),
        nested("form.long", "a + a"),
        nested("[1]", "[a, a]"),
        nested("(1,)", "(a, a)"),
        nested("(1,)", "(a, a) | unique | list"),
        nested("[1]", "[a, a] | string"),
        nested("[1]", "[a, a] | upper"),
        nested("[1]", "[[a, a]] | join"),
    ],
)
def test_nothing_costs_much_in_a_single_call(template: str) -> None:
    started = time.thread_time()
    with pytest.raises(BadTemplateError):
        filled(template)
    assert time.thread_time() - started < MOST_CPU_SECONDS + 1


def test_the_message_names_the_line() -> None:
    with pytest.raises(BadTemplateError, match="line 3: a notice may not use Assign"):
        filled("一\n二\n{% set x = 1 %}")


def test_the_longest_text_passes_and_one_more_character_does_not() -> None:
    half = LARGEST_TEXT // 2
    assert len(filled("{{ form.long }}" + "短" * half)) == LARGEST_TEXT
    with pytest.raises(BadTemplateError):
        filled("{{ form.long }}" + "短" * (half + 1))


@given(st.text(alphabet="{}%#|.()[]'\" abcfor.inendifrange0123456789~*+-", max_size=80))
def test_any_source_gives_a_text_or_a_fault(source: str) -> None:
    with contextlib.suppress(BadTemplateError):
        assert len(filled(source)) <= LARGEST_TEXT


@given(st.dictionaries(st.sampled_from(["shop", "area"]), st.text(_MEANT_FOR_PEOPLE) | st.integers(), min_size=2))
def test_values_of_a_form_are_never_read_as_template(form: dict[str, object]) -> None:
    assert render("{{ form.shop }}", {"form": form}) == str(form["shop"])


def test_the_day_is_that_of_china() -> None:
    assert chinese_date("2026-12-31T16:00:00Z") == "2027年1月1日"
    assert chinese_date("2026-12-31T23:59:59.999+08:00") == "2026年12月31日"


def test_each_document_of_a_template_has_its_own_values_and_its_own_budget() -> None:
    template = "{% for a in range(n) %}{{ n }}{% for b in range(500) %}{% endfor %}{% endfor %}"
    for _ in range(3):
        assert render(template, {"n": 3}) == "333"
        with pytest.raises(BadTemplateError, match="turns"):
            render(template, {"n": 5})
        assert render(template, {"n": 2}) == "22"
