"""The pieces of scenario.yaml that scenarios/README.md shows are sound."""

import pytest
import yaml

from tests.docs.pages import code_blocks, read, section
from tests.matters.builders import MANIFEST, faults_of

_MATTER = """\
catalog_code: "3301319{number:02}000"
name: {{zh: 事项{number}, en: Matter {number}}}
type: "01"
fields:
  owner: owner
  premises.region: region
  premises.before: region
  premises.area: floor-area
  entry.organ_code: uscc
"""


def examples() -> list[str]:
    page = read("scenarios/README.md")
    return [block.text for block in code_blocks(section(page, "How steps wait")) if block.language == "yaml"]


def test_there_are_examples() -> None:
    assert len(examples()) == 6


@pytest.mark.parametrize("number", range(6))
def test_an_example_is_sound(number: int) -> None:
    shown = yaml.safe_load(examples()[number])
    manifest = yaml.safe_load(MANIFEST.replace("shop", "premises"))
    manifest |= shown
    manifest["sections"]["entry"] = {"zh": "信息", "en": "Entry"}
    del manifest["materials"]
    manifest["id"] = "shown"
    files = {"scenario.yaml": yaml.safe_dump(manifest, allow_unicode=True).encode()}
    for place, step in enumerate(shown["steps"], start=3):
        files[f"matters/{step['matter']}.yaml"] = _MATTER.format(number=place).encode()
    assert faults_of(files) == {}
