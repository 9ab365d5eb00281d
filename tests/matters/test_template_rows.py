"""Tables in notice templates: what is wrong with them is said with its line."""

import pytest

from services.eseal.domain import blocks
from services.matters.package import rows
from services.matters.package.rows import row_faults

GOOD = """{{ form.name }}：
| 序号 | 问题 {# 一项一行 #} |
|---|---|
{% for each in inputs.problems %}
| {{ loop.index }} | {{ each | default("无|") }} |
{% endfor %}
{% for each in inputs.more %}| {{ loop.index }} | {% if each %}有{% else %}无{% endif %} |
{% endfor %}请改正。
| 单独 |
"""


def test_tables_whose_rows_have_equally_many_cells_are_right() -> None:
    assert list(row_faults(GOOD)) == []


@pytest.mark.parametrize(
    ("template", "line", "message"),
    [
        ("一\n| a | b", 2, "does not end with one"),
        ("|", 1, "does not end with one"),
        ("| a | b |\n{% if x %}\n| a |\n{% endif %}", 3, "has 1 cells, where the first row of the table has 2"),
        ("|" + "a|" * 9, 1, "has 9 columns"),
        ("|---|\n| a |", 1, "makes the first row a heading"),
        ("| a |\n| b |\n|---|", 3, "makes the first row a heading"),
        ("{{\n form.name }}\n| a", 3, "does not end with one"),
    ],
)
def test_a_broken_table_is_a_fault(template: str, line: int, message: str) -> None:
    ((found, said),) = row_faults(template)
    assert found == line
    assert message in said


def test_the_check_and_the_setting_know_the_same_number_of_columns() -> None:
    assert rows.MOST_COLUMNS == blocks.MOST_COLUMNS
