"""Whether materials that come with their bytes are what they say they are."""

from collections.abc import Sequence

from chassis.problems import Invalid, Violation
from duokua.cases.v1 import case_pb2
from services.cases.inspection.inspectors import Inspectors

MOST_NAMED = 5
"""Materials that the message of an error names; its violations name all of them."""


async def check_contents(inspectors: Inspectors, materials: Sequence[case_pb2.Material]) -> None:
    """Look into materials that come with their bytes; raises Invalid CONTENT_INVALID with every fault named."""
    faults, named = [], []
    for index, material in enumerate(materials):
        content = material.content
        if not content:
            continue

        def read(start: int, length: int, content: bytes = content) -> bytes:
            return content[start : start + length]

        if fault := await inspectors.fault_of(material.media_type, len(content), read):
            faults.append(Violation(f"materials[{index}].content", fault))
            named.append(f"{material.kind} ({material.name})" if material.name else material.kind)
    if faults:
        where = ", ".join(named[:MOST_NAMED])
        raise Invalid("CONTENT_INVALID", f"materials are not what they say they are: {where}", faults)
