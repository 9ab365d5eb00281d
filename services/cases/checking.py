"""Whether materials that come with their bytes are what they say they are."""

from collections.abc import Sequence

from chassis.problems import Invalid, Violation
from duokua.cases.v1 import case_pb2
from services.cases.inspection.inspectors import Inspectors


async def check_contents(inspectors: Inspectors, materials: Sequence[case_pb2.Material]) -> None:
    """Look into materials that come with their bytes; raises Invalid CONTENT_INVALID with every fault named."""
    faults = []
    for index, material in enumerate(materials):
        content = material.content
        if not content:
            continue

        def read(start: int, length: int, content: bytes = content) -> bytes:
            return content[start : start + length]

        if fault := await inspectors.fault_of(material.media_type, len(content), read):
            faults.append(Violation(f"materials[{index}].content", fault))
    if faults:
        where = ", ".join(fault.field for fault in faults[:5])
        raise Invalid("CONTENT_INVALID", f"materials are not what they say they are: {where}", faults)
